/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "kernel/boot/fat.h"

/* Mounts the boot disk's volume. NOTFOUND: no partition is a FAT volume; else what disk_read said. */
MUST_USE status_t volume_find(struct fat *fat);
