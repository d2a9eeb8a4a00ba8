/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that does what it is told on its console, for the system tests: it beats,
 * watches its memory, lets an edu device do DMA, and ends itself in every way.
 * The commands are in the table at the end; each answers with one line.
 */
#include "tests/guest/lib/rt.h"

#include "vmm/guest_hw.h"

#define PIT_HZ_DIV   11932u             /* 100 ticks a second */
#define VECTOR_BASE  0x20u
#define LSR_READY    0x01u
#define MEM_FROM     0x2000000ull       /* [32 MiB, top) holds the pattern */
#define PAGE         4096u
#define CFG_COMMAND  0x04u
#define CFG_BAR0     0x10u
#define EDU_ID       0x11e81234u
#define EDU_BAR_AT   0xc8000000u        /* in the guest's window for 32-bit BARs */
#define EDU_SRC      0x80u
#define EDU_DST      0x88u
#define EDU_COUNT    0x90u
#define EDU_CMD      0x98u
#define   EDU_START    1u
#define   EDU_TO_RAM   2u
#define EDU_BUFFER   0x40000u
#define EDU_BYTES    64u

extern uint64_t rt_mb_info;

static volatile uint64_t ticks;
static uint64_t beats, seed = 0x9e3779b97f4a7c15ull;
static bool beating;
static uint8_t page[PAGE] __attribute__((aligned(4096)));

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t memory_top(void)
{
    const uint32_t *info = (const uint32_t *)(uintptr_t)rt_mb_info;
    uint64_t top = 0x100000ull + (uint64_t)info[2] * 1024;
    return top > 0xc0000000ull ? 0xc0000000ull : top;
}

/* ---- configuration space, mechanism 1 ---- */

static uint32_t cfg_rd(unsigned devfn, unsigned off)
{
    outl(GHW_CF8, 0x80000000u | devfn << 8 | (off & 0xfcu));
    return inl(GHW_CF8 + 4);
}

static void cfg_wr(unsigned devfn, unsigned off, uint32_t value)
{
    outl(GHW_CF8, 0x80000000u | devfn << 8 | (off & 0xfcu));
    outl(GHW_CF8 + 4, value);
}

static void cmd_pci(uint64_t arg)
{
    unsigned n = 0;
    (void)arg;
    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (cfg_rd(devfn, 0) != 0xffffffffu) {
            uint32_t class = cfg_rd(devfn, 8) >> 16;
            n += class != 0x0600 && class != 0x0601;
            rt_print("puppet: pci %02x.%u %08x class %04x\n", devfn >> 3, devfn & 7, cfg_rd(devfn, 0), class);
        }
    rt_print("puppet: %u functions\n", n);
}

/* ---- memory pattern ---- */

static uint64_t pattern(uint64_t a) { return a * 0x9e3779b97f4a7c15ull ^ 0x5bd1e995u; }

static void cmd_fill(uint64_t arg)
{
    (void)arg;
    for (uint64_t a = MEM_FROM; a < memory_top(); a += 8)
        mmio_wr64(a, pattern(a));
    rt_print("puppet: filled to %lx\n", memory_top());
}

static void cmd_check(uint64_t arg)
{
    uint64_t bad = 0, first = 0;
    (void)arg;
    for (uint64_t a = MEM_FROM; a < memory_top(); a += 8)
        if (mmio_rd64(a) != pattern(a) && bad++ == 0)
            first = a;
    if (bad)
        rt_print("puppet: memory changed: %lu words, first at %lx\n", bad, first);
    else
        rt_print("puppet: memory intact\n");
}

static void cmd_peek(uint64_t arg) { rt_print("puppet: peek %lx is %lx\n", arg, mmio_rd64(arg)); }

/* ---- the edu device ---- */

static uintptr_t edu(void)
{
    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (cfg_rd(devfn, 0) == EDU_ID) {
            if ((cfg_rd(devfn, CFG_BAR0) & ~15u) == 0)
                cfg_wr(devfn, CFG_BAR0, EDU_BAR_AT);
            cfg_wr(devfn, CFG_COMMAND, 6);
            return cfg_rd(devfn, CFG_BAR0) & ~15u;
        }
    return 0;
}

