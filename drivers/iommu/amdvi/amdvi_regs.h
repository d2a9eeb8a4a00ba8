/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD-Vi registers, entries of its tables in memory, commands and events. All registers are accessed with
 * 64 bits; only the status is waited for in its low half.
 */
#pragma once

#include "kernel/lib/base.h"

typedef struct { uint16_t off; } amdvi_r64;

#define AMDVI_LEN         0x4000u               /* of all registers but the performance counters */
#define AMDVI_DEVTAB      ((amdvi_r64){ 0x0000 })   /* [AMD-Vi 3.4] RW  device table; pages - 1 in 8:0 */
#define AMDVI_CMDBUF      ((amdvi_r64){ 0x0008 })   /*              RW  command buffer */
#define AMDVI_EVTLOG      ((amdvi_r64){ 0x0010 })   /*              RW  event log */
#define   RING_LEN          MASK64(59, 56)          /*   both: entries = 2^len, at least 2^8 */
#define AMDVI_CONTROL     ((amdvi_r64){ 0x0018 })   /*              RW  control */
#define   CTL_IOMMU_EN      BIT64(0)                /*   translation, interrupt remapping */
#define   CTL_HT_TUN_EN     BIT64(1)                /*   these four as firmware's IVHD flags say */
#define   CTL_PASS_PW       BIT64(8)
#define   CTL_RES_PASS_PW   BIT64(9)
#define   CTL_ISOC          BIT64(11)
#define   CTL_EVT_LOG_EN    BIT64(2)
#define   CTL_EVT_INT_EN    BIT64(3)
#define   CTL_COHERENT      BIT64(10)               /*   its own reads of tables snoop */
#define   CTL_CMD_BUF_EN    BIT64(12)
#define   CTL_PPR_LOG_EN    BIT64(13)
#define   CTL_GA_EN         BIT64(17)               /*   interrupt entries of 128 bits */
#define   CTL_GA_LOG_EN     BIT64(28)
#define   CTL_XT_EN         BIT64(50)               /*   destinations of 32 bits, with GA_EN */
#define   CTL_RUNS          (CTL_EVT_LOG_EN | CTL_CMD_BUF_EN | CTL_PPR_LOG_EN | CTL_GA_LOG_EN)
/* Must read back as written; the others do not decide about isolation. */
#define   CTL_READ_BACK     (CTL_IOMMU_EN | CTL_COHERENT | CTL_RUNS | CTL_GA_EN | CTL_XT_EN)
#define AMDVI_EXCL_BASE   ((amdvi_r64){ 0x0020 })   /*              RW  exclusion range: off while bit 0 is clear */
#define AMDVI_EXCL_LIMIT  ((amdvi_r64){ 0x0028 })
#define AMDVI_EFR         ((amdvi_r64){ 0x0030 })   /*              RO  extended features */
#define   EFR_XT            BIT64(2)
#define   EFR_IA            BIT64(6)                /*   INVALIDATE_IOMMU_ALL */
#define   EFR_GA            BIT64(7)
#define AMDVI_CMD_HEAD    ((amdvi_r64){ 0x2000 })   /*              RW  offsets in bytes */
#define AMDVI_CMD_TAIL    ((amdvi_r64){ 0x2008 })
#define AMDVI_EVT_HEAD    ((amdvi_r64){ 0x2010 })
#define AMDVI_EVT_TAIL    ((amdvi_r64){ 0x2018 })
#define   RING_OFFSET       MASK64(18, 4)
#define AMDVI_STATUS      ((amdvi_r64){ 0x2020 })   /*              RO and W1C */
#define   STATUS_EVT_OVERFLOW_W1C BIT32(0)
#define   STATUS_EVT_INT_W1C BIT32(1)
#define   STATUS_EVT_RUN    BIT32(3)
#define   STATUS_CMD_RUN    BIT32(4)
#define   STATUS_RUNS       (STATUS_EVT_RUN | STATUS_CMD_RUN | BIT32(7) | BIT32(8))   /* PPR and GA logs too */

