/* SPDX-License-Identifier: BSD-2-Clause */
/* The definition block of the guest's DSDT. */
#ifndef VMM_DSDT_H
#define VMM_DSDT_H

#include "vmm/aml.h"

/* The AML after the table header. */
void dsdt_body(struct aml *aml, unsigned vcpus);

#endif
