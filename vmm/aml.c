/* SPDX-License-Identifier: BSD-2-Clause */
/* AML writer. */
#include "vmm/aml.h"

#define AML_NAME       0x08u          /* [ACPI 20.2.5] */
#define AML_METHOD      0x14
#define AML_ARG0        0x68
#define AML_STORE       0x70
#define AML_IF          0xa0
#define AML_RETURN      0xa4
#define AML_SCOPE      0x10u
#define AML_BUFFER     0x11u
#define AML_PACKAGE    0x12u
#define AML_EXT        0x5bu
#define AML_EXT_DEVICE 0x82u

#define PKG_BYTES      3u             /* always the three-byte length: up to 1 MiB */
#define CRS_SIZE_BYTES 3u             /* buffer size as a word constant: prefix and 2 bytes */

void aml_byte(struct aml *aml, unsigned byte)
{
    if (aml->len < aml->size)
        aml->buf[aml->len++] = (uint8_t)byte;
    else
        aml->overflow = true;
}

void aml_raw(struct aml *aml, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        aml_byte(aml, value >> (8 * i) & 0xff);
}

void aml_int(struct aml *aml, uint64_t value)   /* [ACPI 20.2.3] */
{
    if (value <= 1) {
        aml_byte(aml, (unsigned)value);         /* ZeroOp, OneOp */
    } else if (value <= 0xff) {
        aml_byte(aml, 0x0a);
        aml_raw(aml, value, 1);
    } else if (value <= 0xffff) {
        aml_byte(aml, 0x0b);
        aml_raw(aml, value, 2);
    } else if (value <= 0xffffffffu) {
        aml_byte(aml, 0x0c);
        aml_raw(aml, value, 4);
    } else {
        aml_byte(aml, 0x0e);
        aml_raw(aml, value, 8);
    }
}

void aml_path(struct aml *aml, const char *path)
{
    if (*path == '\\')
        aml_byte(aml, (uint8_t)*path++);
    KASSERT(str_len(path) == 4);
    for (unsigned i = 0; i < 4; i++)
        aml_byte(aml, (uint8_t)path[i]);
}

static unsigned hex_digit(char c) { return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10); }

void aml_eisaid(struct aml *aml, const char *id)
{
    unsigned letters = ((unsigned)(id[0] - 0x40) & 31) << 10 | ((unsigned)(id[1] - 0x40) & 31) << 5
                       | ((unsigned)(id[2] - 0x40) & 31);
    aml_byte(aml, 0x0c);
    aml_byte(aml, letters >> 8);
    aml_byte(aml, letters & 0xff);
    aml_byte(aml, hex_digit(id[3]) << 4 | hex_digit(id[4]));
    aml_byte(aml, hex_digit(id[5]) << 4 | hex_digit(id[6]));
}

void aml_string(struct aml *aml, const char *text)
{
    aml_byte(aml, 0x0d);
    for (; *text != '\0'; text++)
        aml_byte(aml, (uint8_t)*text);
    aml_byte(aml, 0);
}

void aml_name(struct aml *aml, const char *path)
{
    aml_byte(aml, AML_NAME);
    aml_path(aml, path);
}

void aml_name_int(struct aml *aml, const char *path, uint64_t value)
{
    aml_name(aml, path);
    aml_int(aml, value);
}

void aml_name_eisaid(struct aml *aml, const char *path, const char *id)
{
    aml_name(aml, path);
    aml_eisaid(aml, id);
}

/* Leaves room for the length; the mark is where it stands. */
static uint32_t open_package(struct aml *aml)
{
    uint32_t mark = aml->len;
    aml_raw(aml, 0, PKG_BYTES);
    return mark;
}

uint32_t aml_scope(struct aml *aml, const char *path)
{
    aml_byte(aml, AML_SCOPE);
    uint32_t mark = open_package(aml);
    aml_path(aml, path);
    return mark;
}

uint32_t aml_device(struct aml *aml, const char *path)
{
    aml_byte(aml, AML_EXT);
    aml_byte(aml, AML_EXT_DEVICE);
    uint32_t mark = open_package(aml);
    aml_path(aml, path);
    return mark;
}

uint32_t aml_package(struct aml *aml, unsigned count)
{
    aml_byte(aml, AML_PACKAGE);
    uint32_t mark = open_package(aml);
    aml_byte(aml, count);
    return mark;
}

