/* SPDX-License-Identifier: BSD-2-Clause */
/* BAR sizing, restoring and comparing [PCIe 7.5.1.2.1]. */
#include "drivers/pci/bar.h"

#include "drivers/pci/pci_regs.h"
#include "kernel/log/console.h"

static unsigned bar_off(unsigned i) { return CFG_BAR0 + 4 * i; }

static unsigned bar_regs(const struct pci_fn *fn) { return fn->info.header == 0 ? 6 : fn->info.header == 1 ? 2 : 0; }

/* What the register answers to all ones and to all zeros; the old value is put back. */
struct answer { uint32_t ones, zeros; };

static struct answer probe(struct bdf bdf, unsigned off, uint32_t old)
{
    struct answer answer;
    pci_cfg_write(bdf, off, 4, ~0u);
    answer.ones = pci_cfg_read(bdf, off, 4);
    pci_cfg_write(bdf, off, 4, 0);
    answer.zeros = pci_cfg_read(bdf, off, 4);
    pci_cfg_write(bdf, off, 4, old);
    return answer;
}

/* Size from the writable bits, 0 when they are no run up to the top. */
static uint64_t size_of(uint64_t mask)
{
    uint64_t size = ~mask + 1;
    return mask != 0 && (size & (size - 1)) == 0 ? size : 0;
}

static void refuse(struct pci_fn *fn, unsigned i)
{
    log_line("pci: " BDF_FMT ": BAR %u contradicts itself", BDF_ARGS(fn->bdf), i);
    fn->info.bar[i] = (struct dev_bar){ 0 };
    fn->refusal = ST_CORRUPT;
}

static void io_size(struct pci_fn *fn, unsigned i, uint32_t old, uint32_t mask)
{
    uint64_t bits = mask & BAR_REG_IO_ADDR;
    /* Upper 16 bits may be hardwired to zero: ports have 16. */
    uint64_t size = size_of(bits | ~0xffffull);
    fn->info.bar[i] = (struct dev_bar){ .base = old & BAR_REG_IO_ADDR, .size = size, .flags = BAR_IO };
    if (size == 0 || (bits & 0xffff) == 0 || (fn->info.bar[i].base & (size - 1)) != 0)
        refuse(fn, i);
}

static void memory_size(struct pci_fn *fn, unsigned i, uint64_t old, uint64_t mask, bool is64)
{
    /* Upper bits hardwired to zero, some or all, limit the address and not the size. */
    uint64_t from = is64 && mask >> 31 != 0 ? 64 - (unsigned)__builtin_clzll(mask) : 32;
    if (from < 64 && (mask & BAR_REG_MEM_ADDR) != 0)
        mask |= ~0ull << from;
    uint64_t addr_bits = ~(uint64_t)0xf;
    uint64_t size = size_of(mask & addr_bits);
    fn->info.bar[i] = (struct dev_bar){
        .base = old & addr_bits, .size = size,
        .flags = (is64 ? BAR_64 : 0) | ((old & BAR_REG_PREFETCH) != 0 ? BAR_PREFETCH : 0) };
    if (size < 16 || (fn->info.bar[i].base & (size - 1)) != 0)
        refuse(fn, i);
}

/* Returns how many registers the BAR takes. */
static unsigned bar_size(struct pci_fn *fn, unsigned i, unsigned regs)
{
    uint32_t old = pci_cfg_read(fn->bdf, bar_off(i), 4);
    bool is_io = (old & BAR_REG_IO) != 0;
    bool is64 = !is_io && (old & BAR_REG_TYPE) == BAR_REG_64;
    if (is64 && i + 1 == regs) {
        refuse(fn, i);
        return 1;
    }
    uint32_t old_high = is64 ? pci_cfg_read(fn->bdf, bar_off(i + 1), 4) : 0;
    uint32_t type_bits = is_io ? 3 : 0xf;
    struct answer low = probe(fn->bdf, bar_off(i), old), high = { 0, 0 };
    if (is64)
        high = probe(fn->bdf, bar_off(i + 1), old_high);
    if (((low.ones | old) & ~type_bits) == 0 && high.ones == 0)
        return is64 ? 2 : 1;             /* not implemented */
    /* Type bits never change; address bits that are stuck at one would hide the size. */
    if (((low.ones ^ old) & type_bits) != 0 || low.zeros != (old & type_bits) || high.zeros != 0)
        refuse(fn, i);
    else if (is_io)
        io_size(fn, i, old, low.ones);
    else
        memory_size(fn, i, (uint64_t)old_high << 32 | old, (uint64_t)high.ones << 32 | low.ones, is64);
    if (is64)
        fn->info.bar[i + 1].flags = BAR_UPPER;
    return is64 ? 2 : 1;
}

