/* link: vmm/vmsi.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI and MSI-X shadows: routes follow the registers in any order and width. */
#include "vmm/vmsi.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"

static struct vmsi msi;
static struct vmsi_entry entry[32];

static void start(uint32_t count, bool msix)
{
    memset(&fake, 0, sizeof fake);
    for (unsigned i = 0; i < VMM_MAX_IRQS; i++)
        fake.irq[i].flags = IRQ_OFF;
    vmsi_init(&msi, entry, count, 10, msix);
}

static void check(unsigned irq, uint64_t addr, uint32_t data, uint32_t flags)
{
    CHECK_EQ(fake.irq[irq].addr, addr);
    CHECK_EQ(fake.irq[irq].data, data);
    CHECK_EQ(fake.irq[irq].flags, flags);
}

static void table(void)
{
    start(3, true);
    CHECK_EQ(vmsi_table_read(&msi, 12, 4), 1);
    CHECK_EQ(vmsi_table_read(&msi, 44, 4), 1);
    CHECK_EQ(vmsi_table_read(&msi, 48, 4), 0xffffffff);     /* beyond */
    CHECK_EQ(vmsi_table_read(&msi, 46, 4), 0xffff0000);
    CHECK_EQ(vmsi_table_read(&msi, ~0ull - 8, 8), ~0ull);
    vmsi_table_write(&msi, 48, 4, 0);
    vmsi_table_write(&msi, ~0ull - 4, 8, 0);
    vmsi_table_write(&msi, 44, 4, 0xffffffff);
    CHECK_EQ(vmsi_table_read(&msi, 44, 4), 1);              /* reserved bits */
    vmsi_table_write(&msi, 16, 8, 0x00000000fee01000ull);
    vmsi_table_write(&msi, 24, 4, 0x4041);
    vmsi_table_write(&msi, 28, 1, 0);
    CHECK_EQ(fake.irq_calls, 0);                            /* not enabled */
    vmsi_msix_control(&msi, true, true);
    check(11, 0xfee01000, 0x4041, IRQ_MASKED);
    check(10, 0, 0, IRQ_OFF);                               /* nothing written there */
    CHECK_EQ(fake.irq_calls, 1);
    vmsi_msix_control(&msi, true, false);
    check(11, 0xfee01000, 0x4041, 0);
    vmsi_msix_control(&msi, true, false);
    CHECK_EQ(fake.irq_calls, 2);
    vmsi_table_write(&msi, 28, 4, 1);
    check(11, 0xfee01000, 0x4041, IRQ_MASKED);
    vmsi_table_write(&msi, 17, 1, 0x20);                    /* one byte of the address */
    check(11, 0xfee02000, 0x4041, IRQ_MASKED);
    vmsi_table_write(&msi, 28, 2, 0);
    check(11, 0xfee02000, 0x4041, 0);
    vmsi_table_write(&msi, 20, 4, 1);                       /* above 4 GiB: no interrupt */
    check(11, 0, 0, IRQ_OFF);
    vmsi_table_write(&msi, 20, 4, 0);
    check(11, 0xfee02000, 0x4041, 0);
    vmsi_table_write(&msi, 24, 4, 3);                       /* illegal vector */
    check(11, 0, 0, IRQ_OFF);
    vmsi_table_write(&msi, 24, 4, 0x400);                   /* NMI has none */
    check(11, 0xfee02000, 0x400, 0);
    vmsi_table_write(&msi, 24, 4, 0x55);
    vmsi_msix_control(&msi, false, false);
    check(11, 0, 0, IRQ_OFF);
    vmsi_msix_control(&msi, true, false);
    check(11, 0xfee02000, 0x55, 0);
    vmsi_table_write(&msi, 14, 8, 0x3000000000000ull | 0x0000fee030000000ull); /* across two entries */
    CHECK_EQ(vmsi_table_read(&msi, 16, 4), 0x3fee03000u & 0xffffffff);
    vmsi_reset(&msi);
    check(11, 0, 0, IRQ_OFF);
    CHECK_EQ(vmsi_table_read(&msi, 28, 4), 1);
    CHECK_EQ(vmsi_table_read(&msi, 16, 8), 0);
    CHECK(!msi.enable);
    vmsi_msi_set(&msi, &(struct vmsi_msi){ .enable = true, .addr = 0xfee00000, .data = 0x50 });
    check(10, 0, 0, IRQ_OFF);                               /* the wrong kind has no effect */
}

static void plain(void)
{
    struct vmsi_msi regs = { .addr = 0xfee00000, .data = 0x4053 };

    start(8, false);
    vmsi_msi_set(&msi, &regs);
    CHECK_EQ(fake.irq_calls, 0);
    regs.enable = true;
    vmsi_msi_set(&msi, &regs);
    check(10, 0xfee00000, 0x4053, 0);
    check(11, 0, 0, IRQ_OFF);
    CHECK_EQ(fake.irq_calls, 1);
    vmsi_msi_set(&msi, &regs);
    CHECK_EQ(fake.irq_calls, 1);
    regs.log2 = 2;
    vmsi_msi_set(&msi, &regs);
    check(10, 0xfee00000, 0x4050, 0);
    check(13, 0xfee00000, 0x4053, 0);
    check(14, 0, 0, IRQ_OFF);
    regs.mask = 0x2;
    vmsi_msi_set(&msi, &regs);
    check(11, 0xfee00000, 0x4051, IRQ_MASKED);
    regs.log2 = 7;                                          /* reserved: as 5, and only 8 exist */
    vmsi_msi_set(&msi, &regs);
    check(17, 0xfee00000, 0x4047, 0);
    check(18, 0, 0, IRQ_OFF);
    regs.addr = 0x12345678;
    vmsi_msi_set(&msi, &regs);
    for (unsigned i = 10; i < 18; i++)
        check(i, 0, 0, IRQ_OFF);
    vmsi_msix_control(&msi, true, false);
    vmsi_table_write(&msi, 0, 4, 5);
    CHECK_EQ(vmsi_table_read(&msi, 0, 4), 0xffffffff);
}

static void refused(void)
{
    struct vmsi_msi regs = { .enable = true, .addr = 0xfee00000, .data = 0x60 };

    start(1, false);
    fake.irq_status = ST_RANGE;
    vmsi_msi_set(&msi, &regs);
    CHECK_EQ(fake.logs, 1);
    vmsi_msi_set(&msi, &regs);                              /* tried again, logged once */
    CHECK_EQ(fake.irq_calls, 2);
    CHECK_EQ(fake.logs, 1);
    fake.irq_status = ST_OK;
    vmsi_msi_set(&msi, &regs);
    check(10, 0xfee00000, 0x60, 0);
    start(0, true);
    vmsi_msix_control(&msi, true, false);
    vmsi_table_write(&msi, 0, 4, 5);
    CHECK_EQ(vmsi_table_read(&msi, 0, 2), 0xffff);
    CHECK_EQ(fake.irq_calls, 0);
}

int main(void)
{
    for (unsigned i = 0; i < VMM_MAX_IRQS; i++)
        fake.irq[i].flags = IRQ_OFF;
    table();
    plain();
    refused();
    CHECK_EQ(fake.bad, 0);
    return unit_done();
}
