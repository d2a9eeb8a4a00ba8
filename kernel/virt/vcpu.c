/* SPDX-License-Identifier: BSD-2-Clause */
/* The neutral vCPU: life, home thread, and what it does between two stays in the guest. */
#include "kernel/virt/vcpu.h"

#include "kernel/virt/virt.h"

_Static_assert(sizeof(struct vcpu) <= PAGE_SIZE, "a vCPU is one page");

static uint64_t serials;         /* root thread */

/* ---- life ---- */

void vcpu_free(struct vcpu *v)
{
    if (v->svm)
        virt_vcpu_free(v);
    pmm_free_order(v->lapic.page, VLAPIC_ORDER);
    pmm_free(v->fpu);
    pmm_free(v->state);
    pmm_free(v);
}

static uint32_t reset_phase(uint32_t index) { return index == 0 ? VCPU_PHASE_RUN : VCPU_PHASE_WAIT_SIPI; }

status_t vcpu_create(struct vm *vm, uint32_t index, uint32_t cpu, struct event *doorbell, struct vcpu **out)
{
    KASSERT(index == vm->vcpus && index < MAX_VCPUS_VM && cpu_is_up(cpu));
    if (!cpu_block[cpu]->virt)
        return ST_UNSUPP;
    struct vcpu *v = pmm_alloc();
    if (!v)
        return ST_NOSPACE;
    *v = (struct vcpu){ .vm = vm, .index = index, .cpu = cpu, .serial = ++serials, .doorbell = doorbell,
                        .phase = reset_phase(index), .state = pmm_alloc(), .fpu = pmm_alloc() };
    struct vlapic_page *page = pmm_alloc_order(VLAPIC_ORDER);
    if (page)
        vlapic_init(&v->lapic, page, index, index == 0);
    status_t st = page && v->state && v->fpu ? virt_vcpu_init(v) : ST_NOSPACE;
    if (st != ST_OK) {
        vcpu_free(v);
        return st;
    }
    fpu_area_init(v->fpu);
    kobj_init(&v->obj, OBJ_VCPU);
    kobj_get(&vm->obj);
    kobj_get(&doorbell->obj);
    vm->vcpu[vm->vcpus++] = v;
    *out = v;
    return ST_OK;
}

static void doorbell_wakes(const struct vcpu *v, struct thread *t)
{
    spin_lock(&v->doorbell->lock);
    v->doorbell->bound = t;
    spin_unlock(&v->doorbell->lock);
}

/* The home thread is dead: nothing may wake it any more. Its CPU, or it never ran there again. */
static void unbind(struct vcpu *v)
{
    __atomic_store_n(&v->thread, NULL, __ATOMIC_SEQ_CST);
    doorbell_wakes(v, NULL);
    ktimer_cancel(&v->lapic.timer);
}

/* Its memory stays until the VM goes: an interrupt of a device that is still assigned may look
 * at it from any CPU. */
void vcpu_destroy(struct kobj *obj)
{
    struct vcpu *v = (struct vcpu *)obj;
    unbind(v);
    v->stop = 1;
    kobj_put(&v->doorbell->obj);
    kobj_gone(obj);
    kobj_put(&v->vm->obj);               /* may free v: the last step */
}

/* ---- the home thread ---- */

static void switch_in(struct vcpu *v)
{
    if (cpu_features.rdtscp)
        hw_wrmsr(MSR_TSC_AUX, v->tsc_aux);
    virt_switch_in(v);
}

static status_t bind(struct vcpu *v)
{
    struct thread *t = thread_current();
    if (v->thread || t->vcpu || t->cpu != v->cpu)
        return ST_STATE;
    __atomic_store_n(&v->vm->started, 1, __ATOMIC_SEQ_CST);
    t->vcpu = v;
    t->fpu = v->fpu;
    fpu_switch(v->fpu);
    __atomic_store_n(&v->thread, t, __ATOMIC_SEQ_CST);
    doorbell_wakes(v, t);
    __atomic_store_n(&t->attention, 1, __ATOMIC_SEQ_CST);
    switch_in(v);
    return ST_OK;
}

status_t vcpu_run(struct vcpu *v)
{
    if (unlikely(v->thread != thread_current()))
        TRY(bind(v));
    return unlikely(v->stop) ? ST_STATE : virt_run(v);
}

void vcpu_notify(struct vcpu *v)
{
    struct thread *t = __atomic_load_n(&v->thread, __ATOMIC_SEQ_CST);
    if (!t)
        return;                  /* looks at everything when it runs for the first time */
    if (t == thread_current())
        __atomic_store_n(&t->attention, 1, __ATOMIC_SEQ_CST);
    else
        upcall_wake(t);
}

bool vcpu_posted(const struct vcpu *v) { return virt_post(v); }

/* Only the home thread may look into a vCPU; before it is known, whoever runs on its CPU, where it cannot become known
 * meanwhile. A VMCS that two CPUs use at once is undefined [SDM3 25.11.1]. */
static bool may_touch(const struct vcpu *v)
{
    const struct thread *t = thread_current();
    return !v->stop && (v->thread ? v->thread == t : v->cpu == t->cpu);
}

