/* SPDX-License-Identifier: BSD-2-Clause */
/* Host tests: the stubs of kernel/abi/rt/sys.h answered by a model that the test links. */
#pragma once

#include <stdint.h>

#include "kernel/abi/status.h"
#include "kernel/abi/syscall.h"

struct sys_ret {
    status_t st;
    uint64_t value;
};

/* Defined by the model, such as tests/unit/fake/monitor_kernel.c. */
struct sys_ret fake_sys_call(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                             uint64_t a5);

static inline struct sys_ret sys_call(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2,
                                      uint64_t a3, uint64_t a4, uint64_t a5)
{ return fake_sys_call(nr, a0, a1, a2, a3, a4, a5); }
static inline struct sys_ret sys_call1(unsigned nr, uint64_t a0) { return sys_call(nr, a0, 0, 0, 0, 0, 0); }
static inline struct sys_ret sys_call2(unsigned nr, uint64_t a0, uint64_t a1)
{ return sys_call(nr, a0, a1, 0, 0, 0, 0); }
static inline struct sys_ret sys_call3(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2)
{ return sys_call(nr, a0, a1, a2, 0, 0, 0); }
static inline struct sys_ret sys_call4(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{ return sys_call(nr, a0, a1, a2, a3, 0, 0); }
static inline status_t sys_vcpu_run(uint64_t slot) { return sys_call1(SYS_VCPU_RUN, slot).st; }

