/* SPDX-License-Identifier: BSD-2-Clause */
/* Isolation groups: functions that can reach each other without passing the IOMMU. */
#pragma once

#include "drivers/pci/pci.h"

/* Turns on what the function's ACS capability offers; no effect without one. */
void group_acs_enable(const struct pci_fn *fn);
/* Sets info.group of every function of the list. Boot only, after the scan. */
void group_compute(void);

