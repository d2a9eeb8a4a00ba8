/* SPDX-License-Identifier: BSD-2-Clause */
/* Log ring, failure and the end of a VMM. */
#include "vmm/log.h"

#include <stdarg.h>

#include "kernel/abi/rt/sys.h"
#include "kernel/lib/fmt.h"
#include "vmm/host.h"
#include "vmm/lock.h"

#define LINE_MAX  200u

void __stack_chk_fail(void);

static struct lock log_lock;
static uint32_t ended;               /* any thread, atomic: the first one to end the VMM speaks */

static struct vmm_channel *channel(void) { return (struct vmm_channel *)VMM_CHANNEL_VA; }

static void ring_bell(void)
{
    (void)sys_call2(SYS_EVENT_SIGNAL, VMM_SLOT_MONITOR, VMM_BELL);   /* a dead monitor is not our trouble */
}

PRINTF(1, 0) static void log_v(const char *format, va_list ap)
{
    char line[LINE_MAX + 2];
    struct vmm_channel *ch = channel();
    size_t len = fmt_v(line, LINE_MAX, format, ap);
    line[len++] = '\n';
    bool ring = false;
    lock_take(&log_lock);
    uint32_t head = ch->log_ring.head, used = head - __atomic_load_n(&ch->log_ring.tail, __ATOMIC_ACQUIRE);
    if (used <= VMM_LOG_SIZE && len <= VMM_LOG_SIZE - used) {
        for (size_t i = 0; i < len; i++)
            ch->log[(head + i) % VMM_LOG_SIZE] = (uint8_t)line[i];
        ring = ring_written(&ch->log_ring, head, head + (uint32_t)len);
    }
    lock_drop(&log_lock);
    if (ring)
        ring_bell();
}

void log_line(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    log_v(format, ap);
    va_end(ap);
}

void host_log(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    log_v(format, ap);
    va_end(ap);
}

void log_registers(unsigned vcpu, const struct vcpu_state *vs)
{
    const uint64_t *g = vs->gpr;
    log_line("vcpu %u exit %u code %x rip %016lx rflags %08lx", vcpu, vs->exit.reason, vs->exit.code,
             vs->rip, vs->rflags);
    log_line("rax %016lx rcx %016lx rdx %016lx rbx %016lx", g[GPR_RAX], g[GPR_RCX], g[GPR_RDX], g[GPR_RBX]);
    log_line("rsp %016lx rbp %016lx rsi %016lx rdi %016lx", g[GPR_RSP], g[GPR_RBP], g[GPR_RSI], g[GPR_RDI]);
    log_line("r8  %016lx r9  %016lx r10 %016lx r11 %016lx", g[GPR_R8], g[GPR_R9], g[GPR_R10], g[GPR_R11]);
    log_line("r12 %016lx r13 %016lx r14 %016lx r15 %016lx", g[GPR_R12], g[GPR_R13], g[GPR_R14], g[GPR_R15]);
    log_line("cr0 %08lx cr2 %016lx cr3 %016lx cr4 %08lx efer %04lx", vs->cr0, vs->cr2, vs->cr3, vs->cr4, vs->efer);
    log_line("cs %04x base %lx attr %03x  ss %04x attr %03x  gpa %lx", vs->seg[SEG_CS].sel, vs->seg[SEG_CS].base,
             vs->seg[SEG_CS].attr, vs->seg[SEG_SS].sel, vs->seg[SEG_SS].attr, vs->exit.gpa);
}

/* State goes last: the monitor reads the rest after it. */
static NORETURN void end(enum vmm_state state, uint64_t code)
{
    __atomic_store_n(&channel()->state, state, __ATOMIC_RELEASE);
    ring_bell();
    for (;;)
        (void)sys_call1(SYS_TASK_EXIT, code);
}

static void only_once(void)
{
    while (__atomic_exchange_n(&ended, 1, __ATOMIC_ACQ_REL) != 0)
        (void)sys_call1(SYS_YIELD, 0);           /* the other thread ends the task */
}

void vmm_fail(enum vmm_fail code, const struct vcpu_state *vs, const char *format, ...)
{
    struct vmm_channel *ch = channel();
    va_list ap;
    only_once();
    va_start(ap, format);
    fmt_v(ch->reason, sizeof ch->reason, format, ap);
    va_end(ap);
    ch->code = code;
    if (vs != NULL)
        log_registers((unsigned)(((uintptr_t)vs - VMM_VCPU_VA) / PAGE_SIZE), vs);
    end(VMM_FAILED, code);
}

void vmm_finish(enum vmm_state state, const char *why)
{
    only_once();
    str_copy(channel()->reason, sizeof channel()->reason, why);
    end(state, 0);
}

/* KASSERT and the stack protector end here (lib/base.h, -fstack-protector). */
void kassert_fail(const char *condition, const char *file, int line)
{
    vmm_fail(VMM_FAIL_ASSERT, NULL, "assertion %s at %s:%d", condition, file, line);
}

NORETURN void __stack_chk_fail(void) { vmm_fail(VMM_FAIL_ASSERT, NULL, "a stack canary was overwritten"); }