uint32_t aml_method(struct aml *aml, const char *path, unsigned args)
{
    aml_byte(aml, AML_METHOD);
    uint32_t mark = open_package(aml);
    aml_path(aml, path);
    aml_byte(aml, args);
    return mark;
}

void aml_return(struct aml *aml, const char *value)
{
    aml_byte(aml, AML_RETURN);
    aml_path(aml, value);
}

void aml_return_if(struct aml *aml, const char *name, const char *value)
{
    aml_byte(aml, AML_IF);
    uint32_t mark = open_package(aml);
    aml_path(aml, name);
    aml_return(aml, value);
    aml_close(aml, mark);
}

void aml_store_arg0(struct aml *aml, const char *name)
{
    aml_byte(aml, AML_STORE);
    aml_byte(aml, AML_ARG0);
    aml_path(aml, name);
}

/* PkgLength counts itself: two bits of count of further bytes, then 4 + 8 + 8 bits [ACPI 20.2.4]. */
void aml_close(struct aml *aml, uint32_t mark)
{
    if (aml->overflow)
        return;
    uint32_t length = aml->len - mark;
    aml->buf[mark] = (uint8_t)((PKG_BYTES - 1) << 6 | (length & 0xf));
    aml->buf[mark + 1] = (uint8_t)(length >> 4);
    aml->buf[mark + 2] = (uint8_t)(length >> 12);
}

struct aml_crs aml_crs_begin(struct aml *aml)
{
    struct aml_crs crs;
    aml_name(aml, "_CRS");
    aml_byte(aml, AML_BUFFER);
    crs.package = open_package(aml);
    aml_byte(aml, 0x0b);
    aml_raw(aml, 0, CRS_SIZE_BYTES - 1);
    crs.start = aml->len;
    return crs;
}

void aml_crs_end(struct aml *aml, struct aml_crs crs)
{
    aml_byte(aml, 0x79);                        /* end tag, checksum 0 = not used [ACPI 6.4.2.9] */
    aml_byte(aml, 0);
    if (aml->overflow)
        return;
    uint32_t size = aml->len - crs.start;
    aml->buf[crs.start - 2] = (uint8_t)size;
    aml->buf[crs.start - 1] = (uint8_t)(size >> 8);
    aml_close(aml, crs.package);
}

void aml_crs_io(struct aml *aml, unsigned first, unsigned count)   /* [ACPI 6.4.2.5] */
{
    aml_byte(aml, 0x47);
    aml_byte(aml, 1);                           /* decodes 16 bits */
    aml_raw(aml, first, 2);
    aml_raw(aml, first, 2);
    aml_byte(aml, 1);
    aml_byte(aml, count);
}

void aml_crs_irq(struct aml *aml, unsigned irq)                    /* [ACPI 6.4.2.1] */
{
    aml_byte(aml, 0x22);
    aml_raw(aml, UINT64_C(1) << irq, 2);
}

void aml_crs_memory(struct aml *aml, uint32_t base, uint32_t len)  /* [ACPI 6.4.3.4] */
{
    aml_byte(aml, 0x86);
    aml_raw(aml, 9, 2);
    aml_byte(aml, 1);                           /* writable */
    aml_raw(aml, base, 4);
    aml_raw(aml, len, 4);
}

/* Address space descriptor of width 2, 4 or 8 [ACPI 6.4.3.5]. */
static void window(struct aml *aml, unsigned width, unsigned type, unsigned flags, uint64_t first, uint64_t last)
{
    aml_byte(aml, width == 2 ? 0x88 : width == 4 ? 0x87 : 0x8a);
    aml_raw(aml, 3 + 5 * width, 2);
    aml_byte(aml, type);
    aml_byte(aml, 0x0c);                        /* producer, both bounds fixed, positive decode */
    aml_byte(aml, flags);
    aml_raw(aml, 0, width);                     /* granularity */
    aml_raw(aml, first, width);
    aml_raw(aml, last, width);
    aml_raw(aml, 0, width);                     /* translation */
    aml_raw(aml, last - first + 1, width);
}

void aml_crs_window_bus(struct aml *aml, unsigned first, unsigned last) { window(aml, 2, 2, 0, first, last); }
void aml_crs_window_io(struct aml *aml, unsigned first, unsigned last) { window(aml, 2, 1, 3, first, last); }
void aml_crs_window_memory(struct aml *aml, uint64_t first, uint64_t last)
{
    window(aml, last <= 0xffffffffu ? 4 : 8, 0, 1, first, last);
}
