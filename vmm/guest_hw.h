/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixed addresses of the guest's platform: what the ACPI tables say and what
 * the devices decode must be the same numbers, so both read them here.
 */
#pragma once

#include <stdint.h>

/* ---- interrupts ---- */
#define GHW_IOAPIC_BASE      0xfec00000u
#define GHW_IOAPIC_SIZE      0x1000u
#define GHW_IOAPIC_ID        0u
#define GHW_IOAPIC_PINS      24u
#define GHW_LAPIC_BASE       0xfee00000u
#define GHW_LAPIC_SIZE       0x1000u
#define GHW_LAPIC_HZ         1000000000u /* virtual APIC timer at divisor 1: the kernel's VLAPIC_HZ */
#define GHW_IRQ_PIT          0u      /* override: GSI 2 */
#define GHW_GSI_PIT          2u
#define GHW_IRQ_COM1         4u
#define GHW_IRQ_RTC          8u
#define GHW_IRQ_SCI          9u      /* level, active high */
#define GHW_GSI_PCI          16u     /* INTx: GSI 16..23 */
#define GHW_GSI_PCI_COUNT    8u

#define GHW_IRQ_PCI          10u     /* the same on the 8259s: even lines here, odd ones on 11; level */

/* GSI of INTx pin 0..3 (A..D) of a device on bus 0 that no function uses: for a _PRT without gaps. */
static inline unsigned ghw_intx_gsi(unsigned dev, unsigned pin)
{
    return GHW_GSI_PCI + ((dev + pin) & (GHW_GSI_PCI_COUNT - 1));
}

/* The 8259s' input of a line 0..7: the line register's value, and what _PRT says in PIC mode. */
static inline unsigned ghw_intx_irq(unsigned line) { return GHW_IRQ_PCI + (line & 1u); }

/* ---- ports ---- */
#define GHW_PIC1             0x20u
#define GHW_PIT              0x40u
#define GHW_PORT61           0x61u
#define GHW_CMOS             0x70u
#define GHW_PIC2             0xa0u
#define GHW_COM1             0x3f8u
#define GHW_ELCR             0x4d0u
#define GHW_PM1A_EVT         0x600u  /* status 2 bytes, enable 2 bytes [ACPI 4.8.3.1] */
#define GHW_PM1A_CNT         0x604u  /* 2 bytes [ACPI 4.8.3.2] */
#define GHW_PM_TMR           0x608u  /* 4 bytes, 32-bit counter, 3.579545 MHz [ACPI 4.8.3.3] */
#define GHW_PM_LEN           0x10u   /* 600h..60fh are reserved for the block */
#define GHW_CF8              0xcf8u
#define GHW_RESET            0xcf9u  /* write of GHW_RESET_VALUE resets the guest */
#define GHW_RESET_VALUE      0x06u
#define GHW_PM_HZ            3579545u

#define GHW_SLP_TYP_S5       5u      /* SLP_TYPa that means soft off */
#define GHW_CMOS_CENTURY     0x32u

/* ---- PCI host bridge windows for ports: all but CF8..CFF ---- */
#define GHW_PCI_IO_LOW_END   0x0cf7u
#define GHW_PCI_IO_HIGH      0x0d00u
#define GHW_PCI_BARS_IO      0xc000u /* where the VMM puts I/O BARs */

