/* SPDX-License-Identifier: BSD-2-Clause */
/* A VMM's calls on its virtual machine and vCPUs. */
#include "kernel/arch/cpu.h"
#include "kernel/mm/pmm.h"
#include "kernel/sys/sys.h"
#include "kernel/virt/vcpu.h"

static status_t vcpu_of(const struct sys_args *args, struct vcpu **out)
{
    struct kobj *obj;
    status_t st = cap_lookup(args->task, args->a[0], OBJ_VCPU, RIGHT_RUN, &obj);
    if (st == ST_OK)
        *out = (struct vcpu *)obj;
    return st;
}

static status_t vm_of(const struct sys_args *args, struct vm **out)
{
    struct kobj *obj;
    status_t st = cap_lookup(args->task, args->a[0], OBJ_VM, RIGHT_RUN, &obj);
    if (st == ST_OK)
        *out = (struct vm *)obj;
    return st;
}

static status_t state(const struct sys_args *args)
{
    struct vcpu *vcpu;
    status_t st = vcpu_of(args, &vcpu);
    if (st != ST_OK)
        return st;
    if (args->a[1] > 1 || (args->a[2] & ~(uint64_t)VS_ALL) != 0)
        return ST_INVAL;
    return args->a[1] == 0 ? vcpu_state_get(vcpu, (uint32_t)args->a[2]) : vcpu_state_set(vcpu, (uint32_t)args->a[2]);
}

static status_t lapic(const struct sys_args *args, uint64_t *value)
{
    struct vcpu *vcpu;
    status_t st = vcpu_of(args, &vcpu);
    if (st != ST_OK)
        return st;
    if (args->a[1] > 1 || args->a[2] > 0xff0 || (args->a[2] & 0xf) != 0)
        return ST_INVAL;
    *value = args->a[3];
    return vcpu_lapic(vcpu, args->a[1] == 1, (uint32_t)args->a[2], value);
}

static status_t line(const struct sys_args *args)
{
    struct vcpu *vcpu;
    status_t st = vcpu_of(args, &vcpu);
    if (st != ST_OK)
        return st;
    if (args->a[1] > 2 || args->a[2] > 1)
        return ST_INVAL;
    return vcpu_line(vcpu, (uint32_t)args->a[1], args->a[2] == 1);
}

static status_t stats(const struct sys_args *args)
{
    struct vcpu *vcpu;
    struct kobj *obj;
    status_t st = vcpu_of(args, &vcpu);
    if (st == ST_RIGHTS)   /* the monitor keeps a capability to read counters */
        st = cap_lookup(args->task, args->a[0], OBJ_VCPU, RIGHT_READ, &obj);
    if (st != ST_OK)
        return st;
    vcpu = (struct vcpu *)args->task->caps[index_clamp(args->a[0], CAP_SLOTS)].obj;
    return user_copy_out(args->a[1], &vcpu->stats, sizeof vcpu->stats);
}

static status_t msi(const struct sys_args *args)
{
    struct vm *vm;
    status_t st = vm_of(args, &vm);
    if (st != ST_OK)
        return st;
    if (args->a[2] > UINT32_MAX)
        return ST_INVAL;
    upcall_vm_msi(vm, args->a[1], (uint32_t)args->a[2]);
    return ST_OK;
}

/* Once per VM, before its first run: the scratch page is the only allocation of a VMM's call. */
static status_t cpuid(const struct sys_args *args)
{
    struct vm *vm;
    status_t st = vm_of(args, &vm);
    if (st != ST_OK)
        return st;
    if (args->a[2] == 0 || args->a[2] > VM_CPUID_MAX)
        return ST_INVAL;
    if (__atomic_load_n(&vm->started, __ATOMIC_ACQUIRE))
        return ST_STATE;
    struct vm_cpuid *rows = pmm_alloc();
    if (!rows)
        return ST_NOSPACE;
    st = user_copy_in(rows, args->a[1], args->a[2] * sizeof *rows);
    if (st == ST_OK)
        st = vm_set_cpuid(vm, rows, (uint32_t)args->a[2]);
    pmm_free(rows);
    return st;
}
_Static_assert(sizeof(struct vm_cpuid) * VM_CPUID_MAX <= PAGE_SIZE, "rows fit a page");

status_t sys_vcpu(unsigned nr, const struct sys_args *args, uint64_t *value)
{
    switch (nr) {
    case SYS_VCPU_STATE: return state(args);
    case SYS_VCPU_LAPIC: return lapic(args, value);
    case SYS_VCPU_LINE: return line(args);
    case SYS_VCPU_STATS: return stats(args);
    case SYS_VM_MSI: return msi(args);
    case SYS_VM_CPUID: return cpuid(args);
    default: return ST_INVAL;
    }
}
