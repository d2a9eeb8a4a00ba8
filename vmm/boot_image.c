/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts that the boot protocols share: memory map, descriptor table, first state, refusals. */
#include "vmm/boot_image.h"

#include <stdarg.h>

#include "kernel/lib/fmt.h"
#include "vmm/guest_hw.h"

#define MIB  0x100000u

status_t boot_refuse(struct boot_reason *reason, enum vmm_fail code, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fmt_v(reason->text, sizeof reason->text, format, ap);
    va_end(ap);
    reason->code = code;
    return code == VMM_FAIL_MEMORY ? ST_NOSPACE : ST_UNSUPP;
}

unsigned boot_memory_map(const struct guest_mem *mem, struct boot_map *map)
{
    unsigned n = 0;
    map[n++] = (struct boot_map){ 0, BOOT_EBDA, BOOT_E820_RAM };
    map[n++] = (struct boot_map){ BOOT_EBDA, 0xa0000 - BOOT_EBDA, BOOT_E820_RESERVED };
    map[n++] = (struct boot_map){ 0xe0000, MIB - 0xe0000, BOOT_E820_RESERVED };   /* ACPI tables */
    if (mem->low > MIB)                          /* one_to_one: a kernel may lie here, but no device would find it */
        map[n++] = (struct boot_map){ MIB, mem->low - MIB, mem->one_to_one ? BOOT_E820_RESERVED : BOOT_E820_RAM };
    if (mem->one_to_one && mem->high != 0)
        map[n++] = (struct boot_map){ mem->high_at, mem->high - mem->high_at, BOOT_E820_RAM };
    map[n++] = (struct boot_map){ GUEST_ECAM_BASE, MIB, BOOT_E820_RESERVED };
    map[n++] = (struct boot_map){ GHW_IOAPIC_BASE, GHW_IOAPIC_SIZE, BOOT_E820_RESERVED };
    map[n++] = (struct boot_map){ GHW_LAPIC_BASE, GHW_LAPIC_SIZE, BOOT_E820_RESERVED };
    if (!mem->one_to_one && mem->high != 0)
        map[n++] = (struct boot_map){ mem->high_at, mem->high - mem->high_at, BOOT_E820_RAM };
    return n;
}

/* Descriptors: present, ring 0, flat, accessed [SDM3 3.4.5]. */
#define DESC_CODE64  UINT64_C(0x00af9b000000ffff)
#define DESC_CODE32  UINT64_C(0x00cf9b000000ffff)
#define DESC_DATA    UINT64_C(0x00cf93000000ffff)
#define DESC_TSS     UINT64_C(0x00008b0000000067)

#define ATTR_CODE64  0xa9bu
#define ATTR_CODE32  0xc9bu
#define ATTR_DATA    0xc93u
#define ATTR_TSS     0x08bu
#define ATTR_LDT     0x082u

status_t boot_gdt_write(const struct guest_mem *mem, gpa_t gdt, bool long_mode)
{
    const uint64_t table[BOOT_GDT_SIZE / 8] = { 0, 0, long_mode ? DESC_CODE64 : DESC_CODE32, DESC_DATA, DESC_TSS, 0 };
    return mem_write(mem, gdt, table, sizeof table);
}

void boot_state_init(struct vcpu_state *vs, bool long_mode, uint64_t entry, gpa_t gdt)
{
    memset(vs->gpr, 0, sizeof vs->gpr);
    for (unsigned i = SEG_ES; i <= SEG_GS; i++)
        vs->seg[i] = (struct vcpu_segment){ BOOT_SEL_DATA, ATTR_DATA, 0xffffffffu, 0 };
    vs->seg[SEG_CS] = (struct vcpu_segment){ BOOT_SEL_CODE, long_mode ? ATTR_CODE64 : ATTR_CODE32, 0xffffffffu, 0 };
    vs->seg[SEG_LDTR] = (struct vcpu_segment){ 0, ATTR_LDT, 0, 0 };
    vs->seg[SEG_TR] = (struct vcpu_segment){ 0x20, ATTR_TSS, 0x67, 0 };
    vs->seg[SEG_GDTR] = (struct vcpu_segment){ 0, 0, BOOT_GDT_SIZE - 1, gdt.v };
    vs->seg[SEG_IDTR] = (struct vcpu_segment){ 0, 0, 0, 0 };
    vs->rip = entry;
    vs->rflags = 2;
    vs->int_shadow = 0;
    vs->cr0 = 0x00000011;                        /* PE, ET; paging: the loader */
    vs->cr2 = vs->cr3 = vs->cr4 = vs->efer = 0;
    vs->dirty = VS_RIP | VS_CR | VS_SEG;
}
