/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor's side of a guest's channel. The VMM at the other side is untrusted. */
#pragma once

#include "monitor/supervise.h"

/* Before and after a start: positions to zero; rings of kept text set up. */
void guestio_reset(struct guest *g);
void guestio_begin(struct guest *g);
/* Takes what waits in the output and log rings: at most one ring's worth each. Also before either log is shown, and
 * when the console begins to show this guest. */
void guestio_drain(struct guest *g);
void guestio_input(struct guest *g, const uint8_t *data, size_t n);
/* What the VMM says: enum vmm_state (anything else reads as VMM_FAILED), its failure code as
 * it stands, its reason made printable. */
enum vmm_state guestio_state(const struct guest *g, uint32_t *fail, char *reason, size_t size);

