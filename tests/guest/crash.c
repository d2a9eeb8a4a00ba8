/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Goes wild. The command line says how: `nw` = CR0 that no CPU accepts, `cr3` = page
 * tables nowhere, `code` = random instructions, `mmio` = code in emulated memory,
 * `stack` = a stack that is not memory and then a fault. Without a word: code.
 */
#include "tests/guest/lib/rt.h"

static uint64_t seed = 0x9e3779b97f4a7c15ull;
static uint64_t noise(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void random_code(void)
{
    uint64_t *at = (uint64_t *)0x2000000ul;
    for (unsigned i = 0; i < 0x20000; i++)
        at[i] = noise();
    for (unsigned v = 0; v < 256; v++)
        rt_gate(v, 0x2000000ul + (noise() & 0xfffff), 3);
    for (unsigned i = 0; i < 8; i++)
        outb(0x80, (uint8_t)i);
    __asm__ volatile ("sti; jmp *%0" : : "r"(at));
}

void guest_main(void)
{
    rt_pass("alive");
    rt_print("DONE 1 0\n");
    if (rt_option("nw"))
        write_cr0(read_cr0() | 0x20000000);
    else if (rt_option("cr3"))
        write_cr3(0x7ffffff000ull);
    else if (rt_option("mmio"))
        __asm__ volatile ("jmp *%0" : : "r"(0xfec00000ul));
    else if (rt_option("stack"))
        __asm__ volatile ("mov %0, %%rsp; ud2" : : "r"(0xd0000000ul));
    else
        random_code();
    for (;;)
        cpuid(0, 0);
}
