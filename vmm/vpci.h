/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Config space of the assigned functions as the guest sees it, and their BARs.
 * Built by table from what the kernel knows of the real function: what is not
 * understood reads zero and drops writes. Every byte has its own rule, so that
 * 1, 2 and 4 byte accesses give the same bits at every offset.
 */
#pragma once

#include "kernel/abi/info.h"
#include "vmm/start_page.h"
#include "vmm/vmsi.h"

#define VPCI_CFG_SIZE   256u     /* the extended space is not offered: it reads zero */
#define VPCI_SEGMENTS   3u       /* a BAR without the pages of its MSI-X table and pending bits */
#define VPCI_BARS       6u

/* Config registers that the vpci files share [PCI 6.1]. */
#define CFG_COMMAND     0x04u
#define   COMMAND_IO      0x0001u
#define   COMMAND_MEM     0x0002u
#define   COMMAND_MASTER  0x0004u
#define   COMMAND_PARITY  0x0040u
#define   COMMAND_SERR    0x0100u
#define   COMMAND_NO_INTX 0x0400u
#define CFG_STATUS      0x06u
#define   STATUS_INTX     0x08u
#define CFG_BAR         0x10u

struct vpci_segment { uint64_t off, len; bool mapped; };

struct vpci_bar {
    uint64_t size;           /* as the guest sees it, 0 = none; power of 2, >= 4096, ports >= 4 */
    uint64_t at;             /* placed: guest-physical address or port */
    bool is_64, is_io;
    bool logged;             /* one line about a mapping that the kernel refused */
    bool placed;             /* decodes at `at`: inside a window, alone */
    struct vpci_segment segment[VPCI_SEGMENTS];  /* to be mapped; what is not goes through the kernel */
};

struct vpci_fn {
    uint8_t  devfn, dev;     /* guest's address; index for host calls */
    uint8_t  pm, msi, msix, pcie;    /* offsets of shown capabilities, 0 = none */
    uint8_t  power;          /* D-state: 0 or 3 */
    uint8_t  pin, line;      /* INTx as the guest sees it, pin 0 = none */
    uint8_t  image[VPCI_CFG_SIZE];   /* what reads give */
    uint8_t  wmask[VPCI_CFG_SIZE];   /* bits of the image that the guest sets */
    uint8_t  reset[VPCI_CFG_SIZE];   /* the image after a reset */
    struct dev_info info;
    struct vpci_bar bar[VPCI_BARS];
    struct vmsi vmsi;
};

struct vpci {
    uint32_t count;
    struct vpci_fn fn[VMM_MAX_DEVICES];
    struct vmsi_entry entry[VMM_MAX_IRQS];
    uint8_t by_devfn[256];   /* index + 1 */
};

/* Reads the facts of every assigned function, builds the images and gives every
 * BAR an address as firmware would. ST_OK, or the status of the first
 * function that cannot be shown; *bad is its index. */
MUST_USE status_t vpci_init(struct vpci *pci, const struct vmm_start *start, unsigned *bad);

/* Lets the host's line, number 0..7, arrive once: by a function that has it. */
MUST_USE status_t vpci_intx_open(const struct vpci *pci, unsigned line);

/* Config space; off + size <= 4096, size 1, 2, 4. */
uint32_t vpci_cfg_read(struct vpci *pci, uint8_t devfn, unsigned off, unsigned size);
void vpci_cfg_write(struct vpci *pci, uint8_t devfn, unsigned off, unsigned size, uint32_t value);

/* Ports of I/O BARs; size 1, 2, 4. Where none decodes: ones, dropped. */
uint32_t vpci_port_in(struct vpci *pci, uint16_t port, unsigned size);
void vpci_port_out(struct vpci *pci, uint16_t port, unsigned size, uint32_t value);

/* Memory of BARs that is not mapped: MSI-X table and pending bits, what shares their pages, BARs that share a page
 * with something else. size 1, 2, 4, 8; false = no decoding BAR is here. */
bool vpci_mmio_read(struct vpci *pci, uint64_t gpa, unsigned size, uint64_t *value);
bool vpci_mmio_write(struct vpci *pci, uint64_t gpa, unsigned size, uint64_t value);

/* ---- Between the vpci files ---- */
static inline uint32_t vpci_image32(const struct vpci_fn *fn, unsigned off)
{
    const uint8_t *b = &fn->image[off & (VPCI_CFG_SIZE - 4)];

    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* Bytes of the pending bits: 8 for 64 entries [PCIe 7.7.2.7]. */
static inline uint64_t vpci_pba_len(const struct dev_info *info) { return (info->msix_count + 63u) / 64 * 8; }

static inline void vpci_set32(uint8_t *bytes, unsigned off, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[(off & (VPCI_CFG_SIZE - 4)) + i] = (uint8_t)(value >> (8 * i));
}

/* vpci_image.c: image, masks, capabilities and BAR shapes from fn->info. */
MUST_USE status_t vpci_image_build(struct vpci_fn *fn, struct vmsi_entry *entries, const struct vmm_device *dev);
/* vpci_bar.c: start addresses for all; and what follows from a change of one
 * function's BARs, command register or power state. */
void vpci_bar_assign(struct vpci *pci);
void vpci_bar_sync(struct vpci *pci, struct vpci_fn *fn);

