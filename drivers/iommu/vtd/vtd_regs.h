/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d registers, entries of its tables in memory, and messages in its format. Offsets
 * are typed by width; 8- and 16-bit accesses do not exist. One-shot command
 * bits are never part of the GCMD image that is kept.
 */
#pragma once

#include "kernel/lib/base.h"

typedef struct { uint16_t off; } vtd_r32;
typedef struct { uint16_t off; } vtd_r64;

#define VTD_VER      ((vtd_r32){ 0x000 })   /* [VT-d 11.4.1]   RO  version */
#define   VER_MAJOR    MASK32(7, 4)
#define VTD_CAP      ((vtd_r64){ 0x008 })   /* [VT-d 11.4.2]   RO  capability */
#define   CAP_ND       MASK64(2, 0)         /*   domain-id bits = 4 + 2*ND; 7 reserved */
#define   CAP_RWBF     BIT64(4)             /*   flush the write buffer after table changes */
#define   CAP_PMR      MASK64(6, 5)         /*   protected low, high region */
#define   CAP_CM       BIT64(7)             /*   caching mode: not-present entries are cached too */
#define   CAP_SAGAW    MASK64(12, 8)        /*   bit 1: 3 levels, 2: 4 levels, 3: 5 levels */
#define   CAP_MGAW     MASK64(21, 16)       /*   guest address bits - 1 */
#define   CAP_FRO      MASK64(33, 24)       /*   fault records at 16*FRO */
#define   CAP_SLLPS    MASK64(37, 34)       /*   bit 0: 2M, 1: 1G */
#define   CAP_NFR      MASK64(47, 40)       /*   fault records - 1 */
#define   CAP_DRAIN    MASK64(55, 54)       /*   write drain, read drain */
#define VTD_ECAP     ((vtd_r64){ 0x010 })   /* [VT-d 11.4.3]   RO  extended capability */
#define   ECAP_C       BIT64(0)             /*   table walks snoop */
#define   ECAP_QI      BIT64(1)             /*   queued invalidation */
#define   ECAP_IR      BIT64(3)             /*   interrupt remapping */
#define   ECAP_EIM     BIT64(4)             /*   x2APIC destinations */
#define   ECAP_SC      BIT64(7)             /*   SNP bit in leaves */
#define VTD_GCMD     ((vtd_r32){ 0x018 })   /* [VT-d 11.4.4.1] WO  command: always the full image */
#define VTD_GSTS     ((vtd_r32){ 0x01c })   /* [VT-d 11.4.4.2] RO  status: same bits */
#define   GCMD_TE      BIT32(31)            /*   translation */
#define   GCMD_SRTP    BIT32(30)            /*   one-shot: take the root table; status 1 = done */
#define   GCMD_WBF     BIT32(27)            /*   one-shot: write-buffer flush; status 0 = done */
#define   GCMD_QIE     BIT32(26)            /*   invalidation queue */
#define   GCMD_IRE     BIT32(25)            /*   interrupt remapping */
#define   GCMD_SIRTP   BIT32(24)            /*   one-shot: take the interrupt table; status 1 = done */
#define   GCMD_CFI     BIT32(23)            /*   compatibility-format interrupts pass: stays 0 */
#define   GCMD_IMAGE   (GCMD_TE | GCMD_QIE | GCMD_IRE)
#define VTD_RTADDR   ((vtd_r64){ 0x020 })   /* [VT-d 11.4.5]   RW  root table; mode in 11:10, 0 = legacy */
#define VTD_CCMD_HI  ((vtd_r32){ 0x02c })   /* [VT-d 11.4.6.1] RW  context command, upper half, not used */
#define   CCMD_ICC     BIT32(31)            /*   busy */
#define VTD_FSTS     ((vtd_r32){ 0x034 })   /* [VT-d 11.4.7.1] RO and W1C  fault status */
#define   FSTS_PFO_W1C BIT32(0)             /*   records were lost */
#define   FSTS_PPF     BIT32(1)             /*   a record is waiting */
#define   FSTS_QUEUE_W1C MASK32(6, 4)       /*   queue: bad descriptor, bad completion, time-out of a device */
#define   FSTS_FRI     MASK32(15, 8)        /*   first record */
#define VTD_FECTL    ((vtd_r32){ 0x038 })   /* [VT-d 11.4.7.2] RW  fault event */
#define   FECTL_IM     BIT32(31)            /*   masked */
#define VTD_FEDATA   ((vtd_r32){ 0x03c })   /* [VT-d 11.4.7.3] RW  message data */
#define VTD_FEADDR   ((vtd_r32){ 0x040 })   /* [VT-d 11.4.7.4] RW  message address */
#define VTD_FEUADDR  ((vtd_r32){ 0x044 })   /* [VT-d 11.4.7.5] RW  upper half: x2APIC id 31:8 */
#define VTD_PMEN     ((vtd_r32){ 0x064 })   /* [VT-d 11.4.8.1] RW  protected memory */
#define   PMEN_EPM     BIT32(31)            /*   on */
#define   PMEN_PRS     BIT32(0)             /*   status */
#define VTD_IQH      ((vtd_r32){ 0x080 })   /* [VT-d 11.4.9.1] RO  queue head, bytes; lower half */
#define VTD_IQT      ((vtd_r64){ 0x088 })   /* [VT-d 11.4.9.2] RW  queue tail, bytes */
#define   IQ_OFFSET    MASK32(18, 4)
#define VTD_IQA      ((vtd_r64){ 0x090 })   /* [VT-d 11.4.9.3] RW  queue: size 2^QS pages in 2:0, DW in 11 */
#define VTD_IRTA     ((vtd_r64){ 0x0b8 })   /* [VT-d 11.4.10]  RW  interrupt table */
#define   IRTA_EIME    BIT64(11)            /*   32-bit destinations */
#define   IRTA_S       MASK64(3, 0)         /*   entries = 2^(S+1) */
#define VTD_FIXED_END  0x0c0u               /* fault records lie anywhere behind these */

