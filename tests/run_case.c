/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One system case: starts the emulator and plays the steps. The emulator dies with this
 * process, and this process kills it: none is left behind.
 */
#include "tests/run_case.h"

#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Strips CR and ANSI escapes: tests match what a person sees. */
static void take(struct run *r, const char *data, size_t n)
{
    r->text = realloc(r->text, r->len + n + 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)data[i];
        if (r->escape == 1)
            r->escape = ch == '[' ? 2 : 0;
        else if (r->escape == 2)
            r->escape = ch >= 0x40 && ch <= 0x7e ? 0 : 2;
        else if (ch == 0x1b)
            r->escape = 1;
        else if (ch != '\r' && ch != 0)
            r->text[r->len++] = (char)ch;
    }
    r->text[r->len] = 0;
}

static bool allowed(const struct run *r, const char *text)
{
    for (int i = 0; i < r->c->count; i++)
        if (strcmp(r->c->line[i].key, "allow") == 0 && strcmp(r->c->line[i].value, text) == 0)
            return true;
    return false;
}

static const char *forbidden(const struct run *r)
{
    for (int part = 0; part < 2; part++) {
        const struct test_case *c = part ? &r->cf->all : r->c;
        for (int i = 0; i < c->count; i++)
            if (strcmp(c->line[i].key, "forbid") == 0 && r->text && strstr(r->text, c->line[i].value) &&
                !allowed(r, c->line[i].value))
                return c->line[i].value;
    }
    return NULL;
}

/* Waits at most ms for serial output. False: the emulator ended. */
static bool pump(struct run *r, int ms)
{
    struct pollfd p = { .fd = r->serial, .events = POLLIN };
    char buf[8192];
    if (r->gone)
        return false;
    int ready = poll(&p, 1, ms);
    if (ready == 0 && (!r->bochs || waitpid(r->qemu, &r->exit_status, WNOHANG) == 0))
        return true;                             /* a socket closes with QEMU */
    ssize_t n = ready > 0 ? read(r->serial, buf, sizeof buf) : 0;
    if (n <= 0) {
        if (ready > 0)
            waitpid(r->qemu, &r->exit_status, 0);
        r->gone = true;
        return false;
    }
    if (write(r->log, buf, (size_t)n) != n)
        return false;
    take(r, buf, (size_t)n);
    return true;
}

/* /extended regular expression/ or a plain text; *end is the offset behind the match. */
static bool find(const char *text, const char *pattern, size_t *end)
{
    size_t n = strlen(pattern);
    if (n >= 2 && pattern[0] == '/' && pattern[n - 1] == '/') {
        regex_t re;
        regmatch_t m;
        char *body = strndup(pattern + 1, n - 2);
        bool hit = regcomp(&re, body, REG_EXTENDED | REG_NEWLINE) == 0;
        if (hit) {
            hit = regexec(&re, text, 1, &m, 0) == 0;
            regfree(&re);
        }
        free(body);
        if (hit)
            *end = (size_t)m.rm_eo;
        return hit;
    }
    const char *at = strstr(text, pattern);
    if (at)
        *end = (size_t)(at - text) + n;
    return at != NULL;
}

static bool expect(struct run *r, const char *pattern)
{
    for (;;) {
        size_t end = 0;
        if (forbidden(r))
            return run_fail(r, "forbidden text seen: %s", forbidden(r));
        if (r->text && find(r->text + r->seen, pattern, &end)) {
            r->seen += end;
            return true;
        }
        if (now() > r->end)
            return run_fail(r, "time is up, never seen: %s", pattern);
        if (!pump(r, 100) && r->gone) {
            if (r->text && find(r->text + r->seen, pattern, &end)) {
                r->seen += end;
                return true;
            }
            return run_fail(r, "QEMU ended (status %d), never seen: %s", WEXITSTATUS(r->exit_status), pattern);
        }
    }
}

/* \n \r \t \\ \xNN */
static size_t unescape(const char *s, char *out, size_t size)
{
    size_t n = 0;
    for (; *s && n + 2 < size; s++) {
        unsigned v;
        if (*s != '\\') {
            out[n++] = *s;
        } else if (s[1] == 'x' && sscanf(s + 2, "%2x", &v) == 1) {
            out[n++] = (char)v;
            s += 3;
        } else {
            s++;
            out[n++] = *s == 'n' ? '\n' : *s == 'r' ? '\r' : *s == 't' ? '\t' : *s;
        }
    }
    return n;
}

