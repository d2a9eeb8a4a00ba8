/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts about the machine that main.c gathers at boot and SYS_INFO reports. */
#pragma once

#include "kernel/abi/info.h"
#include "kernel/acpi/acpi_fadt.h"

extern struct info_platform platform;    /* const after boot */
extern struct acpi_fadt platform_fadt;   /* all zero when there is none */

