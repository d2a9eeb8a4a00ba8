/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry format of VT-d second-level tables. */
#pragma once

#include "kernel/mm/ptab.h"

extern const struct ptab_fmt fmt_slpt;        /* any unit */
extern const struct ptab_fmt fmt_slpt_snoop;  /* all units have ECAP.SC: leaves force snooping */

