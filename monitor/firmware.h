/* SPDX-License-Identifier: BSD-2-Clause */
/* What the firmware's AML says, from the tables that the loader kept; they are read once, at the first question. */
#pragma once

#include "monitor/policy.h"

/* SLP_TYPa and SLP_TYPb of \_S5. ST_NOTFOUND: no tables, or they do not say. */
MUST_USE status_t firmware_s5(const struct facts *f, uint8_t *typ_a, uint8_t *typ_b);
/* Where the function's interrupt line ends, with IRQ_GSI_LOW where it is active low; false: not known, and text says
 * why. */
bool firmware_intx(const struct facts *f, const struct dev_info *d, uint32_t *gsi, char *text, size_t size);
