/* link: vmm/load_multiboot.c vmm/load_elf.c vmm/boot_image.c vmm/mem.c kernel/lib/str.c kernel/lib/fmt.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot 1: header search, ELF32, ELF64, address fields, information structure, refusals. */
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "vmm/load_elf.h"
#include "vmm/load_multiboot.h"

#define MIB  0x100000ull

static struct guest_mem mem;
static struct vcpu_state vs;
static struct boot_reason reason;
static struct boot_image image;
static uint8_t kernel[0x3000], module[2][0x1801];

static void put(unsigned at, uint64_t v, unsigned size) { memcpy(kernel + at, &v, size); }
static uint64_t guest(uint64_t at, unsigned size) { uint64_t v = 0; memcpy(&v, mem.base + at, size); return v; }

static void header(unsigned at, uint32_t flags)
{
    put(at, 0x1badb002, 4);
    put(at + 4, flags, 4);
    put(at + 8, 0u - (0x1badb002u + flags), 4);
}

static void fresh(uint64_t ram)
{
    static void *base;
    if (base != NULL)
        munmap(base, 0x180000000ull);
    base = mmap(NULL, 0x180000000ull, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    mem_init(&mem, base, ram, 0);
    for (unsigned i = 0; i < sizeof kernel; i++)
        kernel[i] = (uint8_t)(i + i / 256 + 1);
    memset(kernel, 0, 0x200);
    memset(&image, 0, sizeof image);
    image.kernel = (struct boot_file){ kernel, sizeof kernel, "kernel" };
    image.cmdline = "";
    memset(&vs, 0xee, sizeof vs);
    memset(&reason, 0, sizeof reason);
}

/* One segment: file 1000h..2000h at 2 MiB, memory 3000h; virtual address high. */
static void make_elf(bool wide, uint64_t ram)
{
    fresh(ram);
    put(0, 0x464c457f, 4);
    put(4, wide ? 2 : 1, 1);
    put(5, 1, 1);
    put(18, wide ? 62 : 3, 2);
    uint64_t vaddr = wide ? 0xffffffff80200000ull : 0xc0200000;
    if (wide) {
        put(24, vaddr + 0x10, 8);
        put(32, 0x80, 8);
        put(54, 56, 2);
        put(56, 1, 2);
        put(0x80, 1, 4);
        put(0x88, 0x1000, 8);
        put(0x90, vaddr, 8);
        put(0x98, 2 * MIB, 8);
        put(0xa0, 0x1000, 8);
        put(0xa8, 0x3000, 8);
    } else {
        put(24, vaddr + 0x10, 4);
        put(28, 0x80, 4);
        put(42, 32, 2);
        put(44, 1, 2);
        put(0x80, 1, 4);
        put(0x84, 0x1000, 4);
        put(0x88, vaddr, 4);
        put(0x8c, 2 * MIB, 4);
        put(0x90, 0x1000, 4);
        put(0x94, 0x3000, 4);
    }
    header(0x1000, 3);
}

static status_t load(void) { return multiboot_load(&mem, &image, &vs, &reason); }

static void refused(enum vmm_fail code, const char *part)
{
    CHECK(load() != ST_OK);
    CHECK_EQ(reason.code, code);
    if (strstr(reason.text, part) == NULL)
        CHECK_STR(reason.text, part);
}

static void check_entry(uint64_t entry)
{
    CHECK_EQ(vs.rip, entry);
    CHECK_EQ(vs.gpr[GPR_RAX], 0x2badb002);
    CHECK_EQ(vs.cr0, 0x11);
    CHECK_EQ(vs.efer, 0);
    CHECK_EQ(vs.cr4, 0);
    CHECK_EQ(vs.rflags, 2);
    CHECK_EQ(vs.seg[SEG_CS].attr, 0xc9b);
    CHECK_EQ(vs.seg[SEG_DS].attr, 0xc93);
    CHECK_EQ(vs.seg[SEG_DS].limit, 0xffffffff);
    CHECK_EQ(guest(vs.seg[SEG_GDTR].base + vs.seg[SEG_CS].sel, 8), 0x00cf9b000000ffff);
}

static void check_info(const char *cmdline)
{
    uint64_t info = vs.gpr[GPR_RBX], map, len;
    CHECK_EQ(guest(info, 4) & 0x4d, 0x4d);       /* memory, command line, modules, map */
    CHECK_EQ(guest(info + 4, 4), 639);
    CHECK_EQ(guest(info + 8, 4), (mem.low >> 10) - 1024);
    CHECK(guest(info + 0x10, 4) != 0);
    CHECK_STR((char *)mem.base + guest(info + 0x10, 4), cmdline);
    CHECK_STR((char *)mem.base + guest(info + 0x40, 4), "Cordon");
    map = guest(info + 0x30, 4);
    len = guest(info + 0x2c, 4);
    uint64_t total = 0;
    for (uint64_t at = map; at < map + len; at += guest(at, 4) + 4) {
        CHECK_EQ(guest(at, 4), 20);
        if (guest(at + 20, 4) == 1)
            total += guest(at + 12, 8);
    }
    CHECK(total + 0x60400 == mem.low + (mem.high ? mem.high - 0x100000000ull : 0));
}

/* dma = unprotected: the image where it wants to be, which is not offered as RAM. */
static void direct(void)
{
    const uint64_t at = 0x40000000;
    make_elf(true, 64 * MIB);
    mem_init(&mem, mem.base, 64 * MIB, at);
    CHECK_EQ(load(), ST_OK);
    check_entry(2 * MIB + 0x10);
    uint64_t info = vs.gpr[GPR_RBX], map = guest(info + 0x30, 4), len = guest(info + 0x2c, 4), ram = 0;
    CHECK_EQ(guest(info + 8, 4), 0);             /* nothing behind the first MiB is free */
    CHECK(info < GUEST_RAM_BOOT);
    for (uint64_t e = map; e < map + len; e += 24) {
        if (guest(e + 20, 4) == 1)
            ram += guest(e + 12, 8);
        CHECK(guest(e + 20, 4) == 2 || guest(e + 4, 8) == 0 || guest(e + 4, 8) == at);
    }
    CHECK_EQ(ram, 0x9fc00 + 48 * MIB);
    static uint8_t big[15 * MIB];
    image.module[image.modules++] = (struct boot_file){ big, sizeof big, "big" };
    CHECK_EQ(load(), ST_NOSPACE);
}

static void elf(void)
{
    for (unsigned wide = 0; wide < 2; wide++) {
        make_elf(wide, 16 * MIB);
        CHECK(multiboot_is_image(&image.kernel));
        memset(mem.base + 2 * MIB, 0x55, 0x3000);
        CHECK_EQ(load(), ST_OK);
        check_entry(2 * MIB + 0x10);
        CHECK(memcmp(mem.base + 2 * MIB, kernel + 0x1000, 0x1000) == 0);
        CHECK_EQ(guest(2 * MIB + 0x1000, 8), 0);
        CHECK_EQ(guest(2 * MIB + 0x2ff8, 8), 0);
        check_info("");
    }
    make_elf(true, 5120 * MIB);
    image.cmdline = "a b=c";
    CHECK_EQ(load(), ST_OK);
    check_info("a b=c");
    make_elf(false, 16 * MIB);                   /* the entry may be physical already */
    put(24, 2 * MIB + 4, 4);
    CHECK_EQ(load(), ST_OK);
    CHECK_EQ(vs.rip, 2 * MIB + 4);
}

static void modules(void)
{
    make_elf(false, 16 * MIB);
    image.modules = 2;
    for (unsigned i = 0; i < 2; i++) {
        memset(module[i], 0x30 + (int)i, sizeof module[i]);
        image.module[i] = (struct boot_file){ module[i], sizeof module[i] - i, i ? "two args" : "one" };
    }
    CHECK_EQ(load(), ST_OK);
    uint64_t info = vs.gpr[GPR_RBX], mods = guest(info + 0x18, 4), last = 2 * MIB + 0x3000;
    CHECK_EQ(guest(info + 0x14, 4), 2);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t start = guest(mods + 16 * i, 4), end = guest(mods + 16 * i + 4, 4);
        CHECK_EQ(start & 0xfff, 0);
        CHECK(start >= last);
        CHECK_EQ(end - start, sizeof module[i] - i);
        CHECK(memcmp(mem.base + start, module[i], end - start) == 0);
        CHECK_STR((char *)mem.base + guest(mods + 16 * i + 8, 4), i ? "two args" : "one");
        last = end;
    }
    CHECK(info >= last);
    image.module[1].len = 64 * MIB;
    refused(VMM_FAIL_MEMORY, "module of 67108864 bytes does not fit");
}

