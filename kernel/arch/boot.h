/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of the first steps. head.S sets stack and stack guard and calls kernel_main
 * (main.c), which takes the loader's facts, gives this CPU descriptor tables, control registers,
 * system call MSRs, time and FPU, and opens the console. The local APIC waits for kmap.
 */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/arch/cpu.h"

/* Interrupt stacks: what must have a good stack whatever the current one is. */
enum ist { IST_NONE, IST_NMI, IST_DOUBLE_FAULT, IST_MACHINE_CHECK, IST_COUNT };

struct tss64 {                          /* [SDM3 8.7] */
    uint32_t rsvd_00;                   /* 00 */
    uint64_t rsp0, rsp1, rsp2, rsvd_1c; /* 04 rsp0: top of the current thread's stack, for SYSCALL too */
    uint64_t ist[7], rsvd_5c;           /* 24 IST1 first */
    uint16_t rsvd_64, io_bitmap;        /* 64 */
} __attribute__((packed));
AT(struct tss64, rsp0, 0x04);
AT(struct tss64, ist, 0x24);
_Static_assert(sizeof(struct tss64) == 104, "TSS size");

struct table_ptr { uint16_t limit; uint64_t base; } __attribute__((packed));
#define GDT_SLOTS  7u                   /* null, 4 segments, TSS in two */

/* Const after its CPU is up, but what percpu.h says. */
struct cpu_area {
    struct percpu pc;                   /* first: GS base */
    struct tss64 tss ALIGNED(16);
    uint64_t gdt[GDT_SLOTS] ALIGNED(16);
    struct table_ptr gdtr;              /* that, for LGDT */
};
AT(struct cpu_area, tss, 0x70);

/* Fills GDT and TSS of `area`; ist[] are stack tops, [0] unused. */
void tables_fill(struct cpu_area *area, const uint64_t ist[IST_COUNT]);
/* Loads GDT, segments, TSS, IDT and GS base. From here on percpu() and exceptions work. */
void tables_load(struct cpu_area *area);
uint64_t tables_idt(void);           /* its address */
/* The one IDT; before the first tables_load. */
void tables_idt_fill(void);

NORETURN void kernel_main(uint64_t bootinfo_pa);
/* smp.c: starts the other CPUs. Each comes through ap.S to smp_entry. */
uint32_t cpu_start_others(const struct bootinfo *bi);      /* how many CPUs are up then */
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
AT(struct bootinfo, guard, 0x10);
extern struct boot_stack boot_stacks[IST_COUNT];
