/* SPDX-License-Identifier: BSD-2-Clause */
/* INS and OUTS with and without REP, both directions, across pages and into faults; string moves on emulated memory. */
#include "tests/guest/lib/rt.h"

#include "kernel/lib/str.h"

static uint8_t buffer[8192] __attribute__((aligned(4096)));

static void outs(void)
{
    static const char text[] = "note: this line came by REP OUTSB\r\n";
    const char *at = text;
    uint64_t n = sizeof text - 1;
    __asm__ volatile ("rep outsb" : "+S"(at), "+c"(n) : "d"(0x3f8) : "memory");
    rt_check(at == text + sizeof text - 1 && n == 0, "rep-outsb-registers");
    at = text;
    __asm__ volatile ("rep outsb" : "+S"(at), "+c"(n) : "d"(0x3f8) : "memory");
    rt_check(at == text && n == 0, "rep-outsb-of-none");
    at = "\r";
    __asm__ volatile ("outsb" : "+S"(at) : "d"(0x3f8) : "memory");
}

/* CMOS registers as a source: the index stays, so each element is the same byte. */
static void ins(void)
{
    outb(0x70, 0x50);
    outb(0x71, 0x3c);
    memset(buffer, 0, sizeof buffer);
    uint8_t *at = buffer + 4090;
    uint64_t n = 12;
    __asm__ volatile ("rep insb" : "+D"(at), "+c"(n) : "d"(0x71) : "memory");
    unsigned right = 0;
    for (unsigned i = 0; i < 12; i++)
        right += buffer[4090 + i] == 0x3c;
    rt_check(right == 12 && buffer[4089] == 0 && buffer[4102] == 0, "rep-insb-across-pages");
    rt_check(at == buffer + 4102 && n == 0, "rep-insb-registers");
    at = buffer + 100;
    n = 4;
    __asm__ volatile ("std; rep insb; cld" : "+D"(at), "+c"(n) : "d"(0x71) : "memory");
    rt_check(at == buffer + 96 && buffer[97] == 0x3c && buffer[100] == 0x3c && buffer[96] == 0, "rep-insb-backwards");
    uint32_t *word = (uint32_t *)(void *)(buffer + 200);
    outl(0xcf8, 0x80000000u);
    uint32_t id = inl(0xcfc);
    n = 3;
    __asm__ volatile ("rep insl" : "+D"(word), "+c"(n) : "d"(0xcfc) : "memory");
    rt_check(((uint32_t *)(void *)(buffer + 200))[2] == id, "rep-insl");
}

static void into_fault(void *p)
{
    (void)p;
    __asm__ volatile ("rep insb" : : "D"(0x7000000000ul), "c"(8), "d"(0x71) : "memory");
}

static void from_apic(void)
{
    uint32_t copy[4] = { 0, 0, 0, 0 }, *to = copy;
    const uint32_t *from = (const uint32_t *)(uintptr_t)(LAPIC_PAGE + 0x30);
    uint64_t n = 1;
    __asm__ volatile ("rep movsl" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
    rt_equal("movs-from-apic", copy[0], mmio_rd32(LAPIC_PAGE + 0x30));
    uint32_t ok;
    __asm__ volatile ("cmp %1, %2; sete %%al; movzbl %%al, %0" : "=a"(ok) : "m"(*(uint32_t *)(uintptr_t)(LAPIC_PAGE + 0x30)), "r"(copy[0]));
    rt_equal("cmp-with-apic", ok, 1);
    uint64_t wide;
    __asm__ volatile ("mov $-1, %0; mov %1, %k0" : "=&r"(wide) : "m"(*(uint32_t *)(uintptr_t)(LAPIC_PAGE + 0x30)));
    rt_equal("mov-clears-upper-half", wide, copy[0]);
}

void guest_main(void)
{
    outs();
    ins();
    rt_equal("rep-insb-into-fault", (uint64_t)rt_catch(into_fault, 0), 15);
    rt_equal("fault-address", rt_trapped_cr2, 0x7000000000ull);
    rt_equal("fault-error", rt_trapped.error & 2, 2);
    rt_equal("fault-count-kept", rt_trapped.rcx, 8);
    from_apic();
}
