/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this driver share. The functions of ecam, cap, bar_scan and group run at boot only. */
#pragma once

#include "drivers/pci/pci.h"

/* Raw config access; size 1, 2, 4; off naturally aligned and < 4096; segment 0. Reads of absent functions, and without
 * ECAM from 256 on, give all ones. */
uint32_t pci_cfg_read(struct bdf fn, unsigned off, unsigned size);
static inline uint32_t pci_rd(const struct pci_fn *fn, unsigned off, unsigned size)
{ return pci_cfg_read(fn->bdf, off, size); }
void pci_wr(const struct pci_fn *fn, unsigned off, unsigned size, uint32_t value);
/* Command bits that may be on: decode of a kind only when each BAR of it has an address. */
uint32_t bar_decode_allowed(const struct pci_fn *fn);
/* Neither MSI nor MSI-X is on. */
bool msi_is_off(const struct pci_fn *fn);

/* Takes the firmware's windows; without one, or when it does not answer as CF8/CFC do, ports are used. */
void ecam_init(const struct bootinfo *bi);
/* Maps the bus if a window covers it; ports serve it otherwise. */
void ecam_open_bus(uint8_t bus);
bool ecam_covers(uint8_t bus);      /* extended config space can be read there */
/* Fills cap_at and the capability facts; turns ACS on and off what firmware may have left on and
 * the IOMMU does not police (ATS, PRI, PASID, VFs). A list that loops or leaves config space is cut there. */
void cap_scan(struct pci_fn *fn);
/* After BAR sizing: maps fn->window. MSI-X table and PBA must lie inside memory BARs, else ST_CORRUPT in info.refusals. */
void cap_open_windows(struct pci_fn *fn);
/* Sizes BARs with decode off; every register ends as it was. A BAR whose answer is no
 * power of two or whose base is not aligned to it sets ST_CORRUPT in info.refusals. */
void bar_scan(struct pci_fn *fn);
/* Sets info.group of every function, after the scan, and offers the reset of a bus (info.flr). */
void group_compute(void);
