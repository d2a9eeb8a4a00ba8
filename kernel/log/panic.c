/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own invariant is broken: say what and where, stop every CPU, block DMA. */
#include "kernel/arch/cpu.h"
#include "kernel/log/console.h"

#define STACK_BYTES    (KSTACK_PAGES * PAGE_SIZE)     /* every kernel stack is aligned to it */
#define MAX_ADDRESSES  12u
#define STOP_US        10000u

extern const char __text_start[], __text_end[];
static uint32_t over;             /* any CPU, atomic: 1 + the CPU that panics */

NORETURN void __stack_chk_fail(void);

/* The first CPU goes on; another, or a second panic on it, only stops. */
static void begin(void)
{
    uint32_t none = 0;
    hw_cli();
    if (!__atomic_compare_exchange_n(&over, &none, percpu()->cpu + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        hw_halt_forever();
    lapic_nmi_others();
    wait_us(STOP_US);
    console_last_words();
}

/* With the words on the stack that point into the code: return addresses, and some that once were. */
static NORETURN void finish(uint64_t sp)
{
    log_line("panic: build %s, CPU %u (APIC id %u)", CORDON_VERSION, percpu()->cpu, percpu()->apic_id);
    bool readable = sp >> 63 != 0 && sp % 8 == 0;
    for (unsigned n = 0; readable && n < MAX_ADDRESSES && (sp & (STACK_BYTES - 1)) != 0; sp += 8) {
        uint64_t v = *(const uint64_t *)sp;
        if (v < (uintptr_t)__text_start || v >= (uintptr_t)__text_end)
            continue;
        log_line("panic:   %lx: %lx", sp, v);
        n++;
    }
    upcall_panic();
    log_line("panic: device DMA blocked, all CPUs stopped");
    hw_halt_forever();
}

void panic(const char *format, ...)
{
    va_list ap;
    begin();
    va_start(ap, format);
    log_va("panic: ", format, ap);
    va_end(ap);
    finish((uintptr_t)__builtin_frame_address(0) & ~(uint64_t)7);
}

void panic_trap(const struct trap_frame *f)
{
    static const char names[15][4] = { "r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "rdi", "rsi", "rbp",
                                       "rbx", "rdx", "rcx", "rax" };
    begin();
    log_line("panic: exception %lu, error %lx, at %lx:%lx", f->vector, f->error, f->cs, f->rip);
    log_line("panic: rsp %lx rflags %lx cr2 %lx cr3 %lx", f->rsp, f->rflags, hw_read_cr2(), hw_read_cr3());
    for (unsigned i = 0; i < 15; i += 3)
        log_line("panic: %3s %016lx %3s %016lx %3s %016lx", names[i], f->gpr[i], names[i + 1], f->gpr[i + 1],
                 names[i + 2], f->gpr[i + 2]);
    finish(f->rsp);
}

void boot_refuse(const char *format, ...)
{
    va_list ap;
    console_last_words();
    va_start(ap, format);
    log_va("refused: ", format, ap);
    va_end(ap);
    hw_halt_forever();
}

void panic_nmi(void)
{
    uint32_t who = __atomic_load_n(&over, __ATOMIC_ACQUIRE);
    if (who != 0 && who != percpu()->cpu + 1)
        hw_halt_forever();
    console_nmi_line();
}

void kassert_fail(const char *condition, const char *file, int line)
{
    panic("assertion failed: %s, %s:%d", condition, file, line);
}

void __stack_chk_fail(void) { panic("a stack buffer was overrun"); }
