/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatted text into a buffer of fixed size. */
#include "kernel/lib/fmt.h"

struct out {
    char *buf;
    size_t size, used;
};

struct spec {
    bool zero, left, upper;
    int width, precision;      /* precision -1 = none */
    int longs;
};

static void put(struct out *o, char c)
{
    if (o->used + 1 < o->size)
        o->buf[o->used++] = c;
}

static void put_padded(struct out *o, const struct spec *sp, const char *s, size_t len)
{
    size_t width = sp->width > 0 ? (size_t)sp->width : 0;
    size_t pad = width > len ? width - len : 0;
    if (!sp->left)
        for (; pad > 0; pad--)
            put(o, sp->zero ? '0' : ' ');
    for (size_t i = 0; i < len; i++)
        put(o, s[i]);
    for (; pad > 0; pad--)
        put(o, ' ');
}

static void put_number(struct out *o, const struct spec *sp, uint64_t v, unsigned base, bool minus)
{
    const char *digits = sp->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char tmp[24];
    size_t n = sizeof tmp;
    do {
        tmp[--n] = digits[v % base];
        v /= base;
    } while (v != 0);
    struct spec adjusted = *sp;
    if (minus && sp->zero) {
        put(o, '-');
        minus = false;
        adjusted.width -= adjusted.width > 0;
    }
    if (minus)
        tmp[--n] = '-';
    put_padded(o, &adjusted, tmp + n, sizeof tmp - n);
}

static int take_number(const char **f, va_list *ap)
{
    int v = 0;
    if (**f == '*') {
        (*f)++;
        return va_arg(*ap, int);
    }
    while (**f >= '0' && **f <= '9') {
        v = v < 100000 ? v * 10 + (**f - '0') : v;
        (*f)++;
    }
    return v;
}

static const char *take_spec(const char *f, struct spec *sp, va_list *ap)
{
    *sp = (struct spec){ .precision = -1 };
    for (;; f++) {
        if (*f == '0')
            sp->zero = true;
        else if (*f == '-')
            sp->left = true;
        else
            break;
    }
    sp->width = take_number(&f, ap);
    if (sp->width < 0) {
        sp->left = true;
        sp->width = -sp->width;
    }
    if (*f == '.') {
        f++;
        sp->precision = take_number(&f, ap);
    }
    for (; *f == 'l' || *f == 'z'; f++)
        sp->longs++;
    return f;
}

static void put_string(struct out *o, struct spec *sp, const char *s)
{
    sp->zero = false;
    if (!s)
        s = "(null)";
    put_padded(o, sp, s, sp->precision >= 0 ? str_nlen(s, (size_t)sp->precision) : str_len(s));
}

static void put_conversion(struct out *o, struct spec *sp, char conv, va_list *ap)
{
    char c;
    int64_t d;
    switch (conv) {
    case 'd':
    case 'i':
        d = sp->longs ? va_arg(*ap, long) : va_arg(*ap, int);
        put_number(o, sp, d < 0 ? 0 - (uint64_t)d : (uint64_t)d, 10, d < 0);
        break;
    case 'u':
    case 'x':
    case 'X':
        sp->upper = conv == 'X';
        put_number(o, sp, sp->longs ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned),
                   conv == 'u' ? 10 : 16, false);
        break;
    case 'p':
        put_number(o, sp, (uintptr_t)va_arg(*ap, void *), 16, false);
        break;
    case 'c':
        c = (char)va_arg(*ap, int);
        sp->zero = false;
        put_padded(o, sp, &c, 1);
        break;
    case 's':
        put_string(o, sp, va_arg(*ap, const char *));
        break;
    default:
        put(o, '%');
        if (conv != '%')
            put(o, conv);
        break;
    }
}

size_t fmt_v(char *buf, size_t size, const char *format, va_list ap_in)
{
    struct out o = { buf, size, 0 };
    struct spec sp;
    va_list ap;
    KASSERT(size > 0);
    va_copy(ap, ap_in);
    for (const char *f = format; *f; f++) {
        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        f = take_spec(f + 1, &sp, &ap);
        if (!*f)
            break;
        put_conversion(&o, &sp, *f, &ap);
    }
    va_end(ap);
    o.buf[o.used] = 0;
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
