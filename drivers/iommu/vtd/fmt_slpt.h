/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry format of VT-d second-level tables. */
#ifndef DRIVERS_IOMMU_VTD_FMT_SLPT_H
#define DRIVERS_IOMMU_VTD_FMT_SLPT_H

#include "kernel/mm/ptab.h"

extern const struct ptab_fmt fmt_slpt;        /* any unit */
extern const struct ptab_fmt fmt_slpt_snoop;  /* all units have ECAP.SC: leaves force snooping */

#endif
