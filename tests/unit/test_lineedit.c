/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/lineedit.c kernel/lib/fmt.c kernel/lib/str.c */
/* Line editor: what a terminal of one row would show, checked against the line after every key. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "monitor/lineedit.h"

static struct lineedit le;
static char row[512];
static unsigned cursor;

/* A terminal: enough of VT100 to know what stands in the row and where the cursor is. */
static void terminal(const char *s)
{
    while (*s) {
        if (*s == '\r') {
            cursor = 0;
        } else if (*s == '\n') {
            memset(row, 0, sizeof row);
        } else if (*s == '\b') {
            cursor -= cursor > 0;
        } else if (s[0] == '\033' && s[1] == '[') {
            unsigned n = 0;
            for (s += 2; *s >= '0' && *s <= '9'; s++)
                n = n * 10 + (unsigned)(*s - '0');
            if (*s == 'K')
                memset(row + cursor, 0, sizeof row - cursor);
            else if (*s == 'D')
                cursor -= n;
            else if (*s == 'C')
                cursor += n;
            else if (*s == 'J')
                memset(row, 0, sizeof row);
            else if (*s == 'H')
                cursor = 0;
        } else if (*s != '\a') {
            row[cursor++] = *s;
        }
        s++;
    }
}

static void shows(void)
{
    char want[300];
    unsigned n = (unsigned)snprintf(want, sizeof want, "$ %s", le.line);
    unsigned end = (unsigned)strlen(row);
    while (end > n && row[end - 1] == ' ')
        row[--end] = 0;                  /* blanks that "\b \b" leaves */
    CHECK_STR(row, want);
    CHECK_EQ(cursor, le.pos + 2);
}

static enum lineedit_event keys(const char *s)
{
    enum lineedit_event e = LINE_NOTHING;
    for (; *s; s++) {
        e = lineedit_key(&le, (uint8_t)*s);
        terminal(le.out);
        if (e == LINE_NOTHING)
            shows();
    }
    return e;
}

static void begin(void)
{
    le.out_len = 0;
    lineedit_begin(&le);
    terminal(le.out);
}

static void line(const char *typed, const char *want)
{
    CHECK_EQ(keys(typed), LINE_NOTHING);
    CHECK_STR(le.line, want);
    CHECK_EQ(keys("\r"), LINE_DONE);
    cursor = 0;
    begin();
}

int main(void)
{
    lineedit_init(&le, "$ ");
    begin();
    line("vms", "vms");
    line("vmx\bs -p", "vms -p");
    line("ab\033[D\033[DX", "Xab");
    line("abc\033[HX\033[FY", "XabcY");
    line("abc\001X\005Y", "XabcY");
    line("abc\033[1~X\033[4~Y", "XabcY");
    line("abcd\033[D\033[D\033[3~", "abd");
    line("one two\027three", "one three");
    line("one two\025x", "x");
    line("abcd\002\002\013", "ab");
    line("abc\033OHX", "Xabc");
    line("a\033[Zb", "ab");
    line("a\033[1;5Cb", "ab");
    line("\033[A", "ab");
    line("\020\020", "Xabc");
    line("zz\033[A\033[B", "zz");
    line("\003q", "q");
    CHECK_EQ(keys("ab\t"), LINE_TAB);
    le.out_len = 0;
    lineedit_insert(&le, "cd ");
    terminal(le.out);
    CHECK_STR(le.line, "abcd ");
    CHECK_EQ(keys("\r"), LINE_DONE);
    cursor = 0;
    CHECK_EQ(lineedit_key(&le, '\n'), LINE_NOTHING);       /* CR LF is one end */
    begin();
    CHECK_EQ(lineedit_key(&le, 4), LINE_EOF);
    CHECK_EQ(keys("x\n"), LINE_DONE);
    cursor = 0;
    begin();
    for (unsigned i = 0; i < 300; i++)
        (void)keys("y");
    CHECK_EQ(le.len, LINEEDIT_MAX);
    (void)keys("\025");
    for (unsigned i = 0; i < 100; i++) {                    /* history wraps */
        char t[16];
        snprintf(t, sizeof t, "line%u\r", i);
        (void)keys(t);
        cursor = 0;
        begin();
    }
    for (unsigned i = 0; i < 100; i++)
        (void)keys("\033[A");
    CHECK_STR(le.line, "line76");
    (void)keys("\025");
    srand(1);
    for (unsigned i = 0; i < 20000; i++) {                  /* any bytes: bounds hold */
        enum lineedit_event e = lineedit_key(&le, (uint8_t)(rand() % 3 ? rand() % 256 : 27));
        CHECK(le.len <= LINEEDIT_MAX && le.pos <= le.len && le.line[le.len] == 0);
        if (e == LINE_DONE)
            lineedit_begin(&le);
    }
    return unit_done();
}
