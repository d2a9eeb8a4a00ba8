/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's config accesses all the way: ports or ECAM, host bridge, the VMM's functions, the kernel's policy and routes,
 * models of two functions. The VMM's system calls are the kernel's functions. Include it in one .c file only.
 */
#pragma once

#include <stdlib.h>

#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/pci_regs.h"
#include "kernel/abi/syscall.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/hw.h"
#include "kernel/arch/percpu.h"
#include "kernel/arch/upcall.h"
#include "kernel/dev/dev.h"
#include "kernel/irq/irq.h"
#include "kernel/mm/pmm.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pci_model.h"
#include "tests/unit/unit.h"
#include "vmm/guest_hw.h"
#include "vmm/host.h"
#include "vmm/hostbridge.h"
#include "vmm/vpci.h"

#define FN_A    0x28u                /* the function under test, the guest's 00:05.0 */
#define FN_B    0x30u                /* another one, for its BARs */
#define IRQS_A  32u                  /* B's interrupts come behind */
#define MESSAGE 0xfee00010u          /* what the kernel puts into the function's registers: + 32 * first entry */

/* ---- what the kernel stands on ---- */
struct percpu fake_percpu;
static struct percpu block0 = { .apic_id = 10 };
struct percpu *cpu_block[MAX_CPUS] = { &block0 };
uint32_t cpu_count = 1;
static uint32_t next_entry;
static unsigned rig_logs, rig_resets;

bool iommu_has_ir(void) { return true; }
uint32_t iommu_unit_of(struct bdf fn) { (void)fn; return 0; }
status_t iommu_attach(struct iommu_dom *dom, struct bdf fn) { (void)dom; (void)fn; abort(); }
status_t iommu_detach(struct iommu_dom *dom, struct bdf fn) { (void)dom; (void)fn; abort(); }
void dev_reserved_check(struct pci_fn *fn, const struct bootinfo *bi) { (void)fn; (void)bi; }
status_t dev_reserved_map(const struct pci_fn *fn, struct iommu_dom *dma, uint32_t vm) { (void)fn; (void)dma; (void)vm; abort(); }
status_t iommu_irte_alloc(struct bdf src, uint32_t count, uint32_t index, struct irte_run *run)
{
    (void)index;
    *run = (struct irte_run){ .src = src, .first = next_entry, .count = count };
    next_entry += count;
    return ST_OK;
}
status_t iommu_irte_set(const struct irte_run *run, uint32_t i, uint32_t apic, uint8_t vector, bool level)
{
    (void)apic; (void)vector; (void)level;
    CHECK(i < run->count);
    return ST_OK;
}
status_t iommu_irte_block(const struct irte_run *run, uint32_t i) { CHECK(i < run->count); return ST_OK; }
status_t iommu_irte_free(struct irte_run *run) { run->count = 0; return ST_OK; }
void iommu_irte_msi(const struct irte_run *run, uint64_t *addr, uint32_t *data)
{
    *addr = MESSAGE + 32 * run->first;
    *data = 0;
}
status_t irq_vector_alloc(struct irq *irq) { irq->vector = 0x50; return ST_OK; }
void irq_vector_release(const struct irq *irq, bool reuse) { (void)irq; (void)reuse; }
void intx_close(struct pci_fn *fn) { (void)fn; }
status_t intx_unmask(const struct pci_fn *fn) { (void)fn; return ST_UNSUPP; }
void intx_deliver(const struct intx *line) { (void)line; }
void upcall_vm_msi(struct vm *vm, uint64_t addr, uint32_t data) { (void)vm; (void)addr; (void)data; }
uint32_t upcall_vm_msi_cpu(struct vm *vm, uint64_t addr, uint32_t data) { (void)vm; (void)addr; (void)data; return 0; }
void upcall_preempt_point(void) { fake_hw.now_us += 20000; }
void kobj_put(struct kobj *obj) { (void)obj; abort(); }
void *pmm_alloc(void) { return calloc(1, PAGE_SIZE); }
void pmm_free(void *page) { free(page); }
void *pmm_alloc_order(unsigned order) { (void)order; abort(); }
void pmm_free_order(void *pages, unsigned order) { (void)pages; (void)order; abort(); }

/* ---- the VMM's system calls ---- */
static struct device *rig_dev[2];
static struct { unsigned dev, bar; uint64_t off, gpa, len, hpa; } maps[32];
static unsigned nmaps;

