/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI functions as models: config space by ECAM and by ports CF8/CFC, BARs that size, resets
 * that take time, an MSI-X table, and faults to inject. Also the loader's facts: an ECAM window.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/bootinfo.h"
#include "kernel/lib/base.h"

#define PCI_MODEL_ECAM  0xb0000000ull
#define PCI_MODEL_MAX   300

struct pci_model_fn {
    struct bdf bdf;
    uint8_t cfg[4096];
    uint8_t wmask[4096];          /* writable bits */
    uint8_t clear[4096];          /* write-1-to-clear bits */
    uint64_t bar_size[6];
    bool bar_is64[6];
    uint16_t next_cap, last_cap, next_ext, last_ext;   /* builder's state */
    uint16_t pm, msi, msix, pcie, af, acs;                /* offsets, 0 = none */
    uint8_t *msix_mem;            /* the BAR that holds the table */
    uint64_t msix_mem_base, msix_mem_len;
    /* behaviour of resets */
    uint64_t reset_us;            /* how long one takes */
    uint64_t quiet_until;         /* an access before is a violation of the 100 ms rule */
    uint64_t back_at;             /* answers retry status until then */
    unsigned resets, early_accesses;
    /* bridges */
    uint64_t bus_reset_at;        /* the reset of its bus began */
    uint64_t link_us, link_at;    /* the link takes so long after one; is up again */
    unsigned bus_resets, short_resets;
    /* faults */
    bool gone;                    /* reads all ones */
    bool hang_in_reset;           /* retry status for ever */
    bool dies_in_reset;           /* all ones for ever */
    bool loses_identity;          /* another device id after reset */
    bool keeps_bus_master;        /* bit 2 is stuck */
    bool pending_forever;         /* transactions pending never clears */
    bool msix_stuck;              /* MSI-X stays enabled over resets */
    unsigned writes;
};

struct pci_model {
    bool ecam;                    /* MCFG present */
    bool ecam_lies;               /* the window shows something else than the ports */
    uint64_t ram_end;             /* RAM is below */
    struct boot_range reserved;   /* above it */
    unsigned count;
    struct pci_model_fn *fn[PCI_MODEL_MAX];
    unsigned port_accesses;
    unsigned off_size_errors;     /* accesses that are not naturally aligned */
};
extern struct pci_model pci_model;

const struct bootinfo *pci_model_boot(void);    /* for pci_init */
/* Call after fake_hw_reset. */
void pci_model_reset(bool ecam);
struct pci_model_fn *pci_model_add(unsigned bus, unsigned dev, unsigned fn, uint16_t vendor, uint16_t device,
                                   uint32_t class_code);
struct pci_model_fn *pci_model_bridge(unsigned bus, unsigned dev, unsigned fn, unsigned second, unsigned sub);
/* kind: 0 = 32-bit memory, 1 = I/O, 2 = 64-bit memory, 4 = upper half hardwired to zero; + 8 = prefetchable */
void pci_model_bar(struct pci_model_fn *f, unsigned i, unsigned kind, uint64_t base, uint64_t size);
uint16_t pci_model_cap(struct pci_model_fn *f, uint8_t id, unsigned len);
uint16_t pci_model_ext(struct pci_model_fn *f, uint16_t id, unsigned len);
void pci_model_pm(struct pci_model_fn *f, bool keeps_state);
void pci_model_pcie(struct pci_model_fn *f, unsigned type, bool flr);
void pci_model_af(struct pci_model_fn *f);
void pci_model_msi(struct pci_model_fn *f, unsigned log2, bool is64, bool maskable);
void pci_model_msix(struct pci_model_fn *f, unsigned bar, uint32_t table, uint32_t pba, unsigned count);
void pci_model_acs(struct pci_model_fn *f, uint16_t cap);

void pci_model_put16(struct pci_model_fn *f, unsigned off, uint16_t v);
void pci_model_put32(struct pci_model_fn *f, unsigned off, uint32_t v);
uint32_t pci_model_get(const struct pci_model_fn *f, unsigned off, unsigned size);
uint32_t pci_model_msix_word(const struct pci_model_fn *f, unsigned index, unsigned word);

/* Something like an e1000e: PM, MSI, PCIe with FLR, MSI-X with five entries in BAR 3. */
struct pci_model_fn *pci_model_nic(unsigned bus, unsigned dev, unsigned fn, uint64_t mmio);

