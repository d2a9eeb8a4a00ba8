/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Config space as the owner of a function sees it. Every dword has a read mask and a write
 * mask; what no row names reads zero and drops writes. The owner's capability chain holds only
 * the capabilities with rows, in order of offset, whatever the hardware's chain is.
 */
#include "drivers/pci/bar.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/pci_regs.h"

/* clear: write-1-to-clear bits, which a merge must not touch. */
struct policy { uint32_t read, write, clear; };

#define ALL  0xffffffffu

/* Type 0 header [PCIe 7.5.1]. BARs, ROM and the interrupt line are the VMM's own. */
static const struct policy header[CFG_FIRST_CAP / 4] = {
    [0x00 / 4] = { ALL, 0, 0 },                    /* ids: drivers bind by them */
    [0x04 / 4] = { ALL, 0xf9000000, 0xf9000000 },  /* command: command_bits(); status: its errors */
    [0x08 / 4] = { ALL, 0, 0 },                    /* class, revision */
    [0x0c / 4] = { 0x00ff00ff, 0, 0 },             /* cache line, header type; no BIST */
    [0x2c / 4] = { ALL, 0, 0 },                    /* subsystem: drivers' quirks go by it */
    [0x34 / 4] = { 0xff, 0, 0 },                   /* chain head, replaced */
    [0x3c / 4] = { 0xffffff00, 0, 0 },             /* pin */
};

/* Power management: no PME, no D1 and D2. The state moves only where D3hot keeps registers. */
static const struct policy pm_rows[] = {
    { 0x0027ffff, 0, 0 },
    { 0x0000000b, 0x3, 0 },
};

/* [PCIe 7.5.3]. Device control: relaxed ordering, no snoop and read request size change only
 * the owner's own traffic. Payload size and tags belong to the fabric, phantom functions
 * would forge requester ids, function level reset is DEV_RESET. */
static const struct policy pcie_rows[] = {
    [0x00 / 4] = { ALL, 0, 0 },
    [0x04 / 4] = { ALL, 0, 0 },                    /* device capabilities */
    [0x08 / 4] = { ALL, 0x000f7810, 0x000f0000 },
    [0x0c / 4] = { ALL, 0, 0 },                    /* link: for the owner's information */
    [0x10 / 4] = { ALL, 0, 0 },
    [0x24 / 4] = { 0xffd3f7ff, 0, 0 },             /* capabilities 2 without LTR, OBFF, prefixes */
    [0x28 / 4] = { ALL, 0, 0 },
    [0x2c / 4] = { ALL, 0, 0 },
    [0x30 / 4] = { ALL, 0, 0 },
};

static const struct policy msix_rows[] = { { ALL, 0, 0 }, { ALL, 0, 0 }, { ALL, 0, 0 } };
static const struct policy read_only = { ALL, 0, 0 };
static const struct policy denied = { 0, 0, 0 };

static bool cap_is_shown(const struct pci_fn *fn, unsigned off)
{
    const struct dev_info *info = &fn->info;
    return off != 0 && fn->cap_at[off / 4] != 0 &&
           (off == info->pm_off || off == info->msi_off || off == info->msix_off || off == info->pcie_off);
}

/* The first shown capability at or after off, 0 when there is none. */
static unsigned cap_from(const struct pci_fn *fn, unsigned off)
{
    for (; off < CFG_SIZE; off += 4)
        if (cap_is_shown(fn, off))
            return off;
    return 0;
}

static struct policy row(const struct policy *rows, size_t count, unsigned rel)
{
    return rel / 4 < count ? rows[rel / 4] : denied;
}

/* Control and pending bits. Address and data are the host's, mask bits the kernel's. */
static struct policy msi_row(const struct pci_fn *fn, unsigned rel)
{
    unsigned pending = fn->info.msi_64 ? MSI_MASK_64 + 4 : MSI_MASK_32 + 4;
    return rel == 0 || (rel == pending && fn->info.msi_maskable) ? read_only : denied;
}

