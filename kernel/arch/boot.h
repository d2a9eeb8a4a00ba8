/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of the first steps. head.S sets stack, GS and stack guard and calls
 * kernel_start (start.c), which takes the loader's facts, gives this CPU descriptor
 * tables, control registers, system call MSRs, time and FPU, opens the console and
 * calls kernel_main (main.c). The local APIC waits for kmap: main.c calls lapic_init_cpu
 * after mm_init.
 */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/arch/tables.h"

NORETURN void kernel_start(uint64_t bootinfo_pa);
NORETURN void kernel_main(const struct bootinfo *bi);

/* Descriptor tables of the boot CPU: percpu() and exceptions work from here on. */
void cpu_boot_tables(void);
/* Control registers, EFER, PAT, SYSCALL MSRs, FPU, speculation; each CPU once. */
void cpu_setup(void);
/* Fills cpu_features; boot CPU. */
void features_detect(void);
/* One log line each; the name of the first one without which the kernel cannot run, or NULL. */
const char *features_log(void);

/* The boot CPU's block and stacks, in the image. */
struct cpu_area *cpu_boot_area(void);
#define CPU_BOOT_GUARDS 4u
/* Pages under the boot CPU's stacks that the kernel must not map. */
const void *cpu_boot_guard(unsigned i);
/* The end of the boot CPU's stack that sp lies in; 0 = none of them. */
uint64_t cpu_boot_stack_end(uint64_t sp);

