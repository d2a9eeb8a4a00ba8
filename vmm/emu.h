/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Executes one instruction that touched emulated memory or a string port:
 * operands through the guest's page tables, RAM directly, the rest on the bus.
 * The device lock is held.
 */
#pragma once

#include "vmm/bus.h"
#include "vmm/guest.h"

struct emu {                  /* const */
    struct vcpu_state *vs;
    const struct guest_mem *mem;
    struct bus *bus;
    unsigned vcpu;
};

#define EMU_REP_MAX  1024u    /* elements per exit; the instruction then starts again */

/*
 * ST_OK: executed, or an exception is queued. ST_UNSUPP, ST_RANGE: this VMM
 * cannot execute it; registers are as before.
 */
MUST_USE status_t emu_run(struct emu *emu);

/* ---- between emu.c and emu_string.c ---- */

/* An operand in guest-physical memory: at most two pages. */
struct emu_span {
    gpa_t gpa[2];
    uint8_t first, size;      /* bytes in gpa[0]; all bytes */
};

/* ST_FAULT: an exception is queued. access: WALK_READ, WALK_WRITE. */
MUST_USE status_t emu_span(struct emu *emu, const struct insn *insn, unsigned seg, uint64_t offset,
                           unsigned size, unsigned access, struct emu_span *out);
uint64_t emu_read(struct emu *emu, const struct emu_span *span);
void emu_write(struct emu *emu, const struct emu_span *span, uint64_t value);

/* INS OUTS MOVS STOS LODS SCAS CMPS; *again: elements remain, rip stays. */
MUST_USE status_t emu_string(struct emu *emu, const struct insn *insn, bool *again);

