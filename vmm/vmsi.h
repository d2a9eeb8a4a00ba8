/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest wrote into the MSI or MSI-X registers of one function, and the
 * interrupt routes that follow from it. After every change all routes are
 * recomputed and those that differ are handed to the host, so neither width nor
 * order of the guest's writes matters.
 */
#pragma once

#include "kernel/lib/base.h"

#define VMSI_MAX_MSI     32u

/* One MSI-X table entry [PCIe 7.7.2.5] or MSI vector, and what the host was told. */
struct vmsi_entry {
    uint32_t word[4];        /* address low, high, data, vector control */
    uint64_t told_addr;
    uint32_t told_data;
    uint32_t told_flags;     /* IRQ_* */
};

struct vmsi {
    struct vmsi_entry *entry;    /* count of them */
    uint32_t count;
    uint32_t first_irq;      /* for host_irq_set */
    bool msix;
    bool enable, function_mask;      /* of the capability */
    uint32_t failed;         /* host_irq_set calls that were refused */
};

/* entry[count] belongs to this object from here on. */
void vmsi_init(struct vmsi *msi, struct vmsi_entry *entry, uint32_t count, uint32_t first_irq, bool msix);
/* As after the function's reset: everything off, entries masked. */
void vmsi_reset(struct vmsi *msi);

/* MSI-X: the capability's two bits, and the table by bytes; off from the start of
 * the table, size 1, 2, 4, 8, any alignment. Beyond the table: ones, dropped. */
void vmsi_msix_control(struct vmsi *msi, bool enable, bool function_mask);
uint64_t vmsi_table_read(const struct vmsi *msi, uint64_t off, unsigned size);
void vmsi_table_write(struct vmsi *msi, uint64_t off, unsigned size, uint64_t value);

/* MSI: the whole capability as it stands now. */
struct vmsi_msi {
    bool enable;
    uint32_t log2;           /* multiple message enable */
    uint64_t addr;
    uint32_t data, mask;
};
void vmsi_msi_set(struct vmsi *msi, const struct vmsi_msi *regs);