/* a.out: header at file 100h = address 100100h, file loaded from 100000h */
static void make_addresses(void)
{
    fresh(16 * MIB);
    header(0x100, 0x10003);
    put(0x10c, 0x100100, 4);
    put(0x110, 0x100000, 4);
    put(0x114, 0x102000, 4);
    put(0x118, 0x104000, 4);
    put(0x11c, 0x100200, 4);
}

static void addresses(void)
{
    make_addresses();
    memset(mem.base + 0x100000, 0x77, 0x5000);
    CHECK_EQ(load(), ST_OK);
    check_entry(0x100200);
    CHECK(memcmp(mem.base + 0x100000, kernel, 0x2000) == 0);
    CHECK_EQ(guest(0x102000, 8), 0);
    CHECK_EQ(guest(0x103ff8, 8), 0);
    make_addresses(); put(0x114, 0, 4); put(0x118, 0, 4);     /* whole file, no bss */
    CHECK_EQ(load(), ST_OK);
    CHECK(memcmp(mem.base + 0x100000, kernel, sizeof kernel) == 0);
    make_addresses(); put(0x110, 0x100200, 4); refused(VMM_FAIL_IMAGE, "load address");
    make_addresses(); put(0x110, 0x0f0000, 4); refused(VMM_FAIL_IMAGE, "load address");
    make_addresses(); put(0x114, 0x0fffff, 4); refused(VMM_FAIL_IMAGE, "not in the file");
    make_addresses(); put(0x114, 0x200000, 4); refused(VMM_FAIL_IMAGE, "not in the file");
    make_addresses(); put(0x118, 0xfffff000, 4); refused(VMM_FAIL_MEMORY, "kernel needs");
    make_addresses(); image.kernel.len = 0x11c; refused(VMM_FAIL_IMAGE, "cut off");
}

