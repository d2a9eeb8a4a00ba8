/* SPDX-License-Identifier: BSD-2-Clause */
/* Base address registers of one function. */
#pragma once

#include "drivers/pci/pci.h"

/* Sizes BARs and ROM with decode off; every register ends as it was. A BAR whose answer is no
 * power of two or whose base is not aligned to it sets fn->refusal to ST_CORRUPT. */
void bar_scan(struct pci_fn *fn);
/* Writes all BARs and the ROM register as found at scan; decode must be off. */
void bar_restore(const struct pci_fn *fn);
/* True when every BAR register reads as found at scan. */
bool bar_matches(const struct pci_fn *fn);
/* Command bits that may be on: decode of a kind only when each BAR of it has an address. */
uint32_t bar_decode_allowed(const struct pci_fn *fn);

