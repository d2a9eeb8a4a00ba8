/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small world for the system-call fuzzer: the real kernel/obj and kernel/sys on
 * fakes of everything below and beside them. Objects come from malloc, so that
 * the sanitizers see every use after the end.
 */
#pragma once

#include <stdint.h>

#include "kernel/obj/obj.h"

#define WORLD_USER_BYTES 4096u
#define WORLD_USER_VA    0x10000ull

extern uint8_t world_user[WORLD_USER_BYTES];     /* what user pointers reach */
extern status_t world_release;                   /* what dev_release answers */
extern uint64_t world_memory_out;                /* bytes given by umem and not back */
extern uint64_t world_allocations;               /* live fake allocations */
extern uint32_t world_fail_after;                /* allocation number that fails, 0 = none */

void world_thread_is(struct task *task);         /* the caller of the next system call */
void world_reset(void);

