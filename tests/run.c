/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One runner for all rings of tests:
 *   run [-j N] [-k] [RING | RING/NAME]...      rings: lint unit fuzz system; none named = all
 * Every test is a process with a deadline and its output in build/test/. One
 * line per test, the time of each ring, and at the end exactly
 *   N passed, N failed, N skipped
 * Status 1 when one failed or none ran. -k: only list the names.
 */
#include "tests/run.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_JOBS  1024
#define CASE_FILE "tests/system/cases.cfg"

enum ring { RING_LINT, RING_UNIT, RING_FUZZ, RING_SYSTEM, RINGS };
static const char *const ring_name[RINGS] = { "lint", "unit", "fuzz", "system" };

struct job {
    char name[96], out[160];
    const struct test_case *c;           /* RING_SYSTEM */
    const char *source;                  /* the others */
    pid_t pid;
    double start, limit;
};

static struct job job[MAX_JOBS];
static int jobs, passed, failed, skipped, width;
static struct case_file cases;
static bool list_only;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool wanted(enum ring ring, const char *name, char **only, int count)
{
    char full[160];
    snprintf(full, sizeof full, "%s/%s", ring_name[ring], name);
    for (int i = 0; i < count; i++)
        if (strcmp(only[i], ring_name[ring]) == 0 || fnmatch(only[i], full, 0) == 0)
            return true;
    return count == 0;
}

static void add_job(enum ring ring, const char *name, const char *source, const struct test_case *c, double limit)
{
    if (jobs == MAX_JOBS) {
        fprintf(stderr, "run: more than %d tests\n", MAX_JOBS);
        exit(2);
    }
    struct job *j = &job[jobs++];
    *j = (struct job){ .source = source, .c = c, .limit = limit };
    snprintf(j->name, sizeof j->name, "%s/%s", ring_name[ring], name);
    snprintf(j->out, sizeof j->out, "build/test/%s-%s.out", ring_name[ring], name);
}

/* Tests are the sources that exist, not the binaries: one that was not built is a failure. */
static void collect(enum ring ring, const char *pattern, double limit, char **only, int count)
{
    glob_t g;
    if (glob(pattern, 0, NULL, &g) != 0)
        return;
    for (size_t i = 0; i < g.gl_pathc; i++) {
        const char *base = strrchr(g.gl_pathv[i], '/') + 1;
        char name[96];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(base, "."), base);
        if (wanted(ring, name, only, count))
            add_job(ring, name, strdup(g.gl_pathv[i]), NULL, limit);
    }
    globfree(&g);
}

static void collect_ring(enum ring ring, char **only, int count)
{
    jobs = 0;
    switch (ring) {
    case RING_LINT: collect(ring, "tests/lint/check_*.sh", 180, only, count); break;
    case RING_UNIT:
        collect(ring, "tests/unit/test_*.c", 120, only, count);
        collect(ring, "tests/unit/test_*.sh", 180, only, count);
        break;
    case RING_FUZZ: collect(ring, "tests/fuzz/fuzz_*.c", 300, only, count); break;
    default:
        for (int i = 0; i < cases.count; i++)
            if (wanted(ring, cases.item[i].name, only, count))
                add_job(ring, cases.item[i].name, NULL, &cases.item[i],
                        atof(cfg_get(&cases, &cases.item[i], "timeout", "60")) + 60);
    }
}

/* Folders of seeds: tests/fuzz/corpus/NAME and those that the target's comment names, where they exist. */
static void run_fuzz(const struct job *j, const char *bin)
{
    char own[256], buf[512], *arg[16] = { strdup(bin) }, *save = NULL;
    int n = 1;
    FILE *f = fopen(j->source, "r");
    snprintf(own, sizeof own, "tests/fuzz/corpus/%s", strstr(j->name, "fuzz_") ? strstr(j->name, "fuzz_") + 5 : "");
    if (access(own, R_OK) == 0)
        arg[n++] = own;
    for (int i = 0; f && i < 30 && fgets(buf, sizeof buf, f); i++) {
        char *at = strstr(buf, "/* corpus:");
        for (char *w = at ? strtok_r(at + 10, " \n", &save) : NULL; w && n < 15; w = strtok_r(NULL, " \n", &save))
            if (access(w, R_OK) == 0)
                arg[n++] = strdup(w);
    }
    execv(bin, arg);
}

