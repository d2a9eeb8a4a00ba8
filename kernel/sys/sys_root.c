/* SPDX-License-Identifier: BSD-2-Clause */
/* The root task: the monitor's image and its first capabilities. */
#include "kernel/log/console.h"
#include "kernel/sys/sys.h"

#define ROOT_PRIO      6u
#define ROOT_IMAGE_VA  0x400000ull
#define ROOT_STACK_TOP 0x7ffff0000000ull
#define ROOT_STACK     0x20000ull

extern const uint8_t blob_monitor[], blob_monitor_end[];

struct event *sys_root_event;
static struct kobj system_object;

/* How the image starts (linker/user.ld): code from ROOT_IMAGE_VA on, constants, data, what is zero up to the end. */
struct image_head { uint64_t entry, constants, data, end; };

/* Memory of the root task comes from the kernel pool, page by page. */
static void map_page(struct task *task, uint64_t va, const uint8_t *from, unsigned prot)
{
    void *page = pmm_alloc();
    if (page && from)
        memcpy(page, from, PAGE_SIZE);
    if (!page || space_map(&task->space, va, pmm_pa(page), PAGE_SIZE, PT_R | prot) != ST_OK)
        panic("too little memory for the monitor, at %lx", va);
}

void sys_root_start(void)
{
    struct task *task = (struct task *)kobj_new(OBJ_TASK);
    struct thread *thread;
    sys_root_event = (struct event *)kobj_new(OBJ_EVENT);
    if (!sys_root_event || !task || task_create(task, NULL, 0) != ST_OK)
        panic("too little memory for the root task");
    const struct image_head *head = (const void *)blob_monitor;
    const uint8_t *from = blob_monitor;
    for (uint64_t va = ROOT_IMAGE_VA; va < head->end; va += PAGE_SIZE, from += PAGE_SIZE)
        map_page(task, va, from < blob_monitor_end ? from : NULL,
                 va < head->constants ? PT_X : va < head->data ? 0 : PT_W);
    for (uint64_t va = ROOT_STACK_TOP - ROOT_STACK; va < ROOT_STACK_TOP; va += PAGE_SIZE)
        map_page(task, va, NULL, PT_W);
    kobj_init(&system_object, OBJ_SYSTEM);
    cap_fill(&task->caps[SLOT_SYSTEM], &system_object, RIGHT_ALL, 0);
    cap_fill(&task->caps[SLOT_SELF], &task->obj, RIGHT_ALL, 0);
    cap_fill(&task->caps[SLOT_ROOT_EVENT], &sys_root_event->obj, RIGHT_ALL, ~UINT64_C(0));
    if (thread_create(task, percpu()->cpu, ROOT_PRIO, head->entry, ROOT_STACK_TOP - 64, 0, &thread) != ST_OK)
        panic("too little memory for the monitor's thread");
    kobj_get(&thread->obj);
}
