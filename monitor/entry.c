/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry behind crt0, and how the monitor ends itself: the host tests leave this file out. */
#include "monitor/entry.h"

#include "kernel/lib/fmt.h"
#include "monitor/main.h"
#include "monitor/slots.h"
#include "monitor/supervise.h"

NORETURN void kassert_fail(const char *condition, const char *file, int line)
{
    char text[200];
    size_t n = fmt(text, sizeof text, "\r\nmonitor: assertion %s at %s:%d; guests go on without it\r\n", condition,
                   file, line);
    (void)sys_call3(SYS_CONSOLE_WRITE, SLOT_SYSTEM, (uintptr_t)text, n);
    for (;;)
        (void)sys_call1(SYS_TASK_EXIT, 1);
}

NORETURN void __stack_chk_fail(void) { kassert_fail("stack is intact", "stack", 0); }

void user_main(uint64_t arg)
{
    (void)arg;
    monitor_init();
    for (;;)
        monitor_step(supervise_tick());
}
