/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Config space as the owner of a function sees it. Every dword has a read mask and a write
 * mask; what no row names reads zero and drops writes. The owner's capability chain holds only
 * the capabilities with rows, in order of offset, whatever the hardware's chain is.
 */
#include "drivers/pci/scan.h"

#define ALL  0xffffffffu
#define HEAD 0xffff00ffu       /* first dword of a capability: link_at() gives the link */

enum { CAP_HEADER = 0, CAP_DSN = 0x100 };      /* beside the ids of capabilities */

/* What a row needs of the function. */
enum { ANY = 1, STAYS = 2, V2 = 4, MASK_32 = 8, MASK_64 = 16 };

/* Dwords off to off + size of a capability; clear: write-1-to-clear bits, which a merge must not touch.
 * The first row that fits counts. */
static const struct row { uint16_t cap; uint8_t off, size, need; uint32_t read, write, clear; } rows[] = {
    /* Type 0 header [PCIe 7.5.1]. BARs, ROM and the interrupt line are the VMM's own. */
    { CAP_HEADER, 0x00, 4, ANY, ALL, 0, 0 },       /* ids: drivers bind by them */
    /* Command: bus master, and decode and INTx by row_at(). Status: its errors. */
    { CAP_HEADER, 0x04, 4, ANY, ALL, 0xf9000004, 0xf9000000 },
    { CAP_HEADER, 0x08, 4, ANY, ALL, 0, 0 },       /* class, revision */
    { CAP_HEADER, 0x0c, 4, ANY, 0x00ff00ff, 0, 0 }, /* cache line, header type; no BIST */
    { CAP_HEADER, 0x2c, 4, ANY, ALL, 0, 0 },       /* subsystem: drivers' quirks go by it */
    { CAP_HEADER, 0x3c, 4, ANY, 0xffffff00, 0, 0 }, /* pin */
    /* Power management: no PME, no D1 and D2. The state moves only where D3hot keeps registers. */
    { CAP_PM, 0x00, 4, ANY, 0x002700ff, 0, 0 },
    { CAP_PM, 0x04, 4, STAYS, 0x0000000b, 0x3, 0x8000 },
    { CAP_PM, 0x04, 4, ANY, 0x0000000b, 0, 0 },
    /* [PCIe 7.5.3]. Device control: relaxed ordering, no snoop and read request size change only
     * the owner's own traffic. Payload size and tags belong to the fabric, phantom functions
     * would forge requester ids, function level reset is DEV_RESET. */
    { CAP_PCIE, 0x00, 4, ANY, HEAD, 0, 0 },
    { CAP_PCIE, 0x04, 4, ANY, ALL, 0, 0 },         /* device capabilities */
    { CAP_PCIE, 0x08, 4, ANY, ALL, 0x000f7810, 0x000f0000 },
    { CAP_PCIE, 0x0c, 8, ANY, ALL, 0, 0 },         /* link: for the owner's information */
    { CAP_PCIE, 0x24, 4, V2, 0xffd3f7ff, 0, 0 },   /* capabilities 2 without LTR, OBFF, prefixes */
    { CAP_PCIE, 0x28, 12, V2, ALL, 0, 0 },
    /* MSI: control and pending bits. Address and data are the host's, mask bits the kernel's. */
    { CAP_MSI, 0x00, 4, ANY, HEAD, 0, 0 },
    { CAP_MSI, MSI_MASK_32 + 4, 4, MASK_32, ALL, 0, 0 },
    { CAP_MSI, MSI_MASK_64 + 4, 4, MASK_64, ALL, 0, 0 },
    { CAP_MSIX, 0x00, 4, ANY, HEAD, 0, 0 },
    { CAP_MSIX, 0x04, 8, ANY, ALL, 0, 0 },
    /* The serial number is the one extended capability that is shown. */
    { CAP_DSN, 0x00, 4, ANY, 0x000fffff, 0, 0 },
    { CAP_DSN, 0x04, 8, ANY, ALL, 0, 0 },
};