static bool edu_run(uintptr_t bar, uint64_t src, uint64_t dst, uint32_t cmd)
{
    mmio_wr64(bar + EDU_SRC, src);
    mmio_wr64(bar + EDU_DST, dst);
    mmio_wr64(bar + EDU_COUNT, EDU_BYTES);
    mmio_wr64(bar + EDU_CMD, cmd | EDU_START);
    for (uint64_t end = ticks + 1000; ticks < end;) {
        if (!(mmio_rd64(bar + EDU_CMD) & EDU_START))
            return true;
        sti_hlt();
    }
    return false;
}

/* The device gets our page, then writes it to arg. */
static void cmd_dma_write(uint64_t arg)
{
    uintptr_t bar = edu();
    bool ok;
    for (unsigned i = 0; i < EDU_BYTES; i++)
        page[i] = 0xee;
    ok = bar && edu_run(bar, (uintptr_t)page, EDU_BUFFER, 0) && edu_run(bar, EDU_BUFFER, arg, EDU_TO_RAM);
    rt_print("puppet: dma write %lx %s\n", arg, ok ? "done" : bar ? "hangs" : "no edu");
}

/* The device reads arg and writes what it got to our page. */
static void cmd_dma_read(uint64_t arg)
{
    uintptr_t bar = edu();
    bool ok;
    for (unsigned i = 0; i < EDU_BYTES; i++)
        page[i] = 0;
    ok = bar && edu_run(bar, (uintptr_t)page, EDU_BUFFER, 0) && edu_run(bar, arg, EDU_BUFFER, 0) &&
         edu_run(bar, EDU_BUFFER, (uintptr_t)page, EDU_TO_RAM);
    rt_print("puppet: dma read %lx %s %lx\n", arg, ok ? "done" : bar ? "hangs" : "no edu", mmio_rd64((uintptr_t)page));
}

/* Writes what the buffer holds to 70 places from arg on, 4 MiB apart. */
static void cmd_sweep(uint64_t arg)
{
    uintptr_t bar = edu();
    unsigned done = 0;
    for (unsigned i = 0; bar && i < 70; i++)
        done += edu_run(bar, EDU_BUFFER, arg + i * 0x400000ull, EDU_TO_RAM);
    rt_print("puppet: swept %u\n", done);
}

/* ---- ways to end ---- */

static void lose_idt(void)
{
    static const struct { uint16_t limit; uint64_t base; } __attribute__((packed)) none = { 0, 0 };
    __asm__ volatile ("lidt %0" : : "m"(none));
}

static void cmd_triple(uint64_t arg)
{
    (void)arg;
    lose_idt();
    __asm__ volatile ("mov $0x5afe5afe, %%eax; int3" : : : "rax");
}

/* Executes where there is no memory: arg. */
static void cmd_jump(uint64_t arg) { ((void (*)(void))(uintptr_t)arg)(); }

/* A page of random bytes as code, with no interrupt table to come back by. */
static void cmd_chaos(uint64_t arg)
{
    seed ^= arg * 0x2545f4914f6cdd1dull;
    for (unsigned i = 0; i < PAGE; i++)
        page[i] = (uint8_t)(next_random() >> 24);
    rt_print("puppet: chaos %lu\n", arg);
    if (arg & 1)
        lose_idt();
    ((void (*)(void))(uintptr_t)page)();
}

/* Interrupts off, for ever. */
static void cmd_spin(uint64_t arg)
{
    (void)arg;
    rt_print("puppet: spinning\n");
    cli();
    for (;;)
        __asm__ volatile ("" : : : "memory");
}

static void cmd_dead(uint64_t arg)
{
    (void)arg;
    rt_print("puppet: halting\n");
    for (;;)
        __asm__ volatile ("cli; hlt");
}

/* Port writes without end: each one is a visit to the VMM. */
static void cmd_storm(uint64_t arg)
{
    (void)arg;
    rt_print("puppet: storming\n");
    for (;;)
        outb(0x80, 1);
}