static struct policy cap_row(const struct pci_fn *fn, unsigned off)
{
    unsigned cap = off;
    while (cap > CFG_FIRST_CAP && fn->cap_at[cap / 4] == 0)
        cap -= 4;
    if (!cap_is_shown(fn, cap))
        return denied;
    unsigned rel = off - cap;
    if (cap == fn->info.msi_off)
        return msi_row(fn, rel);
    if (cap == fn->info.msix_off)
        return row(msix_rows, ARRAY_LEN(msix_rows), rel);
    if (cap == fn->info.pcie_off)
        return fn->pcie_version >= 2 || rel < 0x14 ? row(pcie_rows, ARRAY_LEN(pcie_rows), rel) : denied;
    struct policy pm = row(pm_rows, ARRAY_LEN(pm_rows), rel);
    if (!fn->pm_keeps_state)
        pm.write = 0;
    return pm;
}

static struct policy policy_at(const struct pci_fn *fn, unsigned off)
{
    if (off == CFG_COMMAND) {
        struct policy command = header[CFG_COMMAND / 4];
        command.write |= bar_decode_allowed(fn) | CMD_BUS_MASTER | CMD_INTX_OFF;
        return command;
    }
    if (off < CFG_FIRST_CAP)
        return header[off / 4];
    if (off < CFG_SIZE)
        return cap_row(fn, off);
    /* The serial number is the one extended capability that is shown. */
    if (off == CFG_EXT_FIRST || (fn->dsn_off != 0 && off >= fn->dsn_off && off < fn->dsn_off + 12u))
        return read_only;
    return denied;
}

/* Links of the owner's chains in place of the hardware's. */
static uint32_t links_patch(const struct pci_fn *fn, unsigned off, uint32_t value)
{
    if (off == CFG_CAP_PTR)
        return cap_from(fn, CFG_FIRST_CAP);
    if (off < CFG_SIZE)
        return cap_is_shown(fn, off) ? (value & ~0xff00u) | cap_from(fn, off + 4) << 8 : value;
    if (off == fn->dsn_off)
        return value & 0x000fffff;
    return off == CFG_EXT_FIRST ? (uint32_t)fn->dsn_off << 20 : value;
}

static uint32_t dword_read(const struct pci_fn *fn, unsigned off)
{
    struct policy p = policy_at(fn, off);
    if (p.read == 0)
        return 0;
    return links_patch(fn, off, pci_cfg_read(fn->bdf, off, 4) & p.read);
}

/* Each half that has something to write is one 16-bit access: no neighbour register moves. */
static void dword_write(const struct pci_fn *fn, unsigned off, uint32_t mask, uint32_t value)
{
    struct policy p = policy_at(fn, off);
    for (unsigned half = 0; half < 2; half++) {
        uint32_t bits = (p.write & mask) >> 16 * half & 0xffff;
        if (bits == 0)
            continue;
        uint32_t keep = ~bits & ~(p.clear >> 16 * half) & 0xffff;
        uint32_t old = pci_cfg_read(fn->bdf, off + 2 * half, 2);
        pci_cfg_write(fn->bdf, off + 2 * half, 2, (old & keep) | (value >> 16 * half & bits));
    }
}

static bool access_is_legal(unsigned off, unsigned size)
{
    return (size == 1 || size == 2 || size == 4) && off <= CFG_EXT_SIZE - size;
}

uint32_t pci_owner_read(struct pci_fn *fn, unsigned off, unsigned size)
{
    if (!access_is_legal(off, size))
        return 0;
    unsigned first = off & ~3u, shift = 8 * (off & 3);
    uint64_t value = dword_read(fn, first);
    if (shift + 8 * size > 32)
        value |= (uint64_t)dword_read(fn, first + 4) << 32;
    return (uint32_t)(value >> shift & MASK64(8 * size - 1, 0));
}

void pci_owner_write(struct pci_fn *fn, unsigned off, unsigned size, uint32_t value)
{
    if (!access_is_legal(off, size))
        return;
    unsigned first = off & ~3u, shift = 8 * (off & 3);
    uint64_t mask = MASK64(8 * size - 1, 0) << shift;
    uint64_t wide = (uint64_t)value << shift;
    spin_lock(&fn->lock);
    dword_write(fn, first, (uint32_t)mask, (uint32_t)wide);
    if (mask >> 32 != 0)
        dword_write(fn, first + 4, (uint32_t)(mask >> 32), (uint32_t)(wide >> 32));
    spin_unlock(&fn->lock);
}
