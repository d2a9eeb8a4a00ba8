/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a ring of the channel needs its bell: when what waits in it reaches the level that the reader asked for. The
 * writer stores head and then looks at tail and level, the reader stores level and tail and then looks at head, each
 * with a full fence between: one of the two sees the other's store. So either the writer rings, or the reader finds the
 * bytes before it sleeps. Pure; both sides use it.
 */
#pragma once

#include "kernel/lib/base.h"

struct ring_words { uint32_t head, tail, level; };   /* head: the writer's; tail, level (0 is 1): the reader's */

/* The writer has written from `before` to `head`. True: ring the bell. */
static inline MUST_USE bool ring_written(struct ring_words *ring, uint32_t before, uint32_t head)
{
    __atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    const uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
    const uint32_t level = MAX(__atomic_load_n(&ring->level, __ATOMIC_ACQUIRE), 1u);
    return head - tail >= level && before - tail < level;
}

/* The reader has taken everything up to `tail` and asks for a bell at `level`. Returns head as it is now: what is
 * there already has had its bell, or gets none. */
static inline MUST_USE uint32_t ring_taken(struct ring_words *ring, uint32_t tail, uint32_t level)
{
    __atomic_store_n(&ring->level, level, __ATOMIC_RELEASE);
    __atomic_store_n(&ring->tail, tail, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
}
