/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatted text into a buffer of fixed size. */
#include "kernel/lib/fmt.h"

#define DIGITS 24u                /* as many zeroes as %0 gives, and what 64 bits need */

struct out { char *buf; size_t size, used; };
struct field { bool left, zero, wide; size_t width, max; };

static void put(struct out *o, char c)
{
    if (o->used + 1 < o->size)
        o->buf[o->used++] = c;
}

static void put_text(struct out *o, const struct field *field, const char *s, size_t len)
{
    for (size_t i = len; i < field->width && !field->left; i++)
        put(o, ' ');
    for (size_t i = 0; i < len; i++)
        put(o, s[i]);
    for (size_t i = len; i < field->width && field->left; i++)
        put(o, ' ');
}

static void put_number(struct out *o, const struct field *field, uint64_t v, unsigned base, bool minus)
{
    char text[DIGITS + 1];
    size_t at = sizeof text;
    do {
        text[--at] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0 || (field->zero && at > 1 && sizeof text - at + minus < field->width));
    if (minus)
        text[--at] = '-';
    put_text(o, field, text + at, sizeof text - at);
}

/* What stands between the % and the letter, but for .* */
static const char *take_field(const char *f, struct field *field)
{
    *field = (struct field){ .max = SIZE_MAX };
    for (; *f == '0' || *f == '-'; f++)
        *(*f == '0' ? &field->zero : &field->left) = true;
    for (; *f >= '0' && *f <= '9'; f++)
        field->width = field->width * 10 + (size_t)(*f - '0');
    for (; *f == 'l'; f++)
        field->wide = true;
    return f;
}

size_t fmt_v(char *buf, size_t size, const char *format, va_list ap)
{
    struct out o = { buf, size, 0 };
    struct field field;
    const char *s;
    int64_t d;
    KASSERT(size > 0);
    for (const char *f = format; *f; f++) {
        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        f = take_field(f + 1, &field);
        if (f[0] == '.' && f[1] == '*') {
            field.max = (size_t)va_arg(ap, int);
            f += 2;
        }
        switch (*f) {
        case 'd':
            d = field.wide ? va_arg(ap, long) : va_arg(ap, int);
            put_number(&o, &field, d < 0 ? 0 - (uint64_t)d : (uint64_t)d, 10, d < 0);
            break;
        case 'u':
        case 'x':
            put_number(&o, &field, field.wide ? va_arg(ap, unsigned long) : va_arg(ap, unsigned),
                       *f == 'u' ? 10 : 16, false);
            break;
        case 's':
            s = va_arg(ap, const char *);
            put_text(&o, &field, s ? s : "(null)", str_nlen(s ? s : "(null)", field.max));
            break;
        case 'c': put(&o, (char)va_arg(ap, int)); break;
        case 0:   f--; break;
        default:  put(&o, *f); break;
        }
    }
    buf[o.used] = 0;
    return o.used;
}

size_t fmt(char *buf, size_t size, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    size_t n = fmt_v(buf, size, format, ap);
    va_end(ap);
    return n;
}
