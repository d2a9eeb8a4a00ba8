/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's facts, asked from the kernel; and files mapped for a look. */
#pragma once

#include "monitor/policy.h"

/* Everything, at start. ST_OK or the first error. */
MUST_USE status_t facts_read(struct facts *f);
/* What changes while guests run. */
void facts_refresh(struct facts *f);
/* Maps the first len bytes of a file for the monitor's life; NULL on error. Once a file. */
const uint8_t *facts_map_module(const struct facts *f, uint32_t index, uint64_t len);
/* The index of the file whose last component is name, or POLICY_NONE. */
uint32_t facts_find_basename(const struct facts *f, const char *name);
/* Maps the heads of all guest kernels for the policy's checks. */
void facts_map_kernels(struct facts *f, const struct manifest *m);
/* Microseconds to TSC ticks. */
uint64_t facts_tsc_of_us(const struct facts *f, uint64_t us);

