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
#include "kernel/dev/dma.h"
#include "kernel/log/console.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/sched.h"

/* Classes whose decode carries the machine or the console until somebody owns them. */
#define CLASS_USB      0x0c03u
#define CLASS_SERIAL   0x0700u
#define BASE_DISPLAY   0x03u

static bool opened[PCI_MAX_FUNCTIONS];                   /* root thread */

static uint16_t state_of(const struct pci_fn *fn) { return __atomic_load_n(&fn->info.state, __ATOMIC_ACQUIRE); }

static void state_set(struct pci_fn *fn, enum dev_state state)
{
    __atomic_store_n(&fn->info.state, (uint16_t)state, __ATOMIC_RELEASE);
}

static void quarantine(struct pci_fn *fn, const char *why)
{
    log_line("dev: " BDF_FMT ": quarantined: %s", BDF_ARGS(fn->bdf), why);
    fn->info.refusal = ST_QUARANTINED;
    state_set(fn, DEV_QUARANTINED);
}

/* ---- boot ---- */
/* What an assignment without flags would answer. The scan's reasons come first. */
static status_t refusal_of(struct pci_fn *fn)
{
    bool covered = iommu_unit_of(fn->bdf, &fn->info.iommu_unit) == ST_OK;
    if (!covered)
        fn->info.iommu_unit = ~0u;
    if (fn->refusal != ST_OK)
        return fn->refusal;
    if (!covered)
        return ST_NOIOMMU;
    if (!iommu_has_ir())
        return ST_NOIR;
    if (fn->info.reserved != 0)
        return ST_RESERVED;
    return fn->info.flr == 0 ? ST_NORESET : ST_OK;
}

/* Bridges and the IOMMU keep working; a USB controller that firmware drives for keyboards, the
 * screen and serial ports lose only their bus mastering. */
static MUST_USE status_t silence(struct pci_fn *fn)
{
    uint32_t class = fn->info.class_rev >> 16;
    if (fn->refusal == ST_UNSUPP)
        return ST_OK;
    if (class == CLASS_USB || class == CLASS_SERIAL || class >> 8 == BASE_DISPLAY)
        return pci_bus_master_off(fn);
    return pci_quiesce(fn);
}

void dev_init(void)
{
    for (uint32_t i = 0; i < pci_count(); i++) {
        struct pci_fn *fn = pci_at(i);
        fn->info.reserved = iommu_reserved_count(fn->bdf);
        fn->info.refusal = refusal_of(fn);
        status_t st = silence(fn);
        if (st != ST_OK) {
            log_line("dev: " BDF_FMT ": cannot be silenced: %s", BDF_ARGS(fn->bdf), status_text(st));
            fn->refusal = st;
            fn->info.refusal = st;
        } else if (fn->info.firmware_dma != 0 && fn->refusal != ST_UNSUPP) {
            log_line("dev: " BDF_FMT " (%04x:%04x): firmware left bus mastering on; now off",
                     BDF_ARGS(fn->bdf), fn->info.vendor, fn->info.device);
        }
    }
}

/* ---- objects ---- */
_Static_assert(sizeof(struct device) <= PAGE_SIZE, "an object is a page");
static uint32_t index_of(const struct pci_fn *fn) { return (uint32_t)(fn - pci_at(0)); }

status_t dev_open(struct bdf bdf, struct device **out)
{
    struct pci_fn *fn = pci_find(bdf);
    if (fn == NULL)
        return ST_NOTFOUND;
    if (opened[index_of(fn)])
        return ST_BUSY;
    struct device *dev = pmm_alloc();
    if (dev == NULL)
        return ST_NOSPACE;
    kobj_init(&dev->obj, OBJ_DEVICE);
    dev->fn = fn;
    opened[index_of(fn)] = true;
    *out = dev;
    return ST_OK;
}

void dev_destroy(struct kobj *obj)
{
    struct device *dev = (struct device *)obj;
    KASSERT(dev->fn->irqs == 0);         /* each irq object holds a reference */
    if (dev->vm != NULL) {
        status_t st = dev_release(dev);
        KASSERT(st == ST_OK || st == ST_QUARANTINED);   /* no thread of the owner is left */
    }
    opened[index_of(dev->fn)] = false;
    kobj_gone(obj);
    pmm_free(dev);
}