static bool cap_is_shown(const struct pci_fn *fn, unsigned off)
{
    const struct dev_info *info = &fn->info;
    return off != 0 && (off == info->pm_off || off == info->msi_off || off == info->msix_off || off == info->pcie_off);
}

static struct row row_at(const struct pci_fn *fn, unsigned off)
{
    const struct dev_info *info = &fn->info;
    unsigned has = ANY | (fn->pm_keeps_state ? STAYS : 0) | (fn->pcie_version >= 2 ? V2 : 0) |
                   (!info->msi_maskable ? 0 : info->msi_64 ? MASK_64 : MASK_32);
    unsigned cap = off, id = CAP_DSN;
    if (off >= CFG_EXT_FIRST) {
        cap = fn->dsn_off;
    } else {
        while (cap >= CFG_FIRST_CAP && fn->cap_at[cap / 4] == 0)
            cap -= 4;
        cap = cap < CFG_FIRST_CAP ? 0 : cap;
        id = fn->cap_at[cap / 4];        /* the header has none */
    }
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct row row = rows[i];
        if (row.cap != id || off < cap + row.off || off >= cap + row.off + row.size || (row.need & has) == 0)
            continue;
        if (id != CAP_HEADER && id != CAP_DSN && !cap_is_shown(fn, cap))
            break;                       /* not the first of its kind */
        if (id == CAP_HEADER && off == CFG_COMMAND)
            row.write |= bar_decode_allowed(fn) | (fn->intx != NULL ? CMD_INTX_OFF : 0);
        return row;
    }
    return (struct row){ 0 };
}

/* Links of the owner's own chains, where the rows read zero. */
static uint32_t link_at(const struct pci_fn *fn, unsigned off)
{
    if (off == CFG_EXT_FIRST && fn->dsn_off != off)
        return (uint32_t)fn->dsn_off << 20;
    if (off != CFG_CAP_PTR && !cap_is_shown(fn, off))
        return 0;
    unsigned next = off == CFG_CAP_PTR ? CFG_FIRST_CAP : off + 4;
    while (next < CFG_SIZE && !cap_is_shown(fn, next))
        next += 4;
    next &= CFG_SIZE - 1;
    return off == CFG_CAP_PTR ? next : next << 8;
}

/* Writes the bits of mask that the row gives the owner, and returns what the owner saw before. Each half
 * that has something to write is one 16-bit access: no neighbour register moves. */
static uint32_t dword_access(const struct pci_fn *fn, unsigned off, uint32_t mask, uint32_t value)
{
    struct row row = row_at(fn, off);
    uint32_t bits = row.write & mask, old = row.read != 0 ? pci_rd(fn, off, 4) : 0;
    uint32_t merged = (old & ~bits & ~row.clear) | (value & bits);
    for (unsigned half = 0; half < 4; half += 2)
        if ((bits >> 8 * half & 0xffff) != 0)
            pci_wr(fn, off + half, 2, merged >> 8 * half & 0xffff);
    return (old & row.read) | link_at(fn, off);
}

status_t pci_owner_access(struct pci_fn *fn, uint64_t off, uint64_t size, bool write, uint32_t *value)
{
    if (size != 1 && size != 2 && size != 4)
        return ST_INVAL;
    if (!range_ok(off, size, CFG_EXT_SIZE))
        return ST_RANGE;
    unsigned first = (unsigned)off & ~3u, shift = 8 * (off & 3);
    uint64_t bytes = MASK64(8 * size - 1, 0) << shift, mask = write ? bytes : 0, data = (uint64_t)*value << shift;
    spin_lock(&fn->lock);
    uint64_t seen = dword_access(fn, first, (uint32_t)mask, (uint32_t)data);
    if (bytes >> 32 != 0)
        seen |= (uint64_t)dword_access(fn, first + 4, (uint32_t)(mask >> 32), (uint32_t)(data >> 32)) << 32;
    spin_unlock(&fn->lock);
    if (!write)
        *value = (uint32_t)((seen & bytes) >> shift);
    return ST_OK;
}
