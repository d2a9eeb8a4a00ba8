/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions and interrupts sorted: user's fault, user copy's landing, interrupt, or the end. */

#include "kernel/arch/cpu.h"
#include "kernel/log/console.h"
#include "kernel/log/panic.h"

#define VEC_NMI          2u
#define VEC_DOUBLE_FAULT 8u
#define VEC_GP           13u
#define VEC_PF           14u
#define VEC_MC           18u
#define VEC_FIRST_IRQ    32u

struct fixup { uint64_t fault, landing; };      /* written by copy.S */
extern const struct fixup __fixup_start[], __fixup_end[];

static bool take_fixup(struct trap_frame *frame)
{
    if (frame->vector != VEC_PF && frame->vector != VEC_GP)
        return false;
    for (const struct fixup *f = __fixup_start; f < __fixup_end; f++) {
        if (f->fault == frame->rip) {
            frame->rip = f->landing;
            return true;
        }
    }
    return false;
}

static void nmi(void)
{
    panic_stop_if_over();
    console_nmi_line();
}

void trap_dispatch(struct trap_frame *frame)
{
    bool user = (frame->cs & 3) != 0;
    if (frame->vector >= VEC_FIRST_IRQ) {
        percpu()->irqs++;
        if (frame->vector != VEC_SPURIOUS)
            upcall_irq((unsigned)frame->vector);
    } else if (frame->vector == VEC_NMI) {
        nmi();
    } else if (frame->vector == VEC_DOUBLE_FAULT || frame->vector == VEC_MC) {
        panic_trap(frame);
    } else if (user) {
        upcall_user_fault(frame);
    } else if (!take_fixup(frame)) {
        panic_trap(frame);
    }
}
