/* SPDX-License-Identifier: BSD-2-Clause */
/* What crt0 and the compiler call. */
#pragma once

#include "kernel/lib/base.h"

void user_main(uint64_t arg);
NORETURN void __stack_chk_fail(void);

