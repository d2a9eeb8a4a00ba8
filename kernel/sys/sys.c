/* SPDX-License-Identifier: BSD-2-Clause */
/* Where system calls arrive: the hot one alone, so that it pays for nothing of the others. */
#include "kernel/sys/sys.h"

struct sys_result upcall_syscall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                                 uint64_t nr)
{
    if (likely(nr == SYS_VCPU_RUN)) {
        struct kobj *obj;
        status_t st = cap_lookup(thread_current()->task, a0, OBJ_VCPU, RIGHT_RUN, &obj);
        return (struct sys_result){ likely(st == ST_OK) ? vcpu_run((struct vcpu *)obj) : st, 0 };
    }
    return nr <= SYS_TIMER_SET ? sys_ipc(a0, a1, a2, nr) : sys_dispatch(a0, a1, a2, a3, a4, a5, nr);
}
