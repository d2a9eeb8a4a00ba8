/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls by topic. Each takes the raw registers, decodes everything before
 * it changes anything, and returns a status; `value` is what rdx will hold.
 */
#pragma once

#include "kernel/abi/syscall.h"
#include "kernel/obj/cap.h"

struct sys_args {
    uint64_t a[6];
    struct task *task;           /* the caller */
};

/* sys_ipc.c: events, timers, channels, tasks ending */
MUST_USE status_t sys_ipc(unsigned nr, const struct sys_args *args, uint64_t *value);
/* sys_vcpu.c: vcpu and vm */
MUST_USE status_t sys_vcpu(unsigned nr, const struct sys_args *args, uint64_t *value);
/* sys_dev.c: devices and interrupts, the owner's calls and the monitor's */
MUST_USE status_t sys_dev(unsigned nr, const struct sys_args *args, uint64_t *value);
MUST_USE status_t sys_dev_manage(unsigned nr, const struct sys_args *args, uint64_t *value);
/* records for SYS_INFO; false when there is none. Faults: the first with seq >= from. */
struct dev_info;
struct info_iommu;
struct info_fault;
bool sys_dev_record(uint64_t index, struct dev_info *out);
bool sys_iommu_record(uint64_t unit, struct info_iommu *out);
bool sys_fault_record(uint64_t from_seq, struct info_fault *out);
/* sys_mem.c: memory objects and mappings; monitor */
MUST_USE status_t sys_mem(unsigned nr, const struct sys_args *args, uint64_t *value);
/* sys_obj.c: creation, grants, ends; monitor */
MUST_USE status_t sys_obj(unsigned nr, const struct sys_args *args, uint64_t *value);
/* sys_info.c: facts; monitor */
MUST_USE status_t sys_info(const struct sys_args *args, uint64_t *value);
/* sys_power.c: power and console; monitor */
MUST_USE status_t sys_power(uint64_t op, uint64_t typa, uint64_t typb);
MUST_USE status_t sys_console(unsigned nr, uint64_t ptr, uint64_t size, uint64_t *value);

/* sys_root.c: the boot image's parts that the monitor may map */
struct boot_blob { uint64_t base, len; const char *name; };
/* Modules of the loader, then vmm.elf. ST_NOTFOUND. */
MUST_USE status_t sys_root_module(uint64_t index, struct boot_blob *out);
uint32_t sys_root_modules(void);
/* Loads the monitor and makes it runnable on this CPU. Panics when the image is unfit. */
void sys_root_start(void);
struct event;
extern struct event *sys_root_event;

