/* SPDX-License-Identifier: BSD-2-Clause */
/* Inline system-call stub for ring 3; numbers and registers in syscall.h. */
#pragma once

#include <stdint.h>

#include "kernel/abi/status.h"
#include "kernel/abi/syscall.h"

struct sys_ret {
    status_t st;
    uint64_t value;
};

static inline struct sys_ret sys_call(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2,
                                      uint64_t a3, uint64_t a4, uint64_t a5)
{
    uint64_t st = nr, value = a2;
    register uint64_t r10 __asm__ ("r10") = a3;
    register uint64_t r8 __asm__ ("r8") = a4;
    register uint64_t r9 __asm__ ("r9") = a5;
    __asm__ volatile ("syscall"
                      : "+a"(st), "+d"(value)
                      : "D"(a0), "S"(a1), "r"(r10), "r"(r8), "r"(r9)
                      : "rcx", "r11", "memory");
    return (struct sys_ret){ (status_t)st, value };
}

static inline struct sys_ret sys_call1(unsigned nr, uint64_t a0) { return sys_call(nr, a0, 0, 0, 0, 0, 0); }
static inline struct sys_ret sys_call2(unsigned nr, uint64_t a0, uint64_t a1)
{ return sys_call(nr, a0, a1, 0, 0, 0, 0); }
static inline struct sys_ret sys_call3(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2)
{ return sys_call(nr, a0, a1, a2, 0, 0, 0); }
static inline struct sys_ret sys_call4(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{ return sys_call(nr, a0, a1, a2, a3, 0, 0); }

/* The hot call alone: one register in, nothing to clear. */
static inline status_t sys_vcpu_run(uint64_t slot)
{
    uint64_t st = SYS_VCPU_RUN, value;
    __asm__ volatile ("syscall" : "+a"(st), "=d"(value) : "D"(slot) : "rcx", "r11", "memory");
    return (status_t)st;
}

