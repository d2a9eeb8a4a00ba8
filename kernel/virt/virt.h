/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the neutral vCPU asks of its back end. One vendor is here; the second
 * becomes the other arm of each function, by a direct branch on cpu_features.
 * All run on the vCPU's CPU with interrupts off, unless said.
 */
#pragma once

#include "kernel/virt/svm/svm.h"

/* Allocates the back end's part and gives the vCPU its power-on state. Root thread. ST_NOSPACE. */
static inline MUST_USE status_t virt_vcpu_init(struct vcpu *v) { return svm_vcpu_init(v); }
static inline void virt_vcpu_free(struct vcpu *v) { svm_vcpu_free(v); }
/* The loop of VCPU_RUN. */
static inline MUST_USE status_t virt_run(struct vcpu *v) { return svm_run(v); }
/* Groups between the page and the back end; set: false = a value that no CPU would accept. */
static inline void virt_state_get(struct vcpu *v, uint32_t groups) { svm_state_get(v, groups); }
static inline MUST_USE bool virt_state_set(struct vcpu *v, uint32_t groups) { return svm_state_set(v, groups); }
/* INIT: architectural state after it [SDM3 table 9-1]; then SIPI: real mode at vector << 12. */
static inline void virt_reset(struct vcpu *v) { svm_reset(v); }
static inline void virt_start_at(struct vcpu *v, uint8_t vector) { svm_start_at(v, vector); }
/* Brings IRR, ISR and TPR up to what the hardware did since the last look. */
static inline void virt_sync(struct vcpu *v) { svm_sync(v); }
/* The local APIC's TPR was written by a register access. */
static inline void virt_push_tpr(struct vcpu *v) { svm_push_tpr(v); }
/* Chooses what interrupts the guest next; true: the guest can take the virtual PIC's interrupt now. */
static inline MUST_USE bool virt_update(struct vcpu *v) { return svm_update(v); }
/* Would an interrupt, NMI or injected event end HLT? */
static inline bool virt_wakes(const struct vcpu *v) { return svm_wakes(v); }
/* The thread stops or starts to run on this CPU. */
static inline void virt_switch_out(struct vcpu *v) { svm_switch_out(v); }
static inline void virt_switch_in(struct vcpu *v) { svm_switch_in(v); }
/* Once per CPU at boot. reason in words when it fails. */
static inline MUST_USE status_t virt_init_cpu(char reason[96]) { return svm_init_cpu(reason); }

