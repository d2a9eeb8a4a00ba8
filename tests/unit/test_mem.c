/* link: vmm/mem.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory bounds and the page-table walk in every paging mode. */
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "vmm/mem.h"
#include "vmm/start_page.h"

#define LOW   0x400000ull
#define SPAN  0x180000000ull         /* address space behind the fake, untouched pages cost nothing */

static struct guest_mem mem;

static void put64(uint64_t gpa, uint64_t v) { memcpy(mem.base + gpa, &v, 8); }
static void put32(uint64_t gpa, uint32_t v) { memcpy(mem.base + gpa, &v, 4); }
static uint64_t get64(uint64_t gpa) { uint64_t v; memcpy(&v, mem.base + gpa, 8); return v; }
static uint32_t get32(uint64_t gpa) { uint32_t v; memcpy(&v, mem.base + gpa, 4); return v; }

static void bounds(void)
{
    struct guest_mem small;
    mem_init(&small, mem.base, LOW, 0);
    CHECK(mem_ptr(&small, (gpa_t){ 0 }, LOW) == mem.base);
    CHECK(mem_ptr(&small, (gpa_t){ 0 }, LOW + 1) == NULL);
    CHECK(mem_ptr(&small, (gpa_t){ LOW - 1 }, 1) == mem.base + LOW - 1);
    CHECK(mem_ptr(&small, (gpa_t){ LOW - 1 }, 2) == NULL);
    CHECK(mem_ptr(&small, (gpa_t){ ~0ull }, 2) == NULL);
    CHECK(mem_ptr(&small, (gpa_t){ 4 }, ~0ull) == NULL);
    CHECK(mem_ptr(&small, (gpa_t){ 0x100000000ull }, 1) == NULL);
    CHECK(mem_ptr(&small, (gpa_t){ 0 }, 0) == NULL);
    struct guest_mem big;
    mem_init(&big, mem.base, 0xc0000000ull + 0x200000, 0);
    CHECK_EQ(big.low, 0xc0000000ull);
    CHECK_EQ(big.high, 0x100200000ull);
    CHECK(mem_ptr(&big, (gpa_t){ 0xbfffffff }, 1) != NULL);
    CHECK(mem_ptr(&big, (gpa_t){ 0xbfffffff }, 2) == NULL);
    CHECK(mem_ptr(&big, (gpa_t){ 0xfffffffff }, 1) == NULL);
    CHECK(mem_ptr(&big, (gpa_t){ 0xffffffff }, 2) == NULL);
    CHECK(mem_ptr(&big, (gpa_t){ 0x100000000ull }, 0x200000) == mem.base + 0x100000000ull);
    CHECK(mem_ptr(&big, (gpa_t){ 0x100000000ull }, 0x200001) == NULL);
    struct guest_mem direct;
    mem_init(&direct, mem.base, GUEST_RAM_BOOT + 0x200000, 0x50000000);
    CHECK(direct.one_to_one && !big.one_to_one);
    CHECK(mem_ptr(&direct, (gpa_t){ 0 }, GUEST_RAM_BOOT) == mem.base);
    CHECK(mem_ptr(&direct, (gpa_t){ 0 }, GUEST_RAM_BOOT + 1) == NULL);
    CHECK(mem_ptr(&direct, (gpa_t){ 0x4fffffff }, 1) == NULL);
    CHECK(mem_ptr(&direct, (gpa_t){ 0x50000000 }, 0x200000) == mem.base + 0x50000000);
    CHECK(mem_ptr(&direct, (gpa_t){ 0x50000000 }, 0x200001) == NULL);
    CHECK(mem_ptr(&direct, (gpa_t){ 0x100000000ull }, 1) == NULL);
    mem_init(&direct, mem.base, GUEST_RAM_BOOT, 0x50000000);
    CHECK(mem_ptr(&direct, (gpa_t){ 0x50000000 }, 1) == NULL);
    uint32_t v = 7;
    CHECK_EQ(mem_write(&small, (gpa_t){ 16 }, &v, 4), ST_OK);
    v = 0;
    CHECK_EQ(mem_read(&small, (gpa_t){ 16 }, &v, 4), ST_OK);
    CHECK_EQ(v, 7);
    CHECK_EQ(mem_zero(&small, (gpa_t){ 16 }, 4), ST_OK);
    CHECK_EQ(get32(16), 0);
    CHECK_EQ(mem_read(&small, (gpa_t){ LOW }, &v, 4), ST_RANGE);
    CHECK_EQ(mem_write(&small, (gpa_t){ LOW }, &v, 4), ST_RANGE);
    CHECK_EQ(mem_zero(&small, (gpa_t){ LOW }, 4), ST_RANGE);
}