static void refusals(void)
{
    make_elf(false, 16 * MIB); memset(kernel + 0x1000, 0, 16); refused(VMM_FAIL_IMAGE, "no Multiboot header");
    CHECK(!multiboot_is_image(&image.kernel));
    make_elf(false, 16 * MIB); put(0x1008, 0, 4); refused(VMM_FAIL_IMAGE, "no Multiboot header");
    make_elf(false, 16 * MIB); memset(kernel + 0x1000, 0, 16); header(0x2000, 3); refused(VMM_FAIL_IMAGE, "no Multiboot");
    make_elf(false, 16 * MIB); header(0x1000, 8); refused(VMM_FAIL_IMAGE, "unknown features 8");
    make_elf(false, 16 * MIB); put(0, 0, 4); refused(VMM_FAIL_IMAGE, "not ELF");
    make_elf(false, 16 * MIB); put(18, 40, 2); refused(VMM_FAIL_IMAGE, "machine 40");
    make_elf(false, 16 * MIB); put(44, 65, 2); refused(VMM_FAIL_IMAGE, "65 program headers");
    make_elf(false, 16 * MIB); put(42, 31, 2); refused(VMM_FAIL_IMAGE, "program headers");
    make_elf(false, 16 * MIB); put(28, 0xfffffff0, 4); refused(VMM_FAIL_IMAGE, "outside the file");
    make_elf(true, 16 * MIB); put(32, ~0ull, 8); refused(VMM_FAIL_IMAGE, "outside the file");
    make_elf(false, 16 * MIB); put(0x84, 0x2800, 4); refused(VMM_FAIL_IMAGE, "segment 0 lies outside");
    make_elf(false, 16 * MIB); put(0x90, 0x4000, 4); refused(VMM_FAIL_IMAGE, "segment 0 lies outside");
    make_elf(true, 16 * MIB); put(0x98, ~0xfffull, 8); refused(VMM_FAIL_MEMORY, "segment 0 needs");
    make_elf(true, 16 * MIB); put(0xa8, ~0ull, 8); refused(VMM_FAIL_MEMORY, "segment 0 needs");
    make_elf(false, 16 * MIB); put(0x80, 2, 4); refused(VMM_FAIL_IMAGE, "without a segment");
    make_elf(false, 16 * MIB); put(24, 0x40000000, 4); refused(VMM_FAIL_IMAGE, "entry 40000000");
    make_elf(false, 2 * MIB); refused(VMM_FAIL_MEMORY, "too little memory");
}

int main(void)
{
    elf();
    direct();
    modules();
    addresses();
    refusals();
    return unit_done();
}
