/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory set-up, once, on the boot CPU. */
#pragma once

#include "kernel/abi/bootinfo.h"

/* Splits RAM, builds and loads the kernel's own page tables (the loader's low mappings are
 * gone afterwards). "Too little memory" stops the boot with the reason. */
extern uint64_t mm_low_page;     /* a free page below 1 MiB to start CPUs from, 0 = none */
void mm_init(const struct bootinfo *bi);

