/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d tables in memory: root and context entries, remapping entries, queue
 * descriptors. One maker each; publishers store in the only safe order.
 */
#pragma once

#include "kernel/lib/base.h"

/* All entries are two words; the low word holds Present. */
struct vtd_pair { uint64_t lo, hi; };
_Static_assert(sizeof(struct vtd_pair) == 16, "VT-d 9: entries of 128 bits");

#define VTD_ROOT_ENTRIES 256u               /* one page, indexed by bus */
#define VTD_CTX_ENTRIES  256u               /* one page, indexed by devfn */

#define ROOT_P     BIT64(0)                 /* [VT-d 9.1] */
#define ROOT_PTR   MASK64(51, 12)

#define CTX_P      BIT64(0)                 /* [VT-d 9.3] */
#define CTX_FPD    BIT64(1)                 /*   faults of this requester are not reported */
#define CTX_T      MASK64(3, 2)             /*   0 = untranslated requests through the table, others blocked */
#define CTX_PTR    MASK64(51, 12)
#define CTX_AW     MASK64(2, 0)             /*   hi: levels - 2 */
#define CTX_DID    MASK64(23, 8)            /*   hi */

static inline struct vtd_pair vtd_root_make(hpa_t table)
{
    KASSERT((table.v & ~ROOT_PTR) == 0);
    return (struct vtd_pair){ .lo = table.v | ROOT_P };
}

static inline struct vtd_pair vtd_ctx_make(hpa_t table, unsigned levels, uint32_t domid)
{
    KASSERT((table.v & ~CTX_PTR) == 0 && levels >= 3 && levels <= 5 && FIELD_FITS(CTX_DID, domid));
    return (struct vtd_pair){ .lo = table.v | CTX_P,
                              .hi = FIELD_PREP(CTX_AW, levels - 2) | FIELD_PREP(CTX_DID, domid) };
}

/* [VT-d 9.10] interrupt remapping entry */
#define IRTE_P     BIT64(0)
#define IRTE_LEVEL BIT64(4)                 /* trigger mode; destination mode, RH and delivery mode stay 0 */
#define IRTE_VEC   MASK64(23, 16)
#define IRTE_DEST  MASK64(63, 32)
#define IRTE_DEST8 MASK64(47, 40)           /* without EIME */
#define IRTE_SID   MASK64(15, 0)            /* hi */
#define IRTE_SVT   MASK64(19, 18)           /* hi: 1 = all bits of SID must match */

#define VTD_IRTES     4096u
#define VTD_IRT_S     11u                   /* 2^(S+1) entries */
#define VTD_IRT_ORDER 4u
_Static_assert(VTD_IRTES == 1u << (VTD_IRT_S + 1), "IRTA.S");
_Static_assert(VTD_IRTES * 16u == PAGE_SIZE << VTD_IRT_ORDER, "interrupt table size");

static inline uint64_t vtd_irte_hi(uint16_t sid) { return FIELD_PREP(IRTE_SID, sid) | FIELD_PREP(IRTE_SVT, 1); }

static inline uint64_t vtd_irte_lo(uint32_t apic_id, uint8_t vector, bool level, bool eime)
{
    return IRTE_P | (level ? IRTE_LEVEL : 0) | FIELD_PREP(IRTE_VEC, vector) |
           (eime ? FIELD_PREP(IRTE_DEST, apic_id) : FIELD_PREP(IRTE_DEST8, apic_id));
}

/* Message and redirection entry in remappable format [VT-d 5.1.2.2, 5.1.5.1]. */
#define MSI_BASE       UINT64_C(0xfee00000)
#define MSI_REMAP      BIT64(4)
#define MSI_SHV        BIT64(3)             /* data 15:0 is added to the handle */
#define MSI_HANDLE_15  BIT64(2)
#define MSI_HANDLE     MASK64(19, 5)        /* handle 14:0 */
#define RTE_INDEX      MASK64(63, 49)       /* index 14:0 */
#define RTE_REMAP      BIT64(48)
#define RTE_LEVEL      BIT64(15)
#define RTE_LOW        BIT64(13)
#define RTE_INDEX_15   BIT64(11)
#define RTE_VEC        MASK64(7, 0)         /* must equal the entry's: end-of-interrupt matches by it */

/* Queue descriptors [VT-d 6.5.2]. */
#define INV_CTX        UINT64_C(1)
#define INV_IOTLB      UINT64_C(2)
#define INV_IEC        UINT64_C(4)
#define INV_WAIT       UINT64_C(5)
#define INV_G          MASK64(5, 4)         /* 1 global, 2 domain, 3 device */
#define INV_DID        MASK64(31, 16)
#define INV_SID        MASK64(47, 32)
#define INV_IOTLB_DW   BIT64(6)
#define INV_IOTLB_DR   BIT64(7)
#define INV_IEC_INDEX  BIT64(4)             /* 1 = the entries from IIDX on, 0 = all */
#define INV_IEC_IM     MASK64(31, 27)       /* log2 of how many */
#define INV_IEC_IIDX   MASK64(47, 32)
#define INV_WAIT_SW    BIT64(5)             /* store data at hi when all before is done; IF stays 0 */
#define INV_WAIT_DATA  MASK64(63, 32)

#define VTD_IQ_ENTRIES 256u                 /* one page */

static inline struct vtd_pair vtd_inv_ctx_global(void) { return (struct vtd_pair){ .lo = INV_CTX | FIELD_PREP(INV_G, 1) }; }
static inline struct vtd_pair vtd_inv_ctx_device(uint16_t rid, uint32_t domid)
{
    return (struct vtd_pair){ .lo = INV_CTX | FIELD_PREP(INV_G, 3) | FIELD_PREP(INV_DID, domid) | FIELD_PREP(INV_SID, rid) };
}
/* drain: INV_IOTLB_DW and DR as the unit has them. */
static inline struct vtd_pair vtd_inv_iotlb_global(uint64_t drain)
{
    return (struct vtd_pair){ .lo = INV_IOTLB | FIELD_PREP(INV_G, 1) | drain };
}
static inline struct vtd_pair vtd_inv_iotlb_domain(uint32_t domid, uint64_t drain)
{
    return (struct vtd_pair){ .lo = INV_IOTLB | FIELD_PREP(INV_G, 2) | FIELD_PREP(INV_DID, domid) | drain };
}
static inline struct vtd_pair vtd_inv_iec_global(void) { return (struct vtd_pair){ .lo = INV_IEC }; }
static inline struct vtd_pair vtd_inv_iec_one(uint32_t index)
{
    return (struct vtd_pair){ .lo = INV_IEC | INV_IEC_INDEX | FIELD_PREP(INV_IEC_IIDX, index) };
}
static inline struct vtd_pair vtd_inv_wait(hpa_t status, uint32_t data)
{
    return (struct vtd_pair){ .lo = INV_WAIT | INV_WAIT_SW | FIELD_PREP(INV_WAIT_DATA, data), .hi = status.v };
}

