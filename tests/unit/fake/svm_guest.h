/* SPDX-License-Identifier: BSD-2-Clause */
/* One SVM vCPU whose CPU is the test: it writes exits into the VMCB and looks at what comes back. */
#pragma once

#include "kernel/arch/cpu.h"
#include "kernel/arch/msr.h"
#include "kernel/arch/percpu.h"
#include "kernel/virt/svm/svm.h"

extern struct svm_vcpu svm;
#define block      (svm.vmcb)
extern struct vcpu cpu;
extern struct vm vm;
extern struct vcpu_state state;
extern struct thread thread;
#define attention  (thread.attention)
extern unsigned kicks, loads;      /* kick timers armed, debug registers loaded */

#define GP (EVENT(EVENT_TYPE_EXCEPTION, EXC_GP) | EVENT_HAS_ERROR)

static inline bool exits(uint32_t code) { return (block.icpt[code / 32] & BIT32(code % 32)) != 0; }

/* Power-on state, a small CPUID table. */
void guest_start(void);
/* A guest in flat 64-bit mode at rip, interrupts on, x2APIC on. */
void guest_long_mode(uint64_t rip);
/* The decoder knew the length of what is at rip for this exit. */
void guest_insn_len(uint32_t code, uint32_t len);
uint32_t guest_fast(uint32_t code, uint64_t rdx, uint64_t rcx);
uint32_t guest_fast_wrmsr(uint32_t msr, uint64_t value);
void guest_take_interrupt(void);

