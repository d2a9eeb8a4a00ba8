/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake of kernel/mm/kmap.h: a mapping is the address itself. */
#pragma once

#include <stdint.h>

struct fake_kmap {
    uint64_t maps;
    uint64_t fail_after;     /* mappings still granted; 0 at reset = no limit, else count + 1 */
};
extern struct fake_kmap fake_kmap;

