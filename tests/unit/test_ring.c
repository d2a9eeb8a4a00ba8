/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/lib/str.c */
/* The bell of a channel ring: no byte waits while both sides sleep; and how seldom it rings. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "tests/unit/unit.h"
#include "vmm/ring.h"

static struct { struct ring_words w; } ring __attribute__((aligned(64)));

/* ---- one after the other ---- */
static void sequence(void)
{
    ring.w = (struct ring_words){ 0, 0, 0 };
    CHECK(ring_written(&ring.w, 0, 1));              /* it was empty; no level asked for is 1 */
    CHECK(!ring_written(&ring.w, 1, 2));             /* the first bell is not answered yet */
    CHECK_EQ(ring_taken(&ring.w, 1, 1), 2);          /* the reader sees the second by itself */
    CHECK(!ring_written(&ring.w, 2, 3));             /* and is still at it */
    CHECK_EQ(ring_taken(&ring.w, 2, 1), 3);
    CHECK_EQ(ring_taken(&ring.w, 3, 1), 3);          /* now it sleeps */
    CHECK(ring_written(&ring.w, 3, 5));
    CHECK(!ring_written(&ring.w, 5, 5));             /* all lost, the ring was full */
    ring.w = (struct ring_words){ ~0u, ~0u, 1 };
    CHECK(ring_written(&ring.w, ~0u, 1));            /* indices run freely */
    CHECK_EQ(ring_taken(&ring.w, 1, 4), 1);          /* from here on only four are worth a bell */
    CHECK(!ring_written(&ring.w, 1, 2));
    CHECK(!ring_written(&ring.w, 2, 4));
    CHECK(ring_written(&ring.w, 4, 6));
    CHECK(!ring_written(&ring.w, 6, 7));
    CHECK_EQ(ring_taken(&ring.w, 1, 1), 7);          /* the level falls: what is there is seen */
    CHECK_EQ(ring_taken(&ring.w, 7, 1), 7);
    CHECK(ring_written(&ring.w, 7, 8));
}

/* ---- every order of the steps of one write and one drain ---- */
/* Writer: store head, look at tail. Reader: look at head, store tail, look at head again. */
static void orders(void)
{
    for (unsigned order = 0; order < 32; order++) {
        uint32_t head = 5, tail = 4, seen = 0, again = 0;       /* a byte waits and the bell for it was heard */
        unsigned w = 0, r = 0;
        bool bell = false;
        if (__builtin_popcount(order) != 2)
            continue;
        for (unsigned step = 0; step < 5; step++) {
            if (order >> step & 1) {
                if (w++ == 0)
                    head = 6;
                else
                    bell = tail == 5;
            } else {
                if (r == 0)
                    seen = head;
                else if (r == 1)
                    tail = seen;
                else
                    again = head;
                r++;
            }
        }
        CHECK(bell || again != tail || tail == 6);              /* heard, seen or taken */
    }
}

/* ---- two CPUs at once: the stores must not wait behind the looks ---- */
#define ROUNDS 60000u
static struct { uint32_t v __attribute__((aligned(64))); } go, done;
static uint32_t seen;

static void wait_for(const uint32_t *word, uint32_t value)
{
    for (unsigned spins = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) != value; spins++)
        if (spins % 20000 == 19999)
            sched_yield();
}

/* The two have to run at the same time; on a machine with one CPU the test shows less. */
static void stay_on(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static void *reader(void *arg)
{
    (void)arg;
    stay_on(1);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        wait_for(&go.v, round);
        seen = ring_taken(&ring.w, round, 1);
        __atomic_store_n(&done.v, round, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* In each round the reader has taken one more byte and is about to sleep, and the writer writes the next. */
static void two_cpus(void)
{
    pthread_t thread;
    uint32_t lost = 0, bells = 0;
    ring.w = (struct ring_words){ 1, 0, 1 };
    CHECK_EQ(pthread_create(&thread, NULL, reader, NULL), 0);
    stay_on(0);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        __atomic_store_n(&go.v, round, __ATOMIC_RELEASE);
        for (volatile unsigned pause = round % 64; pause > 0; pause--) { }
        bool bell = ring_written(&ring.w, round, round + 1);
        wait_for(&done.v, round);
        ring.w.level = round % 2 ? 100 : 1;             /* and in every second one it begins to care for single bytes */
        bells += bell;
        lost += !bell && seen != round + 1;
    }
    pthread_join(thread, NULL);
    CHECK_EQ(lost, 0);
    CHECK(bells <= ROUNDS);
}

int main(void)
{
    sequence();
    orders();
    two_cpus();
    return unit_done();
}
