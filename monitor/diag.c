/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusals and warnings: collecting and printing. */
#include "monitor/diag.h"

#include "kernel/lib/fmt.h"
#include "monitor/explain.h"

#define QUOTE_MAX 160u    /* of a quoted line that is shown */

void diag_add(struct diag_list *list, enum code code, enum diag_kind kind, uint32_t vm,
              const struct span *at, const struct span *also, const char *format, ...)
{
    va_list ap;
    struct diag *d;
    if (list->count >= list->max) {
        list->lost++;
        return;
    }
    d = &list->item[list->count++];
    *d = (struct diag){ .code = code, .kind = kind, .vm = vm };
    if (at)
        d->at = *at;
    if (also)
        d->also = *also;
    d->line = d->at.line;
    d->col = d->at.col;
    d->len = d->at.len;
    va_start(ap, format);
    fmt_v(d->text, sizeof d->text, format, ap);
    va_end(ap);
}

void diag_line_at(const char *text, size_t len, size_t off, size_t *start, size_t *line_len)
{
    size_t s = off < len ? off : len, e = s;
    while (s > 0 && text[s - 1] != '\n')
        s--;
    while (e < len && text[e] != '\n')
        e++;
    while (e > s && text[e - 1] == '\r')
        e--;
    *start = s;
    *line_len = e - s;
}

/* A byte that a terminal shows as a character or a part of one. */
static char printable(char c) { return (unsigned char)c < 32 || c == 127 ? '?' : c; }

static size_t put(char *buf, size_t size, size_t n, char c)
{
    if (n + 1 < size)
        buf[n++] = c;
    return n;
}

/* One column a character: continuation bytes of UTF-8 take none. */
static bool starts_character(char c) { return ((unsigned char)c & 0xc0) != 0x80; }

/* The quoted line and its caret; a long line is shown around the place. */
static size_t quote(const struct span *at, const char *text, size_t len, char *buf, size_t size, size_t n)
{
    size_t start, length, from = 0, pos, end;
    diag_line_at(text, len, at->off, &start, &length);
    pos = at->off - start;
    pos = pos < length ? pos : length;
    if (pos > QUOTE_MAX * 3 / 4)
        from = pos - QUOTE_MAX / 2;
    end = length - from > QUOTE_MAX ? from + QUOTE_MAX : length;
    n += fmt(buf + n, size - n, "    ");
    for (size_t i = from; i < end; i++)
        n = put(buf, size, n, text[start + i] == '\t' ? ' ' : printable(text[start + i]));
    n += fmt(buf + n, size - n, "\n    ");
    for (size_t i = from; i < pos; i++)
        if (starts_character(text[start + i]))
            n = put(buf, size, n, ' ');
    n = put(buf, size, n, '^');
    for (size_t i = pos + 1; i < end && i < pos + at->len; i++)
        if (starts_character(text[start + i]))
            n = put(buf, size, n, '~');
    n = put(buf, size, n, '\n');
    buf[n] = 0;
    return n;
}

size_t diag_format(const struct diag *d, const char *text, size_t len, char *buf, size_t size)
{
    const char *warning = d->kind == DIAG_WARNING ? "warning: " : "";
    size_t n;
    if (d->line == 0)
        return fmt(buf, size, "%s cordon.conf: %s%s\n", explain_name(d->code), warning, d->text);
    n = fmt(buf, size, "%s cordon.conf:%u:%u: %s%s\n", explain_name(d->code), d->line, d->col,
            warning, d->text);
    n = quote(&d->at, text, len, buf, size, n);
    if (d->also.line != 0) {
        n += fmt(buf + n, size - n, "  and cordon.conf:%u:%u:\n", d->also.line, d->also.col);
        n = quote(&d->also, text, len, buf, size, n);
    }
    return n;
}
