/* SPDX-License-Identifier: BSD-2-Clause */
/* Text for the monitor: lines into the channel's log ring, and the VMM's last words. */
#pragma once

#include "kernel/abi/vcpu_state.h"
#include "kernel/lib/base.h"
#include "vmm/start_page.h"

/* One line; a line that does not fit is dropped whole. Any thread. (host_log is the same for devices.) */
void log_line(const char *format, ...) PRINTF(1, 2);

/* General and control registers of a vCPU, six lines. */
void log_registers(unsigned vcpu, const struct vcpu_state *vs);

/* Ends the VMM: reason and state to the channel, registers of vs (NULL: none) to the log. Any thread. */
NORETURN void vmm_fail(enum vmm_fail code, const struct vcpu_state *vs, const char *format, ...) PRINTF(3, 4);

/* The guest ended by its own will: VMM_OFF or VMM_RESET. */
NORETURN void vmm_finish(enum vmm_state state, const char *why);

