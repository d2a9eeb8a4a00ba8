/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual machines: identity, nested page table, shoot-down. */
#include "kernel/virt/vm.h"

#include "kernel/abi/syscall.h"
#include "kernel/lib/idpool.h"
#include "kernel/virt/virt.h"

#define SHOOT_US      20000u      /* a kicked CPU leaves its guest within microseconds */

_Static_assert(sizeof(struct vm) <= PAGE_SIZE, "a VM is one page");

/* obj layer: only the root thread creates and destroys */
static uint64_t asid_words[IDPOOL_WORDS(MAX_VMS + 1)];
static struct idpool asids = { .words = asid_words, .first = 1 };     /* 0 is the host's */
static uint32_t last_id;             /* never given twice: fault records outlive their VM */

/* The ASID of a VM that is gone may still be in a TLB: the first entry of each new vCPU on a
 * CPU flushes it (svm_run.c), so it can be given out again at once. */
status_t vm_create(struct vm *vm, uint32_t tsc_khz)
{
    const uint64_t host_khz = tsc_hz() / 1000;
    if (tsc_khz != 0 && !cpu_features.tsc_scaling)
        return ST_UNSUPP;
    if (tsc_khz != 0 && (tsc_khz < host_khz / TSC_RANGE || tsc_khz > host_khz * TSC_RANGE))
        return ST_RANGE;
    asids.limit = MIN(cpu_features.asids, MAX_VMS + 1);
    TRY(idpool_alloc(&asids, 1, 1, &vm->asid));
    status_t st = virt_npt_init(&vm->npt);
    if (st != ST_OK)
        idpool_free(&asids, vm->asid);
    vm->id = ++last_id;
    vm->tlb_gen = 1;
    vm->tsc_khz = tsc_khz;
    vm->tsc_ratio = tsc_khz != 0 ? scale(TSC_SAME, host_khz, tsc_khz) : TSC_SAME;
    return st;
}

void vm_destroy(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpus; i++)
        vcpu_free(vm->vcpu[i]);          /* each held a reference: all are destroyed */
    ptab_destroy(&vm->npt);
    idpool_free(&asids, vm->asid);
}

static bool has_left(const struct vcpu *v, uint32_t gen)
{
    return !__atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST) || __atomic_load_n(&v->tlb_seen, __ATOMIC_SEQ_CST) == gen;
}

/* Removed table pages go back to the pool when no vCPU can use them any more. Partner: vcpu_enters sets in_guest,
 * then reads tlb_gen. Called by a vCPU's own thread (it is not in its guest then) or with none running. The lock is
 * held over the wait: a second call may not reap what this one still waits for. Nobody waits for the lock from within
 * a guest, so the wait ends. */
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
    ptab_reap(&vm->npt);
    return ST_OK;
}

/* A VMM maps BARs where it likes and as often as it likes, so what they may take of the kernel's memory is bounded.
 * The guest's PAT cannot make a BAR cacheable: UC in the nested table wins, and WC there is weakened by a UC of the
 * guest [APM2 15.25.8]. */
status_t vm_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, unsigned prot)
{
    KASSERT(range_ok(gpa.v, len, GPA_TOP));
    spin_lock(&vm->lock);
    if ((prot & (PT_UC | PT_WC)) && vm->npt.limit == PTAB_NO_LIMIT)
        vm->npt.limit = vm->npt.pages + VM_MMIO_TABLES;
    status_t st = ptab_map(&vm->npt, gpa.v, hpa, len, prot | PT_USER);
    if (st == ST_NOSPACE && shoot(vm) != ST_OK)
        st = ST_TIMEOUT;
    spin_unlock(&vm->lock);
    return st;
}

status_t vm_unmap(struct vm *vm, gpa_t gpa, uint64_t len)
{
    spin_lock(&vm->lock);
    status_t st = ptab_unmap(&vm->npt, gpa.v, len);
    if (st == ST_OK)
        st = shoot(vm);
    spin_unlock(&vm->lock);
    return st;
}

uint64_t vm_page(struct vm *vm, gpa_t gpa)
{
    const struct ptab_fmt *fmt = vm->npt.fmt;
    uint64_t size = 0;
    spin_lock(&vm->lock);
    const uint64_t leaf = gpa.v < GPA_TOP ? ptab_leaf(&vm->npt, gpa.v, &size) : 0;
    spin_unlock(&vm->lock);
    return size | (leaf & fmt->accessed ? VM_PAGE_ACCESSED : 0) | (leaf & fmt->dirty ? VM_PAGE_WRITTEN : 0);
}
