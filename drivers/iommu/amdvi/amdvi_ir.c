/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping [AMD-Vi 2.2.5]: a table for each requester that has entries, found through its device table
 * entry; so nobody can name another's. A message's data is the index. Its bits 10:8 are also the delivery mode, which
 * must stay fixed: 256 entries. An index of an I/O APIC's table is the vector that its pin's entry holds, which
 * end-of-interrupt matches.
 */
#include "drivers/iommu/amdvi/amdvi.h"

#define IRTES       256u
#define IRTES_LOG2    8u
#define IRT_ORDER     1u

struct amdvi_irt {
    union {
        uint32_t brief[IRTES];                        /* without GA_EN */
        struct { uint64_t lo, hi; } wide[IRTES];
    };
    struct idpool ids;                                /* behind what the unit reads */
    uint64_t words[IDPOOL_WORDS(IRTES)];
};
_Static_assert(sizeof(struct amdvi_irt) <= PAGE_SIZE << IRT_ORDER, "interrupt table");

static struct amdvi_irt *table_of(const struct amdvi_unit *u, uint16_t rid)
{
    uint64_t table = u->dte[rid].q[2] & DTE_INT_ROOT;
    return table != 0 ? pmm_va((hpa_t){ table }) : NULL;
}

/* The entry's word for interrupts, confirmed: one store. */
static status_t point(struct amdvi_unit *u, uint16_t rid, uint64_t word)
{
    amdvi_store(&u->dte[rid].q[2], DTE_IV | word);
    return amdvi_cmd(u, CMD_INV_DTE | rid, CMD_INV_INT | rid);
}

/* A run of several vectors begins at a multiple of their number: the device replaces low bits of its message. Index 0
 * is never used, so the first multiple of a vector is the vector itself. */
status_t amdvi_irte_alloc(struct irte_run *run, uint32_t index)
{
    struct amdvi_unit *u = &amdvi_unit[run->unit];
    struct amdvi_irt *irt = table_of(u, run->rid);
    uint32_t align = 1;
    if (run->count >= IRTES)
        return ST_NOSPACE;
    while (align < run->count)
        align *= 2;
    if (!irt) {
        irt = pmm_alloc_order(IRT_ORDER);
        if (!irt)
            return ST_NOSPACE;
        idpool_init(&irt->ids, irt->words, 1, IRTES);
    }
    /* On error the table stays: nothing in it is on. */
    TRY(point(u, run->rid, FIELD_PREP(DTE_INT_CTL, 2) | FIELD_PREP(DTE_INT_LEN, IRTES_LOG2) | pmm_pa(irt).v));
    TRY(idpool_alloc(&irt->ids, run->count, MAX(align, index), &run->first));
    if (index == 0 || run->first == index)
        return ST_OK;
    idpool_free(&irt->ids, run->first);
    return ST_BUSY;
}

/* lo 0: off. */
static void store(const struct amdvi_unit *u, struct amdvi_irt *irt, uint32_t i, uint32_t lo, uint8_t vector)
{
    if (!(u->control & CTL_GA_EN)) {
        __atomic_store_n(&irt->brief[i], lo ? lo | (uint32_t)FIELD_PREP(INT_VEC, vector) : 0, __ATOMIC_RELEASE);
        return;
    }
    if (lo)
        amdvi_store(&irt->wide[i].hi, vector);
    amdvi_store(&irt->wide[i].lo, lo);
}

/* Confirmed; else off rather than guessed. A live entry changes by one store; where two words of it differ, it is off
 * in between. */
static status_t put(const struct irte_run *run, uint32_t i, uint32_t lo, uint8_t vector)
{
    struct amdvi_unit *u = &amdvi_unit[run->unit];
    struct amdvi_irt *irt = table_of(u, run->rid);
    KASSERT(irt && idpool_is_taken(&irt->ids, i));
    if (u->control & CTL_GA_EN && lo && irt->wide[i].lo & INT_EN && irt->wide[i].hi != vector)
        TRY(put(run, i, 0, 0));
    store(u, irt, i, lo, vector);
    status_t st = amdvi_cmd(u, CMD_INV_INT | run->rid, 0);
    if (st != ST_OK)
        store(u, irt, i, 0, 0);
    return st;
}

/* Edge or level is the message's own. */
status_t amdvi_irte_set(const struct irte_run *run, uint32_t i, uint32_t apic_id, uint8_t vector, bool level)
{
    const uint32_t dest = amdvi_unit[run->unit].control & CTL_XT_EN ? INT_DEST24 : INT_DEST8;
    if (!FIELD_FITS(dest, apic_id))
        return ST_RANGE;
    return put(run, i, vector == 0 ? 0 : INT_EN | (level ? INT_RQ_EOI : 0) | (uint32_t)FIELD_PREP(dest, apic_id), vector);
}

/* Without entries the requester has no table; one that the unit may still read is given up. */
void amdvi_irte_free(const struct irte_run *run)
{
    struct amdvi_unit *u = &amdvi_unit[run->unit];
    struct amdvi_irt *irt = table_of(u, run->rid);
    for (uint32_t i = 0; i < run->count; i++)
        idpool_free(&irt->ids, run->first + i);
    if (irt->ids.used == 0 && point(u, run->rid, 0) == ST_OK)
        pmm_free_order(irt, IRT_ORDER);
}

void amdvi_irte_msi(const struct irte_run *run, uint64_t *addr, uint32_t *data)
{
    *addr = MSI_BASE;
    *data = run->first;                    /* a device with several vectors replaces low bits */
}

uint64_t amdvi_irte_rte(const struct irte_run *run, uint64_t rte) { return (rte & ~INT_RTE) | run->first; }
