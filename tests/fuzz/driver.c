/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target without a fuzzing engine:
 *   fuzz_x [-n RUNS] [-s SEED] [FILE or FOLDER...]
 * First every file as it is, then RUNS inputs made from them (or from nothing)
 * by a fixed generator: the same seed gives the same inputs. A sanitizer
 * report, an abort or a hang is the failure; the input is left in
 * build/fuzz-<target>.last so that it can become a corpus file.
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_LIMIT  65536u
#define MAX_SEEDS  4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seed { uint8_t *data; size_t len; };
static struct seed seeds[MAX_SEEDS];
static size_t seed_count;
static uint64_t rng = 0x9e3779b97f4a7c15ull;
static const uint8_t *current;
static size_t current_len;
static const char *target;

static uint64_t next(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static size_t below(size_t n) { return n == 0 ? 0 : (size_t)(next() % n); }

/* Called by the sanitizers before they end the process, and on a signal. */
static void save_current(void)
{
    char name[256];
    snprintf(name, sizeof name, "build/fuzz-%s.last", target);
    FILE *f = fopen(name, "wb");
    if (!f)
        return;
    fwrite(current, 1, current_len, f);
    fclose(f);
    printf("FAIL input of %zu bytes saved in %s\n", current_len, name);
    fflush(stdout);
}

static void on_signal(int sig)
{
    save_current();
    signal(sig, SIG_DFL);
    raise(sig);
}

void __sanitizer_set_death_callback(void (*callback)(void));

static void run_one(const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);      /* exact size: the sanitizer sees one byte too far */
    if (!exact)
        exit(2);
    memcpy(exact, data, len);
    current = exact;
    current_len = len;
    alarm(20);
    (void)LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

static void add_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_LIMIT);
    if (!f || !data || seed_count == MAX_SEEDS) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }
    seeds[seed_count].len = fread(data, 1, INPUT_LIMIT, f);
    seeds[seed_count++].data = data;
    fclose(f);
}

static int no_dot(const struct dirent *d) { return d->d_name[0] != '.'; }

static void add_path(const char *path)
{
    struct dirent **list;
    int n = scandir(path, &list, no_dot, alphasort);
    if (n < 0) {
        add_file(path);
        return;
    }
    for (int i = 0; i < n; i++) {
        char name[1024];
        snprintf(name, sizeof name, "%s/%s", path, list[i]->d_name);
        add_path(name);
        free(list[i]);
    }
    free(list);
}

static size_t mutate_once(uint8_t *buf, size_t len)
{
    static const uint8_t special[] = { 0, 1, 2, 4, 8, 0x7f, 0x80, 0xfe, 0xff, '\n', ' ', '=', '#', '[' };
    size_t at = below(len), n = 1 + below(16);
    switch (next() % 7) {
    case 0:
        if (len) buf[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        if (len) buf[at] = (uint8_t)next();
        break;
    case 2:
        if (len) buf[at] = special[below(sizeof special)];
        break;
    case 3:                                       /* cut a piece out */
        n = n > len - at ? len - at : n;
        memmove(buf + at, buf + at + n, len - at - n);
        return len - n;
    case 4:                                       /* repeat a piece */
        n = n > len - at ? len - at : n;
        if (len + n <= INPUT_LIMIT) {
            memmove(buf + at + n, buf + at, len - at);
            return len + n;
        }
        break;
    case 5:                                       /* a piece of another seed */
        if (seed_count) {
            const struct seed *s = &seeds[below(seed_count)];
            size_t from = below(s->len);
            n = n > s->len - from ? s->len - from : n;
            n = n > len - at ? len - at : n;
            memcpy(buf + at, s->data + from, n);
        }
        break;
    default: return below(len + 1);                    /* cut the end off */
    }
    return len;
}

static void run_mutated(unsigned long runs)
{
    static uint8_t buf[INPUT_LIMIT];
    for (unsigned long i = 0; i < runs; i++) {
        size_t len = 0;
        if (seed_count && next() % 64) {
            const struct seed *s = &seeds[below(seed_count)];
            memcpy(buf, s->data, s->len);
            len = s->len;
        } else {
            len = below(512);
            for (size_t k = 0; k < len; k++)
                buf[k] = (uint8_t)next();
        }
        for (size_t m = below(8); m > 0; m--)
            len = mutate_once(buf, len);
        run_one(buf, len);
    }
}

int main(int argc, char **argv)
{
    unsigned long runs = 20000;
    target = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    for (int opt; (opt = getopt(argc, argv, "n:s:")) != -1;) {
        if (opt == 'n')
            runs = strtoul(optarg, NULL, 0);
        else if (opt == 's')
            rng ^= strtoull(optarg, NULL, 0) * 0x2545f4914f6cdd1dull;
        else
            return 2;
    }
    for (; optind < argc; optind++)
        add_path(argv[optind]);
    __sanitizer_set_death_callback(save_current);
    signal(SIGABRT, on_signal);
    signal(SIGALRM, on_signal);
    for (size_t i = 0; i < seed_count; i++)
        run_one(seeds[i].data, seeds[i].len);
    run_mutated(runs);
    printf("ok %zu seeds, %lu more inputs\n", seed_count, runs);
    return 0;
}
