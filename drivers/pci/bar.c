/* SPDX-License-Identifier: BSD-2-Clause */
/* BAR sizing [PCIe 7.5.1.2.1]. */
#include "drivers/pci/scan.h"

#include "kernel/log/console.h"

#define BAR_OFF(i)  (CFG_BAR0 + 4 * (i))
#define PORTS_FREE  0x1000u

/* One register, or two that are one BAR. */
static uint64_t reg_read(const struct pci_fn *fn, unsigned i, bool wide)
{
    return pci_rd(fn, BAR_OFF(i), 4) | (wide ? (uint64_t)pci_rd(fn, BAR_OFF(i + 1), 4) << 32 : 0);
}

static uint64_t reg_write(const struct pci_fn *fn, unsigned i, bool wide, uint64_t value)
{
    pci_wr(fn, BAR_OFF(i), 4, (uint32_t)value);
    if (wide)
        pci_wr(fn, BAR_OFF(i + 1), 4, (uint32_t)(value >> 32));
    return reg_read(fn, i, wide);
}

/* False: it contradicts itself. */
static bool bar_size(struct pci_fn *fn, unsigned i, unsigned regs)
{
    uint32_t low = pci_rd(fn, BAR_OFF(i), 4);
    bool is_io = (low & BAR_REG_IO) != 0;
    bool is64 = !is_io && (low & BAR_REG_TYPE) == BAR_REG_64;
    if (is64 && i + 1 == regs)
        return false;
    if (is64)
        fn->info.bar[i + 1].flags = BAR_UPPER;
    uint64_t type = is_io ? 3 : 0xf, old = reg_read(fn, i, is64);
    uint64_t ones = reg_write(fn, i, is64, ~0ull), zeros = reg_write(fn, i, is64, 0);
    (void)reg_write(fn, i, is64, old);
    if (((ones | old) & ~type) == 0)
        return true;                     /* not implemented */
    /* Type bits never change; address bits that are stuck at one would hide the size. */
    if (((ones ^ old) & type) != 0 || zeros != (old & type))
        return false;
    /* Upper bits hardwired to zero, some or all, limit the address and not the size: ports have
     * 16 bits, memory 32 or as many as its highest one. */
    uint64_t mask = ones & ~type & (is_io ? 0xffff : ~0ull);
    unsigned top = is_io ? 16 : mask >> 32 == 0 ? 32 : 64 - (unsigned)__builtin_clzll(mask);
    uint64_t base = old & ~type, size = ~(top < 64 ? mask | ~0ull << top : mask) + 1;
    /* The address bits are a run up to the top. */
    if (mask == 0 || (size & (size - 1)) != 0 || (base & (size - 1)) != 0)
        return false;
    if (is_io && !range_contains(PORTS_FREE, 0x10000 - PORTS_FREE, base, size))
        base = 0;                        /* where the board's own ports are, or beyond what the CPU reaches: as if not set */
    fn->info.bar[i] = (struct dev_bar){
        .base = base, .size = size,
        .flags = is_io ? BAR_IO : (is64 ? BAR_64 : 0) | ((low & BAR_REG_PREFETCH) != 0 ? BAR_PREFETCH : 0) };
    return true;
}

void bar_scan(struct pci_fn *fn)
{
    unsigned regs = fn->info.header == 0 ? 6 : 2;
    uint32_t command = pci_rd(fn, CFG_COMMAND, 2);
    pci_wr(fn, CFG_COMMAND, 2, command & ~(CMD_IO | CMD_MEMORY));
    for (unsigned i = 0; i < regs; i++) {
        if ((fn->info.bar[i].flags & BAR_UPPER) != 0 || bar_size(fn, i, regs))
            continue;
        log_line("pci: " BDF_FMT ": BAR %u contradicts itself", BDF_ARGS(fn->bdf), i);
        fn->info.refusals |= BIT32(ST_CORRUPT);
    }
    pci_wr(fn, CFG_COMMAND, 2, command);
    if (bar_decode_allowed(fn) != (CMD_IO | CMD_MEMORY))
        log_line("pci: " BDF_FMT ": a BAR has no address that can be used", BDF_ARGS(fn->bdf));
}

uint32_t bar_decode_allowed(const struct pci_fn *fn)
{
    uint32_t allowed = CMD_IO | CMD_MEMORY;
    for (unsigned i = 0; i < ARRAY_LEN(fn->info.bar); i++)
        if (fn->info.bar[i].size != 0 && fn->info.bar[i].base == 0)
            allowed &= ~((fn->info.bar[i].flags & BAR_IO) != 0 ? CMD_IO : CMD_MEMORY);
    return allowed;
}
