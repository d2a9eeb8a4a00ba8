/* SPDX-License-Identifier: BSD-2-Clause */
/* Device scopes of DMAR turned into functions, by following real bridge paths. */
#pragma once

#include "drivers/iommu/vtd/dmar.h"

struct vtd_match {
    bool found;                   /* false: the path leads nowhere on this machine */
    uint8_t type, id;             /* enum dmar_scope_type, enumeration id */
    uint8_t sub_first, sub_last;  /* buses below a bridge scope; 0 = none */
    struct bdf fn;
};

/* Reads the bridges' bus numbers; firmware must have set them. */
struct vtd_match vtd_scope_resolve(const struct dmar_scope *scope, uint16_t seg);
bool vtd_scope_covers(const struct vtd_match *match, struct bdf fn);

