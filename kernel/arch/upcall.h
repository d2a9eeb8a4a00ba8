/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions that a lower layer calls and an upper layer defines, so that no
 * include points upwards. All run with interrupts off.
 */
#pragma once

#include "kernel/abi/syscall.h"
#include "kernel/lib/base.h"

struct thread;
struct vm;
struct ktimer;

AT(struct trap_frame, cs, 18 * 8);

struct sys_result { uint64_t status, value; };   /* rax, rdx */

/* sys/sys.c: every system call. */
struct sys_result upcall_syscall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                                 uint64_t a4, uint64_t a5, uint64_t nr);
/* irq/irq.c: external interrupt `vector`, EOI included. */
void upcall_irq(unsigned vector);
/* sched/thread.c: exception in ring 3: ends the task. */
NORETURN void upcall_user_fault(const struct trap_frame *frame);
/* sched/sched.c: called before return to ring 3 and after guest exits when need_resched is set. */
void upcall_resched(void);
/* sched/sched.c: between chunks of long kernel work, no lock held: takes interrupts, lets others run. */
void upcall_preempt_point(void);
/* sched/sched.c: makes a thread that blocks look again; for one that runs a guest: kicks it out. Any CPU. */
void upcall_wake(struct thread *thread);
/* virt/vcpu.c: on this CPU prev stops and next starts: debug and FPU registers, speculation barriers. */
void upcall_switch(struct thread *prev, struct thread *next);
/* sched/thread.c: a timer is due (timer interrupt, its CPU). */
void upcall_ktimer(struct ktimer *timer);
/* virt/vlapic.c: the local APIC timer of a vCPU is due (timer interrupt, its CPU). */
void upcall_vcpu_timer(struct ktimer *timer);
/* virt/vlapic.c: an MSI arrives for a VM. Lock-free, from interrupts. */
void upcall_vm_msi(struct vm *vm, uint64_t addr, uint32_t data);
/* virt/vlapic.c: the host CPU on which the message's first target runs. */
uint32_t upcall_vm_msi_cpu(struct vm *vm, uint64_t addr, uint32_t data);
/* main.c: blocks device DMA; the last act of panic. */
void upcall_panic(void);

/* Not upcalls (trap.c): where entry.S goes with every exception and interrupt; an interrupt that the CPU acknowledged
 * at a VM exit. */
void trap_dispatch(struct trap_frame *frame);
void trap_irq(unsigned vector);
