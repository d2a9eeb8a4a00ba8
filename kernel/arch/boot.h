/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of the first steps. head.S sets stack and stack guard and calls kernel_main
 * (main.c), which takes the loader's facts, gives this CPU descriptor tables, control registers,
 * system call MSRs, time and FPU, and opens the console. The local APIC waits for kmap.
 */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/arch/tables.h"

NORETURN void kernel_main(uint64_t bootinfo_pa);
/* smp.c: starts the other CPUs. Each comes through ap.S to smp_entry. */
void cpu_start_others(const struct bootinfo *bi);
NORETURN void smp_entry(struct cpu_area *area);

/* Descriptor tables of the boot CPU: percpu() and exceptions work from here on. */
void cpu_boot_tables(void);
/* Control registers, EFER, PAT, SYSCALL MSRs, FPU, speculation; each CPU once. */
void cpu_setup(void);
/* Fills cpu_features; boot CPU. */
void features_detect(void);
/* One log line each; the name of the first one without which the kernel cannot run, or NULL. */
const char *features_log(void);

/* The boot CPU's stacks: as kstack.h's, aligned to their size over what must not be mapped. */
struct boot_stack { uint8_t guard[KSTACK_PAGES * PAGE_SIZE], stack[KSTACK_PAGES * PAGE_SIZE]; } ALIGNED(8 * PAGE_SIZE);
_Static_assert(sizeof(struct boot_stack) == 8 * PAGE_SIZE, "head.S knows it");
extern struct boot_stack boot_stacks[IST_COUNT];