static status_t walk(const struct mem_paging *p, uint64_t va, unsigned access, uint64_t *gpa, uint32_t *err)
{
    gpa_t out = { ~0ull };
    status_t st = mem_walk(&mem, p, va, access, &out, err);
    *gpa = out.v;
    return st;
}

#define PG   0x80000001ull
#define WP   0x10000ull

static void unpaged(void)
{
    struct mem_paging p = { .cr0 = 1 };
    uint64_t gpa;
    uint32_t err;
    CHECK_EQ(walk(&p, 0x1234567812345678ull, WALK_WRITE, &gpa, &err), ST_OK);
    CHECK_EQ(gpa, 0x12345678);
}

static void two_level(void)
{
    struct mem_paging p = { .cr0 = PG, .cr3 = 0x1000, .cr4 = 0x10 };
    uint64_t gpa;
    uint32_t err;
    put32(0x1000 + 4 * 1, 0x2000 | 7);           /* va 400000.. */
    put32(0x1000 + 4 * 2, 0x00800000 | 0x87 | 1u << 13);   /* 4 MiB at 1_00800000 (PSE-36) */
    put32(0x1000 + 4 * 3, 0x200000 | 7);
    put32(0x2000 + 4 * 5, 0x9000 | 7);
    put32(0x2000 + 4 * 6, 0xa000 | 5);           /* read-only */
    CHECK_EQ(walk(&p, 0xff00000000405123ull, WALK_READ, &gpa, &err), ST_OK);
    CHECK_EQ(gpa, 0x9123);
    CHECK_EQ(get32(0x2000 + 4 * 5), 0x9027);
    CHECK_EQ(get32(0x1004), 0x2027);
    CHECK_EQ(walk(&p, 0x405ffc, WALK_WRITE, &gpa, &err), ST_OK);
    CHECK_EQ(get32(0x2000 + 4 * 5), 0x9067);
    CHECK_EQ(walk(&p, 0x0080abcd, WALK_READ, &gpa, &err), ST_OK);
    CHECK_EQ(gpa, 0x10080abcdull);
    CHECK_EQ(walk(&p, 0x407000, WALK_READ, &gpa, &err), ST_FAULT);
    CHECK_EQ(err, 0);
    CHECK_EQ(walk(&p, 0x406000, WALK_WRITE, &gpa, &err), ST_OK);    /* supervisor, WP off */
    p.cr0 |= WP;
    CHECK_EQ(walk(&p, 0x406000, WALK_WRITE, &gpa, &err), ST_FAULT);
    CHECK_EQ(err, 3);
    p.user = true;
    CHECK_EQ(walk(&p, 0x406000, WALK_WRITE, &gpa, &err), ST_FAULT);
    CHECK_EQ(err, 7);
    p.cr4 = 0;                                    /* without PSE bit 7 means nothing: a table at 800000 */
    CHECK_EQ(walk(&p, 0x0080abcd, WALK_READ, &gpa, &err), ST_RANGE);
}

