/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's ACPI tables: RSDP, XSDT, RSDT, FADT, FACS, MADT, MCFG, and the DSDT's header. */
#include "vmm/acpi.h"

#include "vmm/aml.h"
#include "vmm/dsdt.h"
#include "vmm/guest_hw.h"
#include "vmm/start_page.h"

/* Offsets in the image; FACS needs 64 bytes [ACPI 5.2.10]. */
#define OFF_RSDP   0x000u
#define OFF_RSDT   0x040u
#define OFF_XSDT   0x080u
#define OFF_FACS   0x0c0u
#define OFF_FADT   0x100u
#define OFF_MADT   0x240u
#define OFF_MCFG   0x340u
#define OFF_DSDT   0x380u

#define HEADER_LEN 36u

static struct aml table_begin(uint8_t *buf, unsigned offset, unsigned limit, const char *signature, unsigned revision)
{
    struct aml out = { buf + offset, limit - offset, 0, false };
    for (unsigned i = 0; i < 4; i++)
        aml_byte(&out, (uint8_t)signature[i]);
    aml_raw(&out, 0, 4);                         /* length: table_end */
    aml_byte(&out, revision);
    aml_byte(&out, 0);                           /* checksum: table_end */
    static const char ids[] = "CORDONCORDONVM";  /* OEM id, OEM table id [ACPI 5.2.6] */
    for (unsigned i = 0; i < 14; i++)
        aml_byte(&out, (uint8_t)ids[i]);
    aml_raw(&out, 1, 4);                         /* OEM revision */
    aml_raw(&out, 0x4e445243, 4);                /* creator "CRDN" */
    aml_raw(&out, 1, 4);
    return out;
}

static uint8_t checksum(const uint8_t *bytes, unsigned len)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < len; i++)
        sum += bytes[i];
    return (uint8_t)(0u - sum);
}

static status_t table_end(struct aml *out)
{
    if (out->overflow)
        return ST_NOSPACE;
    memcpy(out->buf + 4, &out->len, 4);
    out->buf[9] = checksum(out->buf, out->len);
    return ST_OK;
}

/* Generic address of an I/O register [ACPI 5.2.3.2]. */
static void gas(struct aml *out, unsigned port, unsigned bytes)
{
    aml_byte(out, port != 0 ? 1 : 0);
    aml_byte(out, 8 * bytes);
    aml_byte(out, 0);
    aml_byte(out, bytes == 4 ? 3 : bytes);       /* access size: 1 byte, 2 word, 3 dword */
    aml_raw(out, port, 8);
}

static void rsdp(uint8_t *buf)                   /* [ACPI 5.2.5.3] */
{
    struct aml out = { buf + OFF_RSDP, 36, 0, false };
    static const char head[] = "RSD PTR ";
    for (unsigned i = 0; i < 8; i++)
        aml_byte(&out, (uint8_t)head[i]);
    aml_byte(&out, 0);
    for (unsigned i = 0; i < 6; i++)
        aml_byte(&out, (uint8_t)"CORDON"[i]);
    aml_byte(&out, 2);
    aml_raw(&out, ACPI_GPA + OFF_RSDT, 4);
    aml_raw(&out, 36, 4);
    aml_raw(&out, ACPI_GPA + OFF_XSDT, 8);
    aml_raw(&out, 0, 4);
    out.buf[8] = checksum(out.buf, 20);
    out.buf[32] = checksum(out.buf, 36);
}

static status_t root_table(uint8_t *buf, bool wide)       /* [ACPI 5.2.7, 5.2.8] */
{
    static const unsigned entries[] = { OFF_FADT, OFF_MADT, OFF_MCFG };
    struct aml out = wide ? table_begin(buf, OFF_XSDT, OFF_FACS, "XSDT", 1)
                          : table_begin(buf, OFF_RSDT, OFF_XSDT, "RSDT", 1);
    for (unsigned i = 0; i < ARRAY_LEN(entries); i++)
        aml_raw(&out, ACPI_GPA + entries[i], wide ? 8 : 4);
    return table_end(&out);
}

static void facs(uint8_t *buf)                   /* [ACPI 5.2.10]; no checksum */
{
    struct aml out = { buf + OFF_FACS, 64, 0, false };
    for (unsigned i = 0; i < 4; i++)
        aml_byte(&out, (uint8_t)"FACS"[i]);
    aml_raw(&out, 64, 4);
    aml_raw(&out, 0, 8);
    aml_raw(&out, 0, 8);                         /* global lock, flags */
    aml_raw(&out, 0, 8);
    aml_byte(&out, 2);
}

/* The register blocks, 32-bit form [ACPI 5.2.9 table 5.9]. */
static void fadt_blocks(struct aml *out)
{
    aml_raw(out, GHW_PM1A_EVT, 4);
    aml_raw(out, 0, 4);
    aml_raw(out, GHW_PM1A_CNT, 4);
    aml_raw(out, 0, 4);
    aml_raw(out, 0, 4);                          /* PM2 */
    aml_raw(out, GHW_PM_TMR, 4);
    aml_raw(out, 0, 8);                          /* GPE0, GPE1 */
    aml_byte(out, 4);                            /* PM1_EVT_LEN */
    aml_byte(out, 2);                            /* PM1_CNT_LEN */
    aml_byte(out, 0);
    aml_byte(out, 4);                            /* PM_TMR_LEN */
    aml_raw(out, 0, 4);                          /* GPE lengths and base, CST_CNT */
    aml_raw(out, 0xfff, 2);                      /* P_LVL2_LAT: no C2 */
    aml_raw(out, 0xfff, 2);                      /* P_LVL3_LAT: no C3 */
    aml_raw(out, 0, 4);                          /* flush size and stride: WBINVD works */
    aml_raw(out, 0, 4);                          /* duty offset and width, day and month alarm */
    aml_byte(out, GHW_CMOS_CENTURY);
}

