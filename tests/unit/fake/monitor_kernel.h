/* SPDX-License-Identifier: BSD-2-Clause */
/* A small kernel model for host tests of the monitor: capabilities, counts, faults to inject. */
#pragma once

#include <stdbool.h>

#include "kernel/abi/info.h"
#include "kernel/abi/rights.h"
#include "kernel/abi/rt/sys.h"

#define FK_MODULES 16
#define FK_OBJECTS 4096

struct fk_object {
    enum obj_type type;
    unsigned refs;
    uint64_t size;
    void *host;                    /* where the monitor has it mapped */
    const void *content;           /* modules */
    uint64_t content_len;
    bool read_only;
    struct fk_object *caps[CAP_SLOTS];   /* task */
    struct fk_object *mapped[64];  /* task */
    unsigned maps, threads, vcpus, mems, irqs;
    struct fk_object *owner, *mem[8];    /* thread -> task, vcpu -> vm, device -> vm, irq -> device */
    bool killed, started;
    uint32_t bdf, vm_id;
    uint64_t bits;                 /* event; memory: host address; VM: flags */
    uint64_t gpa[8];               /* VM: where mem[] is */
    struct task_info info;
};

struct fake_kernel {
    struct info_platform platform;
    struct info_memory memory;     /* user_free is what MEMORY_CREATE takes from */
    uint64_t next_memory;          /* host address of the next object */
    struct info_cpu cpu[8];
    unsigned cpus;
    struct dev_info dev[32];
    unsigned devs;
    struct { const char *name; const void *data; uint64_t size; } module[FK_MODULES];
    unsigned modules;
    struct info_fault fault[8];
    unsigned faults;
    char out[1 << 20];             /* console output */
    unsigned out_len;
    char in[4096];
    unsigned in_len;
    unsigned calls[SYS_NR_LIMIT];
    unsigned fail_nr, fail_after;  /* the fail_after-th call of fail_nr from now gives fail_st; 0 = none */
    status_t fail_st;
    unsigned fail_any;             /* any creation or mapping call, counted down */
    unsigned live[OBJ_TYPE_COUNT];
    int power;                     /* last POWER_* asked, -1 = none */
    uint8_t power_a, power_b;
    struct fk_object *caps[CAP_SLOTS];
    struct fk_object *last_task;
    uint64_t root_bits;
};
extern struct fake_kernel fk;

void fk_reset(void);
/* Removes what the console printed so far. */
void fk_clear(void);
bool fk_printed(const char *text);
void fk_type(const char *text);
/* The task of the n-th live guest ends as told. */
void fk_end_task(struct fk_object *task, enum task_state state, uint32_t vector);
unsigned fk_live(void);            /* all objects */

