/* SPDX-License-Identifier: BSD-2-Clause */
/* Between vcpu.c and the back ends' run loops. */
#pragma once

#include "kernel/virt/vcpu.h"

/* Looks at all pending work, blocks while the vCPU is halted. true: an exit record is filled.
 * Does not come back when the task ends. Home thread, host state. */
MUST_USE bool vcpu_attend(struct vcpu *vcpu);

