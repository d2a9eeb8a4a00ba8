/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT and TSS per CPU, one IDT for all. */
#include "kernel/arch/tables.h"

#include "kernel/arch/cpu.h"

struct idt_gate {                       /* [SDM3 6.14.1] */
    uint16_t offset_0, selector;
    uint8_t  ist, type;
    uint16_t offset_16;
    uint32_t offset_32, rsvd;
};
_Static_assert(sizeof(struct idt_gate) == 16, "IDT gate");
#define GATE_INTERRUPT  0x8e            /* present, DPL 0, interrupt gate */
#define GATE_USER       0xee            /* the same, DPL 3 */
#define VEC_BREAKPOINT  3u
#define STUB_BYTES      16u

struct table_ptr { uint16_t limit; uint64_t base; } __attribute__((packed));

/* Segment descriptors [SDM3 3.4.5]: flat, long-mode code or writable data, accessed. */
#define DESC_KCODE  0x00af9b000000ffffull
#define DESC_KDATA  0x00cf93000000ffffull
#define DESC_UDATA  0x00cff3000000ffffull
#define DESC_UCODE  0x00affb000000ffffull
#define DESC_TSS    0x0000890000000000ull

extern const char entry_stubs[];
static struct idt_gate idt[256] ALIGNED(16);   /* const after boot */

static uint8_t ist_of(unsigned vector)
{
    switch (vector) {
    case 2:  return IST_NMI;
    case 8:  return IST_DOUBLE_FAULT;
    case 18: return IST_MACHINE_CHECK;
    default: return IST_NONE;
    }
}

void tables_idt_fill(void)
{
    for (unsigned v = 0; v < ARRAY_LEN(idt); v++) {
        uintptr_t at = (uintptr_t)entry_stubs + v * STUB_BYTES;
        idt[v] = (struct idt_gate){
            .offset_0 = (uint16_t)at, .offset_16 = (uint16_t)(at >> 16), .offset_32 = (uint32_t)(at >> 32),
            .selector = SEL_KCODE, .ist = ist_of(v),
            .type = v == VEC_BREAKPOINT ? GATE_USER : GATE_INTERRUPT,
        };
    }
}

void tables_fill(struct cpu_area *area, const uint64_t ist[IST_COUNT])
{
    uint64_t base = (uintptr_t)&area->tss, limit = sizeof area->tss - 1;
    area->gdt[SEL_KCODE / 8] = DESC_KCODE;
    area->gdt[SEL_KDATA / 8] = DESC_KDATA;
    area->gdt[SEL_UDATA / 8] = DESC_UDATA;
    area->gdt[SEL_UCODE / 8] = DESC_UCODE;
    area->gdt[SEL_TSS / 8] = DESC_TSS | limit | FIELD_PREP(MASK64(39, 16), base) |
                             FIELD_PREP(MASK64(63, 56), (base >> 24) & 0xff);
    area->gdt[SEL_TSS / 8 + 1] = base >> 32;
    for (unsigned i = 1; i < IST_COUNT; i++)
        area->tss.ist[i - 1] = ist[i];
    area->tss.io_bitmap = sizeof area->tss;      /* none: no port for ring 3 */
    area->pc.self = &area->pc;
    area->pc.tss = &area->tss;
}

void tables_load(struct cpu_area *area)
{
    struct table_ptr gdtr = { sizeof area->gdt - 1, (uintptr_t)area->gdt };
    struct table_ptr idtr = { sizeof idt - 1, (uintptr_t)idt };
    uint64_t scratch;
    __asm__ volatile ("lgdt %[gdtr]\n\t"
                      "mov %[data], %%ss\n\t"
                      "mov %[zero], %%ds\n\t"
                      "mov %[zero], %%es\n\t"
                      "mov %[zero], %%fs\n\t"
                      "mov %[zero], %%gs\n\t"
                      "pushq %[code]\n\t"
                      "lea 1f(%%rip), %[scratch]\n\t"
                      "push %[scratch]\n\t"
                      "lretq\n"
                      "1:\n\t"
                      "ltr %w[tss]\n\t"
                      "lidt %[idtr]"
                      : [scratch] "=&r"(scratch)
                      : [gdtr] "m"(gdtr), [idtr] "m"(idtr), [data] "r"((uint32_t)SEL_KDATA), [zero] "r"(0u),
                        [code] "i"(SEL_KCODE), [tss] "r"(SEL_TSS)
                      : "memory");
    hw_wrmsr(MSR_GS_BASE, (uintptr_t)&area->pc);
    hw_wrmsr(MSR_KERNEL_GS_BASE, 0);
}
