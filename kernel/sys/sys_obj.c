/* SPDX-License-Identifier: BSD-2-Clause */
/* Creation, grants and ends of objects. Monitor only. */
#include "kernel/arch/cpu.h"
#include "kernel/dev/dev.h"
#include "kernel/dev/dma.h"
#include "kernel/irq/irq.h"
#include "kernel/obj/memory.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"
#include "kernel/virt/vcpu.h"

#define KILL_US       2000000u
#define KILL_POLL_US     1000u

/* A VM goes when nothing refers to it: its devices were released. If the IOMMU does not
 * confirm that the domain is gone, the memory behind it is never used again. */
static void destroy_vm(struct vm *vm)
{
    status_t st = vm->dma ? dma_destroy(vm->dma) : ST_OK;
    for (uint32_t i = 0; i < vm->mems; i++) {
        if (st != ST_OK)
            vm->mem[i]->dirty = true;
        kobj_put(&vm->mem[i]->obj);
    }
    vm_destroy(&vm->obj);
}

static void destroy_device(struct device *dev)
{
    struct vm *vm = dev->vm;
    dev_destroy(&dev->obj);
    if (vm)
        kobj_put(&vm->obj);
}

void kobj_put(struct kobj *obj)
{
    KASSERT(obj->refs > 0);
    if (--obj->refs > 0)
        return;
    switch ((enum obj_type)obj->type) {
    case OBJ_TASK:
        task_destroy(obj);
        break;
    case OBJ_THREAD:
        thread_destroy(obj);
        break;
    case OBJ_MEMORY:
        memory_destroy(obj);
        break;
    case OBJ_VM:
        destroy_vm((struct vm *)obj);
        break;
    case OBJ_VCPU:
        vcpu_destroy(obj);
        break;
    case OBJ_CHANNEL:
        channel_destroy(obj);
        break;
    case OBJ_EVENT:
        event_destroy(obj);
        break;
    case OBJ_DEVICE:
        destroy_device((struct device *)obj);
        break;
    case OBJ_IRQ:
        irq_destroy(obj);
        break;
    case OBJ_SYSTEM:
        break;
    case OBJ_NONE:
    case OBJ_TYPE_COUNT:
        KASSERT(false);
    }
}

static status_t event_at(const struct sys_args *args, uint64_t slot, struct event **out)
{
    struct kobj *obj;
    status_t st = cap_lookup(args->task, slot, OBJ_EVENT, RIGHT_MANAGE, &obj);
    if (st == ST_OK)
        *out = (struct event *)obj;
    return st;
}

static status_t task_at(const struct sys_args *args, uint64_t slot, struct task **out)
{
    struct kobj *obj;
    status_t st = cap_lookup(args->task, slot, OBJ_TASK, RIGHT_MANAGE, &obj);
    if (st == ST_OK)
        *out = (struct task *)obj;
    return st;
}

/* system slot event bits */
static status_t create_task(const struct sys_args *args, struct cap *slot)
{
    struct event *ev;
    struct task *task;
    status_t st = event_at(args, args->a[2], &ev);
    if (st == ST_OK)
        st = task_create(ev, args->a[3], &task);
    if (st == ST_OK)
        cap_fill(slot, &task->obj, RIGHT_ALL, 0);
    return st;
}

/* system slot task cpu|prio<<16 thread_args */
static status_t create_thread(const struct sys_args *args, struct cap *slot)
{
    struct task *task;
    struct thread *thread;
    struct thread_args ta;
    uint64_t cpu = args->a[3] & 0xffff, prio = args->a[3] >> 16;
    status_t st = task_at(args, args->a[2], &task);
    if (st == ST_OK)
        st = user_copy_in(&ta, args->a[4], sizeof ta);
    if (st != ST_OK)
        return st;
    if (cpu >= cpu_count || prio == 0 || prio >= PRIO_COUNT)
        return ST_RANGE;
    if (ta.entry >= USER_TOP || ta.sp >= USER_TOP)
        return ST_RANGE;
    if (task->ending)
        return ST_STATE;
    st = thread_create(task, (uint32_t)cpu, (uint32_t)prio, ta.entry, ta.sp, ta.arg, &thread);
    if (st == ST_OK)
        cap_fill(slot, &thread->obj, RIGHT_ALL, 0);
    return st;
}

static status_t create_event(struct cap *slot)
{
    struct event *ev = event_create();
    if (!ev)
        return ST_NOSPACE;
    cap_fill(slot, &ev->obj, RIGHT_ALL, ~UINT64_C(0));
    return ST_OK;
}

/* system slot channel_args */
static status_t create_channel(const struct sys_args *args, struct cap *slot)
{
    struct channel_args ca;
    struct event *a, *b;
    struct channel *ch;
    status_t st = user_copy_in(&ca, args->a[2], sizeof ca);
    if (st == ST_OK)
        st = event_at(args, ca.event_a, &a);
    if (st == ST_OK)
        st = event_at(args, ca.event_b, &b);
    if (st != ST_OK)
        return st;
    if (ca.pages == 0 || ca.pages > 16)
        return ST_RANGE;
    st = channel_create((uint32_t)ca.pages, a, ca.bits_a, b, ca.bits_b, &ch);
    if (st == ST_OK)
        cap_fill(slot, &ch->obj, RIGHT_ALL, 0);
    return st;
}

/* system slot flags */
static status_t create_vm(const struct sys_args *args, struct cap *slot, uint64_t *value)
{
    struct vm *vm;
    if ((args->a[2] & ~(uint64_t)VM_DMA) != 0)
        return ST_INVAL;
    status_t st = vm_create(&vm);
    if (st != ST_OK)
        return st;
    if (args->a[2] & VM_DMA)
        st = dma_create(vm->id, &vm->dma);
    if (st != ST_OK) {
        vm->dma = NULL;
        vm_destroy(&vm->obj);
        return st;
    }
    *value = vm->id;
    cap_fill(slot, &vm->obj, RIGHT_ALL, 0);
    return ST_OK;
}

