/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot CPU's block, stacks and tables, and the register set-up that every CPU goes through. */
#include "kernel/arch/boot.h"

#define PAT_VALUE     0x0007010600070106ull   /* WB WC UC- UC, twice: see mm/fmt_x86.c */
#define SFMASK_VALUE  0x47700u                /* TF IF DF IOPL NT AC */
#define STAR_VALUE    ((uint64_t)(SEL_KCODE | (uint64_t)(SEL_UDATA - 8u) << 16) << 32)

struct boot_stack boot_stacks[IST_COUNT] SECTION(".bss.page_aligned");

extern const char entry_syscall[];
static struct cpu_area boot_area ALIGNED(64);
struct percpu *cpu_block[MAX_CPUS];
uint32_t cpu_count;

void cpu_setup(void)
{
    const struct cpu_features *f = &cpu_features;
    uint64_t cr0 = hw_read_cr0() & ~(CR0_EM | CR0_TS | CR0_AM | CR0_NW | CR0_CD);
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | (f->umip ? CR4_UMIP : 0) |
                   (f->smep ? CR4_SMEP : 0) | (f->smap ? CR4_SMAP : 0) | (f->xsave ? CR4_OSXSAVE : 0) |
                   (f->vmx_in_use ? CR4_VMXE : 0);      /* cleared in VMX operation: #GP */
    hw_write_cr0(cr0 | CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_PG);
    hw_write_cr4(cr4);                  /* all else off: FSGSBASE, PCIDE, PKE, VMXE */
    hw_wrmsr(MSR_EFER, (hw_rdmsr(MSR_EFER) & EFER_LMA) | EFER_SCE | EFER_LME | (f->nx ? EFER_NXE : 0));
    hw_wrmsr(MSR_PAT, PAT_VALUE);
    hw_wrmsr(MSR_STAR, STAR_VALUE);
    hw_wrmsr(MSR_LSTAR, (uintptr_t)entry_syscall);
    hw_wrmsr(MSR_CSTAR, (uintptr_t)entry_syscall);   /* AMD compatibility mode; there is no 32-bit ring 3 */
    hw_wrmsr(MSR_SFMASK, SFMASK_VALUE);
    fpu_init_cpu();
    spec_init_cpu();
}

void cpu_boot_tables(void)
{
    uint64_t ist[IST_COUNT] = { 0 };
    for (unsigned i = 1; i < IST_COUNT; i++)
        ist[i] = (uintptr_t)(&boot_stacks[i] + 1);
    tables_idt_fill();
    tables_fill(&boot_area, ist);
    tables_load(&boot_area);
    boot_area.pc.online = CPU_ONLINE;
    boot_area.pc.apic_id = hw_cpuid(1, 0).ebx >> 24;
    cpu_block[0] = &boot_area.pc;
    cpu_count = 1;
}
