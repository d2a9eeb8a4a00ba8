/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the policy share. */
#pragma once

#include "monitor/policy.h"

struct check {
    struct policy *p;
    const struct manifest *m;
    const struct facts *f;
};

/* Refuses guest vm for a reason; warn does not. */
void policy_refuse(struct check *c, uint32_t vm, enum code code, const struct span *at, const struct span *also,
                   const char *format, ...) PRINTF(6, 7);
void policy_warn(struct check *c, uint32_t vm, enum code code, const struct span *at, const char *format, ...)
    PRINTF(5, 6);

void policy_devices(struct check *c);    /* resolve names, owners, groups, isolation */
void policy_slots(struct check *c);      /* slots and interrupts of guests not refused */
void policy_intx(struct check *c);       /* interrupt lines, and who shares them */

struct policy_waivers policy_waivers_of(const struct check *c, uint32_t vm, uint32_t line);
/* Does the function get its interrupt line, and where does that go? why: of size DIAG_TEXT. */
bool policy_wants_intx(const struct dev_info *d, struct policy_waivers waivers);
bool policy_intx_route(const struct facts *f, const struct dev_info *d, struct policy_waivers waivers, uint32_t *gsi,
                       char *why);
void policy_files(struct check *c);

/* "0000:03:00.0 [8086:10d3 Ethernet controller]" */
#define POLICY_DEV_TEXT 64u
void policy_dev_text(const struct dev_info *d, char *buf);

