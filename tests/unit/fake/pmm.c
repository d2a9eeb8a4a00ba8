/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake page allocator: arena with two views and a copy of unsnooped memory. */
#define _GNU_SOURCE
#include "tests/unit/fake/pmm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/arch/hw.h"
#include "kernel/mm/pmm.h"

#define BYTES ((size_t)FAKE_PMM_PAGES * PAGE_SIZE)

struct fake_pmm fake_pmm;
static unsigned char *alias, *memory;
static unsigned char order_of[FAKE_PMM_PAGES];   /* 0 free, 1 + order for a first page, 255 later page */
static size_t next_page;
extern int fake_pmm_new_prot;
int fake_pmm_new_prot = PROT_READ | PROT_WRITE;      /* storelog changes it */

static void setup(void)
{
    int fd = memfd_create("fake_pmm", 0);
    if (fd < 0 || ftruncate(fd, (off_t)BYTES) != 0)
        fake_die("no arena", 0);
    /* reserve with room to align to 2 MiB, as real pools are */
    unsigned char *room = mmap(NULL, BYTES + (2u << 20), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    unsigned char *at = (unsigned char *)(((uintptr_t)room + (2u << 20) - 1) & ~(uintptr_t)((2u << 20) - 1));
    fake_pmm.base = mmap(at, BYTES, PROT_NONE, MAP_SHARED | MAP_FIXED, fd, 0);
    alias = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fake_pmm.base == MAP_FAILED || alias == MAP_FAILED || memory == MAP_FAILED)
        fake_die("no arena", 1);
    close(fd);
}

bool fake_pmm_in_arena(const void *p)
{
    return (uintptr_t)p >= (uintptr_t)fake_pmm.base && (uintptr_t)p < (uintptr_t)fake_pmm.base + BYTES;
}

static size_t page_of(uint64_t pa)
{
    if (!fake_pmm_in_arena((const void *)(uintptr_t)pa))
        fake_die("address is not in the page pool:", pa);
    return (pa - (uintptr_t)fake_pmm.base) / PAGE_SIZE;
}

bool fake_pmm_owns(uint64_t pa) { return fake_pmm_in_arena((const void *)(uintptr_t)pa) && order_of[page_of(pa)] != 0; }

void *fake_pmm_alias(uint64_t pa)
{
    if (order_of[page_of(pa)] == 0)
        fake_die("a free page was touched:", pa);
    return alias + (pa - (uintptr_t)fake_pmm.base);
}

uint64_t fake_mem_read(uint64_t pa, bool snoop)
{
    uint64_t v;
    const unsigned char *from = fake_pmm_alias(pa);
    if (!snoop)
        from = memory + (pa - (uintptr_t)fake_pmm.base);
    memcpy(&v, from, sizeof v);
    return v;
}

void fake_mem_write(uint64_t pa, uint64_t value, unsigned size)
{
    memcpy(fake_pmm_alias(pa), &value, size);
    memcpy(memory + (pa - (uintptr_t)fake_pmm.base), &value, size);
}

static void flush_lines(const void *p, size_t len)
{
    if (!fake_pmm_in_arena(p))
        return;
    uintptr_t from = ((uintptr_t)p & ~(uintptr_t)63) - (uintptr_t)fake_pmm.base;
    uintptr_t to = (((uintptr_t)p + len + 63) & ~(uintptr_t)63) - (uintptr_t)fake_pmm.base;
    memcpy(memory + from, alias + from, to - from);
}

void fake_pmm_sync(void)
{
    for (size_t i = 0; i < FAKE_PMM_PAGES; i++)
        if (order_of[i] != 0)
            memcpy(memory + i * PAGE_SIZE, alias + i * PAGE_SIZE, PAGE_SIZE);
}

void fake_pmm_reset(void)
{
    if (!fake_pmm.base)
        setup();
    unsigned char *base = fake_pmm.base;
    fake_pmm = (struct fake_pmm){ .budget = ~0ull, .base = base };
    memset(order_of, 0, sizeof order_of);
    mprotect(base, BYTES, PROT_NONE);
    next_page = 0;
    fake_hw.flush = flush_lines;
}

static bool run_free(size_t at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (order_of[at + i] != 0)
            return false;
    return true;
}

/* Walks round the arena, so that a freed page is not reused at once. */
static size_t find_run(size_t count)
{
    size_t at = (next_page + count - 1) & ~(count - 1);
    for (size_t tries = 0; tries <= FAKE_PMM_PAGES / count; tries++, at += count) {
        if (at + count > FAKE_PMM_PAGES)
            at = 0;
        if (run_free(at, count))
            return at;
    }
    return FAKE_PMM_PAGES;
}

void *pmm_alloc_order(unsigned order)
{
    size_t count = (size_t)1 << order;
    KASSERT(order <= 9);
    if (!fake_pmm.base)
        fake_pmm_reset();
    if (fake_pmm.budget != ~0ull && fake_pmm.budget < count)
        return NULL;
    size_t at = find_run(count);
    if (at == FAKE_PMM_PAGES)
        return NULL;
    if (fake_pmm.budget != ~0ull)
        fake_pmm.budget -= count;
    memset(order_of + at, 255, count);
    order_of[at] = (unsigned char)(1 + order);
    next_page = at + count;
    fake_pmm.in_use += count;
    fake_pmm.allocs++;
    unsigned char *p = fake_pmm.base + at * PAGE_SIZE;
    mprotect(p, count * PAGE_SIZE, fake_pmm_new_prot);
    memset(alias + at * PAGE_SIZE, 0, count * PAGE_SIZE);
    memset(memory + at * PAGE_SIZE, 0xff, count * PAGE_SIZE);
    return p;
}

void *pmm_alloc(void) { return pmm_alloc_order(0); }

void pmm_free_order(void *pages, unsigned order)
{
    if (!pages)
        return;
    size_t at = page_of((uintptr_t)pages), count = (size_t)1 << order;
    if ((uintptr_t)pages % PAGE_SIZE != 0 || order_of[at] != 1 + order)
        fake_die("page freed that was not allocated so:", (uintptr_t)pages);
    memset(order_of + at, 0, count);
    mprotect(pages, count * PAGE_SIZE, PROT_NONE);
    fake_pmm.in_use -= count;
    fake_pmm.frees++;
}

void pmm_free(void *page) { pmm_free_order(page, 0); }

hpa_t pmm_pa(const void *page)
{
    if (!fake_pmm_in_arena(page))
        fake_die("pmm_pa of a pointer outside the pool:", (uintptr_t)page);
    return (hpa_t){ (uintptr_t)page };
}

void *pmm_va(hpa_t pa)
{
    if (!fake_pmm_in_arena((const void *)(uintptr_t)pa.v))
        fake_die("pmm_va of an address outside the pool:", pa.v);
    return (void *)(uintptr_t)pa.v;
}

static struct spare { struct spare *next; size_t bytes; } *spares;

void *fake_table(size_t bytes)
{
    for (struct spare **at = &spares; *at; at = &(*at)->next)
        if ((*at)->bytes == bytes) {
            struct spare *s = *at;
            *at = s->next;
            return memset(s + 1, 0, bytes);
        }
    struct spare *s = calloc(1, sizeof *s + bytes);
    if (!s)
        fake_die("no memory", bytes);
    s->bytes = bytes;
    return s + 1;
}

void fake_table_back(void *table)
{
    struct spare *s = table;
    if (s) {
        (--s)->next = spares;
        spares = s;
    }
}
