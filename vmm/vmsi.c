/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI and MSI-X shadows [PCIe 7.7.1, 7.7.2]: registers in, routes out. */
#include "vmm/vmsi.h"

#include "kernel/abi/syscall.h"
#include "vmm/host.h"

enum { W_ADDR_LOW, W_ADDR_HIGH, W_DATA, W_CONTROL };

#define ENTRY_SIZE      16u
#define ADDR_LOW_BITS   (~UINT32_C(3))
#define CONTROL_MASKED  1u
#define DATA_MODE       0x700u      /* delivery mode [SDM3 10.11.2] */
#define   DATA_MODE_LOWEST  0x100u  /* this and 0, fixed, use the vector */

/* Hands one route to the host if it is not what the host has. */
static void tell(struct vmsi *msi, uint32_t index, uint64_t addr, uint32_t data, uint32_t flags)
{
    struct vmsi_entry *entry = &msi->entry[index];

    if (flags & IRQ_OFF) {
        addr = data = 0;
        flags = IRQ_OFF;
    }
    if (entry->told_addr == addr && entry->told_data == data && entry->told_flags == flags)
        return;
    if (host_irq_set(msi->first_irq + index, addr, data, flags) != ST_OK) {
        if (msi->failed++ == 0)
            host_log("interrupt %u: message %lx/%x refused", (unsigned)index, (unsigned long)addr, data);
        return;                             /* the old route stands; the next change tries again */
    }
    entry->told_addr = addr;
    entry->told_data = data;
    entry->told_flags = flags;
}

/* A message that is not for a local APIC, or has no legal vector yet, reaches nobody: no route. */
static bool is_interrupt(uint64_t addr, uint32_t data)
{
    bool has_vector = (data & DATA_MODE) <= DATA_MODE_LOWEST;

    return addr >> 32 == 0 && (addr & 0xfff00000u) == 0xfee00000u && (!has_vector || (data & 0xffu) >= 16);
}

static void tell_msix(struct vmsi *msi, uint32_t index)
{
    const uint32_t *word = msi->entry[index].word;
    uint64_t addr = (uint64_t)word[W_ADDR_HIGH] << 32 | (word[W_ADDR_LOW] & ADDR_LOW_BITS);
    bool masked = msi->function_mask || (word[W_CONTROL] & CONTROL_MASKED);
    uint32_t flags = masked ? IRQ_MASKED : 0;

    if (!msi->enable || !is_interrupt(addr, word[W_DATA]))
        flags = IRQ_OFF;
    tell(msi, index, addr, word[W_DATA], flags);
}

static void tell_all_msix(struct vmsi *msi)
{
    for (uint32_t i = 0; i < msi->count; i++)
        tell_msix(msi, i);
}

void vmsi_init(struct vmsi *msi, struct vmsi_entry *entry, uint32_t count, uint32_t first_irq, bool msix)
{
    *msi = (struct vmsi){ .entry = entry, .count = count, .first_irq = first_irq, .msix = msix };
    for (uint32_t i = 0; i < count; i++) {
        memset(&entry[i], 0, sizeof entry[i]);
        entry[i].word[W_CONTROL] = CONTROL_MASKED;
        entry[i].told_flags = IRQ_OFF;      /* the kernel starts like this */
    }
}

void vmsi_reset(struct vmsi *msi)
{
    msi->enable = msi->function_mask = false;
    for (uint32_t i = 0; i < msi->count; i++) {
        memset(msi->entry[i].word, 0, sizeof msi->entry[i].word);
        msi->entry[i].word[W_CONTROL] = CONTROL_MASKED;
        tell(msi, i, 0, 0, IRQ_OFF);
    }
}

void vmsi_msix_control(struct vmsi *msi, bool enable, bool function_mask)
{
    if (!msi->msix || (msi->enable == enable && msi->function_mask == function_mask))
        return;
    msi->enable = enable;
    msi->function_mask = function_mask;
    tell_all_msix(msi);
}

uint64_t vmsi_table_read(const struct vmsi *msi, uint64_t off, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        uint64_t at = off + i, byte = 0xff;

        if (msi->msix && at < (uint64_t)msi->count * ENTRY_SIZE)
            byte = msi->entry[at / ENTRY_SIZE].word[at % ENTRY_SIZE / 4] >> (8 * (at & 3u)) & 0xffu;
        value |= byte << (8 * i);
    }
    return value;
}

static void table_byte(struct vmsi *msi, uint64_t at, uint8_t byte)
{
    uint32_t *word = &msi->entry[at / ENTRY_SIZE].word[at % ENTRY_SIZE / 4];
    unsigned shift = 8 * (unsigned)(at & 3u);

    *word = (*word & ~(UINT32_C(0xff) << shift)) | (uint32_t)byte << shift;
    if (at % ENTRY_SIZE / 4 == W_CONTROL)
        *word &= CONTROL_MASKED;            /* the other bits are reserved */
}

void vmsi_table_write(struct vmsi *msi, uint64_t off, unsigned size, uint64_t value)
{
    uint64_t end = (uint64_t)msi->count * ENTRY_SIZE;

    if (!msi->msix || off >= end || size > 8)
        return;
    for (unsigned i = 0; i < size && off + i < end; i++)
        table_byte(msi, off + i, (uint8_t)(value >> (8 * i)));
    tell_msix(msi, (uint32_t)(off / ENTRY_SIZE));
    if (off % ENTRY_SIZE + size > ENTRY_SIZE && off / ENTRY_SIZE + 1 < msi->count)
        tell_msix(msi, (uint32_t)(off / ENTRY_SIZE) + 1);
}

void vmsi_msi_set(struct vmsi *msi, const struct vmsi_msi *regs)
{
    uint32_t log2 = MIN(regs->log2, 5u), used = UINT32_C(1) << log2;

    if (msi->msix)
        return;
    msi->enable = regs->enable;
    for (uint32_t i = 0; i < msi->count && i < VMSI_MAX_MSI; i++) {
        uint32_t flags = regs->mask >> i & 1u ? IRQ_MASKED : 0;
        uint32_t data = (regs->data & 0xffffu & ~(used - 1)) | i;

        if (!regs->enable || i >= used || !is_interrupt(regs->addr, data))
            flags = IRQ_OFF;
        tell(msi, i, regs->addr & ~UINT64_C(3), data, flags);
    }
}