#define FADT_WBINVD       0x001u                 /* [ACPI 5.2.9 table 5.10] */
#define FADT_PROC_C1      0x004u
#define FADT_SLP_BUTTON   0x020u                 /* set: no fixed sleep button */
#define FADT_FIX_RTC      0x040u                 /* set: no fixed RTC wake status */
#define FADT_TMR_VAL_EXT  0x100u
#define FADT_RESET_REG    0x400u
#define BOOT_LEGACY       0x01u                  /* devices on LPC: COM1, RTC, PIT */
#define BOOT_NO_VGA       0x04u

static status_t fadt(uint8_t *buf)
{
    struct aml out = table_begin(buf, OFF_FADT, OFF_MADT, "FACP", 6);
    aml_raw(&out, ACPI_GPA + OFF_FACS, 4);
    aml_raw(&out, ACPI_GPA + OFF_DSDT, 4);
    aml_raw(&out, 0, 2);                         /* reserved; profile unspecified */
    aml_raw(&out, GHW_IRQ_SCI, 2);
    aml_raw(&out, 0, 8);                         /* SMI_CMD and its values: ACPI mode is always on */
    fadt_blocks(&out);
    aml_raw(&out, BOOT_LEGACY | BOOT_NO_VGA, 2);
    aml_byte(&out, 0);
    aml_raw(&out, FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_FIX_RTC | FADT_TMR_VAL_EXT | FADT_RESET_REG, 4);
    gas(&out, GHW_RESET, 1);
    aml_byte(&out, GHW_RESET_VALUE);
    aml_raw(&out, 0, 2);                         /* ARM */
    aml_byte(&out, 0);                           /* minor */
    aml_raw(&out, 0, 8);                         /* X_FIRMWARE_CTRL: the 32-bit one is used */
    aml_raw(&out, ACPI_GPA + OFF_DSDT, 8);
    gas(&out, GHW_PM1A_EVT, 4);
    gas(&out, 0, 0);
    gas(&out, GHW_PM1A_CNT, 2);
    gas(&out, 0, 0);
    gas(&out, 0, 0);
    gas(&out, GHW_PM_TMR, 4);
    for (unsigned i = 0; i < 4; i++)             /* GPE0, GPE1, sleep control and status */
        gas(&out, 0, 0);
    aml_raw(&out, 0, 8);                         /* hypervisor vendor id */
    KASSERT(out.len == 276);
    return table_end(&out);
}

/* Interrupt source override: ISA source to GSI; flags 0 = as the bus, 0dh = level, active high [ACPI 5.2.12.5]. */
static void override(struct aml *out, unsigned source, unsigned gsi, unsigned flags)
{
    aml_byte(out, 2);
    aml_byte(out, 10);
    aml_byte(out, 0);
    aml_byte(out, source);
    aml_raw(out, gsi, 4);
    aml_raw(out, flags, 2);
}

static status_t madt(uint8_t *buf, unsigned vcpus)        /* [ACPI 5.2.12] */
{
    struct aml out = table_begin(buf, OFF_MADT, OFF_MCFG, "APIC", 4);
    aml_raw(&out, GHW_LAPIC_BASE, 4);
    aml_raw(&out, 1, 4);                         /* PCAT_COMPAT: there are 8259s */
    for (unsigned i = 0; i < vcpus; i++) {       /* [ACPI 5.2.12.2] */
        aml_byte(&out, 0);
        aml_byte(&out, 8);
        aml_byte(&out, i);
        aml_byte(&out, i);
        aml_raw(&out, 1, 4);
    }
    aml_byte(&out, 1);                           /* I/O APIC [ACPI 5.2.12.3] */
    aml_byte(&out, 12);
    aml_byte(&out, GHW_IOAPIC_ID);
    aml_byte(&out, 0);
    aml_raw(&out, GHW_IOAPIC_BASE, 4);
    aml_raw(&out, 0, 4);
    override(&out, GHW_IRQ_PIT, GHW_GSI_PIT, 0);
    override(&out, GHW_IRQ_SCI, GHW_IRQ_SCI, 0x0d);
    aml_byte(&out, 4);                           /* NMI at LINT1 of all [ACPI 5.2.12.7] */
    aml_byte(&out, 6);
    aml_byte(&out, 0xff);
    aml_raw(&out, 0, 2);
    aml_byte(&out, 1);
    return table_end(&out);
}

static status_t mcfg(uint8_t *buf)               /* [PCIFW 4.1.2] */
{
    struct aml out = table_begin(buf, OFF_MCFG, OFF_DSDT, "MCFG", 1);
    aml_raw(&out, 0, 8);
    aml_raw(&out, GUEST_ECAM_BASE, 8);
    aml_raw(&out, 0, 2);                         /* segment */
    aml_raw(&out, 0, 2);                         /* buses 0..0 */
    aml_raw(&out, 0, 4);
    return table_end(&out);
}

status_t acpi_build(uint8_t *buf, const struct vmm_start *start)
{
    memset(buf, 0, ACPI_SIZE);
    rsdp(buf);
    facs(buf);
    status_t st = root_table(buf, true);
    if (st == ST_OK)
        st = root_table(buf, false);
    if (st == ST_OK)
        st = fadt(buf);
    if (st == ST_OK)
        st = madt(buf, start->vcpus);
    if (st == ST_OK)
        st = mcfg(buf);
    if (st != ST_OK)
        return st;
    struct aml out = table_begin(buf, OFF_DSDT, ACPI_SIZE, "DSDT", 2);
    dsdt_body(&out, start);
    return table_end(&out);
}