static void pae(void)
{
    struct mem_paging p = { .cr0 = PG | WP, .cr3 = 0x3020, .cr4 = 0x20, .efer = 0x800 };
    uint64_t gpa;
    uint32_t err;
    put64(0x3020 + 8 * 3, 0x4000 | 1);            /* va c0000000.. */
    put64(0x4000, 0x5000 | 3);
    put64(0x4008, 0x600000 | 0x83);
    put64(0x5000, 0x8000000000007003ull);
    CHECK_EQ(walk(&p, 0xc0000004, WALK_WRITE, &gpa, &err), ST_OK);
    CHECK_EQ(gpa, 0x7004);
    CHECK_EQ(get64(0x3020 + 24), 0x4001);         /* no accessed bit there */
    CHECK_EQ(walk(&p, 0xc0000004, WALK_FETCH, &gpa, &err), ST_FAULT);
    CHECK_EQ(err, 0x11);
    CHECK_EQ(walk(&p, 0xc0212345, WALK_FETCH, &gpa, &err), ST_OK);
    CHECK_EQ(gpa, 0x612345);
    CHECK_EQ(walk(&p, 0x10, WALK_FETCH, &gpa, &err), ST_FAULT);
    CHECK_EQ(err, 0x10);
    p.efer = 0;
    CHECK_EQ(walk(&p, 0x10, WALK_FETCH, &gpa, &err), ST_FAULT);
    CHECK_EQ(err, 0);
    p.user = true;
    CHECK_EQ(walk(&p, 0xc0212345, WALK_READ, &gpa, &err), ST_FAULT);
    CHECK_EQ(err, 5);
    CHECK_EQ(walk(&p, 0xc0212345, WALK_READ | WALK_SYSTEM, &gpa, &err), ST_OK);
}

static void four_level(void)
{
    struct mem_paging p = { .cr0 = PG | WP, .cr3 = 0x10000, .cr4 = 0x20, .efer = 0xd00 };
    uint64_t gpa, va = 0xffff800000000000ull;
    uint32_t err;
    put64(0x10000 + 8 * 256, 0x11000 | 7);
    put64(0x11000, 0x12000 | 7);
    put64(0x11008, 0x40000000 | 0x87);            /* 1 GiB */
    put64(0x12000, 0x13000 | 7);
    put64(0x12008, 0x200000 | 0x87);              /* 2 MiB */
    put64(0x13000, 0x14000 | 7);
    put64(0x13008, 0x15000 | 3);
    CHECK_EQ(walk(&p, va + 0x123, WALK_READ, &gpa, &err), ST_OK);
    CHECK_EQ(gpa, 0x14123);
    CHECK_EQ(walk(&p, va + 0x3fffff, WALK_WRITE, &gpa, &err), ST_OK);
    CHECK_EQ(gpa, 0x3fffff);
    CHECK_EQ(get64(0x12008), 0x2000e7);
    CHECK_EQ(walk(&p, va + 0x40000000 + 0x1fffffff, WALK_READ, &gpa, &err), ST_OK);
    CHECK_EQ(gpa, 0x5fffffffull);
    p.cr4 |= 1 << 20 | 1 << 21;                   /* SMEP, SMAP: all user pages */
    CHECK_EQ(walk(&p, va, WALK_FETCH, &gpa, &err), ST_FAULT);
    CHECK_EQ(err, 0x11);
    CHECK_EQ(walk(&p, va, WALK_READ, &gpa, &err), ST_FAULT);
    CHECK_EQ(err, 1);
    p.rflags = 1 << 18;
    CHECK_EQ(walk(&p, va, WALK_READ, &gpa, &err), ST_OK);
    CHECK_EQ(walk(&p, va, WALK_READ | WALK_SYSTEM, &gpa, &err), ST_FAULT);
    CHECK_EQ(walk(&p, va + 0x1000, WALK_WRITE, &gpa, &err), ST_OK);
    p.user = true;
    CHECK_EQ(walk(&p, va + 0x1000, WALK_READ, &gpa, &err), ST_FAULT);
    CHECK_EQ(err, 5);
    p.cr3 = 0x7ffffffff000ull;                    /* tables outside RAM */
    CHECK_EQ(walk(&p, va, WALK_READ, &gpa, &err), ST_RANGE);
}

int main(void)
{
    void *base = mmap(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return 1;
    mem_init(&mem, base, LOW, 0);
    bounds();
    unpaged();
    two_level();
    pae();
    four_level();
    return unit_done();
}
