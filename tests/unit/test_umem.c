/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/mm/umem.c kernel/mm/extent.c tests/unit/fake/hw.c */
#include "kernel/mm/umem.h"

#include <stdlib.h>

#include "kernel/arch/percpu.h"
#include "kernel/arch/upcall.h"
#include "kernel/mm/space.h"
#include "tests/unit/unit.h"

#define RAM   (16u << 20)
static uint8_t *ram;                       /* physical address 0 */
static unsigned points;
struct percpu fake_percpu;

void *space_window(hpa_t pa, uint64_t size)
{
    CHECK((size == 4096 || size == 0x200000) && pa.v + size <= RAM && (pa.v & (size - 1)) == 0);
    return ram + pa.v;
}
void upcall_preempt_point(void) { points++; }

static bool is_filled(uint64_t pa, uint64_t len, uint8_t v)
{
    for (uint64_t i = 0; i < len; i++)
        if (ram[pa + i] != v)
            return false;
    return true;
}

static void start(void)
{
    memset(ram, 0x5a, RAM);
    static const struct bootinfo bi = { .ranges = 4, .range = {
        { 0x1000, 0x1ff000, BOOT_RAM, 0 }, { 0x200000, 0x100000, BOOT_USED, 0 }, { 0x300000, 0xc00000, BOOT_RAM, 0 },
        { 0xf00000, 0x100000, BOOT_POOL, 0 } } };
    umem_init(&bi);
    CHECK_EQ(umem_total(), 0xdff000);
    CHECK_EQ(umem_free_bytes(), 0xdff000);
    CHECK_EQ(umem_largest(), 0xc00000);
}

static void arguments(void)
{
    hpa_t a;
    CHECK_EQ(umem_alloc(0, 4096, &a), ST_INVAL);
    CHECK_EQ(umem_alloc(100, 4096, &a), ST_INVAL);
    CHECK_EQ(umem_alloc(4096, 100, &a), ST_INVAL);
    CHECK_EQ(umem_alloc(4096, 12288, &a), ST_INVAL);
    CHECK_EQ(umem_alloc(0xc01000, 4096, &a), ST_NOSPACE);
    CHECK_EQ(umem_alloc(~0xfffull, 4096, &a), ST_NOSPACE);
    CHECK_EQ(umem_free_bytes(), umem_total());
}

static void clears(void)
{
    hpa_t a, b, c;
    CHECK_EQ(umem_alloc(0x500000, 0x200000, &a), ST_OK);
    CHECK_EQ(a.v, 0x400000);
    CHECK(is_filled(a.v, 0x500000, 0));
    CHECK(is_filled(0x3ff000, 0x1000, 0x5a) && is_filled(0x900000, 0x1000, 0x5a));   /* neighbours untouched */
    CHECK_EQ(umem_alloc(0x1000, 0x1000, &b), ST_OK);
    CHECK_EQ(b.v, 0x1000);
    CHECK(is_filled(b.v, 0x1000, 0));
    memset(ram + a.v, 0x77, 0x500000);
    umem_free(a, 0x500000);
    CHECK(is_filled(a.v, 0x500000, 0));               /* nothing outlives the owner */
    CHECK_EQ(umem_alloc(0x600000, 0x1000, &c), ST_OK);
    CHECK_EQ(c.v, 0x300000);
    CHECK(is_filled(c.v, 0x600000, 0));               /* leftovers on both sides of the clean part */
    umem_free(c, 0x600000);
    umem_free(b, 0x1000);
    CHECK_EQ(umem_free_bytes(), umem_total());
    CHECK_EQ(umem_largest(), 0xc00000);
}

/* More holes than rows: allocation ends with a status, and freeing everything always works. */
static void many(void)
{
    static hpa_t held[4000];
    unsigned n = 0;
    start();
    while (n < 4000 && umem_alloc(0x1000, 0x1000, &held[n]) == ST_OK)
        n++;
    CHECK(n >= 1000 && n < 1024);
    for (unsigned i = 0; i < n; i += 2)
        umem_free(held[i], 0x1000);
    for (unsigned i = 1; i < n; i += 2)
        umem_free(held[i], 0x1000);
    CHECK_EQ(umem_free_bytes(), umem_total());
    CHECK_EQ(umem_largest(), 0xc00000);
}

static void preempts(void)
{
    hpa_t a;
    start();
    points = 0;
    CHECK_EQ(umem_alloc(0x800000, 0x200000, &a), ST_OK);
    CHECK_EQ(points, 0);                              /* while booting: no thread */
    fake_percpu.current = (struct thread *)(void *)ram;
    umem_free(a, 0x800000);
    CHECK_EQ(points, 4);
    fake_percpu.current = NULL;
}

int main(void)
{
    ram = aligned_alloc(0x200000, RAM);
    CHECK(ram != NULL);
    if (ram) {
        start();
        arguments();
        clears();
        many();
        preempts();
    }
    free(ram);
    return unit_done();
}
