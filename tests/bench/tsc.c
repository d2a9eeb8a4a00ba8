/* SPDX-License-Identifier: BSD-2-Clause */
/* The TSC when a Multiboot kernel gets control: what firmware and loader cost before it. */
#include "tests/guest/lib/rt.h"

void guest_main(void) { rt_print("bench boot entry_tsc=0x%lx\n", rdtsc()); }
