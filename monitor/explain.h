/* SPDX-License-Identifier: BSD-2-Clause */
/* The text behind every code. Pure. */
#pragma once

#include "kernel/lib/base.h"
#include "monitor/codes.h"

/* "M012"; "----" for CODE_NONE and what is no code. */
const char *explain_name(enum code code);
/* One sentence each; empty for CODE_NONE. */
const char *explain_meaning(enum code code);
const char *explain_fix(enum code code);
/* The code of a name in any case, CODE_NONE when there is none. */
enum code explain_find(const char *name);

