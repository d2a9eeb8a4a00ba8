/* SPDX-License-Identifier: BSD-2-Clause */
/* How fast the time stamp counter runs. */
#pragma once

#include "kernel/lib/base.h"

/* Boot CPU, once: CPUID when it says, else the 8254; a line says which. */
void tsc_calibrate(void);
/* Better than nothing was found: measure against the ACPI PM timer (fadt), port != 0. */
MUST_USE status_t tsc_calibrate_pm(uint16_t port);
/* How it is known, for the boot log. */
const char *tsc_source(void);

