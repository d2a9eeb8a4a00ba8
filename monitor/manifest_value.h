/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of manifest keys: each setter stores a value or reports the error. Pure. */
#pragma once

#include "monitor/manifest.h"

/* The line being read. */
struct value_ctx {
    struct manifest *m;
    uint32_t vm;               /* DIAG_ALL in [cordon] */
    struct span key, value;
};

/* Reports an error at a place and refuses the guest that the line belongs to. */
void value_error(struct value_ctx *c, enum code code, const struct span *at, const struct span *also,
                 const char *format, ...) PRINTF(5, 6);
/* A part of a span, with its column. */
struct span value_sub(const struct manifest *m, const struct span *s, uint32_t off, uint32_t len);

void value_version(struct value_ctx *c);
void value_console(struct value_ctx *c);
void value_lock(struct value_ctx *c);
void value_cpus(struct value_ctx *c);
void value_memory(struct value_ctx *c);
void value_kernel(struct value_ctx *c);
void value_initrd(struct value_ctx *c);
void value_module(struct value_ctx *c);
void value_cmdline(struct value_ctx *c);
void value_pci(struct value_ctx *c);         /* manifest_pci.c */
void value_restart(struct value_ctx *c);
void value_type(struct value_ctx *c);
void value_autostart(struct value_ctx *c);
void value_dma(struct value_ctx *c);
void value_tsc(struct value_ctx *c);

