/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end that a test of VT-x never calls. */
#include "kernel/virt/svm/svm.h"

#include "unit.h"

void svm_state_get(struct vcpu *v, uint32_t groups) { (void)v, (void)groups, fake_die("svm", 0); }
bool svm_state_set(struct vcpu *v, uint32_t groups) { (void)v, (void)groups, fake_die("svm", 0); }
void svm_reset(struct vcpu *v) { (void)v, fake_die("svm", 0); }
void svm_tsc_moved(struct vcpu *v) { (void)v, fake_die("svm", 0); }
bool svm_extint(struct vcpu *v, uint8_t vector) { (void)v, (void)vector, fake_die("svm", 0); }
void svm_step(struct vcpu *v, bool on) { (void)v, (void)on, fake_die("svm", 0); }
status_t svm_npt_init(struct ptab *pt) { (void)pt, fake_die("svm", 0); }
void svm_sync(struct vcpu *v) { (void)v, fake_die("svm", 0); }
void svm_push_tpr(struct vcpu *v) { (void)v, fake_die("svm", 0); }
