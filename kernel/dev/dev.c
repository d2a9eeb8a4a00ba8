/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device ownership. The order at the end of an owner is what isolation rests on: bus master
 * off, IOMMU entry blocking, invalidation confirmed, reset proven; only then may the owner's
 * memory be freed and the function be given on. Whatever does not complete ends in QUARANTINED.
 */
#include "kernel/dev/dev.h"

#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "kernel/abi/syscall.h"
#include "kernel/arch/hw.h"
#include "kernel/irq/irq.h"
#include "kernel/log/console.h"

static struct device devices[PCI_MAX_FUNCTIONS];         /* one per function, fn == NULL: not open */

static uint16_t state_of(const struct pci_fn *fn) { return __atomic_load_n(&fn->info.state, __ATOMIC_ACQUIRE); }

static void state_set(struct pci_fn *fn, enum dev_state state)
{
    __atomic_store_n(&fn->info.state, (uint16_t)state, __ATOMIC_RELEASE);
}

static void refuse(struct pci_fn *fn, bool when, status_t why) { fn->info.refusals |= when ? BIT32(why) : 0; }

static void quarantine(struct pci_fn *fn, const char *why)
{
    log_line("dev: " BDF_FMT ": quarantined: %s", BDF_ARGS(fn->bdf), why);
    refuse(fn, true, ST_QUARANTINED);
    state_set(fn, DEV_QUARANTINED);
}

/* The first reason that these flags do not waive. What did not answer once is asked again. */
static MUST_USE status_t refusal_of(const struct pci_fn *fn, uint32_t flags)
{
    const uint32_t waived = BIT32(ST_ABSENT) | ((flags & DEV_UNPROTECTED) != 0 ? BIT32(ST_NOIOMMU) : 0) |
                            ((flags & DEV_RESERVED_MAP) != 0 ? BIT32(ST_RESERVED) : 0) |
                            ((flags & DEV_NO_RESET_OK) != 0 ? BIT32(ST_NORESET) : 0);
    const uint32_t left = fn->info.refusals & ~waived;
    if ((flags & DEV_UNPROTECTED) != 0 && fn->info.iommu_unit != ~0u)
        return ST_STATE;
    return left != 0 ? (status_t)__builtin_ctz(left) : ST_OK;
}

/* ---- boot ---- */
/* Bridges and the IOMMU keep working; a USB controller that firmware drives for keyboards, the
 * screen and serial ports lose only their bus mastering: their decode carries the console. */
void dev_init(const struct bootinfo *bi)
{
    for (uint32_t i = 0; i < pci_count(); i++) {
        struct pci_fn *fn = pci_at(i);
        fn->info.iommu_unit = iommu_unit_of(fn->bdf);
        dev_reserved_check(fn, bi);
        uint32_t class = fn->info.class_rev >> 16;
        bool is_console = class == CLASS_USB || class == CLASS_SERIAL || class >> 8 == CLASS_DISPLAY;
        const bool stays = (fn->info.refusals & BIT32(ST_UNSUPP)) != 0;
        status_t st = stays ? ST_OK : is_console ? pci_bus_master_off(fn) : pci_quiesce(fn);
        if (st != ST_OK)
            log_line("dev: " BDF_FMT ": cannot be silenced: %s", BDF_ARGS(fn->bdf), status_text(st));
        else if (fn->info.firmware_dma != 0 && !stays)
            log_line("dev: " BDF_FMT " (%04x:%04x): firmware left bus mastering on; now off",
                     BDF_ARGS(fn->bdf), fn->info.vendor, fn->info.device);
        refuse(fn, st != ST_OK, st);
        refuse(fn, fn->info.iommu_unit == ~0u, ST_NOIOMMU);
        refuse(fn, fn->info.iommu_unit != ~0u && !iommu_has_ir(), ST_NOIR);
        refuse(fn, fn->info.reserved != 0, ST_RESERVED);
        refuse(fn, fn->info.flr == 0, ST_NORESET);
    }
}

/* ---- objects ---- */
status_t dev_open(struct bdf bdf, struct device **out)
{
    struct pci_fn *fn = pci_find(bdf);
    if (fn == NULL)
        return ST_NOTFOUND;
    struct device *dev = &devices[fn - pci_at(0)];
    if (dev->fn != NULL)
        return ST_BUSY;
    *dev = (struct device){ .fn = fn };
    kobj_init(&dev->obj, OBJ_DEVICE);
    *out = dev;
    return ST_OK;
}

void dev_destroy(struct kobj *obj)
{
    struct device *dev = (struct device *)obj;
    if (dev->vm != NULL) {
        status_t st = dev_release(dev);
        KASSERT(st == ST_OK || st == ST_QUARANTINED);   /* no thread of the owner is left */
    }
    kobj_gone(obj);
    dev->fn = NULL;
}

/* To a known state; what does not get there is quarantined, what is gone stays blocked. Without
 * a reset the least: nothing on, MSI and MSI-X off. */