/* ---- assignment ---- */
static bool group_is_free(const struct pci_fn *fn, const struct vm *vm)
{
    for (uint32_t i = 0; i < pci_count(); i++) {
        const struct pci_fn *other = pci_at(i);
        if (other != fn && other->info.group == fn->info.group && other->owner != NULL && other->owner != vm)
            return false;
    }
    return true;
}

/* Everything that can be said without touching the function. */
static MUST_USE status_t assign_check(const struct device *dev, const struct vm *vm, const struct dma_space *dma,
                                      uint32_t flags)
{
    const struct pci_fn *fn = dev->fn;
    uint32_t unit;
    if ((flags & ~(DEV_NO_RESET_OK | DEV_RESERVED_MAP)) != 0 || vm == NULL)
        return ST_INVAL;
    if (state_of(fn) == DEV_QUARANTINED)
        return ST_QUARANTINED;
    if (state_of(fn) != DEV_BLOCKED || !group_is_free(fn, vm))
        return ST_BUSY;
    if (fn->refusal != ST_OK)
        return fn->refusal;
    if (dma == NULL || iommu_unit_of(fn->bdf, &unit) != ST_OK)
        return ST_NOIOMMU;
    if (!iommu_has_ir())
        return ST_NOIR;
    if (iommu_reserved_count(fn->bdf) != 0 && (flags & DEV_RESERVED_MAP) == 0)
        return ST_RESERVED;
    return fn->info.flr == 0 && (flags & DEV_NO_RESET_OK) == 0 ? ST_NORESET : ST_OK;
}

/* Up to seconds: others run meanwhile. */
static MUST_USE status_t reset_run(struct pci_fn *fn)
{
    struct pci_reset reset;
    status_t st;
    pci_reset_begin(&reset);
    while ((st = pci_reset_poll(fn, &reset)) == ST_AGAIN)
        sched_preempt_point();
    return st;
}

/* Without a reset the least: nothing on, MSI and MSI-X off. */
static MUST_USE status_t silence_all(struct pci_fn *fn)
{
    status_t st = pci_quiesce(fn);
    if (st == ST_OK && fn->info.msix_off != 0)
        st = pci_msix_enable(fn, false);
    if (st == ST_OK && fn->info.msi_off != 0)
        st = pci_msi_write(fn, 0, 0, 0, false);
    return st;
}

/* To a known state; what does not get there is quarantined, what is gone stays blocked. */
static MUST_USE status_t make_clean(struct pci_fn *fn, bool no_reset)
{
    status_t st = reset_run(fn);
    if (st == ST_NORESET && no_reset)
        st = silence_all(fn);
    if (st != ST_OK && st != ST_ABSENT && st != ST_NORESET)
        quarantine(fn, st == ST_TIMEOUT ? "its reset did not complete" : "its reset left it in another state");
    return st;
}

static void own(struct device *dev, struct vm *vm, uint32_t vm_id, struct dma_space *dma)
{
    spin_lock(&dev->lock);
    dev->vm = vm;
    dev->vm_id = vm_id;
    dev->dma = dma;
    dev->fn->owner = vm;
    dev->fn->info.vm = vm_id;
    state_set(dev->fn, DEV_ASSIGNED);
    spin_unlock(&dev->lock);
}

status_t dev_assign(struct device *dev, struct vm *vm, uint32_t vm_id, struct dma_space *dma, uint32_t flags)
{
    struct pci_fn *fn = dev->fn;
    status_t st = assign_check(dev, vm, dma, flags);
    if (st != ST_OK)
        return st;
    dev->no_reset = (flags & DEV_NO_RESET_OK) != 0;
    st = pci_open_path(fn);
    if (st == ST_OK)
        st = make_clean(fn, dev->no_reset);
    if (st == ST_OK)
        st = dma_map_reserved(dma, fn->bdf);
    if (st != ST_OK)
        return st;
    st = dma_attach(dma, fn->bdf);
    if (st != ST_OK) {
        /* An attach that was not confirmed may be half there. */
        if (st == ST_TIMEOUT || st == ST_HW) {
            status_t undo = dma_detach(dma, fn->bdf);
            quarantine(fn, undo == ST_OK ? "the IOMMU did not confirm its attach" : "the IOMMU does not answer");
        }
        return st;
    }
    own(dev, vm, vm_id, dma);
    return ST_OK;
}

