/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "kernel/lib/base.h"

/* What the number in a fault record of a VT-d unit means [VT-d 7.1]; below 64 characters. */
const char *fault_text(uint32_t reason);
