/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT and TSS per CPU, one IDT for all, and the kernel stacks that they lead to. */
#include "kernel/arch/boot.h"

#define GATE_INTERRUPT  0x8eull         /* present, DPL 0, interrupt gate [SDM3 6.14.1] */
#define GATE_USER       0xeeull         /* the same, DPL 3 */
#define VEC_BREAKPOINT  3u
#define STUB_BYTES      16u
#define RFLAGS_FIXED_IF 0x202u

extern const char entry_stubs[], context_first_user[];
static uint64_t idt[256][2] ALIGNED(16);    /* const after boot */

void tables_idt_fill(void)
{
    static const uint8_t ist[ARRAY_LEN(idt)] = { [2] = IST_NMI, [8] = IST_DOUBLE_FAULT, [18] = IST_MACHINE_CHECK };
    for (unsigned v = 0; v < ARRAY_LEN(idt); v++) {
        uint64_t at = (uintptr_t)entry_stubs + v * STUB_BYTES;
        uint64_t type = v == VEC_BREAKPOINT ? GATE_USER : GATE_INTERRUPT;
        idt[v][0] = (at & 0xffff) | SEL_KCODE << 16 | (uint64_t)ist[v] << 32 | type << 40 | (at >> 16 & 0xffff) << 48;
        idt[v][1] = at >> 32;
    }
}

uint64_t tables_idt(void) { return (uintptr_t)idt; }

void tables_fill(struct cpu_area *area, const uint64_t ist[IST_COUNT])
{
    uint64_t tss = (uintptr_t)&area->tss;
    const uint64_t gdt[GDT_SLOTS] = {       /* [SDM3 3.4.5]: flat, accessed; order of SEL_* */
        0,
        0x00af9b000000ffff,                 /* kernel code, 64-bit */
        0x00cf93000000ffff,                 /* kernel data */
        0x00cff3000000ffff,                 /* user data */
        0x00affb000000ffff,                 /* user code, 64-bit */
        0x0000890000000000 | (sizeof area->tss - 1) | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56,
        tss >> 32,
    };
    memcpy(area->gdt, gdt, sizeof gdt);
    memcpy(area->tss.ist, ist + 1, (IST_COUNT - 1) * sizeof *ist);
    area->gdtr = (struct table_ptr){ sizeof gdt - 1, (uintptr_t)area->gdt };
    area->tss.io_bitmap = sizeof area->tss;      /* none: no port for ring 3 */
    area->pc.self = &area->pc;
}

void tables_load(struct cpu_area *area)
{
    struct table_ptr idtr = { sizeof idt - 1, (uintptr_t)idt };
    __asm__ volatile ("lgdt %[gdtr]\n\t"
                      "mov %[data], %%ss\n\t"
                      ".irp reg, ds, es, fs, gs\n\t"
                      "mov %[zero], %%\\reg\n\t"
                      ".endr\n\t"
                      "pushq %[code]\n\t"
                      "pushq $1f\n\t"
                      "lretq\n"
                      "1:\n\t"
                      "ltr %w[tss]\n\t"
                      "lidt %[idtr]"
                      : : [gdtr] "m"(area->gdtr), [idtr] "m"(idtr), [data] "r"((uint32_t)SEL_KDATA), [zero] "r"(0u),
                        [code] "i"(SEL_KCODE), [tss] "r"(SEL_TSS)
                      : "memory");
    hw_wrmsr(MSR_GS_BASE, (uintptr_t)&area->pc);
    hw_wrmsr(MSR_KERNEL_GS_BASE, 0);
}

uint64_t context_new_user(uint64_t kstack_top, uint64_t rip, uint64_t rsp, uint64_t arg)
{
    const uint64_t stack[] = {              /* r15-r12 rbp rbx, return address, argument, what IRETQ takes */
        0, 0, 0, 0, 0, 0, (uintptr_t)context_first_user, arg, rip, SEL_UCODE, RFLAGS_FIXED_IF, rsp, SEL_UDATA,
    };
    return (uintptr_t)memcpy((void *)(kstack_top - sizeof stack), stack, sizeof stack);
}

void context_set(uint64_t kstack_top, uint64_t cr3)
{
    ((struct cpu_area *)percpu())->tss.rsp0 = kstack_top;
    if (hw_read_cr3() != cr3)
        hw_write_cr3(cr3);
}
