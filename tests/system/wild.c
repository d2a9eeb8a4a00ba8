/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VMM that goes wild: linked before the real one's user_main (ld --wrap). What it
 * does is a word of its guest's command line; without one it is the real VMM. So one
 * image serves a wild guest and a good one beside it.
 */
#include "kernel/abi/rt/cpu.h"
#include "kernel/abi/rt/sys.h"
#include "kernel/abi/vcpu_state.h"
#include "vmm/start_page.h"

#define ROUNDS 200000u
#define STATES 5000u
#define CR4_PAE 0x20u                /* QEMU 7.2 loses the host's CR0 at the exit of a guest with EFER.LME without it */
#define STAY   100000u               /* of the TSC: who loops, halts or waits is called back */

void __real_user_main(uint64_t arg);
void __wrap_user_main(uint64_t arg);

static const struct vmm_start *start_page(void) { return (const struct vmm_start *)VMM_START_VA; }
static struct vmm_channel *channel(void) { return (struct vmm_channel *)VMM_CHANNEL_VA; }

static int told(const char *word)
{
    const char *c = start_page()->cmdline;
    for (uint32_t at = 0; at < sizeof start_page()->cmdline && c[at]; at++) {
        uint32_t i = 0;
        while (word[i] && c[at + i] == word[i])
            i++;
        if (!word[i])
            return 1;
    }
    return 0;
}

static uint64_t seed = 0x9e3779b97f4a7c15ull;
static uint64_t noise(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Small numbers, addresses of all kinds, lengths at the limits, anything. */
static uint64_t argument(void)
{
    static const uint64_t good[] = {
        0, 1, 4096, VMM_START_VA, VMM_CHANNEL_VA, VMM_VCPU_VA, VMM_RAM_VA, VMM_IMAGE_VA, 0xffff800000000000ull,
        0xffffffff80000000ull, 0x00007ffffffff000ull, 0x0000800000000000ull, ~0ull, 0xfee00000u, 1ull << 52, 1ull << 63,
    };
    uint64_t r = noise();
    switch (r & 3) {
    case 0:  return (r >> 8) & 127;
    case 1:  return good[(r >> 8) & 15];
    case 2:  return good[(r >> 8) & 15] + ((r >> 16) & 0x3fff) - 0x1000;
    default: return noise();
    }
}

/* Every call with every kind of argument. Blocking ones are left out: they would only wait. */
static void call_everything(void)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        unsigned nr = (unsigned)(noise() % (SYS_NR_LIMIT + 16));
        if (nr == SYS_EVENT_WAIT || nr == SYS_VCPU_RUN || nr == SYS_TASK_EXIT)
            continue;
        (void)sys_call(nr, argument(), argument(), argument(), argument(), argument(), argument());
    }
}

/* A vCPU whose state is noise, run for real. */
static void run_any_state(void)
{
    volatile uint64_t *state = (volatile uint64_t *)VMM_VCPU_VA;
    for (uint32_t i = 0; i < STATES; i++) {
        (void)sys_call3(SYS_VCPU_STATE, VMM_SLOT_VCPU, 0, VS_ALL);
        for (uint32_t n = (uint32_t)noise() & 7; n > 0; n--)
            state[noise() % (sizeof(struct vcpu_state) / 8)] = argument();
        ((volatile struct vcpu_state *)VMM_VCPU_VA)->cr4 |= CR4_PAE;
        (void)sys_call3(SYS_VCPU_STATE, VMM_SLOT_VCPU, 1, VS_ALL);
        (void)sys_call3(SYS_TIMER_SET, VMM_SLOT_EVENT, VMM_EV_TIMER, rt_rdtsc() + STAY);
        (void)sys_call2(SYS_VCPU_RUN, VMM_SLOT_VCPU, 0);
        (void)sys_call3(SYS_EVENT_WAIT, VMM_SLOT_EVENT, ~0ull, 0);
    }
}

/* Everything that the monitor reads, over and over, while it reads. */
static void lie_in_the_channel(void)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        channel()->out_ring.head = (uint32_t)noise();
        channel()->log_ring.head = (uint32_t)noise();
        channel()->in_tail = (uint32_t)noise();
        channel()->code = (uint32_t)noise();
        channel()->out[noise() % VMM_OUT_SIZE] = (uint8_t)noise();
        if (i % 1024 == 0)
            (void)sys_call2(SYS_EVENT_SIGNAL, VMM_SLOT_MONITOR, VMM_BELL);
    }
    channel()->reason[0] = 0x1b;
    channel()->reason[255] = 'x';
    channel()->state = 77;
    (void)sys_call2(SYS_EVENT_SIGNAL, VMM_SLOT_MONITOR, VMM_BELL);
}

void __wrap_user_main(uint64_t arg)
{
    if (told("vmm=null"))
        *(volatile uint32_t *)(arg * 4) = 1;
    if (told("vmm=kernel"))
        *(volatile uint32_t *)0xffffffff80000000ull = 1;
    if (told("vmm=code"))
        *(volatile uint32_t *)VMM_IMAGE_VA = 1;
    if (told("vmm=data"))
        ((void (*)(void))VMM_CHANNEL_VA)();
    if (told("vmm=cli"))
        __asm__ volatile ("cli");
    if (told("vmm=port"))
        __asm__ volatile ("outb %%al, $0x80" : : "a"(0));
    if (told("vmm=exit"))
        (void)sys_call1(SYS_TASK_EXIT, 3);
    if (told("vmm=channel"))
        lie_in_the_channel();
    if (told("vmm=calls"))
        call_everything();
    if (told("vmm=state"))
        run_any_state();
    if (told("vmm=spin") || told("vmm=channel") || told("vmm=calls") || told("vmm=state"))
        for (;;)
            rt_pause();
    __real_user_main(arg);
}