status_t host_dev_info(unsigned dev, struct dev_info *info) { *info = rig_dev[dev]->fn->info; return ST_OK; }
uint32_t host_dev_cfg_read(unsigned dev, unsigned off, unsigned size)
{
    uint32_t v = 0;
    CHECK_EQ(dev_cfg_access(rig_dev[dev], off, size, false, &v), ST_OK);
    return v;
}
void host_dev_cfg_write(unsigned dev, unsigned off, unsigned size, uint32_t v)
{
    CHECK_EQ(dev_cfg_access(rig_dev[dev], off, size, true, &v), ST_OK);
}
uint64_t host_dev_bar_read(unsigned dev, unsigned bar, uint64_t off, unsigned size)
{
    uint64_t v = 0;
    return dev_bar_access(rig_dev[dev], bar, off, size, false, &v) == ST_OK ? v : ~0ull;
}
void host_dev_bar_write(unsigned dev, unsigned bar, uint64_t off, unsigned size, uint64_t v)
{
    (void)!dev_bar_access(rig_dev[dev], bar, off, size, true, &v);
}
status_t host_dev_reset(unsigned dev)
{
    rig_resets++;
    return dev_owner_reset(rig_dev[dev]);
}
status_t host_irq_set(unsigned irq, uint64_t addr, uint32_t data, unsigned flags)
{
    return dev_irq_set(rig_dev[irq >= IRQS_A], irq % IRQS_A, addr, data, flags);
}
/* As SYS_VM_MAP_BAR: what is mapped already stays. */
status_t host_map_bar(unsigned dev, unsigned bar, uint64_t off, uint64_t gpa, uint64_t len)
{
    hpa_t hpa;
    bool prefetchable;
    TRY(dev_bar_range(rig_dev[dev], bar, off, len, &hpa, &prefetchable));
    for (unsigned i = 0; i < nmaps; i++)
        if (range_overlaps(maps[i].gpa, maps[i].len, gpa, len))
            return ST_OVERLAP;
    CHECK(nmaps < ARRAY_LEN(maps));
    maps[nmaps].dev = dev;
    maps[nmaps].bar = bar;
    maps[nmaps].off = off;
    maps[nmaps].gpa = gpa;
    maps[nmaps].len = len;
    maps[nmaps++].hpa = hpa.v;
    return ST_OK;
}
status_t host_unmap_bar(unsigned dev, uint64_t gpa, uint64_t len)
{
    for (unsigned i = 0; i < nmaps; i++)
        if (maps[i].dev == dev && maps[i].gpa == gpa && maps[i].len == len) {
            maps[i] = maps[--nmaps];
            return ST_OK;
        }
    return ST_NOTFOUND;
}
status_t host_intx_open(unsigned dev) { (void)dev; return ST_UNSUPP; }     /* no function here has a line */
void host_log(const char *format, ...) { (void)format; rig_logs++; }

/* ---- the guest's board, as far as config space goes ---- */
static struct bus bus;
static struct hostbridge bridge;
static struct vpci vpci;

static uint32_t cf8_in(void *dev, uint16_t port, unsigned size) { return hostbridge_port_in(dev, port, size); }
static void cf8_out(void *dev, uint16_t port, unsigned size, uint32_t v) { hostbridge_port_out(dev, port, size, v); }
static uint32_t fn_rd(void *dev, uint8_t fn, unsigned off, unsigned size) { return vpci_cfg_read(dev, fn, off, size); }
static void fn_wr(void *dev, uint8_t fn, unsigned off, unsigned size, uint32_t v) { vpci_cfg_write(dev, fn, off, size, v); }
static const struct bus_port_ops cf8_ops = { cf8_in, cf8_out, 4 };
static const struct bus_cfg_ops fn_ops = { fn_rd, fn_wr };

/* way 0: CF8h/CFCh, where an access that leaves the data port meets nobody; 1: ECAM, also of 8 bytes */
static uint64_t guest_read(unsigned way, uint8_t fn, unsigned off, unsigned size)
{
    uint32_t v;
    if (way == 1)
        return hostbridge_ecam_read(&bridge, (uint32_t)fn << 12 | off, size) & MASK64(8 * size - 1, 0);
    (void)bus_port_out(&bus, GHW_CF8, 4, 0x80000000u | (uint32_t)fn << 8 | (off & 0xfc));
    (void)bus_port_in(&bus, (uint16_t)(GHW_CF8 + 4 + (off & 3)), size, &v);
    return v;
}
static void guest_write(unsigned way, uint8_t fn, unsigned off, unsigned size, uint64_t v)
{
    if (way == 1) {
        hostbridge_ecam_write(&bridge, (uint32_t)fn << 12 | off, size, v);
        return;
    }
    (void)bus_port_out(&bus, GHW_CF8, 4, 0x80000000u | (uint32_t)fn << 8 | (off & 0xfc));
    (void)bus_port_out(&bus, (uint16_t)(GHW_CF8 + 4 + (off & 3)), size, (uint32_t)v);
}

