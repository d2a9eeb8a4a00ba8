/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of input on a VT100 terminal: editing, history. Pure: bytes in, bytes out. */
#pragma once

#include "kernel/lib/base.h"

#define LINEEDIT_MAX      200u
#define LINEEDIT_HISTORY   24u

enum lineedit_event { LINE_NOTHING, LINE_DONE, LINE_TAB, LINE_EOF };

struct lineedit {
    const char *prompt;
    char line[LINEEDIT_MAX + 1];      /* NUL-terminated */
    uint32_t len, pos;
    char history[LINEEDIT_HISTORY][LINEEDIT_MAX + 1];
    uint32_t kept, newest;            /* entries; index of the newest */
    uint32_t back;                    /* 0 = own line, n = n-th newest */
    char own[LINEEDIT_MAX + 1];       /* what was typed before going back */
    uint8_t escape;                   /* state of an escape sequence */
    uint8_t number;                   /* its parameter */
    bool after_cr;
    char out[1024];                   /* what the terminal must get now */
    uint32_t out_len;
};

void lineedit_init(struct lineedit *le, const char *prompt);
/* Starts a fresh line: the prompt goes to out. */
void lineedit_begin(struct lineedit *le);
/* Takes one byte. out is cleared first. LINE_DONE: line is complete (CR LF echoed);
 * LINE_TAB: the caller completes; LINE_EOF: Ctrl-D on an empty line. */
enum lineedit_event lineedit_key(struct lineedit *le, uint8_t key);
/* Inserts text at the cursor as if typed; out is appended to. */
void lineedit_insert(struct lineedit *le, const char *text);
/* Appends to out what draws prompt and line again, or what wipes them off the screen. */
void lineedit_draw(struct lineedit *le);
void lineedit_wipe(struct lineedit *le);

