/* SPDX-License-Identifier: BSD-2-Clause */
/* The root task: the monitor's image and its first capabilities. */
#include "kernel/lib/elf.h"
#include "kernel/log/console.h"
#include "kernel/sys/sys.h"

#define ROOT_PRIO      6u
#define ROOT_STACK_TOP 0x7ffff0000000ull
#define ROOT_STACK     0x20000ull

extern const uint8_t blob_monitor[], blob_monitor_end[];

struct event *sys_root_event;
static struct kobj system_object;

/* Memory of the root task comes from the kernel pool, page by page. */
static void map_pages(struct task *task, uint64_t va, uint64_t len, const uint8_t *from, uint64_t from_len,
                      unsigned prot)
{
    for (uint64_t off = 0; off < len; off += PAGE_SIZE) {
        void *page = pmm_alloc();
        if (!page)
            panic("too little memory for the monitor");
        if (off < from_len)
            memcpy(page, from + off, MIN(from_len - off, PAGE_SIZE));
        status_t st = space_map(&task->space, va + off, pmm_pa(page), PAGE_SIZE, PT_R | prot);
        if (st != ST_OK)
            panic("the monitor's image cannot be mapped at %lx: %s", va + off, status_text(st));
    }
}

/* The image is our own build's; space_map checks what matters for the kernel. */
static uint64_t load_image(struct task *task)
{
    const uint64_t size = (uint64_t)(blob_monitor_end - blob_monitor);
    const struct elf64_ehdr *eh = (const void *)blob_monitor;
    const struct elf64_phdr *ph = (const void *)(blob_monitor + eh->phoff), *end = ph + eh->phnum;
    KASSERT(elf64_is_exec(eh) && range_ok(eh->phoff, eh->phnum * sizeof *ph, size));
    for (; ph < end; ph++) {
        if (ph->type != ELF_PT_LOAD)
            continue;
        KASSERT(ph->filesz == 0 || range_ok(ph->offset, ph->filesz, size));
        map_pages(task, ph->vaddr, ph->memsz, blob_monitor + ph->offset, ph->filesz,
                  (ph->flags & ELF_PF_W ? PT_W : 0u) | (ph->flags & ELF_PF_X ? PT_X : 0u));
    }
    return eh->entry;
}

void sys_root_start(void)
{
    struct task *task;
    struct thread *thread;
    sys_root_event = event_create();
    if (!sys_root_event || task_create(NULL, 0, &task) != ST_OK)
        panic("too little memory for the root task");
    uint64_t entry = load_image(task);
    map_pages(task, ROOT_STACK_TOP - ROOT_STACK, ROOT_STACK, NULL, 0, PT_W);
    kobj_init(&system_object, OBJ_SYSTEM);
    cap_fill(&task->caps[SLOT_SYSTEM], &system_object, RIGHT_ALL, 0);
    cap_fill(&task->caps[SLOT_SELF], &task->obj, RIGHT_ALL, 0);
    cap_fill(&task->caps[SLOT_ROOT_EVENT], &sys_root_event->obj, RIGHT_ALL, ~UINT64_C(0));
    if (thread_create(task, percpu()->cpu, ROOT_PRIO, entry, ROOT_STACK_TOP - 64, 0, &thread) != ST_OK)
        panic("too little memory for the monitor's thread");
    kobj_get(&thread->obj);
}
