/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of SYSCALLS as tests see them: what each argument must be. */
#pragma once

#include "kernel/abi/rights.h"
#include "kernel/abi/syscall.h"
#include "kernel/abi/vcpu_state.h"

enum { KIND_VALUE = OBJ_TYPE_COUNT, KIND_SLOT, KIND_NEW };
struct kind { unsigned type; uint64_t bits; };
#define NONE             { OBJ_NONE, 0 }
#define CAP(type, right) { OBJ_##type, RIGHT_##right }
#define SLOT             { KIND_SLOT, 0 }
#define NEW(type, rights) { KIND_NEW, RIGHT_##rights }
#define BITS(mask)       { KIND_VALUE, mask }
#define SYSTEM           CAP(SYSTEM, MANAGE)
#define ANY              BITS(UINT64_MAX)
#define U32              BITS(UINT32_MAX)
#define PAGES            BITS(~UINT64_C(0xfff))
static const struct row { const char *name; unsigned nr; struct kind arg[7]; } rows[] = {
#define X(n, v, doc, ...) { #n, v, { __VA_ARGS__ } },
    SYSCALLS(X)
#undef X
};
#undef SYSTEM
#undef ANY
#define ROWS (sizeof rows / sizeof *rows)
