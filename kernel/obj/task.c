/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks: creation, mapping, and the one way they end. */
#include "kernel/obj/task.h"

#include "kernel/abi/vcpu_state.h"
#include "kernel/arch/percpu.h"
#include "kernel/arch/upcall.h"
#include "kernel/log/panic.h"
#include "kernel/mm/pmm.h"
#include "kernel/obj/cap.h"
#include "kernel/obj/event.h"

#define CAPS_ORDER 2u
_Static_assert(sizeof(struct cap) * CAP_SLOTS <= (PAGE_SIZE << CAPS_ORDER), "capability table fits");
_Static_assert(sizeof(struct task) <= PAGE_SIZE, "a task is one page");

enum { TASK_ALIVE = 0, TASK_ENDED = 1, TASK_CLAIMED = 2 };   /* task.ending */

status_t task_create(struct event *end_event, uint64_t end_bits, struct task **out)
{
    struct task *task = pmm_alloc();
    if (!task)
        return ST_NOSPACE;
    task->caps = pmm_alloc_order(CAPS_ORDER);
    status_t st = task->caps ? space_create(&task->space) : ST_NOSPACE;
    if (st != ST_OK) {
        pmm_free_order(task->caps, CAPS_ORDER);
        pmm_free(task);
        return st;
    }
    kobj_init(&task->obj, OBJ_TASK);
    task->end_event = end_event;
    task->end_bits = end_bits;
    if (end_event)
        kobj_get(&end_event->obj);
    *out = task;
    return ST_OK;
}

status_t task_map(struct task *task, uint64_t va, struct kobj *owner, hpa_t pa, uint64_t len, unsigned prot)
{
    if (task->maps == TASK_MAX_MAPS)
        return ST_NOSPACE;
    status_t st = space_map(&task->space, va, pa, len, prot);
    if (st != ST_OK)
        return st;
    kobj_get(owner);
    task->mapped[task->maps++] = owner;
    return ST_OK;
}

/* Order of enum vcpu_gpr from that of struct trap_frame. */
static const uint8_t frame_index[GPR_COUNT] = {
    [GPR_RAX] = 14, [GPR_RCX] = 13, [GPR_RDX] = 12, [GPR_RBX] = 11, [GPR_RBP] = 10, [GPR_RSI] = 9,
    [GPR_RDI] = 8, [GPR_R8] = 7, [GPR_R9] = 6, [GPR_R10] = 5, [GPR_R11] = 4, [GPR_R12] = 3,
    [GPR_R13] = 2, [GPR_R14] = 1, [GPR_R15] = 0,
};

static void record_fault(struct task_info *info, const struct trap_frame *f)
{
    info->vector = (uint32_t)f->vector;
    info->rip = f->rip;
    info->rsp = f->rsp;
    info->error = f->error;
    info->cr2 = hw_read_cr2();
    for (unsigned i = 0; i < GPR_COUNT; i++)
        info->gpr[i] = i == GPR_RSP ? f->rsp : f->gpr[frame_index[i]];
}

void task_end(struct task *task, enum task_state why, uint64_t code, const struct trap_frame *frame)
{
    uint32_t expected = TASK_ALIVE;
    if (!__atomic_compare_exchange_n(&task->ending, &expected, TASK_CLAIMED, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return;
    task->info.state = why;
    task->info.exit_code = code;
    if (frame)
        record_fault(&task->info, frame);
    if (!task->end_event)
        panic("the monitor ended: %s, code %lu, vector %lu, rip %lx, address %lx",
              why == TASK_FAULTED ? "fault" : "exit", code, frame ? frame->vector : 0,
              frame ? frame->rip : 0, task->info.cr2);
    __atomic_store_n(&task->ending, TASK_ENDED, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < task->threads; i++)
        upcall_wake(task->thread[i]);
    event_signal(task->end_event, task->end_bits);
}

void upcall_user_fault(const struct trap_frame *frame)
{
    struct task *task = thread_task_current();
    task_end(task, TASK_FAULTED, 0, frame);
    upcall_resched();       /* the thread does not come back from here */
    panic("a faulted thread went on");
}

void task_destroy(struct kobj *obj)
{
    struct task *task = (struct task *)obj;
    KASSERT(task->threads == 0);
    for (uint32_t i = 0; i < CAP_SLOTS; i++)
        if (task->caps[i].obj)
            cap_drop(&task->caps[i]);
    space_destroy(&task->space);
    for (uint32_t i = 0; i < task->maps; i++)
        kobj_put(task->mapped[i]);
    if (task->end_event)
        kobj_put(&task->end_event->obj);
    pmm_free_order(task->caps, CAPS_ORDER);
    kobj_gone(obj);
    pmm_free(task);
}
