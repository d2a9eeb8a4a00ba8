/* SPDX-License-Identifier: BSD-2-Clause */
/* Line editor for a serial terminal. */
#include "monitor/lineedit.h"

#include "kernel/lib/fmt.h"

#define CTRL(c)  ((uint8_t)((c) & 31))
#define KEY_ESC  27u
#define KEY_DEL  127u

enum escape { ESC_NONE, ESC_SEEN, ESC_BRACKET, ESC_O };

static void put(struct lineedit *le, const char *s)
{
    while (*s && le->out_len + 1 < sizeof le->out)
        le->out[le->out_len++] = *s++;
    le->out[le->out_len] = 0;
}

static void cursor_left(struct lineedit *le, uint32_t n)
{
    char seq[16];
    if (n > 0) {
        fmt(seq, sizeof seq, "\033[%uD", n);
        put(le, seq);
    }
}

void lineedit_init(struct lineedit *le, const char *prompt)
{
    memset(le, 0, sizeof *le);
    le->prompt = prompt;
}

void lineedit_begin(struct lineedit *le)
{
    le->len = le->pos = le->back = 0;
    le->line[0] = 0;
    le->escape = ESC_NONE;
    put(le, le->prompt);
}

void lineedit_wipe(struct lineedit *le) { put(le, "\r\033[K"); }

void lineedit_draw(struct lineedit *le)
{
    put(le, le->prompt);
    put(le, le->line);
    cursor_left(le, le->len - le->pos);
}

static void redraw(struct lineedit *le)
{
    put(le, "\r");
    put(le, le->prompt);
    put(le, le->line);
    put(le, "\033[K");
    cursor_left(le, le->len - le->pos);
}

static void insert(struct lineedit *le, char c)
{
    char echo[2] = { c, 0 };
    if (le->len == LINEEDIT_MAX) {
        put(le, "\a");
        return;
    }
    memmove(le->line + le->pos + 1, le->line + le->pos, le->len - le->pos + 1);
    le->line[le->pos++] = c;
    le->len++;
    if (le->pos == le->len)
        put(le, echo);                 /* a plain echo keeps transcripts readable */
    else
        redraw(le);
}

void lineedit_insert(struct lineedit *le, const char *text)
{
    for (; *text; text++)
        insert(le, *text);
}

/* Removes [from, to) and puts the cursor at from. */
static void cut(struct lineedit *le, uint32_t from, uint32_t to)
{
    bool at_end = to == le->len && to == le->pos && to - from == 1;
    memmove(le->line + from, le->line + to, le->len - to + 1);
    le->len -= to - from;
    le->pos = from;
    if (at_end)
        put(le, "\b \b");
    else if (from != to)
        redraw(le);
}

static void set_line(struct lineedit *le, const char *text)
{
    le->len = le->pos = (uint32_t)str_copy(le->line, sizeof le->line, text);
    redraw(le);
}

static const char *entry(const struct lineedit *le, uint32_t back)
{
    return le->history[(le->newest + LINEEDIT_HISTORY + 1 - back) % LINEEDIT_HISTORY];
}

static void go_back(struct lineedit *le)
{
    if (le->back == le->kept)
        return;
    if (le->back == 0)
        str_copy(le->own, sizeof le->own, le->line);
    le->back++;
    set_line(le, entry(le, le->back));
}

static void go_forward(struct lineedit *le)
{
    if (le->back == 0)
        return;
    le->back--;
    set_line(le, le->back == 0 ? le->own : entry(le, le->back));
}

static void remember(struct lineedit *le)
{
    if (le->len == 0 || (le->kept > 0 && str_eq(entry(le, 1), le->line)))
        return;
    le->newest = (le->newest + 1) % LINEEDIT_HISTORY;
    str_copy(le->history[le->newest], sizeof le->history[0], le->line);
    le->kept = MIN(le->kept + 1, LINEEDIT_HISTORY);
}

