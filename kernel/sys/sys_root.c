/* SPDX-License-Identifier: BSD-2-Clause */
/* The root task: the monitor's image, its first capabilities, and the boot files it may map. */
#include "kernel/abi/bootinfo.h"
#include "kernel/lib/elf.h"
#include "kernel/log/console.h"
#include "kernel/mm/bootmem.h"
#include "kernel/mm/pmm.h"
#include "kernel/obj/event.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"

#define ROOT_PRIO      6u
#define ROOT_STACK_TOP 0x7ffff0000000ull
#define ROOT_STACK     0x20000ull

extern const uint8_t blob_monitor[], blob_monitor_end[], blob_vmm[], blob_vmm_end[];

struct event *sys_root_event;
static struct kobj system_object;

status_t sys_root_module(uint64_t index, struct boot_blob *out)
{
    const struct bootinfo *bi = boot_info();
    if (index == bi->modules) {
        *out = (struct boot_blob){ boot_image_pa(blob_vmm).v, (uint64_t)(blob_vmm_end - blob_vmm), "vmm.elf" };
        return ST_OK;
    }
    if (index > bi->modules)
        return ST_NOTFOUND;
    const struct boot_module *mod = &bi->module[index_clamp(index, BOOT_MAX_MODULES)];
    *out = (struct boot_blob){ mod->base, mod->len, mod->name };
    return ST_OK;
}

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
        if (space_map(&task->space, va + off, pmm_pa(page), PAGE_SIZE, prot) != ST_OK)
            panic("the monitor's image overlaps itself at %lx", va + off);
    }
}

static void load_segment(struct task *task, const struct elf64_phdr *ph)
{
    uint64_t size = (uint64_t)(blob_monitor_end - blob_monitor);
    if (ph->memsz == 0)
        return;
    if ((ph->vaddr & (PAGE_SIZE - 1)) != 0 || ph->filesz > ph->memsz ||
        !range_ok(ph->vaddr, ph->memsz, ROOT_STACK_TOP - ROOT_STACK) ||
        (ph->filesz != 0 && !range_ok(ph->offset, ph->filesz, size)) ||
        ((ph->flags & ELF_PF_W) && (ph->flags & ELF_PF_X)))
        panic("the monitor's image is unfit: segment at %lx", ph->vaddr);
    map_pages(task, ph->vaddr, PAGE_UP(ph->memsz), blob_monitor + ph->offset, ph->filesz,
              PT_R | PT_USER | (ph->flags & ELF_PF_W ? PT_W : 0u) | (ph->flags & ELF_PF_X ? PT_X : 0u));
}

static uint64_t load_image(struct task *task)
{
    uint64_t size = (uint64_t)(blob_monitor_end - blob_monitor);
    const struct elf64_ehdr *eh = (const void *)blob_monitor;
    if (size < sizeof *eh || !elf64_is_exec(eh) || eh->phentsize != sizeof(struct elf64_phdr) ||
        !range_ok(eh->phoff, (uint64_t)eh->phnum * sizeof(struct elf64_phdr), size))
        panic("the monitor's image is not an ELF64 program");
    const struct elf64_phdr *ph = (const void *)(blob_monitor + eh->phoff);
    for (unsigned i = 0; i < eh->phnum; i++)
        if (ph[i].type == ELF_PT_LOAD)
            load_segment(task, &ph[i]);
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
    map_pages(task, ROOT_STACK_TOP - ROOT_STACK, ROOT_STACK, NULL, 0, PT_R | PT_W | PT_USER);
    kobj_init(&system_object, OBJ_SYSTEM);
    cap_fill(&task->caps[SLOT_SYSTEM], &system_object, RIGHT_ALL, 0);
    cap_fill(&task->caps[SLOT_SELF], &task->obj, RIGHT_ALL, 0);
    cap_fill(&task->caps[SLOT_ROOT_EVENT], &sys_root_event->obj, RIGHT_ALL, ~UINT64_C(0));
    if (thread_create(task, percpu()->cpu, ROOT_PRIO, entry, ROOT_STACK_TOP - 64, 0, &thread) != ST_OK)
        panic("too little memory for the monitor's thread");
    kobj_get(&thread->obj);
}
