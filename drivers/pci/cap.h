/* SPDX-License-Identifier: BSD-2-Clause */
/* Capability lists of one function. */
#pragma once

#include "drivers/pci/pci.h"

/* Fills cap_at, ext_flags and the capability facts of info; turns off what firmware may have
 * left on and the IOMMU does not police (ATS, PRI, PASID, VFs). A list that loops or leaves
 * config space is cut there. */
void cap_scan(struct pci_fn *fn);
/* After BAR sizing: MSI-X table and PBA must lie inside memory BARs, else fn->refusal. */
void cap_check_msix(struct pci_fn *fn);

