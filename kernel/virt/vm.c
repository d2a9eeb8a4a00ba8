/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual machines: identity, nested page table, shoot-down. */
#include "kernel/virt/vm.h"

#include "kernel/lib/idpool.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/space.h"
#include "kernel/virt/vcpu.h"

#define NPT_LEVELS    4u
#define LEAF_2M       2u
#define LEAF_1G       3u
#define SHOOT_US      20000u      /* a kicked CPU leaves its guest within microseconds */

_Static_assert(sizeof(struct vm) <= PAGE_SIZE, "a VM is one page");

/* obj layer: only the root thread creates and destroys */
static uint64_t asid_words[IDPOOL_WORDS(MAX_VMS + 1)];
static struct idpool asids = { .words = asid_words, .first = 1 };     /* 0 is the host's */
static uint32_t last_id;             /* never given twice: fault records outlive their VM */

/* The ASID of a VM that is gone may still be in a TLB: the first entry of each new vCPU on a
 * CPU flushes it (svm_run.c), so it can be given out again at once. */
status_t vm_create(struct vm **out)
{
    uint32_t asid;
    asids.limit = MIN(cpu_features.asids, MAX_VMS + 1);
    TRY(idpool_alloc(&asids, 1, 1, &asid));
    struct vm *vm = pmm_alloc();
    if (vm && ptab_init(&vm->npt, &ptab_fmt_npt, NPT_LEVELS, cpu_features.page1g ? LEAF_1G : LEAF_2M, false) == ST_OK) {
        kobj_init(&vm->obj, OBJ_VM);
        vm->asid = asid;
        vm->id = ++last_id;
        vm->tlb_gen = 1;
        *out = vm;
        return ST_OK;
    }
    pmm_free(vm);
    idpool_free(&asids, asid);
    return ST_NOSPACE;
}

void vm_destroy(struct kobj *obj)
{
    struct vm *vm = (struct vm *)obj;
    for (uint32_t i = 0; i < vm->vcpus; i++)
        vcpu_free(vm->vcpu[i]);          /* each held a reference: all are destroyed */
    ptab_destroy(&vm->npt);
    idpool_free(&asids, vm->asid);
    kobj_gone(obj);
    pmm_free(vm);
}

status_t vm_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, unsigned prot)
{
    if (__atomic_load_n(&vm->started, __ATOMIC_ACQUIRE))
        return ST_STATE;
    if (!range_ok(gpa.v, len, GPA_TOP))
        return ST_RANGE;
    spin_lock(&vm->lock);
    status_t st = ptab_map(&vm->npt, gpa.v, hpa, len, prot | PT_USER);
    spin_unlock(&vm->lock);
    return st;
}

/* Most table pages that a mapping can take: edges, and inner ones where the addresses are not
 * congruent and large leaves do not fit. No overflow: len is below GPA_TOP. */
static uint64_t worst_tables(const struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len)
{
    uint64_t differ = gpa.v ^ hpa.v, tables = len / (512 * PAGE_1G) + 2 + 2 + 2;
    if ((differ & (PAGE_1G - 1)) != 0 || vm->npt.leaf_max < LEAF_1G)
        tables += len / PAGE_1G;
    if ((differ & (PAGE_2M - 1)) != 0)
        tables += len / PAGE_2M;
    return tables;
}

/* A VMM maps where it likes and as often as it likes, so what it may take of the kernel's
 * memory is bounded. The guest's PAT cannot make a BAR cacheable: UC in the nested table wins,
 * and WC there is weakened by a UC of the guest [APM2 15.25.8]. */
status_t vm_map_mmio(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, bool prefetchable)
{
    status_t st = ST_NOSPACE;
    if (!range_ok(gpa.v, len, GPA_TOP))
        return ST_RANGE;
    spin_lock(&vm->lock);
    if (vm->ram_tables == 0)
        vm->ram_tables = vm->npt.pages;
    if (vm->npt.pages + worst_tables(vm, gpa, hpa, len) <= vm->ram_tables + VM_MMIO_TABLES)
        st = ptab_map(&vm->npt, gpa.v, hpa, len, PT_R | PT_W | PT_USER | (prefetchable ? PT_WC : PT_UC));
    spin_unlock(&vm->lock);
    return st;
}

static bool has_left(const struct vcpu *v, uint32_t gen)
{
    return !__atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST) || __atomic_load_n(&v->tlb_seen, __ATOMIC_SEQ_CST) == gen;
}

/* Partner: svm_enter_guest sets in_guest, then reads tlb_gen. Called by a vCPU's own thread
 * (it is not in its guest then) or with none running. */
static status_t shoot(struct vm *vm)
{
    uint32_t gen = __atomic_add_fetch(&vm->tlb_gen, 1, __ATOMIC_SEQ_CST);
    struct deadline d = deadline_in(SHOOT_US);
    for (uint32_t i = 0; i < vm->vcpus; i++)
        if (!has_left(vm->vcpu[i], gen))
            vcpu_notify(vm->vcpu[i]);
    for (uint32_t i = 0; i < vm->vcpus; i++)
        while (!has_left(vm->vcpu[i], gen))
            if (!spin(&d))
                return ST_TIMEOUT;
    return ST_OK;
}

/* The lock is held over the wait: a second unmap may not reap what this one still waits for.
 * Nobody waits for the lock from within a guest, so the wait ends. */
status_t vm_unmap_mmio(struct vm *vm, gpa_t gpa, uint64_t len)
{
    if (!range_ok(gpa.v, len, GPA_TOP))
        return ST_RANGE;
    spin_lock(&vm->lock);
    status_t st = ptab_unmap(&vm->npt, gpa.v, len);
    if (st == ST_OK)
        st = shoot(vm);
    if (st == ST_OK)
        ptab_reap(&vm->npt);
    spin_unlock(&vm->lock);
    return st;
}
