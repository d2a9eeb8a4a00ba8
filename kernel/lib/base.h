/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that every file uses. Pure: kernel, user and host builds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/status.h"

#define MUST_USE      __attribute__((warn_unused_result))
#define NORETURN      __attribute__((noreturn))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define ALIGNED(n)    __attribute__((aligned(n)))
#define SECTION(s)    __attribute__((section(s)))
#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a)  (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))
#define AT(type, member, off) \
    _Static_assert(offsetof(type, member) == (off), #member " at " #off)

#define PAGE_SIZE     4096u
#define PAGE_SHIFT    12u
#define PAGE_2M       0x200000ull
#define PAGE_1G       0x40000000ull
#define PAGE_DOWN(x)  ((uint64_t)(x) & ~(uint64_t)0xfff)
#define PAGE_UP(x)    (((uint64_t)(x) + 0xfff) & ~(uint64_t)0xfff)   /* callers bound x first */

/* The environment supplies it: kernel panics, a task ends, a host test aborts. */
NORETURN void kassert_fail(const char *condition, const char *file, int line);

/* Compiled into every build. Never a side effect inside, never to check input. */
#define KASSERT(c) \
    ((void)(likely(c) ? 0 : (kassert_fail(#c, __FILE__, __LINE__), 0)))

/* For calls that return a status_t, in functions that do: what is not ST_OK goes up at once. The one macro
 * that returns. Where something must be undone first, it is the wrong tool. */
#define TRY(call) \
    do { \
        const status_t try_ = (call); \
        if (unlikely(try_ != ST_OK)) \
            return try_; \
    } while (0)
