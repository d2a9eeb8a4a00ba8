/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions and interrupts sorted: user's fault, user copy's landing, interrupt, or the end. */
#include "kernel/arch/cpu.h"
#include "kernel/log/console.h"

enum { VEC_NMI = 2, VEC_DOUBLE_FAULT = 8, VEC_GP = 13, VEC_PF = 14, VEC_MC = 18, VEC_FIRST_IRQ = 32 };

/* copy.S: bytes not copied; the one instruction that may fault, and where it goes on then. */
uint64_t copy_user(void *dst, const void *src, uint64_t len);
extern const char copy_user_access[], copy_user_landing[];

void trap_irq(unsigned vector)
{
    percpu()->irqs++;
    if (vector != VEC_SPURIOUS)
        upcall_irq(vector);
}

void trap_dispatch(struct trap_frame *frame)
{
    if (frame->vector >= VEC_FIRST_IRQ) {
        trap_irq((unsigned)frame->vector);
    } else if (frame->vector == VEC_NMI) {
        panic_nmi();
    } else if (frame->vector == VEC_DOUBLE_FAULT || frame->vector == VEC_MC) {
        panic_trap(frame);
    } else if ((frame->cs & 3) != 0) {
        upcall_user_fault(frame);
    } else if ((frame->vector == VEC_PF || frame->vector == VEC_GP) && frame->rip == (uintptr_t)copy_user_access) {
        frame->rip = (uintptr_t)copy_user_landing;
    } else {
        panic_trap(frame);
    }
}

static status_t copy(void *dst, const void *src, uint64_t user, uint64_t len)
{ return len == 0 || (range_ok(user, len, USER_TOP) && copy_user(dst, src, len) == 0) ? ST_OK : ST_FAULT; }

status_t user_copy_in(void *dst, uint64_t src, uint64_t len) { return copy(dst, (const void *)src, src, len); }
status_t user_copy_out(uint64_t dst, const void *src, uint64_t len) { return copy((void *)dst, src, dst, len); }
