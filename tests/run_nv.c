/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A case on rig NV: Bochs goes on from a snapshot with the carrier Linux up (tests/nv/setup.sh), whose KVM runs QEMU with
 * the case. Its second disk is the job: the command line, and behind it what is typed; its third disk has the case's
 * files. On rig nv-uefi QEMU runs in the snapshot already, and the third disk is its stick. Serial output comes through a
 * named pipe.
 */
#include "tests/run_case.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYPED_AT   65536                 /* tests/nv/init */
#define SECTOR     512
#define DISK_SIZE  516096                /* Bochs wants a cylinder at least */
#define STICK_SIZE (128 << 20)           /* tests/nv/setup.sh */

const char *run_nv_state(const struct run *r)
{
    static char state[512];
    char path[640];
    snprintf(path, sizeof path, "%s/build/nv/state", r->root);
    FILE *f = fopen(path, "r");
    if (!f || !fgets(state, sizeof state, f))
        snprintf(state, sizeof state, "fail it is not set up, make test does that");
    if (f)
        fclose(f);
    state[strcspn(state, "\n")] = 0;
    return state;
}

/* Prints text without the build folder before each path, and adds those files to the archive's items. */
static void move_inside(const struct run *r, const char *text, FILE *job, FILE *items)
{
    char build[600];
    size_t n = (size_t)snprintf(build, sizeof build, "%s/build/", r->root);
    for (const char *at; (at = strstr(text, build)) != NULL;) {
        int len = (int)strcspn(at + n, ",");
        fprintf(job, "%.*s%.*s", (int)(at - text), text, len, at + n);
        fprintf(items, " '%.*s=%.*s'", len, at + n, (int)n + len, at);
        text = at + n + len;
    }
    fputs(text, job);
}

/* The job is a shell script, see tests/nv/init; the files are an archive. $P is the port of the demo's web server. */
static bool write_job(struct run *r)
{
    char *items = NULL, *save = NULL;
    size_t size;
    FILE *job = fopen("job.img", "w"), *more = open_memstream(&items, &size);
    if (!job || !more)
        return run_fail(r, "the job cannot be written");
    fprintf(more, "%s/build/mkimage cpio case.img httpd=%s/build/httpd", r->root, r->root);
    fputs("files\n./httpd >/port &\nwhile [ ! -s /port ]; do usleep 10000; done\nread P </port\n", job);
    for (int i = 0; i < r->args; i++) {
        fputs(i ? " \"" : "", job);
        move_inside(r, r->arg[i], job, more);
        fputs(i ? "\"" : "", job);
        if (i == 0 || strcmp(r->arg[i - 1], "-initrd") != 0)
            continue;
        char *list = strdup(r->arg[i]);
        for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save))
            fprintf(more, " '%s=%s'", w, w);
        free(list);
    }
    fputs("\n", job);
    fclose(job);
    fclose(more);
    int rc = system(items);
    free(items);
    return rc == 0 || run_fail(r, "the case's files cannot be packed");
}

/* What Bochs opens in the case's folder. The carrier's own disk is no longer read. */
static bool make_files(struct run *r, bool uefi)
{
    struct stat st;
    if (system("rm -f serial carrier.log job.img case.img *.lock && mkfifo serial && truncate -s 516096 carrier.img job.img") != 0 ||
        !(uefi ? rename("stick.img", "case.img") == 0 : write_job(r)) || stat("case.img", &st) != 0)
        return run_fail(r, "the disks cannot be made");
    if (uefi && st.st_size > STICK_SIZE)
        return run_fail(r, "the stick is larger than the %d bytes of rig nv-uefi", STICK_SIZE);
    off_t size = uefi ? STICK_SIZE : st.st_size < DISK_SIZE ? DISK_SIZE : (st.st_size + SECTOR - 1) / SECTOR * SECTOR;
    return (truncate("case.img", size) == 0 && truncate("job.img", DISK_SIZE) == 0) || run_fail(r, "the disks cannot be made");
}

bool run_start_nv(struct run *r)
{
    char preload[700], snapshot[700], ram[800];
    const char *state = run_nv_state(r);
    bool uefi = r->args == 0;             /* no command line: QEMU runs already */
    if (strcmp(state, "ready") != 0)
        return run_fail(r, "rig NV: %s", state + sizeof "fail");
    if (!make_files(r, uefi))
        return false;
    snprintf(preload, sizeof preload, "%s/build/nv/preload.so", r->root);
    snprintf(snapshot, sizeof snapshot, "%s/build/nv/%s", r->root, uefi ? "uefi" : "base");
    snprintf(ram, sizeof ram, "%s/ram", snapshot);
    int err = open("bochs.err", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    r->log = open("serial.log", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
    r->serial = open("serial", O_RDWR | O_NONBLOCK | O_CLOEXEC);        /* also for writing: no end of file before Bochs comes */
    r->bochs = true;
    r->qemu = fork();
    if (r->qemu == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, 0);
        dup2(err, 1);
        dup2(err, 2);
        setenv("NV_RAM", ram, 1);
        setenv("LD_PRELOAD", preload, 1);
        execlp("bochs-bin", "bochs-bin", "-q", "-r", snapshot, (char *)NULL);
        _exit(127);
    }
    close(err);
    close(null);
    return true;
}

bool run_type_nv(struct run *r, const char *data, size_t n)
{
    static uint32_t typed;
    int fd = open("job.img", O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && pwrite(fd, data, n, TYPED_AT + SECTOR + typed) == (ssize_t)n;
    typed += (uint32_t)n;
    ok = ok && pwrite(fd, &typed, sizeof typed, TYPED_AT) == sizeof typed;      /* last: now it counts */
    close(fd);
    return ok || run_fail(r, "the job's disk does not take what is typed");
}
