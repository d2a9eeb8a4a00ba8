/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end that a test of SVM never calls. */
#include "kernel/virt/vmx/vmx.h"

#include "unit.h"

void vmx_state_get(struct vcpu *v, uint32_t groups) { (void)v, (void)groups, fake_die("vmx", 0); }
bool vmx_state_set(struct vcpu *v, uint32_t groups) { (void)v, (void)groups, fake_die("vmx", 0); }
bool vmx_post(const struct vcpu *v) { (void)v, fake_die("vmx", 0); }
void vmx_reset(struct vcpu *v) { (void)v, fake_die("vmx", 0); }
void vmx_tsc_moved(struct vcpu *v) { (void)v, fake_die("vmx", 0); }
bool vmx_extint(struct vcpu *v, uint8_t vector) { (void)v, (void)vector, fake_die("vmx", 0); }
void vmx_step(struct vcpu *v, bool on) { (void)v, (void)on, fake_die("vmx", 0); }
status_t vmx_npt_init(struct ptab *pt) { (void)pt, fake_die("vmx", 0); }