/* ---- release ---- */
static MUST_USE status_t drain_begin(struct device *dev)
{
    status_t st = ST_OK;
    spin_lock(&dev->lock);
    if (state_of(dev->fn) != DEV_ASSIGNED)
        st = ST_STATE;
    else if (dev->fn->irqs != 0 || dev->resetting)
        st = ST_BUSY;
    else
        state_set(dev->fn, DEV_DRAINING);
    spin_unlock(&dev->lock);
    return st;
}

static void disown(struct device *dev)
{
    dev->fn->owner = NULL;
    dev->fn->info.vm = 0;
    dev->vm = NULL;
    dev->dma = NULL;
    dev->vm_id = 0;
}

status_t dev_release(struct device *dev)
{
    struct pci_fn *fn = dev->fn;
    status_t st = drain_begin(dev);
    if (st != ST_OK)
        return st;
    status_t silent = pci_bus_master_off(fn);
    status_t detached = dma_detach(dev->dma, fn->bdf);
    status_t clean = make_clean(fn, dev->no_reset);      /* also after a failed detach: it stops the device */
    disown(dev);
    if (detached != ST_OK && state_of(fn) != DEV_QUARANTINED)
        quarantine(fn, "the IOMMU did not confirm that it let go of it");
    if (state_of(fn) == DEV_QUARANTINED)
        return ST_QUARANTINED;
    if (clean == ST_NORESET || (silent == ST_HW && dev->no_reset)) {
        quarantine(fn, "it has no reset");
        return ST_QUARANTINED;
    }
    if (clean == ST_ABSENT) {
        log_line("dev: " BDF_FMT ": does not answer any more", BDF_ARGS(fn->bdf));
        fn->info.refusal = ST_ABSENT;
    }
    state_set(fn, DEV_BLOCKED);
    return ST_OK;
}

/* ---- the owner's calls ---- */
void dev_info(const struct device *dev, struct dev_info *out)
{
    *out = dev->fn->info;
    out->state = state_of(dev->fn);
}

/* Takes the lock when the owner may touch the function. */
static MUST_USE status_t owner_enter(struct device *dev)
{
    spin_lock(&dev->lock);
    if (state_of(dev->fn) == DEV_ASSIGNED && !dev->resetting)
        return ST_OK;
    status_t st = state_of(dev->fn) == DEV_ASSIGNED ? ST_BUSY : ST_STATE;
    spin_unlock(&dev->lock);
    return st;
}

static MUST_USE status_t access_check(uint64_t off, uint64_t size)
{
    if (size != 1 && size != 2 && size != 4)
        return ST_INVAL;
    return off <= 4096 - size ? ST_OK : ST_RANGE;
}

status_t dev_cfg_read(struct device *dev, uint64_t off, uint64_t size, uint32_t *value)
{
    status_t st = access_check(off, size);
    if (st == ST_OK)
        st = owner_enter(dev);
    if (st != ST_OK)
        return st;
    *value = pci_owner_read(dev->fn, (unsigned)off, (unsigned)size);
    spin_unlock(&dev->lock);
    return ST_OK;
}

status_t dev_cfg_write(struct device *dev, uint64_t off, uint64_t size, uint32_t value)
{
    status_t st = access_check(off, size);
    if (st == ST_OK)
        st = owner_enter(dev);
    if (st != ST_OK)
        return st;
    pci_owner_write(dev->fn, (unsigned)off, (unsigned)size, value);
    spin_unlock(&dev->lock);
    return ST_OK;
}

/* A reset that fails here is the owner's to deal with; the one at release decides. */
status_t dev_owner_reset(struct device *dev)
{
    status_t st = owner_enter(dev);
    if (st != ST_OK)
        return st;
    dev->resetting = true;
    spin_unlock(&dev->lock);
    st = reset_run(dev->fn);
    spin_lock(&dev->lock);
    dev->resetting = false;
    spin_unlock(&dev->lock);
    return st;
}
