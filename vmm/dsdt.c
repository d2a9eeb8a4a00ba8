/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's namespace: soft off, processors, the PCI host bridge and its routing, COM1, RTC, PIT, PIC. */
#include "vmm/dsdt.h"

#include "vmm/guest_hw.h"
#include "vmm/start_page.h"

#define PRT_FIRST_DEV   1u
#define PRT_DEVS       31u
#define PRT_PINS        4u

/* \_S5: SLP_TYPa, SLP_TYPb, two reserved [ACPI 7.4.2]. */
static void soft_off(struct aml *aml)
{
    aml_name(aml, "\\_S5_");
    uint32_t package = aml_package(aml, 4);
    aml_int(aml, GHW_SLP_TYP_S5);
    aml_int(aml, GHW_SLP_TYP_S5);
    aml_int(aml, 0);
    aml_int(aml, 0);
    aml_close(aml, package);
}

/* Line of a device's pin 0..3: that of its function which uses the pin, else any. */
static unsigned line_of(const struct vmm_start *start, unsigned dev, unsigned pin)
{
    for (uint32_t i = 0; i < start->devices; i++)
        if (start->device[i].devfn >> 3 == dev && start->device[i].pin == pin + 1)
            return start->device[i].line;
    return ghw_intx_gsi(dev, pin) - GHW_GSI_PCI;
}

/* One entry for each pin: all functions of the device, no link device, the interrupt [ACPI 6.2.13]. */
static void routing(struct aml *aml, const char *name, const struct vmm_start *start, bool pic)
{
    aml_name(aml, name);
    uint32_t table = aml_package(aml, PRT_DEVS * PRT_PINS);
    for (unsigned i = 0; i < PRT_DEVS * PRT_PINS; i++) {
        unsigned dev = PRT_FIRST_DEV + i / PRT_PINS, pin = i % PRT_PINS, line = line_of(start, dev, pin);
        uint32_t entry = aml_package(aml, 4);
        aml_int(aml, (uint64_t)dev << 16 | 0xffff);
        aml_int(aml, pin);
        aml_int(aml, 0);
        aml_int(aml, pic ? ghw_intx_irq(line) : GHW_GSI_PCI + line);
        aml_close(aml, entry);
    }
    aml_close(aml, table);
}

/* The guest says by \_PIC (1) that it uses the I/O APIC [ACPI 5.8.1]. */
static void interrupt_model(struct aml *aml)
{
    aml_name_int(aml, "\\APIC", 0);
    uint32_t method = aml_method(aml, "\\_PIC", 1);
    aml_store_arg0(aml, "\\APIC");
    aml_close(aml, method);
}

static void route_method(struct aml *aml, const struct vmm_start *start)
{
    routing(aml, "PRTA", start, false);
    routing(aml, "PRTP", start, true);
    uint32_t method = aml_method(aml, "_PRT", 0);
    aml_return_if(aml, "\\APIC", "PRTA");
    aml_return(aml, "PRTP");
    aml_close(aml, method);
}

static void bridge_windows(struct aml *aml)
{
    struct aml_crs crs = aml_crs_begin(aml);
    aml_crs_window_bus(aml, 0, 0);
    aml_crs_io(aml, GHW_CF8, 8);
    aml_crs_window_io(aml, 0, GHW_PCI_IO_LOW_END);
    aml_crs_window_io(aml, GHW_PCI_IO_HIGH, 0xffff);
    aml_crs_window_memory(aml, GUEST_MMIO32_BASE, GUEST_MMIO32_END - 1);
    aml_crs_window_memory(aml, GUEST_MMIO64_BASE, GUEST_MMIO64_END - 1);
    aml_crs_end(aml, crs);
}

/* A device with ports and one interrupt; irq 0xff = none. */
static void isa_device(struct aml *aml, const char *name, const char *hid, unsigned port, unsigned count, unsigned irq)
{
    uint32_t device = aml_device(aml, name);
    aml_name_eisaid(aml, "_HID", hid);
    aml_name_int(aml, "_UID", 1);
    aml_name_int(aml, "_STA", 0xf);
    struct aml_crs crs = aml_crs_begin(aml);
    aml_crs_io(aml, port, count);
    if (irq != 0xff)
        aml_crs_irq(aml, irq);
    aml_crs_end(aml, crs);
    aml_close(aml, device);
}

static void lpc(struct aml *aml)
{
    uint32_t device = aml_device(aml, "LPC_");
    aml_name_int(aml, "_ADR", 0x001f0000);
    isa_device(aml, "COM1", "PNP0501", GHW_COM1, 8, GHW_IRQ_COM1);
    isa_device(aml, "RTC_", "PNP0B00", GHW_CMOS, 2, GHW_IRQ_RTC);
    isa_device(aml, "TMR_", "PNP0100", GHW_PIT, 4, GHW_IRQ_PIT);
    isa_device(aml, "PIC_", "PNP0000", GHW_PIC1, 2, 0xff);
    aml_close(aml, device);
}

/* Resources that no driver may take: ECAM, PM block, second PIC, edge/level registers. */
static void board(struct aml *aml)
{
    uint32_t device = aml_device(aml, "MBRD");
    aml_name_eisaid(aml, "_HID", "PNP0C02");
    aml_name_int(aml, "_UID", 1);
    struct aml_crs crs = aml_crs_begin(aml);
    aml_crs_memory(aml, (uint32_t)GUEST_ECAM_BASE, 0x100000);
    aml_crs_io(aml, GHW_PM1A_EVT, GHW_PM_LEN);
    aml_crs_io(aml, GHW_PIC2, 2);
    aml_crs_io(aml, GHW_ELCR, 2);
    aml_crs_end(aml, crs);
    aml_close(aml, device);
}

static void host_bridge(struct aml *aml, const struct vmm_start *start)
{
    uint32_t device = aml_device(aml, "PCI0");
    aml_name_eisaid(aml, "_HID", "PNP0A08");
    aml_name_eisaid(aml, "_CID", "PNP0A03");
    aml_name_int(aml, "_UID", 0);
    aml_name_int(aml, "_SEG", 0);
    aml_name_int(aml, "_BBN", 0);
    bridge_windows(aml);
    route_method(aml, start);
    lpc(aml);
    aml_close(aml, device);
}

/* Processor devices; _UID is that of the MADT [ACPI 8.4]. */
static void processors(struct aml *aml, unsigned vcpus)
{
    for (unsigned i = 0; i < vcpus; i++) {
        char name[5] = { 'C', 'P', "0123456789ABCDEF"[i >> 4 & 15], "0123456789ABCDEF"[i & 15], '\0' };
        uint32_t device = aml_device(aml, name);
        aml_name(aml, "_HID");
        aml_string(aml, "ACPI0007");
        aml_name_int(aml, "_UID", i);
        aml_close(aml, device);
    }
}

void dsdt_body(struct aml *aml, const struct vmm_start *start)
{
    soft_off(aml);
    interrupt_model(aml);
    uint32_t scope = aml_scope(aml, "\\_SB_");
    processors(aml, start->vcpus);
    host_bridge(aml, start);
    board(aml);
    aml_close(aml, scope);
}
