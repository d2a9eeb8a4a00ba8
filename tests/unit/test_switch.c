/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/virt/vcpu.c tests/unit/fake/hw.c */
/* The order at a change of thread: the barriers come when nothing of the last owner's is in registers any more. Who may
 * look into a vCPU. */
#include <stdio.h>

#include "kernel/arch/cpu.h"
#include "kernel/sched/sched.h"
#include "kernel/virt/vcpu.h"
#include "tests/unit/unit.h"

struct percpu fake_percpu, *cpu_block[MAX_CPUS];
struct cpu_features cpu_features;
uint32_t cpu_count = 2;

static char order[32];
static unsigned steps;
static void step(char c) { order[steps++ % (sizeof order - 1)] = c; }

void fpu_switch(struct fpu_area *area) { (void)area; step('f'); }
void spec_switch(void) { step('b'); }
void svm_switch_out(struct vcpu *v);
void svm_switch_in(struct vcpu *v);
void svm_switch_out(struct vcpu *v) { (void)v; step('o'); }
void svm_switch_in(struct vcpu *v) { (void)v; step('i'); }
void svm_state_get(struct vcpu *v, uint32_t groups);
void svm_state_get(struct vcpu *v, uint32_t groups) { (void)v, (void)groups; step('g'); }

#define NEVER(name) void never_##name(void) __asm__(#name); void never_##name(void) { fake_die("called: " #name, 0); }
NEVER(fpu_area_init) NEVER(fpu_forget) NEVER(kobj_gone) NEVER(kobj_init) NEVER(kobj_put) NEVER(ktimer_cancel)
NEVER(pmm_alloc) NEVER(pmm_alloc_order) NEVER(pmm_free) NEVER(pmm_free_order) NEVER(sched_set_state) NEVER(schedule)
NEVER(upcall_resched) NEVER(upcall_wake)
NEVER(svm_push_tpr) NEVER(svm_reset) NEVER(svm_run) NEVER(svm_state_set) NEVER(vcpu_reset)
NEVER(vmx_init_cpu) NEVER(vmx_run) NEVER(vmx_state_get) NEVER(vmx_state_set) NEVER(vmx_switch_in) NEVER(vmx_switch_out)
NEVER(vmx_post) NEVER(vmx_update) NEVER(vmx_vcpu_free) NEVER(vmx_vcpu_init) NEVER(vmx_wakes)
NEVER(svm_sync) NEVER(svm_update) NEVER(svm_vcpu_free) NEVER(svm_vcpu_init) NEVER(svm_wakes)
NEVER(vlapic_access) NEVER(vlapic_eoi_take) NEVER(vlapic_init) NEVER(vlapic_reset)

static struct task storage, net;
static struct vcpu vcpu_storage, vcpu_net;
static struct thread guest = { .task = &storage, .vcpu = &vcpu_storage, .cpu = 1 };
static struct thread device = { .task = &storage, .cpu = 1 };
static struct thread other = { .task = &net, .vcpu = &vcpu_net, .cpu = 1 };
static struct thread idle = { .cpu = 1 };

static const char *change(struct thread *prev, struct thread *next)
{
    steps = 0;
    memset(order, 0, sizeof order);
    upcall_switch(prev, next);
    return order;
}

/* Its home thread; nobody on another CPU at any time, or a VMCS could be active on two. */
static void touch(void)
{
    static struct vcpu v = { .cpu = 1 };
    struct thread home = { .cpu = 1 }, sibling = { .cpu = 1 }, abroad = { .cpu = 0 };
    const struct { struct thread *bound, *caller; bool stop; status_t st; } rows[] = {
        { NULL, &sibling, false, ST_OK }, { NULL, &abroad, false, ST_STATE }, { &home, &home, false, ST_OK },
        { &home, &sibling, false, ST_STATE }, { &home, &abroad, false, ST_STATE }, { &home, &home, true, ST_STATE },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        v.thread = rows[i].bound;
        v.stop = rows[i].stop;
        fake_percpu.current = rows[i].caller;
        steps = 0;
        CHECK_EQ(vcpu_state(&v, false, VS_ALL), rows[i].st);
        CHECK_EQ(steps, rows[i].st == ST_OK);
    }
}

int main(void)
{
    touch();
    CHECK_STR(change(&idle, &guest), "fbi");
    CHECK_STR(change(&guest, &device), "of");            /* the same owner */
    CHECK_STR(change(&device, &guest), "fi");
    CHECK_STR(change(&guest, &other), "ofbi");           /* debug and FPU registers went to memory before the barriers */
    CHECK_STR(change(&other, &idle), "o");               /* nobody's code runs: registers stay where they are */
    CHECK_STR(change(&idle, &other), "fi");              /* nobody was in between */
    CHECK_STR(change(&other, &idle), "o");
    CHECK_STR(change(&idle, &guest), "fbi");
    device.state = THREAD_DEAD;                          /* its task may come back as another one at this address */
    CHECK_STR(change(&guest, &device), "of");
    CHECK_STR(change(&device, &guest), "fbi");
    return unit_done();
}
