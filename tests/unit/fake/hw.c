/* SPDX-License-Identifier: BSD-2-Clause */
/* The body of the fake hardware: address ranges, hooks and time. */
#include "kernel/arch/hw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODELS 64

struct range { uint64_t base, len; void *model; fake_read_fn *read; fake_write_fn *write; };
static struct range ranges[MODELS];
static unsigned nranges;
static struct { void *model; void (*run)(void *); } running[MODELS];
struct fake_hw fake_hw = { .now_us = 1000, .step_us = 1 };

NORETURN void fake_die(const char *what, uint64_t value)
{
    printf("FAIL fake hardware: %s 0x%lx\n", what, (unsigned long)value);
    fflush(stdout);
    abort();
}

void fake_hw_reset(void)
{
    memset(&fake_hw, 0, sizeof fake_hw);
    fake_hw.now_us = 1000;
    fake_hw.step_us = 1;
    nranges = 0;
    memset(running, 0, sizeof running);
}

void fake_runs(void *model, void (*run)(void *))
{
    unsigned i = 0;
    while (running[i].model && running[i].model != model)
        if (++i == MODELS)
            fake_die("too many models run", 0);
    running[i].model = model;
    running[i].run = run;
}

void fake_mmio_remove(uint64_t base)
{
    for (unsigned i = 0; i < nranges; i++)
        if (ranges[i].base == base)
            ranges[i--] = ranges[--nranges];
}

void fake_mmio_register(uint64_t base, uint64_t len, void *model, fake_read_fn *read, fake_write_fn *write)
{
    fake_mmio_remove(base);
    if (nranges == MODELS)
        fake_die("too many models at", base);
    for (unsigned i = 0; i < nranges; i++)
        if (base < ranges[i].base + ranges[i].len && ranges[i].base < base + len)
            fake_die("models overlap at", base);
    ranges[nranges++] = (struct range){ base, len, model, read, write };
}

static struct range *find(uint64_t base, uint64_t len)
{
    for (unsigned i = 0; i < nranges; i++)
        if (base >= ranges[i].base && len <= ranges[i].len && base - ranges[i].base <= ranges[i].len - len)
            return &ranges[i];
    return NULL;
}

bool fake_mmio_covers(uint64_t base, uint64_t len) { return find(base, len) != NULL; }

void fake_step(void)
{
    fake_hw.now_us += fake_hw.step_us;
    for (unsigned i = 0; i < MODELS && running[i].model; i++)
        if (running[i].run)
            running[i].run(running[i].model);
}

static void trace(uint64_t addr, unsigned size, uint64_t value, bool write)
{
    fake_hw.trace[fake_hw.traced++ % FAKE_TRACE_MAX] = (struct fake_access){ addr, value, size, write };
}

static struct range *claim(uintptr_t a, unsigned size, const char *what)
{
    fake_hw.accesses++;
    fake_step();
    if (a % size != 0)
        fake_die("unaligned MMIO access", a);
    struct range *r = find(a, size);
    if (!r) {
        fake_hw.strays++;
        if (!fake_hw.allow_stray)
            fake_die(what, a);
    }
    return r;
}

uint64_t fake_mmio_read(uintptr_t a, unsigned size)
{
    struct range *r = claim(a, size, "MMIO read that no model claims:");
    uint64_t v = r ? r->read(r->model, a - r->base, size) : ~(uint64_t)0;
    if (fake_hw.lie)
        v = fake_hw.lie(a, size, v);
    if (size < 8)
        v &= (1ull << (8 * size)) - 1;
    trace(a, size, v, false);
    return v;
}

void fake_mmio_write(uintptr_t a, unsigned size, uint64_t v)
{
    struct range *r = claim(a, size, "MMIO write that no model claims:");
    trace(a, size, v, true);
    if (r && (!fake_hw.lose || !fake_hw.lose(a, size, v)))
        r->write(r->model, a - r->base, size, v);
}

uint32_t fake_port_in(uint16_t port, unsigned size)
{
    fake_hw.accesses++;
    fake_step();
    uint32_t ones = size == 4 ? ~0u : (1u << (8 * size)) - 1;
    return fake_hw.in ? fake_hw.in(port, size) & ones : ones;
}

void fake_port_out(uint16_t port, unsigned size, uint32_t value)
{
    fake_hw.accesses++;
    fake_step();
    if (fake_hw.out)
        fake_hw.out(port, size, value);
}

void fake_flush(const void *p, size_t len)
{
    fake_hw.flushes++;
    if (fake_hw.flush)
        fake_hw.flush(p, len);
}

uint64_t fake_rdmsr(uint32_t msr) { return fake_hw.rdmsr ? fake_hw.rdmsr(msr) : 0; }

void fake_wrmsr(uint32_t msr, uint64_t v)
{
    if (fake_hw.wrmsr)
        fake_hw.wrmsr(msr, v);
}

struct cpuid_regs fake_cpuid(uint32_t leaf, uint32_t sub)
{
    return fake_hw.cpuid ? fake_hw.cpuid(leaf, sub) : (struct cpuid_regs){ 0, 0, 0, 0 };
}
