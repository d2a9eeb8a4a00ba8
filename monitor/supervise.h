/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests while they live: states, channels, restarts, why they ended. */
#pragma once

#include "monitor/build.h"
#include "monitor/textring.h"

enum guest_state { GUEST_STOPPED, GUEST_STARTING, GUEST_RUNNING, GUEST_REFUSED, GUEST_CRASHED };

#define GUEST_TEXT       360u
#define GUEST_VMM_LOG   8192u
#define RESTART_LIMIT      5u     /* ends in a row that are answered with a new start */
#define RESTART_GOOD_S   600u     /* a run of this length clears the count */

struct guest {
    uint32_t index;               /* in manifest and plan */
    const struct manifest_vm *vm;
    const struct plan_vm *plan;
    enum guest_state state;
    enum code code;               /* REFUSED, CRASHED: why */
    char text[GUEST_TEXT];        /* same, in words; STOPPED: how it ended */
    bool has_fault;               /* fault is of the VMM task's end */
    struct task_info fault;
    struct build_objects objects;
    struct textring log, vmm_log;
    uint8_t vmm_log_data[GUEST_VMM_LOG];
    uint32_t out_tail, log_tail, in_head;   /* the monitor's own copies: the VMM cannot move them */
    uint32_t fails;               /* ends in a row */
    uint32_t starts;
    uint64_t started, restart_at; /* TSC; restart_at 0 = none planned */
    uint64_t exits_before;        /* of earlier runs */
};

/* Judgements are those of the policy; guests that may start begin as STOPPED. */
void supervise_init(const struct manifest *m, struct facts *f, const struct policy *p);
uint32_t supervise_count(void);
struct guest *supervise_guest(uint32_t i);
/* The guest of a name, or NULL; the first when the name is not unique. */
struct guest *supervise_find(const char *name);
struct guest *supervise_of_vm_id(uint32_t vm_id);
/* The guest whose VM it is or was, NULL when that is long ago. */
const struct guest *supervise_was_vm_id(uint32_t vm_id);
const char *supervise_state_word(enum guest_state state);

void supervise_autostart(void);
/* By the operator: these clear the count of failures. False: it is up, or g->text says why. */
MUST_USE bool supervise_start(struct guest *g);
/* True when it was up or about to start again. */
bool supervise_stop(struct guest *g, const char *why);
MUST_USE bool supervise_restart(struct guest *g);
void supervise_stop_all(void);

/* Bits taken from the root event. */
void supervise_event(uint64_t bits);
/* Starts what is due; next deadline in TSC, EVENT_FOREVER when there is none. */
uint64_t supervise_tick(void);
/* Console input for a guest; what its ring cannot hold is dropped. */
void supervise_input(uint32_t guest, const uint8_t *data, size_t n);
/* All exits of all vCPUs since boot. */
uint64_t supervise_exits(const struct guest *g);
bool supervise_stats(const struct guest *g, uint32_t vcpu, struct vcpu_stats *out);
/* A function of the VM was cut off by the IOMMU driver. */
void supervise_device_cut(uint32_t vm_id, const char *bdf);

/* Bits on the root event. */
#define SUPERVISE_BIT(i)   (1ull << (SYSEV_USER_FIRST + (i)))   /* i-th guest's channel */
#define SUPERVISE_END      (1ull << 63)                          /* a VMM task ended */

