/* SPDX-License-Identifier: BSD-2-Clause */
/* A physical range with an owner; and channels: shared pages with an event at each side. */
#pragma once

#include "kernel/obj/event.h"

enum memory_kind { MEMORY_RAM, MEMORY_MODULE };

struct memory {
    struct kobj obj;
    hpa_t base;
    uint64_t len;
    uint32_t kind;          /* RAM is freed with the object; the others are read-only for ever */
    bool dirty;             /* never reuse: a device may still write to it */
};

struct channel {
    struct kobj obj;
    hpa_t base;
    uint64_t len;
    struct event *event[2];   /* [0] side A's (the monitor's), [1] side B's */
    uint64_t bits[2];
};

MUST_USE status_t memory_create(uint64_t size, uint64_t align, struct memory **out);
MUST_USE status_t memory_wrap(hpa_t base, uint64_t len, enum memory_kind kind, struct memory **out);
void memory_destroy(struct kobj *obj);
MUST_USE status_t channel_create(uint32_t pages, struct event *a, uint64_t bits_a, struct event *b, uint64_t bits_b,
                                 struct channel **out);
void channel_destroy(struct kobj *obj);

