/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration space: offsets and bits that the driver or kernel/dev reads or writes. */
#pragma once

#include "kernel/lib/base.h"

#define CFG_SIZE          256u
#define CFG_EXT_SIZE      4096u

/* Header [PCIe 7.5.1]. */
#define CFG_VENDOR        0x00u
#define CFG_COMMAND       0x04u      /* RW 16 */
#define   CMD_IO            BIT32(0)
#define   CMD_MEMORY        BIT32(1)
#define   CMD_BUS_MASTER    BIT32(2)
#define   CMD_INTX_OFF      BIT32(10)
#define CFG_STATUS        0x06u      /* W1C 16 */
#define   STATUS_CAPS       BIT32(4)
#define CFG_CLASS_REV     0x08u
#define   CLASS_DISPLAY     0x03u    /*   base class */
#define   CLASS_BRIDGE      0x06u    /*   base class */
#define   CLASS_IOMMU       0x0806u  /*   base class << 8 | sub-class */
#define   CLASS_USB         0x0c03u
#define   CLASS_SERIAL      0x0700u
#define CFG_HEADER        0x0eu      /* u8 */
#define   HEADER_MULTI      0x80u
#define CFG_BAR0          0x10u
#define   BAR_REG_IO        BIT32(0)
#define   BAR_REG_TYPE      MASK32(2, 1)
#define   BAR_REG_64        0x4u
#define   BAR_REG_PREFETCH  BIT32(3)
#define CFG_BUSES         0x18u      /* type 1: primary, secondary, subordinate, latency */
#define CFG_SUBSYSTEM     0x2cu
#define CFG_ROM           0x30u      /* bit 0: decode on */
#define CFG_CAP_PTR       0x34u
#define CFG_INTERRUPT     0x3cu      /* line, pin */
#define CFG_BRIDGE_CTL    0x3eu      /* type 1: RW 16 */
#define   BRIDGE_BUS_RESET  BIT32(6)
#define CFG_FIRST_CAP     0x40u

/* Capability ids. */
enum { CAP_PM = 0x01, CAP_MSI = 0x05, CAP_PCIE = 0x10, CAP_MSIX = 0x11, CAP_AF = 0x13 };

/* Power management [PCIe 7.5.2]. */
#define PM_CSR            0x04u      /* RW 16 */
#define   PM_STATE          MASK32(1, 0)
#define   PM_NO_SOFT_RESET  BIT32(3)

/* MSI [PCIe 7.7.1]. */
#define MSI_CTL           0x02u      /* RW 16 */
#define   MSI_ENABLE        BIT32(0)
#define   MSI_CAPABLE       MASK32(3, 1)
#define   MSI_ENABLED       MASK32(6, 4)
#define   MSI_64            BIT32(7)
#define   MSI_MASKABLE      BIT32(8)
#define MSI_ADDR          0x04u
#define MSI_ADDR_HIGH     0x08u      /* 64-bit form only */
#define MSI_DATA_32       0x08u
#define MSI_DATA_64       0x0cu
#define MSI_MASK_32       0x0cu
#define MSI_MASK_64       0x10u

/* MSI-X [PCIe 7.7.2]. */
#define MSIX_CTL          0x02u      /* RW 16 */
#define   MSIX_SIZE         MASK32(10, 0)
#define   MSIX_FN_MASK      BIT32(14)
#define   MSIX_ENABLE       BIT32(15)
#define MSIX_TABLE        0x04u
#define MSIX_PBA          0x08u
#define   MSIX_BIR          MASK32(2, 0)
#define   MSIX_OFFSET       MASK32(31, 3)
enum { MSIX_E_ADDR = 0, MSIX_E_ADDR_HIGH = 4, MSIX_E_DATA = 8, MSIX_E_CTL = 12, MSIX_ENTRY_SIZE = 16 };
#define   MSIX_E_MASKED     BIT32(0)

/* PCI Express [PCIe 7.5.3]. */
#define PCIE_FLAGS        0x02u      /* RO 16 */
#define   PCIE_VERSION      MASK32(3, 0)
#define   PCIE_TYPE         MASK32(7, 4)
#define PCIE_DEVCAP       0x04u
#define   DEVCAP_FLR        BIT32(28)
#define PCIE_DEVCTL       0x08u      /* RW 16 */
#define   DEVCTL_FLR        BIT32(15)
#define PCIE_DEVSTA       0x0au      /* W1C 16 */
#define   DEVSTA_PENDING    BIT32(5)
#define PCIE_LNKCAP       0x0cu
#define   LNKCAP_REPORTS    BIT32(20)  /* LNKSTA_ACTIVE means something */
#define PCIE_LNKSTA       0x12u      /* RO 16 */
#define   LNKSTA_ACTIVE     BIT32(13)
#define PCIE_DEVCTL2      0x28u      /* RW 16, version 2 */
#define   DEVCTL2_ARI       BIT32(5)

/* Device/port types. */
enum { PCIE_T_ROOT_PORT = 4, PCIE_T_UPSTREAM = 5, PCIE_T_DOWNSTREAM = 6, PCIE_T_TO_PCI = 7 };

/* Advanced features: function level reset for conventional functions [PCI AF ECN]. */
#define AF_CAP            0x03u      /* RO 8 */
#define   AF_CAP_PENDING    BIT32(0)
#define   AF_CAP_FLR        BIT32(1)
#define AF_CTL            0x04u      /* RW 8 */
#define   AF_CTL_FLR        BIT32(0)
#define AF_STATUS         0x05u      /* RO 8 */
#define   AF_STATUS_PENDING BIT32(0)

/* Extended capabilities [PCIe 7.6.3]. */
#define CFG_EXT_FIRST     0x100u
#define   EXT_ID            MASK32(15, 0)
#define   EXT_NEXT          MASK32(31, 20)
enum { EXT_DSN = 0x03, EXT_ACS = 0x0d, EXT_ATS = 0x0f, EXT_SRIOV = 0x10, EXT_PRI = 0x13, EXT_PASID = 0x1b };

/* ACS [PCIe 7.7.11]. */
#define ACS_CAP           0x04u      /* RO 16 */
#define ACS_CTL           0x06u      /* RW 16 */
#define   ACS_TB            BIT32(1) /*   translation blocking */
/* Source validation, redirect of requests and of completions, upstream forwarding. */
#define   ACS_NEEDED        (BIT32(0) | BIT32(2) | BIT32(3) | BIT32(4))
