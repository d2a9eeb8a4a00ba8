/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls. The rows of SYSCALLS (abi/syscall.h) say what each argument must be; sys_call.c checks
 * all of them and replaces slots by objects before a handler runs. Handlers check what no row can
 * say, and leave nothing behind when they fail (sys_vm_map says where it does).
 */
#pragma once

#include "kernel/dev/dev.h"
#include "kernel/irq/irq.h"
#include "kernel/virt/vcpu.h"

/* sys_call.c: the calls of any task, and all the others */
struct sys_result sys_ipc(uint64_t slot, uint64_t bits, uint64_t deadline, uint64_t nr);
struct sys_result sys_dispatch(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                               uint64_t nr);
/* sys_obj.c: tasks, threads, capabilities; monitor */
MUST_USE status_t sys_thread_create(struct task *task, uint32_t cpu_prio, uint64_t args_ptr, struct thread **out);
MUST_USE status_t sys_task_grant(struct task *to, uint64_t dst, const struct cap *src, uint64_t rights, uint64_t badge);
MUST_USE status_t sys_task_info(const struct task *task, uint64_t ptr);
MUST_USE status_t sys_task_kill(struct task *task);
MUST_USE status_t sys_cap_drop(const struct task *caller, struct cap *slot);
/* sys_mem.c: boot modules, mappings; monitor */
MUST_USE status_t sys_memory_module(struct memory *mem, uint64_t index);
MUST_USE status_t sys_task_map(struct task *task, uint64_t va, const struct cap *c, uint64_t off, uint64_t len_prot);
/* sys_vm.c: virtual machines; monitor, but CPUID */
MUST_USE status_t sys_vm_create(struct vm *vm, uint64_t flags, uint32_t tsc_khz, uint64_t *id);
MUST_USE status_t sys_vm_map(struct vm *vm, gpa_t gpa, struct memory *mem, uint64_t off, uint64_t len);
MUST_USE status_t sys_vm_cpuid(struct vm *vm, uint64_t ptr, uint64_t count);
MUST_USE status_t sys_vcpu_create(struct vm *vm, uint32_t index_cpu, struct event *doorbell, struct vcpu **out);
void sys_vm_destroy(struct vm *vm);
/* sys_dev.c: devices and interrupts, the owner's calls and the monitor's */
MUST_USE status_t sys_vm_map_bar(struct vm *vm, const struct device *dev, uint64_t bar, uint64_t off, gpa_t gpa,
                                 uint64_t len);
MUST_USE status_t sys_vm_unmap_bar(struct vm *vm, const struct device *dev, gpa_t gpa, uint64_t len);
MUST_USE status_t sys_dev_assign(struct device *dev, struct vm *vm, uint32_t flags);
MUST_USE status_t sys_dev_release(struct device *dev);
MUST_USE status_t sys_dev_irqs(const struct device *dev, uint32_t kind, uint32_t count, uint32_t gsi);
/* sys_info.c: facts; monitor, but DEV_INFO */
MUST_USE status_t sys_dev_info(const struct device *dev, uint64_t ptr);
MUST_USE status_t sys_info(uint64_t what, uint64_t index, uint64_t ptr, uint64_t len, uint64_t *count);
/* sys_power.c: power and console; monitor */
MUST_USE status_t sys_power(uint64_t op, uint64_t typa, uint64_t typb);
MUST_USE status_t sys_console(unsigned nr, uint64_t ptr, uint64_t size, uint64_t *value);

/* sys_root.c: loads the monitor and makes it runnable on this CPU. */
void sys_root_start(void);
extern struct event *sys_root_event;
/* main.c: facts about the machine that it gathers at boot, then const. */
extern struct info_platform platform;
