/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/arch/ktimer.c tests/unit/fake/hw.c */
/* Deadlines of two CPUs: order, re-arming, cancelling from both, handlers that arm again. */
#include "kernel/arch/cpu.h"

#include "tests/unit/unit.h"

struct percpu fake_percpu;

static uint64_t programmed;
static unsigned programs, fired;
static struct ktimer timers[8], *order[16];
static uint64_t again;                /* the handler of timer 0 arms it again */

void lapic_timer_set(uint64_t deadline) { programmed = deadline; programs++; }

void upcall_ktimer(struct ktimer *timer)
{
    CHECK(!timer->armed);
    order[fired++ % 16] = timer;
    if (timer == &timers[0] && again != 0) {
        ktimer_set(timer, again);
        again = 0;
    }
    if (timer == &timers[1])
        ktimer_cancel(timer);         /* its own handler may: it does not wait for itself */
}

static void at(uint64_t tsc)
{
    fake_hw.now_us = tsc / 1000;
    fired = 0;
    ktimer_irq();
}

static void in_order(void)
{
    const uint64_t when[] = { 50000, 20000, 40000, 20000 };
    for (unsigned i = 0; i < 4; i++)
        ktimer_set(&timers[i], when[i] * 1000);
    CHECK_EQ(programmed, 20000000);
    CHECK_EQ(programs, 2);            /* only what comes earlier touches the hardware */
    at(10000000);                     /* too early: programmed again */
    CHECK_EQ(fired, 0);
    CHECK_EQ(programmed, 20000000);
    at(41000000);
    CHECK_EQ(fired, 3);
    CHECK(order[0] == &timers[1] && order[1] == &timers[3] && order[2] == &timers[2]);
    CHECK_EQ(programmed, 50000000);
    ktimer_set(&timers[0], 60000000); /* later: moves */
    again = 90000000;
    at(55000000);
    CHECK_EQ(fired, 0);
    CHECK_EQ(programmed, 60000000);
    at(61000000);
    CHECK_EQ(fired, 1);
    CHECK_EQ(programmed, 90000000);
    ktimer_cancel(&timers[0]);
    ktimer_cancel(&timers[0]);        /* not armed: nothing */
    at(99000000);
    CHECK_EQ(fired, 0);
}

static void other_cpu(void)
{
    ktimer_set(&timers[4], 200000000);
    ktimer_set(&timers[5], 0);        /* 0 is not "nothing programmed" */
    CHECK_EQ(programmed, 1);
    fake_percpu.cpu = 1;
    at(300000000);
    CHECK_EQ(fired, 0);               /* they are the other one's */
    ktimer_set(&timers[4], 400000000);
    CHECK_EQ(timers[4].cpu, 1);
    ktimer_cancel(&timers[5]);
    fake_percpu.cpu = 0;
    at(500000000);
    CHECK_EQ(fired, 0);
    fake_percpu.cpu = 1;
    at(500000000);
    CHECK_EQ(fired, 1);
    CHECK(order[0] == &timers[4]);
}

int main(void)
{
    in_order();
    other_cpu();
    return unit_done();
}
