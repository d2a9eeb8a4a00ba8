/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AMD-Vi units of the machine: from IVRS to a list of units, and the questions about requesters,
 * reserved regions and I/O APICs. Everything here is const after amdvi_list.
 */
#include "drivers/iommu/amdvi/amdvi.h"

#define IVINFO_VA_SIZE  MASK32(21, 15)      /* [AMD-Vi 5.2.1] */

struct amdvi_unit amdvi_unit[IOMMU_UNITS];
static struct ivrs ivrs;

uint32_t amdvi_address_bits(void)
{
    uint32_t says = (uint32_t)FIELD_GET(IVINFO_VA_SIZE, ivrs.info), bits = 12 + 9 * AMDVI_LEVELS;
    return says != 0 ? MIN(says, bits) : bits;
}

static bool is_alias(const struct ivrs_entry *e) { return e->type == IVHD_ALIAS || e->type == IVHD_ALIAS_START; }

/* The id that requests of a function carry, by the last entry that names it; an alias is covered with those that
 * use it. False: the unit does not cover it. */
static bool covers(const struct ivrs_unit *fw, struct bdf src, uint16_t *rid)
{
    const uint16_t id = bdf_rid(src);
    bool found = false;
    for (const struct ivrs_entry *e = ivrs.entry + fw->entry; fw->fn.seg == src.seg && e < ivrs.entry + fw->end; e++)
        if ((id >= e->first && id <= e->last) || (is_alias(e) && id == e->alias)) {
            *rid = is_alias(e) ? e->alias : id;
            found = true;
        }
    return found;
}

/* Should several units say that they cover it, one that is not on goes first. */
struct iommu_unit *amdvi_covering(struct bdf src, uint16_t *rid)
{
    struct iommu_unit *found = NULL;
    for (struct amdvi_unit *u = amdvi_unit; u < amdvi_unit + iommu_units; u++)
        if ((!found || u->core.status != ST_OK) && covers(u->fw, src, rid))
            found = &u->core;
    return found;
}

status_t amdvi_list(const uint8_t *table, size_t len)
{
    memset(amdvi_unit, 0, sizeof amdvi_unit);
    TRY(ivrs_parse(table, len, &ivrs));
    iommu_log_notes("IVRS", &ivrs.notes);
    for (iommu_units = 0; iommu_units < ivrs.units; iommu_units++) {
        const struct ivrs_unit *fw = &ivrs.unit[iommu_units];
        struct amdvi_unit *u = &amdvi_unit[iommu_units];
        u->fw = fw;
        u->core.base = fw->base;
        u->core.seg = fw->fn.seg;
        u->core.broken = fw->broken;
        iommu_unit[iommu_units] = &u->core;
    }
    return ivrs.lost;
}

static bool names(const struct ivrs_region *r, uint16_t id) { return id >= r->first && id <= r->last; }

/* [AMD-Vi 5.2.2.1] An excluded range has both rights; one that is neither is only to be kept free. */
static unsigned prot_of(const struct ivrs_region *r)
{
    if ((r->flags & IVMD_EXCLUDED) != 0)
        return PT_R | PT_W;
    return (r->flags & IVMD_UNITY) == 0 ? 0 : ((r->flags & IVMD_READ) != 0 ? PT_R : 0) | ((r->flags & IVMD_WRITE) != 0 ? PT_W : 0);
}

/* By the function's own id, or by the one that its requests carry. */
bool amdvi_reserved(struct bdf fn, uint32_t nth, struct iommu_region *out)
{
    uint16_t id = bdf_rid(fn), rid = id;
    (void)amdvi_covering(fn, &rid);
    for (const struct ivrs_region *r = ivrs.region; r < ivrs.region + ivrs.regions; r++)
        if (r->seg == fn.seg && (names(r, id) || names(r, rid)) && nth-- == 0) {
            *out = (struct iommu_region){ r->base, r->len, prot_of(r) };
            return true;
        }
    return false;
}

/* What firmware names as the I/O APIC with this id; ~0: any. */
static const struct ivrs_unit *find_ioapic(uint32_t id, uint16_t *rid)
{
    for (const struct ivrs_unit *fw = ivrs.unit; fw < ivrs.unit + ivrs.units; fw++)
        for (const struct ivrs_entry *e = ivrs.entry + fw->entry; e < ivrs.entry + fw->end; e++)
            if (e->type == IVHD_SPECIAL && e->variety == IVHD_IOAPIC && (id == ~0u || e->handle == id)) {
                *rid = e->first;
                return fw;
            }
    return NULL;
}

status_t amdvi_ioapic(uint8_t id, struct bdf *src)
{
    uint16_t rid = 0;
    const struct ivrs_unit *fw = find_ioapic(id, &rid);
    if (!fw)
        return ST_NOTFOUND;
    *src = bdf_of_rid(rid);
    src->seg = fw->fn.seg;
    return ST_OK;
}

bool amdvi_lists_ioapic(void)
{
    uint16_t rid;
    return find_ioapic(~0u, &rid) != NULL;
}

void amdvi_info(const struct amdvi_unit *u, struct info_iommu *out)
{
    out->translation = out->ir = u->control & CTL_IOMMU_EN;
    out->domains = 65536;
    out->address_bits = amdvi_address_bits();
    out->page_sizes = 7;
}
