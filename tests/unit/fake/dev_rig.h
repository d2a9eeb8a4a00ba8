/* SPDX-License-Identifier: BSD-2-Clause */
/* A function of its own (00:06.0) over PCI models and a fake IOMMU with faults, for tests of kernel/dev; include it in
 * one .c file only. */
#pragma once

#include "kernel/dev/dev.h"

#include <stdlib.h>

#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/pci_regs.h"
#include "kernel/abi/syscall.h"
#include "kernel/arch/hw.h"
#include "kernel/arch/upcall.h"
#include "kernel/mm/pmm.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pci_model.h"
#include "tests/unit/unit.h"

/* ---- fakes ---- */
static struct {
    bool ir, uncovered, attach_sticks;
    status_t attach, detach, destroy, map;
    unsigned attached, attaches, detaches, maps;
    uint32_t reserved;
    struct iommu_region region[2];
    unsigned shares;             /* number of another device that they name */
    uint64_t mapped_base, mapped_len;
    unsigned mapped_prot;
    bool master_at_detach;       /* bus mastering was still on */
    bool irqs_at_detach;         /* interrupts were still open */
    uint64_t pending;            /* interrupts that came while they were masked */
    unsigned resets_at_detach, irq_sets, irq_closes;
} io;
static struct pci_model_fn *m;
static unsigned live_objects, preempts;
static bool in_reset_hook, order_hook;
static struct device *hook_dev;

bool iommu_has_ir(void) { return io.ir; }
uint32_t iommu_unit_of(struct bdf fn)
{
    (void)fn;
    return io.uncovered ? ~0u : 0;
}
bool iommu_reserved(struct bdf fn, uint32_t nth, struct iommu_region *out)
{
    *out = io.region[nth % ARRAY_LEN(io.region)];
    return (bdf_dev(fn) == 6 || bdf_dev(fn) == io.shares) && nth < io.reserved;
}
bool iommu_unit_info(uint32_t unit, struct info_iommu *out)
{
    *out = (struct info_iommu){ .base = 0x7f800000 };
    return unit == 0;
}
status_t iommu_dom_create(struct iommu_dom *dom, uint32_t vm)
{
    *dom = (struct iommu_dom){ .vm = vm, .domid = io.ir };
    return io.ir ? ST_OK : ST_NOIOMMU;
}
status_t iommu_dom_map(struct iommu_dom *dom, iova_t iova, hpa_t pa, uint64_t len, unsigned prot)
{
    (void)dom;
    CHECK_EQ(iova.v, pa.v);
    if (io.map != ST_OK)
        return io.map;
    io.maps++;
    io.mapped_base = iova.v;
    io.mapped_len = len;
    io.mapped_prot = prot;
    return ST_OK;
}
status_t iommu_dom_destroy(struct iommu_dom *dom)
{
    if (dom->attached)
        return ST_BUSY;
    return io.destroy;
}
status_t iommu_attach(struct iommu_dom *dom, struct bdf fn)
{
    (void)fn;
    io.attaches++;
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2) & 7, 0);           /* nothing is on before the attach */
    dom->attached += io.attach == ST_OK || io.attach_sticks;
    return io.attach;
}
status_t iommu_detach(struct iommu_dom *dom, struct bdf fn)
{
    (void)fn;
    io.detaches++;
    io.master_at_detach = !m->gone && (pci_model_get(m, CFG_COMMAND, 2) & CMD_BUS_MASTER) != 0;
    io.resets_at_detach = m->resets;
    io.irqs_at_detach = io.irq_closes == 0;
    if (io.detach == ST_OK && dom->attached)
        dom->attached--;
    return io.detach;
}
status_t irq_set(struct pci_fn *fn, uint64_t index, uint64_t addr, uint32_t data, uint32_t flags)
{
    (void)addr, (void)data, (void)flags;
    io.irq_sets++;
    return fn && index == 3 ? ST_OK : ST_RANGE;
}
uint64_t irq_pending(const struct pci_fn *fn) { (void)fn; return io.pending; }
void irq_close(struct pci_fn *fn) { io.irq_closes += fn->info.state == DEV_DRAINING; }
void kobj_put(struct kobj *obj) { (void)obj; abort(); }           /* no capabilities here */
void *pmm_alloc(void) { live_objects++; return calloc(1, PAGE_SIZE); }
void *pmm_alloc_order(unsigned order) { (void)order; abort(); }
void pmm_free_order(void *pages, unsigned order) { (void)pages; (void)order; abort(); }
void pmm_free(void *page) { live_objects -= page != NULL; free(page); }

/* Others run here: a VMM thread pokes at the function, the clock goes on. */
void upcall_preempt_point(void)
{
    preempts++;
    fake_hw.now_us += 1000;
    if (order_hook) {                /* the last reset: all that comes before it is done, nothing of what follows */
        CHECK_EQ(io.irq_closes, 1);
        CHECK_EQ(io.detaches, 1);
        CHECK(!io.irqs_at_detach && !io.master_at_detach);
        CHECK_EQ(hook_dev->fn->info.state, DEV_DRAINING);
        CHECK(hook_dev->vm != NULL && hook_dev->fn->info.vm != 0);       /* nobody else gets the function or its group */
    }
    if (in_reset_hook) {
        uint32_t v = 6;
        uint64_t wide = 0;
        CHECK_EQ(dev_cfg_access(hook_dev, CFG_COMMAND, 2, true, &v), ST_BUSY);
        CHECK_EQ(dev_cfg_access(hook_dev, 0, 4, false, &v), ST_BUSY);
        CHECK_EQ(dev_bar_access(hook_dev, 2, 0, 4, false, &wide), ST_BUSY);
        CHECK_EQ(dev_owner_reset(hook_dev), ST_BUSY);
        CHECK_EQ(dev_release(hook_dev), ST_BUSY);
    }
}

/* ---- set-up ---- */
static struct vm *vm_a = (struct vm *)0x1000, *vm_b = (struct vm *)0x2000;
static struct device *dev;
static struct iommu_dom domain, *const dma = &domain;

static void fresh_models(void)
{
    fake_hw_reset();
    fake_log_reset();
    pci_model_reset(true);
    memset(&io, 0, sizeof io);
    io.ir = true;
    io.region[0] = io.region[1] = (struct iommu_region){ 0x7f001000, 0x2000, PT_R | PT_W };
    io.region[1].base += 0x100000;
    pci_model.reserved = (struct boot_range){ .base = 0x7f000000, .len = 0x1000000, .type = BOOT_RESERVED };
    pci_model_add(0, 0, 0, 0x8086, 0x29c0, 0x060000);
    m = pci_model_nic(0, 6, 0, 0xfe800000);
}

static void start(void)
{
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    dev_init(pci_model_boot());
    CHECK_EQ(dev_open(bdf_make(0, 6, 0), &dev), ST_OK);
    CHECK_EQ(iommu_dom_create(dma, 1), ST_OK);
}

static void fresh(void)
{
    fresh_models();
    start();
}

static void finish(status_t destroy)
{
    dev_destroy(&dev->obj);
    CHECK_EQ(iommu_dom_destroy(dma), destroy);
    CHECK_EQ(live_objects, 0);
    CHECK_EQ(kobj_count[OBJ_DEVICE], 0);
}

static status_t cfg_write(uint64_t off, uint64_t size, uint32_t value)
{
    return dev_cfg_access(dev, off, size, true, &value);
}

static uint16_t state(void) { return dev->fn->info.state; }
