/* SPDX-License-Identifier: BSD-2-Clause */
/* Config space by CF8/CFC and by ECAM: every width at every offset gives the same bits. */
#include "tests/guest/lib/rt.h"

#include "vmm/start_page.h"

static uint32_t cf8(unsigned devfn, unsigned off)
{
    outl(0xcf8, 0x80000000u | devfn << 8 | (off & 0xfc));
    return inl(0xcfc);
}

static uint32_t cf8_sized(unsigned devfn, unsigned off, unsigned size)
{
    outl(0xcf8, 0x80000000u | devfn << 8 | (off & 0xfc));
    uint16_t port = (uint16_t)(0xcfc + (off & 3));
    return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}

static uintptr_t ecam(unsigned devfn, unsigned off) { return GUEST_ECAM_BASE + (uintptr_t)devfn * 4096 + off; }

static uint32_t ecam_sized(unsigned devfn, unsigned off, unsigned size)
{
    uintptr_t a = ecam(devfn, off);
    return size == 1 ? *(volatile uint8_t *)a : size == 2 ? *(volatile uint16_t *)a : *(volatile uint32_t *)a;
}

static uint32_t part(const uint32_t *image, unsigned off, unsigned size)
{
    uint32_t v = image[off / 4] >> 8 * (off & 3);
    return size == 4 ? v : v & ((1u << 8 * size) - 1);
}

/* The status register may change by itself: compared by an image taken once is fine for the rest. */
static void widths(unsigned devfn)
{
    uint32_t image[64];
    unsigned wrong = 0, first = 0;
    for (unsigned i = 0; i < 64; i++)
        image[i] = cf8(devfn, i * 4);
    for (unsigned size = 1; size <= 4; size *= 2)
        for (unsigned off = 0; off < 256; off += size)
            if (cf8_sized(devfn, off, size) != part(image, off, size) ||
                ecam_sized(devfn, off, size) != part(image, off, size)) {
                if (!wrong++)
                    first = off << 4 | size;
            }
    if (wrong)
        rt_fail("widths", "devfn %02x: %u differ, first offset %x size %u", devfn, wrong, first >> 4, first & 15);
    else
        rt_pass("widths");
}

static void read_only(unsigned devfn)
{
    uint32_t id = cf8(devfn, 0), class = cf8(devfn, 8);
    outl(0xcf8, 0x80000000u | devfn << 8);
    outl(0xcfc, 0x12345678);
    outb(0xcfd, 0x99);
    mmio_wr32(ecam(devfn, 8), ~0u);
    rt_equal("id-is-read-only", cf8(devfn, 0), id);
    rt_equal("class-is-read-only", cf8(devfn, 8), class);
}

/* Sizing each BAR: the mask comes back, then the old address. */
static void bars(unsigned devfn)
{
    for (unsigned i = 0; i < 6; i++) {
        unsigned off = 0x10 + 4 * i;
        uint32_t old = cf8(devfn, off), command = cf8(devfn, 4);
        if (old == 0)
            continue;
        outl(0xcf8, 0x80000000u | devfn << 8 | 4);
        outw(0xcfc, (uint16_t)(command & ~3u));
        mmio_wr32(ecam(devfn, off), ~0u);
        uint32_t mask = cf8(devfn, off);
        outl(0xcf8, 0x80000000u | devfn << 8 | off);
        outl(0xcfc, old);
        rt_equal("bar-restored", ecam_sized(devfn, off, 4), old);
        rt_print("note: devfn %02x bar %u %08x mask %08x\n", devfn, i, old, mask);
        outl(0xcf8, 0x80000000u | devfn << 8 | 4);
        outw(0xcfc, (uint16_t)command);
        if ((old & 7) == 4)
            i++;
    }
}

void guest_main(void)
{
    unsigned found = 0;
    outl(0xcf8, 0x80001234u);
    outb(0xcf8, 0x55);
    rt_check(inl(0xcf8) == 0x80001234u || inl(0xcf8) == 0x80001034u, "cf8-takes-dwords-only");
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if ((cf8(devfn, 0) & 0xffff) == 0xffff)
            continue;
        found++;
        rt_print("note: %02x.%x %08x class %06x\n", devfn >> 3, devfn & 7, cf8(devfn, 0), cf8(devfn, 8) >> 8);
        rt_equal("ecam-same-id", ecam_sized(devfn, 0, 4), cf8(devfn, 0));
        widths(devfn);
        read_only(devfn);
        if ((cf8(devfn, 0xc) >> 16 & 0x7f) == 0)
            bars(devfn);
    }
    rt_check(found >= 2, "host-bridge-and-lpc");
    rt_equal("absent-is-ones", cf8(0xf0, 0), 0xffffffffu);
    rt_equal("absent-byte-is-ones", cf8_sized(0xf0, 1, 1), 0xff);
    rt_equal("absent-ecam-is-ones", ecam_sized(0xf0, 0, 4), 0xffffffffu);
    outl(0xcf8, 0x80010000u);
    rt_equal("bus-1-is-ones", inl(0xcfc), 0xffffffffu);
    outl(0xcf8, 0);
    rt_equal("cf8-disabled-is-ones", inl(0xcfc), 0xffffffffu);
    rt_equal("absent-port-is-ones", inb(0x2e9), 0xff);
    rt_equal("absent-port-word-is-ones", inw(0x3d4), 0xffff);
}
