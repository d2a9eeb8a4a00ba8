/* SPDX-License-Identifier: BSD-2-Clause */
/* The definition block of the guest's DSDT. */
#pragma once

#include "vmm/aml.h"
#include "vmm/start_page.h"

/* The AML after the table header. */
void dsdt_body(struct aml *aml, const struct vmm_start *start);

