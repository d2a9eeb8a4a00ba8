/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake of kernel/log/console.h keeps the text for the test. */
#pragma once

#include <stdbool.h>

void fake_log_reset(void);
const char *fake_log_text(void);                 /* lines, each with a newline */
bool fake_log_has(const char *part);
unsigned fake_log_lines(void);

