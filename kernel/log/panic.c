/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own invariant is broken: say what and where, stop every CPU, block DMA. */
#include "kernel/log/panic.h"

#include <stdarg.h>

#include "kernel/arch/boot.h"
#include "kernel/arch/hw.h"
#include "kernel/arch/lapic.h"
#include "kernel/arch/upcall.h"
#include "kernel/lib/fmt.h"
#include "kernel/log/console.h"

#ifndef CORDON_VERSION
#define CORDON_VERSION "unversioned"
#endif

#define STACK_BYTES    16384u     /* every kernel stack but the boot CPU's is aligned to it */
#define MAX_ADDRESSES  12u
#define STOP_US        100000u

extern const char __text_start[], __text_end[];
static uint32_t over;             /* any CPU, atomic: 1 + the CPU that panics */

NORETURN void __stack_chk_fail(void);

static bool is_text(uint64_t v) { return v >= (uintptr_t)__text_start && v < (uintptr_t)__text_end; }

/* Words on the stack that point into the code: return addresses, and some that once were. */
static void print_stack(uint64_t sp)
{
    uint64_t end = cpu_boot_stack_end(sp);
    unsigned n = 0;
    if (sp < (1ull << 63) || (sp & 7) != 0)
        return;
    if (end == 0)
        end = (sp | (STACK_BYTES - 1)) + 1;
    for (; sp < end && n < MAX_ADDRESSES; sp += 8) {
        uint64_t v = *(const uint64_t *)sp;
        if (is_text(v))
            console_panic_line("panic:   %lx: %lx", sp, v);
        n += is_text(v);
    }
}

/* First CPU wins; a second panic on it skips what may have caused that. False: only stop. */
static bool begin(void)
{
    uint32_t none = 0;
    hw_cli();
    if (!__atomic_compare_exchange_n(&over, &none, percpu()->cpu + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return false;
    lapic_nmi_others();
    struct deadline d = deadline_in(STOP_US / 10);
    while (spin(&d))
        ;
    return true;
}

static NORETURN void finish(uint64_t sp)
{
    console_panic_line("panic: build %s, CPU %u (APIC id %u)", CORDON_VERSION, percpu()->cpu, percpu()->apic_id);
    print_stack(sp);
    upcall_panic();
    console_panic_line("panic: device DMA blocked, all CPUs stopped");
    hw_halt_forever();
    __builtin_unreachable();
}

void panic(const char *format, ...)
{
    static char text[200];
    va_list ap;
    if (!begin())
        hw_halt_forever();
    va_start(ap, format);
    (void)fmt_v(text, sizeof text, format, ap);
    va_end(ap);
    if (console_port() == 0)
        console_init(0, 0);                    /* before main.c chose one */
    console_panic_line("panic: %s", text);
    finish((uintptr_t)__builtin_frame_address(0) & ~(uint64_t)7);
}

static void print_registers(const struct trap_frame *f)
{
    static const char names[15][4] = { "r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "rdi", "rsi", "rbp",
                                       "rbx", "rdx", "rcx", "rax" };
    for (unsigned i = 0; i < 15; i += 3)
        console_panic_line("panic: %3s %016lx %3s %016lx %3s %016lx", names[i], f->gpr[i], names[i + 1],
                           f->gpr[i + 1], names[i + 2], f->gpr[i + 2]);
}

void panic_trap(const struct trap_frame *f)
{
    if (!begin())
        hw_halt_forever();
    if (console_port() == 0)
        console_init(0, 0);
    console_panic_line("panic: exception %lu, error %lx, at %lx:%lx", f->vector, f->error, f->cs, f->rip);
    console_panic_line("panic: rsp %lx rflags %lx cr2 %lx cr3 %lx", f->rsp, f->rflags, hw_read_cr2(), hw_read_cr3());
    print_registers(f);
    finish(f->rsp);
}

void panic_stop_if_over(void)
{
    uint32_t who = __atomic_load_n(&over, __ATOMIC_ACQUIRE);
    if (who != 0 && who != percpu()->cpu + 1)
        hw_halt_forever();
}

void kassert_fail(const char *condition, const char *file, int line)
{
    panic("assertion failed: %s, %s:%d", condition, file, line);
}

void __stack_chk_fail(void) { panic("a stack buffer was overrun"); }
