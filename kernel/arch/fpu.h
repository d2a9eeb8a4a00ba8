/* SPDX-License-Identifier: BSD-2-Clause */
/* FPU set-up; what others use is in cpu.h. */
#pragma once

#include "kernel/lib/base.h"

void fpu_detect(void);       /* sizes and components into cpu_features; boot CPU */
void fpu_init_cpu(void);     /* CR4 is set: XCR0, clean registers, closed to ring 3 */
/* A zeroed area of cpu_features.xsave_size bytes gets the power-on state. */
struct fpu_area;
void fpu_area_init(struct fpu_area *area);

