/* SPDX-License-Identifier: BSD-2-Clause */
/* Vector table for devices, per CPU. Written by the root thread, read by interrupt handlers. */
#include "kernel/irq/irq_vector.h"

#include "kernel/arch/hw.h"
#include "kernel/arch/lapic.h"
#include "kernel/config.h"

#define VECTORS  (VEC_DEVICE_LAST - VEC_DEVICE_FIRST + 1u)

_Static_assert(MAX_CPUS <= 64, "CPU sets are one word");

static uint64_t taken[MAX_CPUS][(VECTORS + 63) / 64];    /* root thread */
static unsigned next_vector;                             /* root thread: search starts here */
static struct irq_obj *target[MAX_CPUS][VECTORS];        /* atomic */

/* Odd while the CPU is inside a device handler. Pairs with irq_vector_unbind. */
static struct { uint64_t count, pad[7]; } inside[MAX_CPUS] ALIGNED(64);

static bool is_taken(uint64_t cpus, unsigned i)
{
    for (uint64_t left = cpus; left != 0; left &= left - 1)
        if ((taken[__builtin_ctzll(left)][i / 64] & BIT64(i % 64)) != 0)
            return true;
    return false;
}

static void mark(uint64_t cpus, unsigned i, bool on)
{
    for (uint64_t left = cpus; left != 0; left &= left - 1) {
        uint64_t *word = &taken[__builtin_ctzll(left)][i / 64];
        *word = on ? *word | BIT64(i % 64) : *word & ~BIT64(i % 64);
    }
}

/* Next fit: a number that was just freed comes back last, long after a late interrupt. */
status_t irq_vector_alloc(uint64_t cpus, uint8_t *vector)
{
    for (unsigned n = 0; n < VECTORS; n++) {
        unsigned i = (next_vector + n) % VECTORS;
        if (is_taken(cpus, i))
            continue;
        mark(cpus, i, true);
        next_vector = (i + 1) % VECTORS;
        *vector = (uint8_t)(VEC_DEVICE_FIRST + i);
        return ST_OK;
    }
    return ST_NOSPACE;
}

static void point(uint64_t cpus, uint8_t vector, struct irq_obj *irq)
{
    KASSERT(vector >= VEC_DEVICE_FIRST && vector <= VEC_DEVICE_LAST);
    for (uint64_t left = cpus; left != 0; left &= left - 1)
        __atomic_store_n(&target[__builtin_ctzll(left)][vector - VEC_DEVICE_FIRST], irq, __ATOMIC_SEQ_CST);
}

void irq_vector_bind(uint64_t cpus, uint8_t vector, struct irq_obj *irq) { point(cpus, vector, irq); }

/* A handler takes no lock that the root thread may hold, so the wait is as short as a handler. */
void irq_vector_unbind(uint64_t cpus, uint8_t vector)
{
    point(cpus, vector, NULL);
    for (uint64_t left = cpus; left != 0; left &= left - 1) {
        uint64_t *count = &inside[__builtin_ctzll(left)].count;
        uint64_t before = __atomic_load_n(count, __ATOMIC_SEQ_CST);
        while ((before & 1) != 0 && __atomic_load_n(count, __ATOMIC_SEQ_CST) == before)
            hw_pause();
    }
}

void irq_vector_free(uint64_t cpus, uint8_t vector)
{
    KASSERT(is_taken(cpus, vector - VEC_DEVICE_FIRST));
    mark(cpus, vector - VEC_DEVICE_FIRST, false);
}

struct irq_obj *irq_vector_begin(uint32_t cpu, unsigned vector)
{
    KASSERT(cpu < MAX_CPUS && vector >= VEC_DEVICE_FIRST && vector <= VEC_DEVICE_LAST);
    __atomic_fetch_add(&inside[cpu].count, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&target[cpu][vector - VEC_DEVICE_FIRST], __ATOMIC_SEQ_CST);
}

void irq_vector_end(uint32_t cpu) { __atomic_fetch_add(&inside[cpu].count, 1, __ATOMIC_RELEASE); }