static void move(struct lineedit *le, uint32_t pos)
{
    if (pos < le->pos) {
        cursor_left(le, le->pos - pos);
    } else if (pos > le->pos) {
        char seq[16];
        fmt(seq, sizeof seq, "\033[%uC", pos - le->pos);
        put(le, seq);
    }
    le->pos = pos;
}

static uint32_t word_start(const struct lineedit *le)
{
    uint32_t p = le->pos;
    while (p > 0 && le->line[p - 1] == ' ')
        p--;
    while (p > 0 && le->line[p - 1] != ' ')
        p--;
    return p;
}

static void delete_right(struct lineedit *le)
{
    if (le->pos < le->len)
        cut(le, le->pos, le->pos + 1);
}

/* The byte that ends ESC [ ... or ESC O. */
static void escape_final(struct lineedit *le, uint8_t key)
{
    switch (key) {
    case 'A': go_back(le); break;
    case 'B': go_forward(le); break;
    case 'C': if (le->pos < le->len) move(le, le->pos + 1); break;
    case 'D': if (le->pos > 0) move(le, le->pos - 1); break;
    case 'H': move(le, 0); break;
    case 'F': move(le, le->len); break;
    case '~':
        if (le->number == 1 || le->number == 7)
            move(le, 0);
        else if (le->number == 4 || le->number == 8)
            move(le, le->len);
        else if (le->number == 3)
            delete_right(le);
        break;
    default:
        break;
    }
}

static void escape_key(struct lineedit *le, uint8_t key)
{
    if (le->escape == ESC_SEEN) {
        le->escape = key == '[' ? ESC_BRACKET : key == 'O' ? ESC_O : ESC_NONE;
        le->number = 0;
        return;
    }
    if (le->escape == ESC_BRACKET && key >= '0' && key <= '9') {
        le->number = (uint8_t)(le->number < 20 ? le->number * 10 + (key - '0') : 99);
        return;
    }
    if (key == ';')
        return;
    le->escape = ESC_NONE;
    escape_final(le, key);
}

static enum lineedit_event control_key(struct lineedit *le, uint8_t key)
{
    switch (key) {
    case '\t': return LINE_TAB;
    case '\b':
    case KEY_DEL:
        if (le->pos > 0)
            cut(le, le->pos - 1, le->pos);
        break;
    case CTRL('a'): move(le, 0); break;
    case CTRL('e'): move(le, le->len); break;
    case CTRL('b'): if (le->pos > 0) move(le, le->pos - 1); break;
    case CTRL('f'): if (le->pos < le->len) move(le, le->pos + 1); break;
    case CTRL('k'): cut(le, le->pos, le->len); break;
    case CTRL('u'): cut(le, 0, le->pos); break;
    case CTRL('w'): cut(le, word_start(le), le->pos); break;
    case CTRL('p'): go_back(le); break;
    case CTRL('n'): go_forward(le); break;
    case CTRL('l'):
        put(le, "\033[2J\033[H");
        lineedit_draw(le);
        break;
    case CTRL('c'):
        put(le, "^C\r\n");
        lineedit_begin(le);
        break;
    case CTRL('d'):
        if (le->len == 0)
            return LINE_EOF;
        delete_right(le);
        break;
    case KEY_ESC:
        le->escape = ESC_SEEN;
        break;
    default:
        break;
    }
    return LINE_NOTHING;
}

enum lineedit_event lineedit_key(struct lineedit *le, uint8_t key)
{
    bool after_cr = le->after_cr;
    le->out_len = 0;
    le->out[0] = 0;
    le->after_cr = key == '\r';
    if (key == '\n' && after_cr)
        return LINE_NOTHING;
    if (key == '\r' || key == '\n') {
        le->escape = ESC_NONE;
        le->back = 0;
        remember(le);
        put(le, "\r\n");
        return LINE_DONE;
    }
    if (le->escape != ESC_NONE) {
        escape_key(le, key);
        return LINE_NOTHING;
    }
    if (key >= 32 && key < KEY_DEL)
        insert(le, (char)key);
    else if (key <= KEY_DEL)
        return control_key(le, key);
    return LINE_NOTHING;
}
