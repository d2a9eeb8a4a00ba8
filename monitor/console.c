/* SPDX-License-Identifier: BSD-2-Clause */
/* Console: output, notices, switching between the prompt and a guest. */
#include "monitor/console.h"

#include "kernel/lib/fmt.h"
#include "monitor/lineedit.h"
#include "monitor/shell.h"
#include "monitor/slots.h"
#include "monitor/supervise.h"

#define READ_CHUNK     256u
#define POLL_CHUNKS    16u       /* a person or script cannot starve the guests */
#define NOTICE_LEN     200u
#define NOTICES_KEPT   16u

static struct lineedit editor;
static bool prompt_shown;
static uint32_t attached = CONSOLE_DETACHED;
static char kept_notice[NOTICES_KEPT][NOTICE_LEN];
static uint32_t notices_kept, notices_lost;

static void write_raw(const char *s, size_t n)
{
    while (n > 0) {
        struct sys_ret ret = sys_call3(SYS_CONSOLE_WRITE, SLOT_SYSTEM, (uintptr_t)s, MIN(n, 1024u));
        if (ret.st != ST_OK || ret.value == 0 || ret.value > n)
            return;              /* the console is gone: text is lost, guests go on */
        s += ret.value;
        n -= ret.value;
    }
}

void console_text(const char *s, size_t n)
{
    static char buf[1024];
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (used + 2 > sizeof buf) {
            write_raw(buf, used);
            used = 0;
        }
        if (s[i] == '\n')
            buf[used++] = '\r';
        buf[used++] = s[i];
    }
    write_raw(buf, used);
}

void console_print(const char *format, ...)
{
    static char buf[4096];
    va_list ap;
    va_start(ap, format);
    console_text(buf, fmt_v(buf, sizeof buf, format, ap));
    va_end(ap);
}

static void flush_editor(void)
{
    write_raw(editor.out, editor.out_len);
    editor.out_len = 0;
}

void console_notice(const char *format, ...)
{
    static char buf[NOTICE_LEN];
    va_list ap;
    va_start(ap, format);
    fmt_v(buf, sizeof buf, format, ap);
    va_end(ap);
    if (attached != CONSOLE_DETACHED) {
        if (notices_kept < NOTICES_KEPT)
            str_copy(kept_notice[notices_kept++], NOTICE_LEN, buf);
        else
            notices_lost++;
        return;
    }
    if (prompt_shown) {
        lineedit_wipe(&editor);
        flush_editor();
    }
    console_print("%s\n", buf);
    if (prompt_shown) {
        lineedit_draw(&editor);
        flush_editor();
    }
}

static void prompt(void)
{
    lineedit_begin(&editor);
    flush_editor();
    prompt_shown = true;
}

void console_start(void)
{
    lineedit_init(&editor, "cordon> ");
    prompt();
}

void console_attach(uint32_t guest, const char *name)
{
    console_print("[console of %s: Ctrl-] returns to the monitor]\n", name);
    attached = guest;
}

static void detach(void)
{
    attached = CONSOLE_DETACHED;
    console_print("\n[monitor]\n");
    for (uint32_t i = 0; i < notices_kept; i++)
        console_print("%s\n", kept_notice[i]);
    if (notices_lost)
        console_print("(%u more changes happened: see vms)\n", notices_lost);
    notices_kept = notices_lost = 0;
    prompt();
}

uint32_t console_attached(void) { return attached; }

void console_guest_output(uint32_t guest, const uint8_t *data, size_t n)
{
    if (guest == attached)
        write_raw((const char *)data, n);
}

/* Bytes for the attached guest up to Ctrl-]; how many were used. */
static size_t guest_keys(const uint8_t *data, size_t n)
{
    size_t i = 0;
    while (i < n && data[i] != CONSOLE_LEAVE)
        i++;
    if (i > 0)
        supervise_input(attached, data, i);
    if (i == n)
        return n;
    detach();
    return i + 1;
}

static void monitor_key(uint8_t key)
{
    enum lineedit_event event = lineedit_key(&editor, key);
    flush_editor();
    if (event == LINE_TAB) {
        shell_complete(&editor);
        flush_editor();
    }
    if (event != LINE_DONE)
        return;
    prompt_shown = false;
    shell_run(editor.line);
    if (attached == CONSOLE_DETACHED)
        prompt();
}

void console_poll(void)
{
    static uint8_t buf[READ_CHUNK];
    for (uint32_t chunk = 0; chunk < POLL_CHUNKS; chunk++) {
        struct sys_ret ret = sys_call3(SYS_CONSOLE_READ, SLOT_SYSTEM, (uintptr_t)buf, sizeof buf);
        if (ret.st != ST_OK || ret.value == 0 || ret.value > sizeof buf)
            return;
        for (size_t at = 0; at < ret.value;) {
            if (attached != CONSOLE_DETACHED)
                at += guest_keys(buf + at, ret.value - at);
            else
                monitor_key(buf[at++]);
        }
    }
    /* More waits: come back after the guests had their turn. */
    (void)sys_call2(SYS_EVENT_SIGNAL, SLOT_ROOT_EVENT, SYSEV_CONSOLE_RX);
}
