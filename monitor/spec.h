/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of the speculation policy: whether this CPU has an issue and what is done. kernel/arch/spec.c decides. */
#pragma once

#include "kernel/abi/spec.h"
#include "kernel/lib/base.h"

/* What CPUID says in the words that matter, IA32_ARCH_CAPABILITIES, and the kernel's actions. */
struct spec_cpu {
    bool intel, emulated;
    uint32_t family, model, stepping;
    uint32_t leaf7_ebx, leaf7_edx, ext8_ebx, ext21_eax, ext21_ecx;
    uint64_t caps;
    uint32_t actions;
    uint32_t threads;                    /* per core, 0 = not known */
};

enum spec_state { SPEC_UNAFFECTED, SPEC_CLOSED, SPEC_PARTLY, SPEC_OPEN };

struct spec_line {
    const char *issue;                   /* a word */
    enum spec_state state;
    const char *done, *where, *cost;     /* "" where nothing is done */
};

/* The CPU that the caller runs on. */
void spec_cpu_read(struct spec_cpu *cpu, uint64_t caps, uint32_t actions);
/* One issue; false behind the last. Pure. */
MUST_USE bool spec_line(const struct spec_cpu *cpu, unsigned index, struct spec_line *line);
const char *spec_state_name(enum spec_state state);
