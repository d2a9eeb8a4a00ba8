/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI functions as the kernel found them: config access, the list, BARs,
 * capabilities, policy for owners, MSI/MSI-X programming, reset. Facts are read
 * once at scan and kept; nothing a guest does changes them.
 */
#pragma once

#include "kernel/abi/info.h"
#include "kernel/arch/spinlock.h"

#define PCI_MAX_FUNCTIONS  256u

/* ext_flags: extended capabilities seen. */
#define PCI_EXT_ACS    0x01u
#define PCI_EXT_ATS    0x02u
#define PCI_EXT_PRI    0x04u
#define PCI_EXT_PASID  0x08u
#define PCI_EXT_SRIOV  0x10u
#define PCI_EXT_ARI    0x20u
#define PCI_EXT_REBAR  0x40u

/* info.flr: resets that the function offers. */
#define PCI_RESET_FLR  1u
#define PCI_RESET_AF   2u
#define PCI_RESET_PM   4u

struct pci_fn {
    /* const after scan */
    struct bdf bdf;
    struct dev_info info;         /* what user mode may know; state, vm, iommu_*: kernel/dev */
    uint16_t cap_at[256 / 4];     /* capability id by dword offset, 0 = none */
    uint16_t ext_flags;           /* PCI_EXT_* */
    uint16_t command;             /* command register at hand-over */
    uint16_t parent;              /* index + 1 of the bridge above, 0 = on a root bus */
    uint16_t acs_off, dsn_off, af_off;    /* 0 = none */
    uint16_t devctl, devctl2;     /* PCIe device control at hand-over, for after a reset */
    uint8_t  pcie_version, subordinate;
    bool     pm_keeps_state;      /* D3hot -> D0 is no reset */
    status_t refusal;             /* what the scan found against it; info.refusal has all reasons */
    /* lock */
    struct spinlock lock;         /* command register, MSI and MSI-X registers */
    uintptr_t msix_table;         /* kernel mapping of the MSI-X table, 0 = not mapped yet */
    /* owned by kernel/dev, under its lock */
    void *owner;                  /* struct vm */
    /* kernel/irq */
    struct spinlock irq_lock;
    struct irq_obj *irqs;         /* its interrupts: root thread writes, with irq_lock */
};

/* Raw config access; size 1, 2, 4; off naturally aligned and < 4096 (256 without ECAM).
 * Reads of absent functions give all ones. */
uint32_t pci_cfg_read(struct bdf fn, unsigned off, unsigned size);
void pci_cfg_write(struct bdf fn, unsigned off, unsigned size, uint32_t value);

/* Finds ECAM through MCFG, scans all buses reachable from the host bridges,
 * sizes BARs (decode off meanwhile, state restored), walks capabilities,
 * turns ACS on, computes paths and groups. Not fatal: what is odd is logged and refused. */
MUST_USE status_t pci_init(void);
bool pci_has_ecam(void);
uint32_t pci_count(void);
struct pci_fn *pci_at(uint32_t index);             /* NULL beyond the end */
struct pci_fn *pci_find(struct bdf fn);            /* NULL when absent */
/* Firmware's memory map, range by range after pci_init: a function whose memory BAR lies
 * over RAM is refused (ST_OVERLAP), since mapping that BAR would give away the RAM. */
void pci_refuse_over(hpa_t base, uint64_t len);

/* Bus mastering off; decode off too, INTx off. Reads back; ST_HW, ST_ABSENT. */
MUST_USE status_t pci_bus_master_off(struct pci_fn *fn);
MUST_USE status_t pci_quiesce(struct pci_fn *fn);
/* Memory decode and bus mastering on in every bridge above. ST_HW, ST_ABSENT. */
MUST_USE status_t pci_open_path(const struct pci_fn *fn);

/* Reset ladder FLR, AF-FLR, PM; then restores BARs and compares the image; ST_NORESET,
 * ST_TIMEOUT, ST_ABSENT, ST_CORRUPT. Blocks up to seconds. */
MUST_USE status_t pci_reset(struct pci_fn *fn);
/* The same in steps, for callers that let others run: poll until it is not ST_AGAIN. */
struct pci_reset { uint32_t step, method, tried; uint64_t not_before, end_us; status_t worst; };
void pci_reset_begin(struct pci_reset *reset);
MUST_USE status_t pci_reset_poll(struct pci_fn *fn, struct pci_reset *reset);

/* Config space as an owner may see and change it (cfgpolicy.c): byte-masked, any width and
 * offset; denied reads are zero, denied writes dropped. BARs and interrupt line read zero
 * (dev_info has them). MSI and MSI-X registers read as hardware's structure without address
 * and data, but writes never reach the device: the VMM shadows them and uses IRQ_SET. */
uint32_t pci_owner_read(struct pci_fn *fn, unsigned off, unsigned size);
void pci_owner_write(struct pci_fn *fn, unsigned off, unsigned size, uint32_t value);

/* MSI / MSI-X registers, programmed by the kernel only. index < count of the kind, else
 * ST_RANGE; ST_UNSUPP: the function has no such register. */
MUST_USE status_t pci_msix_write(struct pci_fn *fn, unsigned index, uint64_t addr, uint32_t data, bool masked);
MUST_USE status_t pci_msix_mask(struct pci_fn *fn, unsigned index, bool masked);
/* Turning it on masks every entry first; no effect when it is already so. */
MUST_USE status_t pci_msix_enable(struct pci_fn *fn, bool on);
MUST_USE status_t pci_msi_write(struct pci_fn *fn, uint64_t addr, uint32_t data, unsigned log2_vectors, bool on);
MUST_USE status_t pci_msi_mask(struct pci_fn *fn, unsigned vector, bool masked);