static MUST_USE status_t make_clean(const struct device *dev)
{
    status_t st = pci_reset(dev->fn, true);
    if (st == ST_NORESET && dev->no_reset) {
        st = pci_quiesce(dev->fn);
        st = st == ST_OK ? pci_msi_off(dev->fn) : st;
    }
    if (st != ST_OK && st != ST_ABSENT)
        quarantine(dev->fn, st == ST_TIMEOUT ? "its reset did not complete" :
                            st == ST_NORESET ? "it has no reset" : "its reset left it in another state");
    return st;
}

/* ---- BLOCKED -> ASSIGNED ---- */
status_t dev_assign(struct device *dev, struct vm *vm, uint32_t vm_id, struct iommu_dom *dma, uint32_t flags)
{
    struct pci_fn *fn = dev->fn;
    if (state_of(fn) != DEV_BLOCKED)
        return state_of(fn) == DEV_QUARANTINED ? ST_QUARANTINED : ST_BUSY;
    for (uint32_t i = 0; i < pci_count(); i++) {
        const struct dev_info *other = &pci_at(i)->info;
        if (other->group == fn->info.group && other->vm != 0 && other->vm != vm_id)
            return ST_BUSY;
    }
    TRY(refusal_of(fn, flags));          /* so far nothing has touched the function */
    dev->no_reset = (flags & DEV_NO_RESET_OK) != 0;
    TRY(pci_open_path(fn));
    TRY(make_clean(dev));
    if (dma != NULL) {
        TRY(dev_reserved_map(fn, dma, vm_id));
        status_t st = iommu_attach(dma, fn->bdf);
        if (st == ST_TIMEOUT || st == ST_HW)
            quarantine(fn, "the IOMMU did not confirm its attach");
        TRY(st);
    } else {
        log_line("dev: " BDF_FMT ": UNPROTECTED: assigned without an IOMMU, it can reach all memory", BDF_ARGS(fn->bdf));
    }
    dev->vm = vm;
    dev->dma = dma;
    fn->info.vm = vm_id;
    state_set(fn, DEV_ASSIGNED);         /* from here on the owner's calls come in */
    return ST_OK;
}

status_t dev_owner_enter(struct device *dev)
{
    spin_lock(&dev->lock);
    if (state_of(dev->fn) == DEV_ASSIGNED && !dev->resetting)
        return ST_OK;
    status_t st = state_of(dev->fn) == DEV_ASSIGNED ? ST_BUSY : ST_STATE;
    spin_unlock(&dev->lock);
    return st;
}

/* ---- ASSIGNED -> DRAINING -> BLOCKED or QUARANTINED ---- */
status_t dev_release(struct device *dev)
{
    struct pci_fn *fn = dev->fn;
    TRY(dev_owner_enter(dev));
    state_set(fn, DEV_DRAINING);         /* the owner's calls end here */
    spin_unlock(&dev->lock);
    irq_close(fn);
    status_t detached = pci_bus_master_off(fn);
    if (detached == ST_HW)               /* the IOMMU blocks it, the proof decides */
        log_line("dev: " BDF_FMT ": its bus mastering does not turn off", BDF_ARGS(fn->bdf));
    if (dev->dma != NULL)
        detached = iommu_detach(dev->dma, fn->bdf);
    status_t clean = make_clean(dev);            /* also after a failed detach: it stops the device */
    dev->vm = NULL;
    dev->dma = NULL;
    fn->info.vm = 0;
    if (detached != ST_OK && detached != ST_ABSENT)
        quarantine(fn, "it was not proven to be cut off from memory");
    if (state_of(fn) == DEV_QUARANTINED)
        return ST_QUARANTINED;
    if (clean == ST_ABSENT) {
        log_line("dev: " BDF_FMT ": does not answer any more", BDF_ARGS(fn->bdf));
        refuse(fn, true, ST_ABSENT);
    }
    state_set(fn, DEV_BLOCKED);
    return ST_OK;
}

/* ---- the owner's calls ---- */
status_t dev_cfg_access(struct device *dev, uint64_t off, uint64_t size, bool write, uint32_t *value)
{
    TRY(dev_owner_enter(dev));
    status_t st = pci_owner_access(dev->fn, off, size, write, value);
    spin_unlock(&dev->lock);
    return st;
}

status_t dev_irq_set(struct device *dev, uint64_t index, uint64_t addr, uint32_t data, uint32_t flags)
{
    TRY(dev_owner_enter(dev));
    status_t st = irq_set(dev->fn, index, addr, data, flags);
    spin_unlock(&dev->lock);
    return st;
}

/* A reset that fails here is the owner's to deal with; the one at release decides. Not of the bus: another function
 * there may be in use. */
status_t dev_owner_reset(struct device *dev)
{
    TRY(dev_owner_enter(dev));
    dev->resetting = true;
    spin_unlock(&dev->lock);
    status_t st = pci_reset(dev->fn, false);
    spin_lock(&dev->lock);
    dev->resetting = false;
    spin_unlock(&dev->lock);
    return st;
}
