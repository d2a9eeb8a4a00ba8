/* link: vmm/load_linux.c vmm/boot_image.c vmm/mem.c kernel/lib/str.c kernel/lib/fmt.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bzImage loader on made-up kernels: every refusal with its reason, and the
 * memory and state of a good one. Arguments: real kernels to load as well.
 */
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "vmm/load_linux.h"

#define MIB        0x100000ull
#define KERNEL_LEN 0x9000u

static struct guest_mem mem;
static struct vcpu_state vs;
static struct boot_reason reason;
static struct boot_image image;
static uint8_t kernel[KERNEL_LEN], initrd[0x12345];
static const char *cmdline = "console=ttyS0 quiet";

static void put(unsigned at, uint64_t v, unsigned size) { memcpy(kernel + at, &v, size); }
static uint64_t guest(uint64_t at, unsigned size) { uint64_t v = 0; memcpy(&v, mem.base + at, size); return v; }

/* A relocatable 2.15 kernel with 4 setup sectors. */
static void make(uint64_t ram)
{
    static void *base;
    if (base != NULL)
        munmap(base, 0x200000000ull);
    base = mmap(NULL, 0x200000000ull, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    mem_init(&mem, base, ram, 0);
    for (unsigned i = 0; i < KERNEL_LEN; i++)
        kernel[i] = (uint8_t)(i * 7 + i / 256);
    for (unsigned i = 0; i < sizeof initrd; i++)
        initrd[i] = (uint8_t)(i * 3 + i / 256);
    put(0x1f1, 4, 1);
    put(0x1fe, 0xaa55, 2);
    put(0x201, 0x6a, 1);
    put(0x202, 0x53726448, 4);
    put(0x206, 0x20f, 2);
    put(0x211, 0x81, 1);
    put(0x22c, 0x7fffffff, 4);
    put(0x230, 0x200000, 4);
    put(0x234, 1, 1);
    put(0x236, 3, 2);
    put(0x238, 2047, 4);
    put(0x258, 16 * MIB, 8);
    put(0x260, 8 * MIB, 4);
    memset(&image, 0, sizeof image);
    image.kernel = (struct boot_file){ kernel, KERNEL_LEN, "vmlinuz" };
    image.cmdline = cmdline;
    image.rsdp = (gpa_t){ 0xe0000 };
    memset(&vs, 0xee, sizeof vs);
    memset(&reason, 0, sizeof reason);
}

static status_t load(void) { return linux_load(&mem, &image, &vs, &reason); }

static void refused(enum vmm_fail code, const char *part)
{
    CHECK(load() != ST_OK);
    CHECK_EQ(reason.code, code);
    if (strstr(reason.text, part) == NULL)
        CHECK_STR(reason.text, part);
}

static void refusals(void)
{
    make(64 * MIB); image.kernel.len = 0x263; refused(VMM_FAIL_IMAGE, "611 bytes is too short");
    make(64 * MIB); put(0x1fe, 0, 2); refused(VMM_FAIL_IMAGE, "no bzImage header");
    make(64 * MIB); put(0x202, 0, 4); refused(VMM_FAIL_IMAGE, "no bzImage header");
    make(64 * MIB); put(0x206, 0x20b, 2); refused(VMM_FAIL_IMAGE, "protocol 2.11 is older than 2.12");
    make(64 * MIB); put(0x236, 0, 2); refused(VMM_FAIL_IMAGE, "xloadflags");
    make(64 * MIB); put(0x211, 0, 1); refused(VMM_FAIL_IMAGE, "zImage");
    make(64 * MIB); put(0x1f1, 0xff, 1); refused(VMM_FAIL_IMAGE, "cut off");
    make(64 * MIB); put(0x258, 0x1000, 8); refused(VMM_FAIL_IMAGE, "preferred address");
    make(64 * MIB); put(0x258, 16 * MIB + 8, 8); refused(VMM_FAIL_IMAGE, "preferred address");
    make(22 * MIB); refused(VMM_FAIL_MEMORY, "kernel needs 8 MiB at 16 MiB; the guest has 22 MiB");
    make(64 * MIB); put(0x258, ~0xfffull, 8); refused(VMM_FAIL_MEMORY, "kernel needs");
    make(64 * MIB); put(0x238, 10, 4); refused(VMM_FAIL_IMAGE, "command line of 19 characters; this kernel takes 10");
    make(24 * MIB);
    image.initrd = (struct boot_file){ initrd, sizeof initrd, "initrd" };
    refused(VMM_FAIL_MEMORY, "initrd of 1 MiB does not fit");
    make(64 * MIB);
    image.initrd = (struct boot_file){ initrd, ~0ull, "initrd" };
    refused(VMM_FAIL_MEMORY, "does not fit");
}

static void check_state(uint64_t load_at)
{
    CHECK_EQ(vs.rip, load_at + 0x200);
    CHECK_EQ(vs.cr0, 0x80000011);
    CHECK_EQ(vs.cr4, 0x20);
    CHECK_EQ(vs.efer, 0x500);
    CHECK_EQ(vs.rflags, 2);
    CHECK_EQ(vs.seg[SEG_CS].sel, 0x10);
    CHECK_EQ(vs.seg[SEG_CS].attr, 0xa9b);
    CHECK_EQ(vs.seg[SEG_DS].sel, 0x18);
    CHECK_EQ(vs.seg[SEG_SS].sel, 0x18);
    CHECK_EQ(vs.seg[SEG_TR].attr, 0x8b);
    CHECK_EQ(vs.dirty, VS_RIP | VS_CR | VS_SEG);
    CHECK_EQ(vs.gpr[GPR_RBX] | vs.gpr[GPR_RBP] | vs.gpr[GPR_RDI], 0);
    /* The descriptors that the selectors name agree with the hidden parts. */
    uint64_t gdt = vs.seg[SEG_GDTR].base;
    CHECK(vs.seg[SEG_GDTR].limit >= 0x2f);
    CHECK_EQ(guest(gdt + 0x10, 8), 0x00af9b000000ffff);
    CHECK_EQ(guest(gdt + 0x18, 8), 0x00cf93000000ffff);
    /* Identity map of the first 4 GiB, by the walker itself. */
    struct mem_paging paging = { vs.cr0, vs.cr3, vs.cr4, vs.efer, vs.rflags, false };
    static const uint64_t probe[] = { 0, 0x10000, 0x1000200, 0xfffff123, 0x80000000, 0xffffffff };
    for (unsigned i = 0; i < sizeof probe / sizeof probe[0]; i++) {
        gpa_t out;
        uint32_t error;
        CHECK_EQ(mem_walk(&mem, &paging, probe[i], WALK_WRITE, &out, &error), ST_OK);
        CHECK_EQ(out.v, probe[i]);
    }
}

static void check_e820(uint64_t bp, uint64_t ram)
{
    unsigned n = (unsigned)guest(bp + 0x1e8, 1);
    uint64_t total = 0, last = 0;
    CHECK(n > 0 && n <= 128);
    for (unsigned i = 0; i < n; i++) {
        uint64_t base = guest(bp + 0x2d0 + 20 * i, 8), len = guest(bp + 0x2d8 + 20 * i, 8);
        CHECK(base >= last);
        last = base + len;
        if (guest(bp + 0x2e0 + 20 * i, 4) == 1) {
            total += len;
            CHECK(mem_ptr(&mem, (gpa_t){ base }, len) != NULL);
        }
    }
    CHECK_EQ(total, ram - 0x60400);              /* all but 9fc00h..fffffh */
}

/* dma = unprotected: all that Linux gets to know as RAM is one to one, but for the first 640 KiB. */
static void direct(void)
{
    const uint64_t at = 0x30000000, end = at + 48 * MIB;
    make(64 * MIB);
    mem_init(&mem, mem.base, 64 * MIB, at);
    image.initrd = (struct boot_file){ initrd, sizeof initrd, "initrd" };
    CHECK_EQ(load(), ST_OK);
    check_state(at);
    CHECK(memcmp(mem.base + at, kernel + 5 * 512, KERNEL_LEN - 5 * 512) == 0);
    uint64_t bp = vs.gpr[GPR_RSI], where = guest(bp + 0x218, 4), ram = 0, last = 0;
    CHECK_EQ(guest(bp + 0x214, 4), at);
    CHECK(where + sizeof initrd <= end && where + sizeof initrd + 0x1000 > end);
    CHECK(memcmp(mem.base + where, initrd, sizeof initrd) == 0);
    for (unsigned i = 0; i < guest(bp + 0x1e8, 1); i++) {
        uint64_t base = guest(bp + 0x2d0 + 20 * i, 8), len = guest(bp + 0x2d8 + 20 * i, 8);
        CHECK(base >= last);
        last = base + len;
        if (guest(bp + 0x2e0 + 20 * i, 4) != 1)
            continue;
        CHECK((base == 0 && len == 0x9fc00) || (base == at && len == 48 * MIB));
        ram += len;
    }
    CHECK_EQ(ram, 0x9fc00 + 48 * MIB);
    put(0x258, at + 3 * MIB, 8);                 /* it would rather be elsewhere, in there */
    CHECK_EQ(load(), ST_OK);
    check_state(at + 4 * MIB);
    put(0x22c, 0x2fffffff, 4);                   /* an initrd below its memory cannot be */
    CHECK_EQ(load(), ST_NOSPACE);
    CHECK(strstr(reason.text, "initrd"));
    put(0x22c, 0x7fffffff, 4);
    put(0x258, end - 4 * MIB, 8);
    CHECK_EQ(load(), ST_NOSPACE);
    CHECK(strstr(reason.text, "needs 8 MiB"));
    put(0x258, ~0xfffull, 8);                    /* rounding it up would wrap */
    CHECK_EQ(load(), ST_NOSPACE);
    put(0x258, 16 * MIB, 8);
    put(0x230, 0x300000, 4);
    CHECK_EQ(load(), ST_UNSUPP);
    put(0x230, 0, 4);
    CHECK_EQ(load(), ST_OK);
    put(0x234, 0, 1);
    CHECK_EQ(load(), ST_UNSUPP);
    CHECK(strstr(reason.text, "cannot be moved"));
}

static void good(void)
{
    make(64 * MIB);
    image.initrd = (struct boot_file){ initrd, sizeof initrd, "initrd" };
    CHECK_EQ(load(), ST_OK);
    check_state(16 * MIB);
    uint64_t bp = vs.gpr[GPR_RSI];
    CHECK(memcmp(mem.base + 16 * MIB, kernel + 5 * 512, KERNEL_LEN - 5 * 512) == 0);
    CHECK(memcmp(mem.base + bp + 0x212, kernel + 0x212, 2) == 0);
    CHECK_EQ(guest(bp + 0x1fe, 2), 0xaa55);
    CHECK_EQ(guest(bp + 0x202, 4), 0x53726448);
    CHECK_EQ(guest(bp + 0x210, 1), 0xff);
    CHECK_EQ(guest(bp + 0x211, 1), 0x01);
    CHECK_EQ(guest(bp + 0x1f0, 1), 0);           /* nothing before the header */
    CHECK_EQ(guest(bp + 0x26c, 4), 0);           /* nothing behind it: it ends at 26ch */
    CHECK_EQ(guest(bp + 0x070, 8), 0xe0000);
    uint64_t at = guest(bp + 0x218, 4);
    CHECK_EQ(guest(bp + 0x21c, 4), sizeof initrd);
    CHECK_EQ(at & 0xfff, 0);
    CHECK(at + sizeof initrd <= 64 * MIB && at + sizeof initrd + 0x1000 > 64 * MIB);
    CHECK(memcmp(mem.base + at, initrd, sizeof initrd) == 0);
    CHECK_STR((char *)mem.base + guest(bp + 0x228, 4), cmdline);
    check_e820(bp, 64 * MIB);
    make(5120 * MIB);                            /* RAM above 4 GiB; initrd under its limit */
    put(0x22c, 0x37ffffff, 4);
    put(0x206, 0x20c, 2);
    image.initrd = (struct boot_file){ initrd, sizeof initrd, "initrd" };
    CHECK_EQ(load(), ST_OK);
    check_e820(vs.gpr[GPR_RSI], 5120 * MIB);
    CHECK_EQ(guest(vs.gpr[GPR_RSI] + 0x70, 8), 0);   /* 2.12 has no RSDP field */
    CHECK(guest(vs.gpr[GPR_RSI] + 0x218, 4) + sizeof initrd <= 0x38000000);
    make(24 * MIB);                              /* exactly enough */
    image.cmdline = "";
    CHECK_EQ(load(), ST_OK);
    CHECK_EQ(guest(vs.gpr[GPR_RSI] + 0x218, 4), 0);
}

static void real(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return;
    static uint8_t bytes[64 << 20];
    make(512 * MIB);
    image.kernel = (struct boot_file){ bytes, fread(bytes, 1, sizeof bytes, f), path };
    fclose(f);
    CHECK_EQ(load(), ST_OK);
    printf("%s: %s entry %lx\n", path, reason.text, vs.rip);
    CHECK_EQ(guest(vs.gpr[GPR_RSI] + 0x202, 4), 0x53726448);
}

int main(int argc, char **argv)
{
    refusals();
    good();
    direct();
    for (int i = 1; i < argc; i++)
        real(argv[i]);
    return unit_done();
}
