/* SPDX-License-Identifier: BSD-2-Clause */
/* Serial output, report lines, power off. */
#include "tests/guest/lib/rt.h"

#include <stdarg.h>

#include "kernel/lib/fmt.h"
#include "vmm/guest_hw.h"

#define COM_LSR    (GHW_COM1 + 5)
#define LSR_THRE   0x20u
#define SLP_EN     0x2000u
#define EXIT_PORT  0xf4u            /* QEMU's isa-debug-exit, when a guest runs bare */

extern uint64_t rt_mb_magic, rt_mb_info;
void rt_main(void);
void rt_traps_init(void);

static unsigned passed, failed;

static void put(char c)
{
    for (unsigned i = 0; i < 1000000 && !(inb(COM_LSR) & LSR_THRE); i++)
        pause();
    outb(GHW_COM1, (uint8_t)c);
}

static void put_text(const char *s)
{
    for (; *s; s++) {
        if (*s == '\n')
            put('\r');
        put(*s);
    }
}

void rt_print(const char *format, ...)
{
    char line[256];
    va_list ap;
    va_start(ap, format);
    fmt_v(line, sizeof line, format, ap);
    va_end(ap);
    put_text(line);
}

void rt_pass(const char *name)
{
    passed++;
    rt_print("PASS %s\n", name);
}

void rt_fail(const char *name, const char *format, ...)
{
    char detail[160];
    va_list ap;
    va_start(ap, format);
    fmt_v(detail, sizeof detail, format, ap);
    va_end(ap);
    failed++;
    rt_print("FAIL %s %s\n", name, detail);
}

void rt_check(bool ok, const char *name)
{
    if (ok)
        rt_pass(name);
    else
        rt_fail(name, "is not so");
}

void rt_equal(const char *name, uint64_t got, uint64_t want)
{
    if (got == want)
        rt_pass(name);
    else
        rt_fail(name, "got %lx want %lx", got, want);
}

void rt_power_off(void)
{
    outw(GHW_PM1A_CNT, (uint16_t)(GHW_SLP_TYP_S5 << 10 | SLP_EN));
    outw(GHW_PM1A_CNT, SLP_EN);              /* what QEMU's own board wants */
    outb(EXIT_PORT, failed ? 1 : 0);
    static const struct { uint16_t limit; uint64_t base; } __attribute__((packed)) none = { 0, 0 };
    __asm__ volatile ("lidt %0; int3" : : "m"(none));
    for (;;)
        __asm__ volatile ("cli; hlt");
}

void rt_done(void)
{
    rt_print("DONE %u %u\n", passed, failed);
    rt_power_off();
}

/* Multiboot information: flags bit 2, command line at 16. */
static const char *command_line(void)
{
    const uint32_t *info = (const uint32_t *)(uintptr_t)rt_mb_info;
    return rt_mb_magic == 0x2badb002 && (info[0] & 4) ? (const char *)(uintptr_t)info[4] : "";
}

bool rt_option(const char *word)
{
    for (const char *c = command_line(); *c; c++) {
        size_t i = 0;
        while (word[i] && c[i] == word[i])
            i++;
        if (!word[i] && (c[i] == 0 || c[i] == ' ') && (c == command_line() || c[-1] == ' '))
            return true;
    }
    return false;
}

void kassert_fail(const char *condition, const char *file, int line)
{
    rt_print("FAIL assertion %s %s:%d\n", condition, file, line);
    rt_power_off();
}

static void serial_init(void)
{
    outb(GHW_COM1 + 1, 0);
    outb(GHW_COM1 + 3, 0x80);
    outb(GHW_COM1, 1);
    outb(GHW_COM1 + 1, 0);
    outb(GHW_COM1 + 3, 3);
    outb(GHW_COM1 + 2, 0xc7);
    outb(GHW_COM1 + 4, 0x0b);
}

void rt_main(void)
{
    serial_init();
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    rt_traps_init();
    guest_main();
    rt_done();
}