static void rom_size(struct pci_fn *fn)
{
    unsigned off = fn->info.header == 0 ? CFG_ROM : CFG_ROM_BRIDGE;
    uint32_t old = pci_cfg_read(fn->bdf, off, 4);
    pci_cfg_write(fn->bdf, off, 4, ROM_ADDR);      /* decode stays off while it moves */
    uint32_t mask = pci_cfg_read(fn->bdf, off, 4) & ROM_ADDR;
    pci_cfg_write(fn->bdf, off, 4, old);
    uint64_t size = mask == 0 ? 0 : size_of(mask | MASK64(63, 32));
    if (size != 0)
        fn->info.rom = (struct dev_bar){ .base = old & ROM_ADDR, .size = size };
}

void bar_scan(struct pci_fn *fn)
{
    unsigned regs = bar_regs(fn);
    if (regs == 0)
        return;
    uint32_t command = pci_cfg_read(fn->bdf, CFG_COMMAND, 2);
    pci_cfg_write(fn->bdf, CFG_COMMAND, 2, command & ~(CMD_IO | CMD_MEMORY));
    for (unsigned i = 0; i < regs; )
        i += bar_size(fn, i, regs);
    rom_size(fn);
    pci_cfg_write(fn->bdf, CFG_COMMAND, 2, command);
}

/* The register as it must read; false when the kernel knows nothing of it. */
static bool bar_expected(const struct pci_fn *fn, unsigned i, uint32_t *value)
{
    const struct dev_bar *b = &fn->info.bar[i];
    if ((b->flags & BAR_UPPER) != 0 && i > 0 && fn->info.bar[i - 1].size != 0) {
        *value = (uint32_t)(fn->info.bar[i - 1].base >> 32);
        return true;
    }
    *value = (uint32_t)b->base | ((b->flags & BAR_IO) != 0 ? BAR_REG_IO : 0) |
             ((b->flags & BAR_64) != 0 ? BAR_REG_64 : 0) | ((b->flags & BAR_PREFETCH) != 0 ? BAR_REG_PREFETCH : 0);
    return b->size != 0;
}

void bar_restore(const struct pci_fn *fn)
{
    uint32_t value;
    for (unsigned i = 0; i < bar_regs(fn); i++)
        if (bar_expected(fn, i, &value))
            pci_cfg_write(fn->bdf, bar_off(i), 4, value);
    if (fn->info.rom.size != 0)
        pci_cfg_write(fn->bdf, CFG_ROM, 4, (uint32_t)fn->info.rom.base);
}

bool bar_matches(const struct pci_fn *fn)
{
    /* Type 0 of a 32-bit BAR only; below-1-MiB BARs [PCI 2.x] compare without their type. */
    uint32_t value;
    for (unsigned i = 0; i < bar_regs(fn); i++)
        if (bar_expected(fn, i, &value) && ((pci_cfg_read(fn->bdf, bar_off(i), 4) ^ value) & ~2u) != 0)
            return false;
    return true;
}

uint32_t bar_decode_allowed(const struct pci_fn *fn)
{
    uint32_t allowed = CMD_IO | CMD_MEMORY;
    for (unsigned i = 0; i < bar_regs(fn); i++) {
        const struct dev_bar *b = &fn->info.bar[i];
        if (b->size != 0 && b->base == 0)
            allowed &= ~((b->flags & BAR_IO) != 0 ? CMD_IO : CMD_MEMORY);
    }
    return allowed;
}
