/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts about the machine that main.c gathers at boot and SYS_INFO reports. */
#pragma once

#include "kernel/abi/info.h"

extern struct info_platform platform;    /* const after boot */

