/* SPDX-License-Identifier: BSD-2-Clause */
/* The fault records kept, over all units. */
#pragma once

#include "kernel/abi/info.h"
#include "kernel/lib/base.h"

/* Hardware's reason number in words [VT-d 7.1]. */
const char *vtd_fault_text(uint32_t reason);
/* The oldest record kept with seq >= from_seq. */
bool vtd_fault_get(uint64_t from_seq, struct info_fault *out);