static bool is_nv(const struct run *r) { return strncmp(cfg_get(r->cf, r->c, "rig", "mb"), "nv", 2) == 0; }

/* A byte at a time, after an echo or a pause: an emulated 16550 has a FIFO of 16, and in Bochs its reader is slow. */
static bool type(struct run *r, const char *data, size_t n)
{
    if (is_nv(r))
        return run_type_nv(r, data, n);
    for (size_t i = 0; i < n; i++) {
        if (write(r->serial, data + i, 1) != 1)
            return run_fail(r, "the serial port does not take input");
        (void)pump(r, r->bochs ? 20 : 2);
    }
    return true;
}

/* Bochs' UART is as slow as a real one and loses what is typed while nobody reads: at a prompt, or in 100 ms of silence. */
static void wait_for_reader(struct run *r)
{
    static const char prompt[] = "cordon> ";
    const size_t n = sizeof prompt - 1;
    size_t was = r->len;
    double end = now() + 5, quiet = now() + 0.1;
    while (now() < end && now() < quiet && (r->len < n || strcmp(r->text + r->len - n, prompt) != 0)) {
        if (!pump(r, 20) && r->gone)
            return;
        if (r->len != was)
            quiet = now() + 0.1;
        was = r->len;
    }
}

static bool send_line(struct run *r, const char *value, bool newline)
{
    char buf[4096];
    if (r->bochs && !is_nv(r))
        wait_for_reader(r);
    size_t n = unescape(value, buf, sizeof buf);
    if (newline)
        buf[n++] = '\r';
    return type(r, buf, n);
}

/* Reads the monitor up to its next prompt. */
static bool hmp_read(struct run *r)
{
    size_t n = 0;
    double end = now() + 20;
    while (now() < end) {
        struct pollfd p = { .fd = r->monitor, .events = POLLIN };
        (void)pump(r, 0);
        if (poll(&p, 1, 50) <= 0)
            continue;
        ssize_t got = read(r->monitor, r->hmp + n, sizeof r->hmp - 1 - n);
        if (got <= 0)
            return run_fail(r, "QEMU's monitor is gone");
        n += (size_t)got;
        r->hmp[n] = 0;
        if (n >= 7 && strcmp(r->hmp + n - 7, "(qemu) ") == 0)
            return true;
        if (n == sizeof r->hmp - 1)
            return true;
    }
    return run_fail(r, "QEMU's monitor does not answer");
}

static bool hmp(struct run *r, const char *command)
{
    char buf[1024];
    if (r->bochs)
        return run_fail(r, "Bochs has no monitor");
    int n = snprintf(buf, sizeof buf, "%s\n", command);
    if (send(r->monitor, buf, (size_t)n, MSG_NOSIGNAL) != n)
        return run_fail(r, "QEMU's monitor does not take input");
    return hmp_read(r);
}

static bool quiet_for(struct run *r, double seconds)
{
    double until = now() + seconds;
    while (now() < until) {
        if (!pump(r, 50))
            break;
        if (forbidden(r))
            return run_fail(r, "forbidden text seen: %s", forbidden(r));
    }
    return true;
}

static bool exited(struct run *r, const char *value)
{
    while (pump(r, 100))
        if (now() > r->end)
            return run_fail(r, "time is up, QEMU did not end by itself");
    int status = WIFEXITED(r->exit_status) ? WEXITSTATUS(r->exit_status) : 128;
    return status == atoi(value) || run_fail(r, "QEMU ended with status %d, want %s", status, value);
}

static bool shell(struct run *r, const char *value)
{
    char *cmd = run_expand(r, value);
    (void)quiet_for(r, 0.1);
    int rc = system(cmd);
    free(cmd);
    return rc == 0 || run_fail(r, "command failed: %s", value);
}

