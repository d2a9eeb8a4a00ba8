/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "kernel/lib/base.h"

/* What the number in a fault record means, by info_platform.iommu_vendor; below 64 characters. VT-d: the fault reason
 * [VT-d 7.1]. AMD-Vi: bits 63:48 of the event, code and flags [AMD-Vi 2.5]. */
const char *fault_text(uint32_t vendor, uint32_t reason);
