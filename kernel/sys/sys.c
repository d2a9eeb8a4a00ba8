/* SPDX-License-Identifier: BSD-2-Clause */
/* System call dispatch: the hot call first, then by range of numbers. */
#include "kernel/sys/sys.h"

#include "kernel/arch/upcall.h"
#include "kernel/sched/sched.h"
#include "kernel/virt/vcpu.h"

static status_t run(const struct task *task, uint64_t slot)
{
    struct kobj *obj;
    status_t st = cap_lookup(task, slot, OBJ_VCPU, RIGHT_RUN, &obj);
    return likely(st == ST_OK) ? vcpu_run((struct vcpu *)obj) : st;
}

/* Calls of the monitor: the system capability comes first, always. */
static status_t manage(unsigned nr, const struct sys_args *args, uint64_t *value)
{
    struct kobj *obj;
    status_t st = cap_lookup(args->task, args->a[0], OBJ_SYSTEM, RIGHT_MANAGE, &obj);
    if (st != ST_OK)
        return st;
    switch (nr) {
    case SYS_SYS_INFO: return sys_info(args, value);
    case SYS_SYS_POWER: return sys_power(args->a[1], args->a[2], args->a[3]);
    case SYS_CONSOLE_WRITE:
    case SYS_CONSOLE_READ: return sys_console(nr, args->a[1], args->a[2], value);
    case SYS_MEMORY_CREATE:
    case SYS_MEMORY_MODULE:
    case SYS_MEMORY_TABLE:
    case SYS_TASK_MAP:
    case SYS_VM_MAP: return sys_mem(nr, args, value);
    case SYS_DEV_OPEN:
    case SYS_DEV_ASSIGN:
    case SYS_DEV_RELEASE:
    case SYS_IRQ_CREATE: return sys_dev_manage(nr, args, value);
    default: return sys_obj(nr, args, value);
    }
}

struct sys_result upcall_syscall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                                 uint64_t nr)
{
    struct task *task = thread_current()->task;
    if (likely(nr == SYS_VCPU_RUN))
        return (struct sys_result){ run(task, a0), 0 };
    const struct sys_args args = { { a0, a1, a2, a3, a4, a5 }, task };
    uint64_t value = 0;
    status_t st = ST_INVAL;
    if (nr <= SYS_CHANNEL_SIGNAL)
        st = sys_ipc((unsigned)nr, &args, &value);
    else if (nr >= SYS_VCPU_RUN && nr <= SYS_VM_CPUID)
        st = sys_vcpu((unsigned)nr, &args, &value);
    else if (nr >= SYS_VM_MAP_BAR && nr <= SYS_IRQ_SET)
        st = sys_dev((unsigned)nr, &args, &value);
    else if (nr >= SYS_SYS_INFO && nr <= SYS_CAP_DROP)
        st = manage((unsigned)nr, &args, &value);
    return (struct sys_result){ st, st == ST_OK ? value : 0 };
}
