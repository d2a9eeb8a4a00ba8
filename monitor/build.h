/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's verdict turned into system calls: objects, VMM task, grants. All or
 * nothing: a failure at any step leaves nothing behind and says which step and
 * why. What stays between starts is one memory object (start page, VMM image,
 * stacks, log) and the channel: the monitor has both mapped, once.
 */
#pragma once

#include "monitor/policy.h"
#include "monitor/slots.h"

#define BUILD_EXTENTS   8u            /* pieces of guest RAM */
#define BUILD_LOG     65536u          /* console bytes kept for `log` */
#define BUILD_TEXT     300u

struct build_objects {
    /* one each for the life of the monitor */
    uint32_t image, doorbell0;
    struct vmm_channel *chan;         /* shared with the VMM: untrusted */
    uint8_t *image_va;
    uint8_t *log;                     /* BUILD_LOG bytes, monitor only */
    /* while the guest exists */
    uint32_t vm, task;
    uint32_t vm_id;
    uint32_t ram[BUILD_EXTENTS];
    uint64_t ram_gpa[BUILD_EXTENTS], ram_len[BUILD_EXTENTS];
    uint32_t vcpus, devices;
    uint32_t vcpu[VMM_MAX_VCPUS], doorbell[VMM_MAX_VCPUS], thread[VMM_MAX_VCPUS];
    uint32_t device[VMM_MAX_DEVICES];
    uint32_t module[VMM_MAX_MODULES];
    bool assigned[VMM_MAX_DEVICES];
};

struct build_error {
    enum code code;
    char text[BUILD_TEXT];
};

struct build_request {
    const struct manifest *m;
    const struct facts *f;
    const struct plan_vm *plan;
    uint32_t vm;                      /* index in the manifest */
    uint64_t channel_bits, end_bits;  /* on the root event */
};

/* The VMM's ELF image, mapped by the caller for good; checked once. False: error says why. */
MUST_USE bool build_set_image(const uint8_t *elf, uint64_t size, struct build_error *error);
MUST_USE bool build_start(struct build_objects *o, const struct build_request *r, struct build_error *error);
/* Ends the task, releases devices in order, drops everything that is not kept. True: all
 * is given back; false: error names what was not. */
MUST_USE bool build_stop(struct build_objects *o, struct build_error *error);