/* A test guest from start to power-off; its log then ends with how many checks passed and failed. */
static bool guest(struct run *r, const char *name)
{
    char start[128], stopped[128], log[128];
    size_t end;
    snprintf(start, sizeof start, "start %s", name);
    snprintf(stopped, sizeof stopped, "vm %s: stopped: the guest powered off", name);
    snprintf(log, sizeof log, "log %s", name);
    if (!send_line(r, start, true) || !expect(r, stopped) || !send_line(r, log, true) ||
        !expect(r, "/^DONE [1-9][0-9]* [0-9]+$/") || !expect(r, "cordon>"))
        return false;
    return !find(r->text, "/^FAIL /", &end) || run_fail(r, "guest %s: checks failed", name);
}

static bool step(struct run *r, const struct line *l)
{
    size_t end;
    const char *k = l->key, *v = l->value;
    if (strcmp(k, "expect") == 0)
        return expect(r, v);
    if (strcmp(k, "not") == 0)
        return !(r->text && find(r->text, v, &end)) || run_fail(r, "seen, but must not be: %s", v);
    if (strcmp(k, "send") == 0 || strcmp(k, "raw") == 0)
        return send_line(r, v, k[0] == 's');
    if (strcmp(k, "guest") == 0)
        return guest(r, v);
    if (strcmp(k, "hmp") == 0)
        return hmp(r, v);
    if (strcmp(k, "hmp-expect") == 0)
        return find(r->hmp, v, &end) || run_fail(r, "QEMU's monitor did not say: %s", v);
    if (strcmp(k, "hmp-not") == 0)
        return !find(r->hmp, v, &end) || run_fail(r, "QEMU's monitor said: %s", v);
    if (strcmp(k, "sleep") == 0)
        return quiet_for(r, atof(v));
    if (strcmp(k, "exited") == 0)
        return exited(r, v);
    if (strcmp(k, "shell") == 0)
        return shell(r, v);
    return true;
}

static bool play(struct run *r)
{
    for (int i = 0; i < r->c->count; i++) {
        if (!step(r, &r->c->line[i])) {
            char why[512];
            snprintf(why, sizeof why, "%.400s (cases.cfg:%d)", r->why, r->c->line[i].number);
            memcpy(r->why, why, sizeof why);
            return false;
        }
    }
    return !forbidden(r) || run_fail(r, "forbidden text seen: %s", forbidden(r));
}

static const char *missing_need(const struct run *r)
{
    static char path[1024];
    for (int i = 0; i < r->c->count; i++) {
        if (strcmp(r->c->line[i].key, "need") != 0)
            continue;
        char *at = run_expand(r, r->c->line[i].value);
        snprintf(path, sizeof path, "%s", at);
        free(at);
        if (access(path, R_OK) != 0)
            return path;
    }
    return NULL;
}

static bool start(struct run *r)
{
    const char *rig = cfg_get(r->cf, r->c, "rig", "mb");
    return is_nv(r) ? run_start_nv(r) : strcmp(rig, "bochs") == 0 ? run_start_bochs(r) : run_start(r) && hmp_read(r);
}

enum result case_run(const struct case_file *cf, const struct test_case *c, char *why, size_t size)
{
    static struct run r;
    bool ok = false;
    r = (struct run){ .cf = cf, .c = c, .serial = -1, .monitor = -1 };
    if (!getcwd(r.root, sizeof r.root))
        return RESULT_FAIL;
    snprintf(r.dir, sizeof r.dir, "%s/build/test/%s/", r.root, c->name);
    run_make_parents(r.dir);
    if (missing_need(&r)) {
        snprintf(why, size, "needs %s", missing_need(&r));
        return RESULT_SKIP;
    }
    r.end = now() + atof(cfg_get(cf, c, "timeout", "60"));
    signal(SIGPIPE, SIG_IGN);
    if (is_nv(&r) && strncmp(run_nv_state(&r), "skip ", 5) == 0) {
        snprintf(why, size, "rig NV: %s", run_nv_state(&r) + 5);
        return RESULT_SKIP;
    }
    if (run_command_line(&r) && chdir(r.dir) == 0 && start(&r))
        ok = play(&r);
    if (r.qemu > 0 && !r.gone) {
        kill(r.qemu, SIGKILL);
        waitpid(r.qemu, &r.exit_status, 0);
    }
    if (ok)
        return RESULT_PASS;
    snprintf(why, size, "%s; see build/test/%s/serial.log", r.why, c->name);
    return RESULT_FAIL;
}