/* Fault record: 16 bytes at 16*FRO + 16*i [VT-d 11.4.7.6]. */
#define   FRCD_LO_ADDR MASK64(63, 12)
#define   FRCD_LO_INDEX MASK64(63, 48)      /*   of an interrupt fault */
#define   FRCD_HI_SID  MASK64(15, 0)
#define   FRCD_HI_FR   MASK64(39, 32)       /*   reason; 20h-2Fh are interrupt faults */
#define   FRCD_HI_READ BIT64(62)            /*   T1: 1 = read */
#define   FRCD_HI_F    BIT64(63)            /*   record holds a fault; W1C through the top dword */
#define   FRCD_TOP_F_W1C BIT32(31)

/* Entries of all tables and queues are two words; the low word holds Present. */
struct vtd_pair { uint64_t lo, hi; };
_Static_assert(sizeof(struct vtd_pair) == 16, "VT-d 9: entries of 128 bits");

#define ROOT_P     BIT64(0)                 /* [VT-d 9.1] one page, indexed by bus */
#define ROOT_PTR   MASK64(51, 12)

#define CTX_P      BIT64(0)                 /* [VT-d 9.3] one page, indexed by devfn; T stays 0: others than
                                             *   untranslated requests are blocked */
#define CTX_FPD    BIT64(1)                 /*   faults of this requester are not reported */
#define CTX_PTR    MASK64(51, 12)
#define CTX_AW     MASK64(2, 0)             /*   hi: levels - 2 */
#define CTX_DID    MASK64(23, 8)            /*   hi */

#define IRTE_P     BIT64(0)                 /* [VT-d 9.10] interrupt remapping entry */
#define IRTE_LEVEL BIT64(4)                 /*   trigger mode; destination mode, RH and delivery mode stay 0 */
#define IRTE_VEC   MASK64(23, 16)
#define IRTE_DEST  MASK64(63, 32)
#define IRTE_DEST8 MASK64(47, 40)           /*   without EIME */
#define IRTE_SID   MASK64(15, 0)            /*   hi */
#define IRTE_SVT   MASK64(19, 18)           /*   hi: 1 = all bits of SID must match */

/* Message and redirection entry in remappable format [VT-d 5.1.2.2, 5.1.5.1]. Bit 15 of the index has a place
 * of its own in both; the table is too short to need it. */
#define MSI_REMAP      BIT64(4)
#define MSI_SHV        BIT64(3)             /* data 15:0 is added to the handle */
#define MSI_HANDLE     MASK64(19, 5)
#define RTE_INDEX      MASK64(63, 49)
#define RTE_REMAP      BIT64(48)

/* Queue descriptors [VT-d 6.5.2]: type, granularity in 5:4, then what it is about; only a wait uses the high word. */
#define INV_CTX_ALL    UINT64_C(0x11)
#define INV_CTX_FN     UINT64_C(0x31)       /* SID, and the domain that the entry had */
#define INV_IOTLB_ALL  UINT64_C(0x12)
#define INV_IOTLB_DOM  UINT64_C(0x22)
#define INV_IEC_ALL    UINT64_C(0x04)
#define INV_IEC_ONE    UINT64_C(0x14)       /* IIDX */
#define INV_WAIT       UINT64_C(0x25)       /* stores data at hi when all before is done; no interrupt */
#define   INV_TYPE       MASK64(3, 0)
#define   INV_DID        MASK64(31, 16)
#define   INV_SID        MASK64(47, 32)
#define   INV_IIDX       MASK64(47, 32)
#define   INV_WAIT_DATA  MASK64(63, 32)
#define   INV_DRAIN      MASK64(7, 6)       /* IOTLB: writes, reads; as in CAP_DRAIN */
