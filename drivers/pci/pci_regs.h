/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration space: offsets and bits that the driver reads or writes. */
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
#define   CLASS_BRIDGE      0x06u    /*   base class */
#define   CLASS_DISPLAY     0x03u
#define   CLASS_IOMMU       0x0806u  /*   base class << 8 | sub-class */
#define   CLASS_PCI_BRIDGE  0x0604u
#define   CLASS_USB         0x0c03u
#define   CLASS_SERIAL      0x0700u
#define CFG_CACHE_LINE    0x0cu
#define CFG_HEADER        0x0eu      /* u8 */
#define   HEADER_MULTI      0x80u
#define CFG_BAR0          0x10u
#define   BAR_REG_IO        BIT32(0)
#define   BAR_REG_TYPE      MASK32(2, 1)
#define   BAR_REG_64        0x4u
#define   BAR_REG_PREFETCH  BIT32(3)
#define   BAR_REG_MEM_ADDR  MASK32(31, 4)
#define   BAR_REG_IO_ADDR   MASK32(31, 2)
#define CFG_BUSES         0x18u      /* type 1: primary, secondary, subordinate, latency */
#define CFG_SUBSYSTEM     0x2cu
#define CFG_ROM           0x30u      /* type 0 */
#define CFG_ROM_BRIDGE    0x38u      /* type 1 */
#define   ROM_ENABLE        BIT32(0)
#define   ROM_ADDR          MASK32(31, 11)
#define CFG_CAP_PTR       0x34u
#define CFG_INTERRUPT     0x3cu      /* line, pin */
#define CFG_FIRST_CAP     0x40u

/* Capability ids. */
#define CAP_PM            0x01u
#define CAP_MSI           0x05u
#define CAP_PCIE          0x10u
#define CAP_MSIX          0x11u
#define CAP_AF            0x13u

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
#define MSIX_ENTRY_SIZE   16u
#define MSIX_E_ADDR       0u
#define MSIX_E_ADDR_HIGH  4u
#define MSIX_E_DATA       8u
#define MSIX_E_CTL        12u
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
#define PCIE_DEVCTL2      0x28u      /* RW 16, version 2 */
#define   DEVCTL2_ARI       BIT32(5)

/* Device/port types. */
#define PCIE_T_ENDPOINT    0x0u
#define PCIE_T_LEGACY      0x1u
#define PCIE_T_ROOT_PORT   0x4u
#define PCIE_T_UPSTREAM    0x5u
#define PCIE_T_DOWNSTREAM  0x6u
#define PCIE_T_TO_PCI      0x7u
#define PCIE_T_FROM_PCI    0x8u
#define PCIE_T_INTEGRATED  0x9u

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
#define EXT_DSN           0x0003u
#define EXT_ACS           0x000du
#define EXT_ARI           0x000eu
#define EXT_ATS           0x000fu
#define EXT_SRIOV         0x0010u
#define EXT_PRI           0x0013u
#define EXT_REBAR         0x0015u
#define EXT_PASID         0x001bu

/* ACS [PCIe 7.7.11]. */
#define ACS_CAP           0x04u      /* RO 16 */
#define ACS_CTL           0x06u      /* RW 16 */
#define   ACS_SV            BIT32(0) /*   source validation */
#define   ACS_TB            BIT32(1) /*   translation blocking */
#define   ACS_RR            BIT32(2) /*   request redirect */
#define   ACS_CR            BIT32(3) /*   completion redirect */
#define   ACS_UF            BIT32(4) /*   upstream forwarding */

#define ATS_CTL           0x06u      /* [PCIe 10.5.1] RW 16 */
#define   ATS_ENABLE        BIT32(15)
#define PRI_CTL           0x04u      /* [PCIe 10.5.2] RW 16 */
#define PASID_CTL         0x06u      /* [PCIe 7.8.9] RW 16 */
#define SRIOV_CTL         0x08u      /* [PCIe 9.3.3] RW 16 */