/* system slot vm index|cpu<<16 doorbell */
static status_t create_vcpu(const struct sys_args *args, struct cap *slot)
{
    struct kobj *vm_obj;
    struct event *doorbell;
    struct vcpu *vcpu;
    uint64_t index = args->a[3] & 0xffff, cpu = args->a[3] >> 16;
    status_t st = cap_lookup(args->task, args->a[2], OBJ_VM, RIGHT_MANAGE, &vm_obj);
    if (st == ST_OK)
        st = event_at(args, args->a[4], &doorbell);
    if (st != ST_OK)
        return st;
    struct vm *vm = (struct vm *)vm_obj;
    if (vm->started)
        return ST_STATE;
    if (cpu >= cpu_count || index >= MAX_VCPUS_VM || index != vm->vcpus)
        return ST_RANGE;
    st = vcpu_create(vm, (uint32_t)index, (uint32_t)cpu, doorbell, &vcpu);
    if (st == ST_OK)
        cap_fill(slot, &vcpu->obj, RIGHT_ALL, 0);
    return st;
}

static bool may_be_granted(uint32_t type)
{
    return type == OBJ_MEMORY || type == OBJ_VM || type == OBJ_VCPU || type == OBJ_CHANNEL ||
           type == OBJ_EVENT || type == OBJ_DEVICE || type == OBJ_IRQ;
}

/* system task dst src rights badge: never MANAGE, never more than the source has. */
static status_t grant(const struct sys_args *args)
{
    struct task *task;
    struct cap *src, *dst;
    status_t st = task_at(args, args->a[1], &task);
    if (st == ST_OK)
        st = cap_slot(args->task, args->a[3], &src);
    if (st == ST_OK)
        st = cap_free_slot(task, args->a[2], &dst);
    if (st != ST_OK)
        return st;
    if (!may_be_granted(src->type))
        return ST_TYPE;
    if (args->a[4] == 0 || (args->a[4] & ~(uint64_t)(src->rights & ~RIGHT_MANAGE)) != 0)
        return ST_RIGHTS;
    cap_fill(dst, src->obj, (uint32_t)args->a[4], args->a[5]);
    return ST_OK;
}

static status_t info(const struct sys_args *args)
{
    struct task *task;
    struct task_info facts;
    status_t st = task_at(args, args->a[1], &task);
    if (st != ST_OK)
        return st;
    facts = task->info;
    if (!task->ending)
        facts.state = TASK_RUNNING;
    return user_copy_out(args->a[2], &facts, sizeof facts);
}

/* Ends a task and waits until none of its threads can run; then its threads go. */
static status_t kill(const struct sys_args *args)
{
    struct task *task;
    status_t st = task_at(args, args->a[1], &task);
    if (st != ST_OK)
        return st;
    if (task == args->task)
        return ST_INVAL;
    task_end(task, TASK_KILLED, 0, NULL);
    struct deadline d = deadline_in(KILL_US);
    while (!thread_all_dead(task)) {
        for (uint32_t i = 0; i < task->threads; i++)
            sched_wake(task->thread[i]);
        sched_sleep_until(hw_rdtsc() + tsc_from_us(KILL_POLL_US));
        if (!spin(&d))
            return ST_TIMEOUT;
    }
    /* An interrupt elsewhere may have read a thread's address just before it died: such a reader runs
     * with interrupts off, for microseconds. Nothing is freed before this sleep is over. */
    sched_sleep_until(hw_rdtsc() + tsc_from_us(KILL_POLL_US));
    return ST_OK;
}

/* A thread may go only when it cannot run; a task only when its threads went. */
static status_t drop(const struct sys_args *args)
{
    struct cap *slot;
    status_t st = cap_slot(args->task, args->a[1], &slot);
    if (st != ST_OK)
        return st;
    if (args->a[1] <= SLOT_ROOT_EVENT)
        return ST_STATE;
    struct kobj *obj = slot->obj;
    if (obj->type == OBJ_THREAD && !thread_all_dead(((struct thread *)obj)->task))
        return ST_BUSY;
    if (obj->type == OBJ_TASK && ((struct task *)obj)->threads != 0)
        return ST_BUSY;
    if (obj->type == OBJ_DEVICE && ((struct device *)obj)->vm)
        return ST_BUSY;         /* DEV_RELEASE comes first */
    cap_drop(slot);
    return ST_OK;
}

static status_t create(unsigned nr, const struct sys_args *args, uint64_t *value)
{
    struct cap *slot;
    status_t st = cap_free_slot(args->task, args->a[1], &slot);
    if (st != ST_OK)
        return st;
    switch (nr) {
    case SYS_TASK_CREATE: return create_task(args, slot);
    case SYS_THREAD_CREATE: return create_thread(args, slot);
    case SYS_EVENT_CREATE: return create_event(slot);
    case SYS_CHANNEL_CREATE: return create_channel(args, slot);
    case SYS_VM_CREATE: return create_vm(args, slot, value);
    case SYS_VCPU_CREATE: return create_vcpu(args, slot);
    default: return ST_INVAL;
    }
}

status_t sys_obj(unsigned nr, const struct sys_args *args, uint64_t *value)
{
    switch (nr) {
    case SYS_TASK_GRANT: return grant(args);
    case SYS_TASK_INFO: return info(args);
    case SYS_TASK_KILL: return kill(args);
    case SYS_CAP_DROP: return drop(args);
    default: return create(nr, args, value);
    }
}