static void cmd_flood(uint64_t arg)
{
    for (uint64_t i = 0; i < arg; i++)
        rt_print("puppet: line %lu of a flood that nobody reads fast enough\n", i);
    rt_print("puppet: flooded\n");
}

static void cmd_off(uint64_t arg)
{
    (void)arg;
    rt_power_off();
}

static void cmd_reset(uint64_t arg)
{
    (void)arg;
    outb(GHW_RESET, GHW_RESET_VALUE);
}

static void cmd_beat(uint64_t arg)
{
    (void)arg;
    beating = !beating;
    rt_print("puppet: beats %s\n", beating ? "on" : "off");
}

static void cmd_ping(uint64_t arg) { rt_print("puppet: pong %lu beats %lu\n", arg, beats); }

static const struct { const char *word; void (*run)(uint64_t arg); } commands[] = {
    { "ping", cmd_ping }, { "beat", cmd_beat }, { "pci", cmd_pci }, { "fill", cmd_fill }, { "check", cmd_check },
    { "peek", cmd_peek }, { "dmaw", cmd_dma_write }, { "dmar", cmd_dma_read }, { "sweep", cmd_sweep }, { "triple", cmd_triple },

    { "jump", cmd_jump }, { "chaos", cmd_chaos }, { "spin", cmd_spin }, { "dead", cmd_dead }, { "storm", cmd_storm },
    { "flood", cmd_flood }, { "off", cmd_off }, { "reset", cmd_reset },
};

/* ---- console ---- */

static uint64_t number(const char *s)
{
    uint64_t v = 0, base = s[0] == '0' && s[1] == 'x' ? 16 : 10;
    for (s += base == 16 ? 2 : 0; *s; s++) {
        uint64_t d = *s >= 'a' ? (uint64_t)(*s - 'a' + 10) : (uint64_t)(*s - '0');
        if (d >= base)
            break;
        v = v * base + d;
    }
    return v;
}

static void obey(const char *line)
{
    for (size_t c = 0; c < sizeof commands / sizeof *commands; c++) {
        size_t n = 0;
        while (commands[c].word[n] && line[n] == commands[c].word[n])
            n++;
        if (commands[c].word[n] || (line[n] && line[n] != ' '))
            continue;
        commands[c].run(number(line[n] ? line + n + 1 : line + n));
        return;
    }
    rt_print("puppet: what is \"%s\"\n", line);
}

static void listen(void)
{
    static char line[64];
    static size_t n;
    while (inb(GHW_COM1 + 5) & LSR_READY) {
        char c = (char)inb(GHW_COM1);
        if (c != '\r' && c != '\n') {
            if (n + 1 < sizeof line)
                line[n++] = c;
            continue;
        }
        line[n] = 0;
        n = 0;
        if (line[0])
            obey(line);
    }
}

static void on_tick(struct rt_frame *f)
{
    (void)f;
    ticks = ticks + 1;
    outb(GHW_PIC1, 0x20);
}

static void timer_init(void)
{
    static const uint8_t init[][2] = { { 0x20, 0x11 }, { 0x21, VECTOR_BASE }, { 0x21, 4 }, { 0x21, 1 }, { 0x21, 0xfe } };
    for (unsigned i = 0; i < 5; i++)
        outb(init[i][0], init[i][1]);
    rt_on(VECTOR_BASE, on_tick);
    outb(GHW_PIT + 3, 0x34);
    outb(GHW_PIT, PIT_HZ_DIV & 255);
    outb(GHW_PIT, PIT_HZ_DIV >> 8);
}

void guest_main(void)
{
    uint64_t next = 0;
    timer_init();
    if (rt_option("triple"))
        cmd_triple(0);
    beating = rt_option("beat");
    cmd_fill(0);
    rt_print("puppet: ready\n");
    for (;;) {
        sti_hlt();
        listen();
        if (ticks < next)
            continue;
        next = ticks + 50;
        beats++;
        if (beating)
            rt_print("puppet: beat %lu\n", beats);
    }
}
