/* SPDX-License-Identifier: BSD-2-Clause */
/* One case while it runs: shared by the file that starts QEMU and the one that plays the steps. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "tests/run.h"

#define ARGS_MAX 128

struct run {
    const struct case_file *cf;
    const struct test_case *c;
    char root[512], dir[640], why[512];
    char *arg[ARGS_MAX];
    int args;
    pid_t qemu;
    bool gone, bochs;                    /* bochs: no monitor, and the serial port stays open when it ends */
    int exit_status, serial, monitor, raw_log, log;
    char *text;                          /* serial output without CR and escapes, NUL-ended */
    size_t len, seen;                    /* seen: end of the last match */
    int escape;
    char hmp[65536];
    double end;
};

/* Keeps the reason; always false, so that a caller can return it. */
bool run_fail(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* @S = source root, @B = build folder, both absolute. The result is the caller's. */
char *run_expand(const struct run *r, const char *s);
void run_make_parents(char *path);
/* Stages the case's files and makes the command line. */
bool run_command_line(struct run *r);
/* Starts QEMU in the current folder and connects both sockets. */
bool run_start(struct run *r);
/* Starts Bochs in the current folder with the stick that run_command_line made. */
bool run_start_bochs(struct run *r);
/* The same for rig NV, see run_nv.c: what setup.sh left ("ready", or "skip" or "fail" and the reason), start, typing. */
const char *run_nv_state(const struct run *r);
bool run_start_nv(struct run *r);
bool run_type_nv(struct run *r, const char *data, size_t n);
