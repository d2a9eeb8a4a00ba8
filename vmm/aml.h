/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small writer of AML [ACPI 20.2]: objects are opened and closed, lengths are
 * filled in at the close. Overflow sets a flag that the caller checks once.
 */
#pragma once

#include "kernel/lib/base.h"

struct aml {
    uint8_t *buf;
    uint32_t size, len;
    bool overflow;
};

void aml_byte(struct aml *aml, unsigned byte);
/* size bytes, little-endian, no prefix */
void aml_raw(struct aml *aml, uint64_t value, unsigned size);
/* Integer constant with the shortest prefix */
void aml_int(struct aml *aml, uint64_t value);
/* Four characters, or "\\" and four. */
void aml_path(struct aml *aml, const char *path);
/* "PNP0A08" to its compressed constant [ACPI 19.3.4] */
void aml_eisaid(struct aml *aml, const char *id);
void aml_string(struct aml *aml, const char *text);

/* Name (path, ...): the object follows. */
void aml_name(struct aml *aml, const char *path);
void aml_name_int(struct aml *aml, const char *path, uint64_t value);
void aml_name_eisaid(struct aml *aml, const char *path, const char *id);

/* Statements of methods: If (name) { Return (value) }, Return (value), name = Arg0. Names are paths from the root. */
void aml_return_if(struct aml *aml, const char *name, const char *value);
void aml_return(struct aml *aml, const char *value);
void aml_store_arg0(struct aml *aml, const char *name);

/* Each open returns the mark for its aml_close. */
uint32_t aml_scope(struct aml *aml, const char *path);
uint32_t aml_device(struct aml *aml, const char *path);
uint32_t aml_package(struct aml *aml, unsigned count);
uint32_t aml_method(struct aml *aml, const char *path, unsigned args);
void aml_close(struct aml *aml, uint32_t mark);

/* Resource template in Name (_CRS, Buffer): begin, descriptors, end. */
struct aml_crs { uint32_t package, start; };
struct aml_crs aml_crs_begin(struct aml *aml);
void aml_crs_io(struct aml *aml, unsigned first, unsigned count);
void aml_crs_irq(struct aml *aml, unsigned irq);
void aml_crs_memory(struct aml *aml, uint32_t base, uint32_t len);
/* Windows of a bridge (producer, fixed bounds): first..last */
void aml_crs_window_bus(struct aml *aml, unsigned first, unsigned last);
void aml_crs_window_io(struct aml *aml, unsigned first, unsigned last);
void aml_crs_window_memory(struct aml *aml, uint64_t first, uint64_t last);
void aml_crs_end(struct aml *aml, struct aml_crs crs);

