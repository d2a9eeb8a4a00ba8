/* SPDX-License-Identifier: BSD-2-Clause */
/* Speculation policy: what leaks between owners, and what is done about it on this CPU. */
#pragma once

#include "kernel/lib/base.h"

void spec_init_cpu(void);    /* SPEC_CTRL and EFER bits; each CPU */
/* On this CPU another owner's code runs next (another task or another guest). */
void spec_switch(void);
void spec_log(void);         /* one line per issue */