/* In the child: becomes the test. Status 0 pass, 77 skip, else failure; the last line of output says why. */
static void child(enum ring ring, const struct job *j)
{
    char bin[256], why[640] = "";
    int fd = open(j->out, O_CREAT | O_TRUNC | O_WRONLY, 0666);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, 1);
    dup2(fd, 2);
    if (ring == RING_SYSTEM) {
        enum result res = case_run(&cases, j->c, why, sizeof why);
        printf("%s\n", why);
        fflush(stdout);
        _exit(res == RESULT_PASS ? 0 : res == RESULT_SKIP ? 77 : 1);
    }
    if (strcmp(j->source + strlen(j->source) - 3, ".sh") == 0)
        execlp("sh", "sh", j->source, (char *)NULL);
    snprintf(bin, sizeof bin, "build/%.*s", (int)(strlen(j->source) - 2), j->source);
    if (ring == RING_FUZZ)
        run_fuzz(j, bin);
    execl(bin, bin, (char *)NULL);
    printf("%s is not built\n", bin);
    fflush(stdout);
    _exit(1);
}

/* Last line that is not empty. */
static void last_line(const char *path, char *out, size_t size)
{
    char buf[512];
    FILE *f = fopen(path, "r");
    out[0] = 0;
    while (f && fgets(buf, sizeof buf, f)) {
        buf[strcspn(buf, "\n")] = 0;
        if (buf[0])
            snprintf(out, size, "%s", buf);
    }
    if (f)
        fclose(f);
}

/* On failure the first lines that start with FAIL are more use than the last line alone. */
static void show_failure(const char *path)
{
    char buf[512];
    FILE *f = fopen(path, "r");
    int shown = 0;
    while (f && fgets(buf, sizeof buf, f) && shown < 20)
        if (strncmp(buf, "FAIL", 4) == 0 || strstr(buf, "ERROR:") || strstr(buf, "runtime error")) {
            printf("       %s", buf);
            shown++;
        }
    if (f)
        fclose(f);
    printf("       output: %s\n", path);
}

static void finish(struct job *j, int status, bool late)
{
    char line[512];
    double t = now() - j->start;
    last_line(j->out, line, sizeof line);
    if (!late && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        passed++;
        printf("pass  %-*s %6.1f s  %s\n", width, j->name, t, line);
    } else if (!late && WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        skipped++;
        printf("skip  %-*s %6.1f s  %s\n", width, j->name, t, line);
    } else {
        failed++;
        printf("FAIL  %-*s %6.1f s  %s%s\n", width, j->name, t, late ? "time is up; " : "", line);
        show_failure(j->out);
    }
    fflush(stdout);
}

static void reap(int started)
{
    int status;
    usleep(5000);
    for (int i = 0; i < started; i++) {
        struct job *j = &job[i];
        if (j->pid <= 0)
            continue;
        bool late = now() - j->start > j->limit;
        if (late)
            kill(-j->pid, SIGKILL);
        if (waitpid(j->pid, &status, late ? 0 : WNOHANG) != j->pid)
            continue;
        finish(j, status, late);
        j->pid = 0;
    }
}

static int running(int started)
{
    int n = 0;
    for (int i = 0; i < started; i++)
        n += job[i].pid > 0;
    return n;
}

static void run_ring(enum ring ring, int parallel)
{
    double start = now();
    if (jobs == 0)
        return;
    for (int i = 0; list_only && i < jobs; i++)
        printf("%s\n", job[i].name);
    if (list_only)
        return;
    for (int i = 0; i < jobs; i++) {
        while (running(i) >= parallel)
            reap(i);
        fflush(stdout);
        job[i].start = now();
        job[i].pid = fork();
        if (job[i].pid == 0)
            child(ring, &job[i]);
    }
    while (running(jobs) > 0)
        reap(jobs);
    printf("ring  %-*s %6.1f s  %d tests\n", width, ring_name[ring], now() - start, jobs);
}

int main(int argc, char **argv)
{
    int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN), parallel = 0;
    for (int opt; (opt = getopt(argc, argv, "j:k")) != -1;) {
        if (opt == 'j')
            parallel = atoi(optarg);
        else if (opt == 'k')
            list_only = true;
        else
            return 2;
    }
    mkdir("build", 0777);
    mkdir("build/test", 0777);
    width = 34;
    cfg_read(CASE_FILE, &cases);
    for (enum ring ring = 0; ring < RINGS; ring++) {
        /* Emulators have two busy CPUs each. */
        int n = parallel ? parallel : ring == RING_SYSTEM ? (cpus + 1) / 2 : cpus;
        collect_ring(ring, argv + optind, argc - optind);
        run_ring(ring, n < 1 ? 1 : n);
    }
    if (list_only)
        return 0;
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0 || passed == 0;
}
