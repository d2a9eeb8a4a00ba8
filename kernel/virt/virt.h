/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the neutral vCPU asks of its back end: a direct branch, no function pointers. All run on the vCPU's CPU with
 * interrupts off, unless said.
 */
#pragma once

#include "kernel/virt/svm/svm.h"
#include "kernel/virt/vmx/vmx.h"

/* Once per CPU at boot. reason in words when it fails. */
static inline MUST_USE status_t virt_init_cpu(char reason[96])
{ return cpu_features.vmx ? vmx_init_cpu(reason) : svm_init_cpu(reason); }
/* The nested page table of a new VM. Root thread. */
static inline MUST_USE status_t virt_npt_init(struct ptab *pt)
{ return cpu_features.vmx ? vmx_npt_init(pt) : svm_npt_init(pt); }
/* Allocates the back end's part and gives the vCPU its power-on state. Root thread. ST_NOSPACE. */
static inline MUST_USE status_t virt_vcpu_init(struct vcpu *v)
{ return cpu_features.vmx ? vmx_vcpu_init(v) : svm_vcpu_init(v); }
static inline void virt_vcpu_free(struct vcpu *v) { cpu_features.vmx ? vmx_vcpu_free(v) : svm_vcpu_free(v); }
/* The loop of VCPU_RUN. */
static inline MUST_USE status_t virt_run(struct vcpu *v) { return cpu_features.vmx ? vmx_run(v) : svm_run(v); }
/* Groups between the page and the back end; set: false = a value that no CPU would accept. Before the first run on
 * any CPU. */
static inline void virt_state_get(struct vcpu *v, uint32_t groups)
{ cpu_features.vmx ? vmx_state_get(v, groups) : svm_state_get(v, groups); }
static inline MUST_USE bool virt_state_set(struct vcpu *v, uint32_t groups)
{ return cpu_features.vmx ? vmx_state_set(v, groups) : svm_state_set(v, groups); }
/* INIT: forgets what is not in the groups. */
static inline void virt_reset(struct vcpu *v) { cpu_features.vmx ? vmx_reset(v) : svm_reset(v); }
/* vcpu->tsc_offset is new. */
static inline void virt_tsc_moved(struct vcpu *v) { cpu_features.vmx ? vmx_tsc_moved(v) : svm_tsc_moved(v); }
/* Brings IRR, ISR and TPR up to what others and the hardware did since the last look; then TPR was written. VT-x has no
 * copy. */
static inline void virt_sync(struct vcpu *v) { cpu_features.vmx ? (void)0 : svm_sync(v); }
static inline void virt_push_tpr(struct vcpu *v) { cpu_features.vmx ? (void)0 : svm_push_tpr(v); }
/* Chooses what interrupts the guest next; true: the guest can take the virtual PIC's interrupt now. */
static inline MUST_USE bool virt_update(struct vcpu *v) { return cpu_features.vmx ? vmx_update(v) : svm_update(v); }
/* That interrupt's vector, acknowledged at the PIC; false: it was not asked for. */
static inline MUST_USE bool virt_extint(struct vcpu *v, uint8_t vector)
{ return cpu_features.vmx ? vmx_extint(v, vector) : svm_extint(v, vector); }
/* DR6.BS: the next #DB is that of a single step, or another exception replaced it. */
static inline void virt_step(struct vcpu *v, bool on) { cpu_features.vmx ? vmx_step(v, on) : svm_step(v, on); }
/* Any CPU: tells the CPU to look at what is posted, if it is inside the guest and does so by itself. */
static inline MUST_USE bool virt_post(const struct vcpu *v) { return cpu_features.vmx && vmx_post(v); }
/* Would an interrupt, NMI or injected event end HLT? */
static inline bool virt_wakes(const struct vcpu *v) { return cpu_features.vmx ? vmx_wakes(v) : svm_wakes(v); }
/* The thread stops (last: for ever) or starts to run on this CPU. */
static inline void virt_switch_out(struct vcpu *v, bool last)
{ cpu_features.vmx ? vmx_switch_out(v, last) : svm_switch_out(v); }
static inline void virt_switch_in(struct vcpu *v) { cpu_features.vmx ? vmx_switch_in(v) : svm_switch_in(v); }
