/* SPDX-License-Identifier: BSD-2-Clause */
/* Slot allocation. */
#include "monitor/slots.h"

static uint64_t taken[CAP_SLOTS / 64];
static uint32_t used;

uint32_t slots_take(void)
{
    for (uint32_t s = SLOTS_FIRST; s < CAP_SLOTS; s++)
        if (!(taken[s / 64] >> s % 64 & 1)) {
            taken[s / 64] |= 1ull << s % 64;
            used++;
            return s;
        }
    return SLOT_NONE;
}

void slots_release(uint32_t slot)
{
    KASSERT(slot >= SLOTS_FIRST && slot < CAP_SLOTS && (taken[slot / 64] >> slot % 64 & 1));
    taken[slot / 64] &= ~(1ull << slot % 64);
    used--;
}

status_t slots_drop(uint32_t *slot)
{
    status_t st;
    if (*slot == SLOT_NONE)
        return ST_OK;
    st = sys_call2(SYS_CAP_DROP, SLOT_SYSTEM, *slot).st;
    if (st == ST_OK)
        slots_release(*slot);
    *slot = SLOT_NONE;
    return st;
}

uint32_t slots_used(void) { return used; }

uint64_t slots_now(void) { return __builtin_ia32_rdtsc(); }