status_t vcpu_state(struct vcpu *v, bool set, uint32_t groups)
{
    if (!may_touch(v))
        return ST_STATE;
    if (set)
        return virt_state_set(v, groups) ? ST_OK : ST_INVAL;
    virt_state_get(v, groups);
    return ST_OK;
}

status_t vcpu_lapic(struct vcpu *v, bool write, uint32_t offset, uint64_t *value)
{
    const struct vlapic *l = &v->lapic;
    const bool no_page = !vlapic_is_on(l) || vlapic_is_x2(l);
    if (!may_touch(v) || !v->thread || (no_page && offset != VLR_TPR << 4))      /* TPR is CR8 in every mode */
        return ST_STATE;
    virt_sync(v);
    const bool ok = vlapic_access(v, offset >> 4, write ? VLAPIC_PAGE_WRITE : VLAPIC_PAGE_READ, value);
    virt_push_tpr(v);
    __atomic_store_n(&v->thread->attention, 1, __ATOMIC_SEQ_CST);
    return ok ? ST_OK : ST_INVAL;
}

void vcpu_line(struct vcpu *v, bool level)
{
    __atomic_store_n(&v->extint_line, level, __ATOMIC_SEQ_CST);
    if (level)
        vcpu_notify(v);
}

/* ---- between two stays in the guest ---- */

static bool leave(struct vcpu *v, enum vcpu_exit_reason reason)
{
    struct vcpu_state *st = v->state;
    st->exit.reason = reason;
    st->valid = 0;
    v->stats.by_exit[reason]++;
    __atomic_store_n(&v->thread->attention, 1, __ATOMIC_RELAXED);    /* the rest is looked at in the next run */
    return true;
}

/* [SDM3 8.4] true: INIT, which the VMM hears of. A SIPI behind it stays for the next run. */
static bool take_init_sipi(struct vcpu *v)
{
    uint32_t message = __atomic_load_n(&v->init_sipi, __ATOMIC_SEQ_CST);
    while (!__atomic_compare_exchange_n(&v->init_sipi, &message, message & VCPU_INIT ? message & ~VCPU_INIT : 0, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) { }
    if (message & VCPU_INIT) {
        vlapic_reset(&v->lapic);
        vcpu_reset(v, RESET_CS, RESET_CS_BASE, RESET_RIP);
        v->phase = reset_phase(v->index);
    } else if ((message & VCPU_SIPI) && v->phase == VCPU_PHASE_WAIT_SIPI) {
        vcpu_reset(v, (uint16_t)((message & 0xff) << 8), (message & 0xff) << 12, 0);
        v->phase = VCPU_PHASE_RUN;
    }
    return (message & VCPU_INIT) != 0;
}

/* What came from outside. true: exit record is filled. */
static bool look(struct vcpu *v)
{
    if (unlikely(v->init_sipi) && take_init_sipi(v))
        return leave(v, EXIT_INIT);
    const int eoi = vlapic_eoi_take(&v->lapic);
    if (unlikely(eoi >= 0)) {
        v->state->exit.vector = (uint8_t)eoi;
        return leave(v, EXIT_EOI);
    }
    if (__atomic_load_n(&v->doorbell->bits, __ATOMIC_SEQ_CST) != 0)
        return leave(v, EXIT_EVENT);
    if (v->phase == VCPU_PHASE_WAIT_SIPI)
        return false;
    if (virt_update(v)) {
        v->phase = VCPU_PHASE_RUN;
        return leave(v, EXIT_EXTINT);
    }
    if (v->phase == VCPU_PHASE_HALT && virt_wakes(v))
        v->phase = VCPU_PHASE_RUN;
    return false;
}

bool vcpu_attend(struct vcpu *v)
{
    struct thread *t = v->thread;
    for (;;) {
        __atomic_exchange_n(&t->attention, 0, __ATOMIC_SEQ_CST);
        upcall_resched();                /* does not come back when the task ends */
        if (look(v))
            return true;
        if (v->phase == VCPU_PHASE_RUN)
            return false;
        sched_set_state(THREAD_BLOCKED);
        if (__atomic_load_n(&t->attention, __ATOMIC_SEQ_CST))
            upcall_wake(t);              /* there is something to do after all */
        schedule();
    }
}

static const struct task *last_owner[MAX_CPUS];      /* own CPU: whose code ran last, not the idle thread's */

void upcall_switch(struct thread *prev, struct thread *next)
{
    const struct task **owner = &last_owner[index_clamp(next->cpu, MAX_CPUS)];
    const bool dead = prev->state == THREAD_DEAD;
    if (prev->vcpu)
        virt_switch_out(prev->vcpu, dead);
    if (prev->vcpu && dead)
        unbind(prev->vcpu);
    if (dead) {
        prev->vcpu = NULL;
        *owner = NULL;                   /* its address may come back as another task's */
    }
    if (next->task)
        fpu_switch(next->fpu);
    if (next->task && next->task != *owner) {
        spec_switch();                   /* behind what saves registers of the last one, through these buffers */
        *owner = next->task;
    }
    if (next->vcpu)
        switch_in(next->vcpu);
}
