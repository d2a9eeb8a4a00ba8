/* SPDX-License-Identifier: BSD-2-Clause */
/* How a manifest names a PCI function: by bridge path, by address, by id. Pure. */
#pragma once

#include "kernel/abi/info.h"
#include "kernel/lib/base.h"

enum name_kind { NAME_NONE, NAME_PATH, NAME_ADDRESS, NAME_ID };

#define NAME_HOPS 8u

struct fn_name {
    enum name_kind kind;
    uint16_t segment;           /* ADDRESS */
    uint8_t  bus, devfn;        /* ADDRESS; PATH: bus = root bus */
    uint8_t  hops;              /* PATH */
    uint8_t  path[NAME_HOPS];   /* PATH: dev << 3 | fn, the function last */
    uint16_t vendor, device;    /* ID */
};

/* Each reads all of s[0..len). False: *at = offset of what is wrong. */
MUST_USE bool name_parse_path(const char *s, size_t len, struct fn_name *out, size_t *at);
MUST_USE bool name_parse_address(const char *s, size_t len, struct fn_name *out, size_t *at);
MUST_USE bool name_parse_id(const char *s, size_t len, uint16_t *vendor, uint16_t *device, size_t *at);
/* "05.0": device in hexadecimal, function. */
MUST_USE bool name_parse_slot(const char *s, size_t len, uint8_t *devfn, size_t *at);
/* What a person types on the console: any form, "path=" and "id=" optional words in front. */
MUST_USE bool name_parse_any(const char *s, struct fn_name *out);

/* Device and function of each bridge on the way and of the function, which is in the list of all: returns their number,
 * NAME_HOPS + 1 when there are more than a name has. */
unsigned name_path(const struct dev_info *dev, uint8_t path[NAME_HOPS], uint8_t *root);
/* dev: in the list of all functions. */
bool name_matches(const struct fn_name *name, const struct dev_info *dev);

/* "0000:03:00.0" */
void name_format_bdf(uint32_t bdf, char *buf, size_t size);
/* "00:1c.0/00.0" */
void name_format_path(const struct dev_info *dev, char *buf, size_t size);
/* The canonical form of a name, as it can stand in a manifest. */
void name_format(const struct fn_name *name, char *buf, size_t size);
/* "Ethernet controller" and the like; "class 0c03" words for those not known. */
const char *name_class(uint32_t class_rev);