/* Device table entry [AMD-Vi 2.2.2]. The unit reads one in a single transaction: of each change here every word that
 * is stored leaves an entry that is whole. */
struct amdvi_dte { uint64_t q[4]; };
_Static_assert(sizeof(struct amdvi_dte) == 32, "AMD-Vi 2.2.2");
#define AMDVI_DTES    65536u
#define DTE_V         BIT64(0)
#define DTE_TV        BIT64(1)
#define DTE_MODE      MASK64(11, 9)                 /* levels; 0 without IR and IW: all is blocked */
#define DTE_ROOT      MASK64(51, 12)
#define DTE_IR        BIT64(61)
#define DTE_IW        BIT64(62)
#define DTE_BLOCKED   (DTE_V | DTE_TV)
#define DTE_DOMID     MASK64(15, 0)                 /* q[1]; port I/O, system management and device-TLB stay off */
#define DTE_SA        BIT64(34)                     /* q[1]: page faults are not logged */
#define DTE_IV        BIT64(0)                      /* q[2], clear: all interrupts pass; NMI, INIT, ExtINT never do */
#define DTE_INT_LEN   MASK64(4, 1)                  /* q[2]: entries = 2^len */
#define DTE_INT_ROOT  MASK64(51, 6)
#define DTE_INT_CTL   MASK64(61, 60)                /* q[2]: 0 aborts, 2 remaps */

/* Tables [AMD-Vi 2.2.3]: next level 0 is a leaf of its own level's size. */
#define IOPT_PR       BIT64(0)
#define IOPT_NEXT     MASK64(11, 9)
#define IOPT_ADDR     MASK64(51, 12)
#define IOPT_FC       BIT64(60)                     /* leaf: snooping is forced */
#define IOPT_IR       BIT64(61)
#define IOPT_IW       BIT64(62)

/* Interrupt entry [AMD-Vi 2.2.5]: fixed, physical destination. The long one has its vector in the second word. */
#define INT_EN       BIT32(0)
#define INT_RQ_EOI   BIT32(5)
#define INT_DEST8    MASK32(15, 8)
#define INT_DEST24   MASK32(31, 8)                 /* with XT_EN */
#define INT_VEC      MASK32(23, 16)                /* of the short one */
#define INT_RTE     MASK64(10, 0)                 /* delivery mode and vector, as in a message's data */

/* Commands [AMD-Vi 2.4]; what is not named in the second word is zero. */
struct amdvi_cmd { uint64_t lo, hi; };
_Static_assert(sizeof(struct amdvi_cmd) == 16, "AMD-Vi 2.4");
#define CMD_OP        MASK64(63, 60)
#define CMD_WAIT      (UINT64_C(1) << 60 | BIT64(0))   /* stores the second word at the address */
#define CMD_INV_DTE   (UINT64_C(2) << 60)              /* requester id in 15:0 */
#define CMD_INV_PAGES (UINT64_C(3) << 60)              /* domain */
#define   CMD_DOMID     MASK64(47, 32)
#define   CMD_PAGES_ALL (MASK64(62, 12) | BIT64(1) | BIT64(0))   /* second word: every address, directories too */
#define CMD_INV_INT   (UINT64_C(5) << 60)              /* requester id */
#define CMD_INV_ALL   (UINT64_C(8) << 60)

/* Events [AMD-Vi 2.5]. */
struct amdvi_event { uint64_t lo, address; };
#define EVT_RID       MASK64(15, 0)
#define EVT_REASON    MASK64(63, 48)                /* code in the top four bits, flags below */
#define EVT_CODE      MASK64(63, 60)
#define   EVT_PAGE_FAULT     2u
#define   EVT_COMMAND_ERRORS(code) ((code) == 5u || (code) == 6u)    /* not about a requester */
#define EVT_I         BIT64(51)                     /* page fault: of an interrupt */
#define EVT_RW        BIT64(53)                     /* write */
