/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI functions as the kernel found them: config access, the list, BARs,
 * capabilities, policy for owners, MSI/MSI-X programming, reset. Facts are read
 * once at scan and kept; nothing a guest does changes them.
 */
#pragma once

#include "drivers/pci/pci_regs.h"
#include "kernel/abi/info.h"
#include "kernel/arch/spinlock.h"

#define PCI_MAX_FUNCTIONS  256u

/* info.flr: resets that the function offers, in the order in which they are tried. */
#define PCI_RESET_FLR  1u
#define PCI_RESET_AF   2u
#define PCI_RESET_PM   4u
#define PCI_RESET_BUS  8u    /* of the bus that it is on: all functions there are in its isolation group */

/* What of a BAR its owner reaches through the kernel: ports; memory that cannot be mapped, which is the pages with the
 * MSI-X table or pending bits (and those between) or all of a BAR below a page. at: where `first` is, 0 = not in reach. */
struct pci_window { uint64_t first, end; uintptr_t at; };

struct pci_fn {
    /* const after scan */
    struct bdf bdf;
    struct dev_info info;         /* what user mode may know; state, vm, iommu_*, reserved: kernel/dev */
    uint32_t header[64 / 4];      /* the config header at hand-over: what a reset has to bring back */
    uint8_t  cap_at[256 / 4];     /* capability id by dword offset, 0 = none */
    uint16_t dsn_off, af_off, acs_off;   /* 0 = none */
    uint16_t acs_on;              /* what access control is on: a reset clears it */
    uint16_t devctl, devctl2;     /* PCIe device control at hand-over, for after a reset */
    uint8_t  pcie_version;        /* of the PCIe capability */
    bool     pm_keeps_state;      /* D3hot -> D0 is no reset */
    struct pci_window window[6];  /* by BAR */
    uintptr_t msix_table;         /* kernel mapping of the MSI-X table, 0 = there is none that it could use */
    struct spinlock lock;         /* command register, MSI and MSI-X registers */
    struct irq_set *irqs;         /* kernel/irq: its interrupts, NULL = none; root thread writes */
    struct intx *intx;            /* kernel/irq: its line, NULL = none: INTx stays off; root thread, while nobody calls */
};

/* Takes the ECAM windows, scans all buses reachable from the host bridges,
 * sizes BARs (decode off meanwhile, state restored), walks capabilities,
 * turns ACS on, computes paths and groups. Not fatal: what is odd is logged and refused, also
 * a function whose BAR lies over another one or over RAM of firmware's map (ST_OVERLAP). */
MUST_USE status_t pci_init(const struct bootinfo *bi);
uint32_t pci_count(void);
struct pci_fn *pci_at(uint32_t index);             /* NULL beyond the end */
struct pci_fn *pci_find(struct bdf fn);            /* NULL when absent */
/* A BAR of the kind (BAR_MEMORY, BAR_IO) with an address; one of fn, other than `except`, that touches [base, base+len). */
bool pci_bar_is(const struct dev_bar *bar, uint32_t kind);
bool pci_bar_touches(const struct pci_fn *fn, uint32_t kind, uint64_t base, uint64_t len, const struct dev_bar *except);

/* Bus mastering and INTx off, but for a serial port's, which may be the console; decode off too, and the ROM. Reads back; ST_HW,
 * ST_ABSENT. INTx off may be hardwired to zero: info.intx_off says what it is. */
MUST_USE status_t pci_bus_master_off(struct pci_fn *fn);
MUST_USE status_t pci_quiesce(struct pci_fn *fn);
/* Memory decode and bus mastering on in every bridge above. ST_HW, ST_ABSENT. */
MUST_USE status_t pci_open_path(struct pci_fn *fn);
/* Reset ladder FLR, AF-FLR, PM, bus (only if the caller's owner has no function in use there); then restores BARs and
 * compares the image, of all functions that it reset; ST_NORESET, ST_TIMEOUT, ST_ABSENT, ST_CORRUPT, ST_HW. Up to seconds, in
 * which others run: no lock may be held. */
MUST_USE status_t pci_reset(struct pci_fn *fn, bool bus_too);

/* Config space as an owner may see and change it (cfgpolicy.c): byte-masked, any width and
 * offset; denied reads are zero, denied writes dropped; so is INTx on without a line. BARs and interrupt line read zero
 * (dev_info has them). MSI and MSI-X registers read as hardware's structure without address
 * and data, but writes never reach the device: the VMM shadows them and uses IRQ_SET.
 * off and size are the caller's own: ST_INVAL, ST_RANGE. *value: written, or what was read. */
MUST_USE status_t pci_owner_access(struct pci_fn *fn, uint64_t off, uint64_t size, bool write, uint32_t *value);

/* MSI / MSI-X registers, programmed by the kernel only. ST_UNSUPP: the function has none (or no table in reach) of
 * the kind, ST_RANGE: more than it has, ST_HW: it does not turn on or off. */
/* One entry. Turns MSI-X on when it is not, with every entry masked first. */
MUST_USE status_t pci_msix_write(struct pci_fn *fn, unsigned index, uint64_t addr, uint32_t data, bool masked);
/* All of MSI: that many vectors, 0 = off; masked: a bit per vector, for functions that can. */
MUST_USE status_t pci_msi_write(struct pci_fn *fn, uint64_t addr, uint32_t data, unsigned vectors, uint32_t masked);
/* Both kinds off. */
MUST_USE status_t pci_msi_off(struct pci_fn *fn);