/* ---- set-up ---- */
struct form { const char *name; bool is64, maskable; unsigned log2, pcie; bool msix, keeps; };
static struct pci_model_fn *a, *b;

/* Every capability that there is, with neighbours that must not be seen, full of bits that stick. */
static void hidden(struct pci_model_fn *f, uint8_t id, unsigned len)
{
    uint16_t at = pci_model_cap(f, id, len);
    memset(f->cfg + at + 2, 0xa5, len - 2);
    memset(f->wmask + at + 2, 0xff, len - 2);
}

static void build(const struct form *form)
{
    fake_hw_reset();
    fake_log_reset();
    pci_model_reset(true);
    pci_model_add(0, 0, 0, 0x8086, 0x29c0, 0x060000);
    a = pci_model_add(0, 6, 0, 0x8086, 0x10d3, 0x020000);
    pci_model_bar(a, 0, 0, 0xfe800000, 0x20000);
    pci_model_bar(a, 1, 1, 0x6000, 0x20);
    pci_model_bar(a, 2, 0, 0xfe840000, 0x4000);
    pci_model_bar(a, 4, 8 | 2, 0xe000000000, 0x100000);
    pci_model_pm(a, form->keeps);
    hidden(a, 0x03, 8);                                      /* VPD */
    pci_model_msi(a, form->log2, form->is64, form->maskable);
    hidden(a, 0x0d, 8);                                      /* subsystem of a bridge */
    pci_model_pcie(a, 0, true);
    pci_model_put16(a, a->pcie + 2u, (uint16_t)form->pcie);
    hidden(a, 0x09, 12);                                     /* vendor */
    pci_model_msix(a, 2, 0x1000, 0x1800, 32);
    pci_model_af(a);
    hidden(a, CAP_MSI, 10);                                  /* a second one */
    static const uint16_t ext[] = { 0x01, EXT_DSN, EXT_ACS, EXT_ATS, EXT_SRIOV, EXT_PRI, EXT_PASID, 0x0b, 0x15, 0x18 };
    for (unsigned i = 0; i < ARRAY_LEN(ext); i++) {
        uint16_t at = pci_model_ext(a, ext[i], 0x40);
        memset(a->cfg + at + 4, 0x5a, 0x3c);
        memset(a->wmask + at + 4, 0xff, 0x3c);
    }
    b = pci_model_add(0, 7, 0, 0x10ec, 0x8139, 0x020000);
    pci_model_bar(b, 0, 1, 0x6100, 0x100);
    pci_model_bar(b, 1, 0, 0xfe900000, 0x100);
    pci_model_bar(b, 2, 8 | 2, 0xe000200000, 0x200000);
    pci_model_pm(b, false);
}

static void rig_start(const struct form *form)
{
    static struct vmm_start boot;
    unsigned bad;
    build(form);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    dev_init(pci_model_boot());
    nmaps = next_entry = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct pci_fn *fn = pci_find(bdf_make(0, 6 + i, 0));
        if (rig_dev[i] != NULL)
            dev_destroy(&rig_dev[i]->obj);
        CHECK_EQ(dev_open(fn->bdf, &rig_dev[i]), ST_OK);
        fn->info.state = DEV_ASSIGNED;
    }
    CHECK_EQ(irq_open(rig_dev[0]->fn, NULL, 1, form->msix ? IRQ_KIND_MSIX : IRQ_KIND_MSI,
                      form->msix ? IRQS_A : 1u << form->log2), ST_OK);
    boot = (struct vmm_start){ .devices = 2 };
    boot.device[0] = (struct vmm_device){ .devfn = FN_A, .irqs = (uint16_t)(form->msix ? IRQS_A : 1u << form->log2),
                                          .msix = form->msix };
    boot.device[1] = (struct vmm_device){ .devfn = FN_B };
    CHECK_EQ(vpci_init(&vpci, &boot, &bad), ST_OK);
    bus_init(&bus);
    hostbridge_init(&bridge, &bus);
    bus_attach_port(&bus, GHW_CF8, 1, &cf8_ops, &bridge);
    bus_attach_port(&bus, GHW_CF8 + 2, 6, &cf8_ops, &bridge);
    bus_attach_cfg(&bus, FN_A, &fn_ops, &vpci);
    bus_attach_cfg(&bus, FN_B, &fn_ops, &vpci);
}

static void rig_stop(void)
{
    irq_close(rig_dev[0]->fn);
    pci_model_reset(false);
}
