/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of build share: one start in progress. */
#pragma once

#include "monitor/build.h"
#include "monitor/vmm_image.h"

#define STACK_BYTES   (64u << 10)
#define STACK_STEP    (STACK_BYTES + PAGE_SIZE)   /* an unmapped page between */
#define START_BYTES   PAGE_SIZE
#define VMM_PRIO      3u                          /* below the monitor's */

struct job {
    struct build_objects *o;
    const struct build_request *r;
    const struct manifest_vm *vm;
    const struct vmm_image *image;
    struct build_error *error;
};

/* Each false has filled in the error. */
bool job_fail(struct job *j, status_t st, bool memory, const char *step);
bool job_done(struct job *j, struct sys_ret ret, const char *step);
/* A slot for a new object; 0 after an error. */
uint32_t job_take(struct job *j, const char *step);
/* Keeps the slot when the call that fills it worked. */
bool job_keep(struct job *j, uint32_t slot, struct sys_ret ret, uint32_t *where, bool memory, const char *step);
bool job_event(struct job *j, uint32_t *where);

/* Offsets in a guest's image object. */
uint64_t job_stacks_off(const struct job *j);
uint64_t job_log_off(const struct job *j);
uint64_t job_channel_off(const struct job *j);

bool build_vm(struct job *j);      /* VM, RAM, vCPUs, functions: build_vm.c */
bool build_task(struct job *j);    /* VMM task, its capabilities and memory: build_task.c */

