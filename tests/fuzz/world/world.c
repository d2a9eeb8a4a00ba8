/* SPDX-License-Identifier: BSD-2-Clause */
/* Fakes under kernel/obj and kernel/sys: memory, scheduling, user copies. */
#include "tests/fuzz/world/world.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/arch/cpu.h"
#include "kernel/arch/upcall.h"
#include "kernel/log/console.h"
#include "kernel/mm/bootmem.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/umem.h"
#include "kernel/obj/obj.h"
#include "kernel/sched/sched.h"

uint8_t world_user[WORLD_USER_BYTES];
uint64_t world_memory_out, world_allocations;
uint32_t world_fail_after;
static uint64_t umem_at, tsc;
static struct thread caller;
struct percpu fake_percpu = { .current = &caller };
static struct percpu cpu_dead = { .cpu = 2 };
struct percpu *cpu_block[MAX_CPUS] = { &fake_percpu, &fake_percpu, &cpu_dead };
uint32_t cpu_count = 3;

void world_reset(void)
{
    memset(&caller, 0, sizeof caller);
    fake_percpu = (struct percpu){ .current = &caller, .online = 1 };
    world_memory_out = world_allocations = umem_at = 0;
    world_fail_after = 0;
}

void world_thread_is(struct task *task) { caller.task = task; }

static void *give(size_t size, size_t align)
{
    void *p;
    if (world_fail_after != 0 && --world_fail_after == 0)
        return NULL;
    if (posix_memalign(&p, align, size) != 0)
        abort();
    memset(p, 0, size);
    world_allocations++;
    return p;
}

static void take(void *p)
{
    world_allocations -= p != NULL;
    free(p);
}

void *pmm_alloc(void) { return give(4096, 4096); }
void *pmm_alloc_order(unsigned order) { return give(4096u << order, 4096u << order); }
void pmm_free(void *page) { take(page); }
void pmm_free_order(void *pages, unsigned order) { (void)order; take(pages); }
hpa_t pmm_pa(const void *page) { return (hpa_t){ (uintptr_t)page }; }
void *pmm_va(hpa_t pa) { return (void *)(uintptr_t)pa.v; }
uint64_t pmm_total(void) { return 1; }
uint64_t pmm_free_bytes(void) { return 1; }

status_t umem_alloc(uint64_t size, uint64_t align, hpa_t *base)
{
    if (size == 0 || (size & 4095) != 0 || align < 4096 || (align & (align - 1)) != 0)
        return ST_INVAL;
    if (size > (1u << 30) - world_memory_out)
        return ST_NOSPACE;
    umem_at += size;
    world_memory_out += size;
    *base = (hpa_t){ umem_at };
    return ST_OK;
}
void umem_free(hpa_t base, uint64_t size) { (void)base; world_memory_out -= size; }
uint64_t umem_total(void) { return 1u << 30; }
uint64_t umem_free_bytes(void) { return (1u << 30) - world_memory_out; }
uint64_t umem_largest(void) { return umem_free_bytes(); }

status_t space_create(struct space *space)
{
    space->pt.root = give(4096, 4096);
    return space->pt.root ? ST_OK : ST_NOSPACE;
}
status_t space_map(struct space *space, uint64_t va, hpa_t pa, uint64_t len, unsigned prot)
{
    (void)space; (void)pa; (void)prot;
    KASSERT(len != 0 && va <= USER_TOP && len <= USER_TOP - va);
    return va == 0xbad000 ? ST_OVERLAP : ST_OK;
}
void space_destroy(struct space *space) { take(space->pt.root); }

/* Threads never run here: created blocked, dead as soon as their task ends. */
status_t thread_create(struct task *task, uint32_t cpu, uint32_t prio, uint64_t rip, uint64_t rsp, uint64_t arg,
                       struct thread **out)
{
    (void)rip; (void)rsp; (void)arg;
    struct thread *t = task->threads < TASK_MAX_THREADS ? pmm_alloc() : NULL;
    if (!t)
        return ST_NOSPACE;
    kobj_init(&t->obj, OBJ_THREAD);
    kobj_get(&task->obj);
    t->task = task;
    t->cpu = cpu;
    t->prio = prio;
    task->thread[task->threads++] = t;
    *out = t;
    return ST_OK;
}
void thread_destroy(struct kobj *obj)
{
    struct thread *t = (struct thread *)obj;
    struct task *task = t->task;
    for (uint32_t i = 0; i < task->threads; i++)
        if (task->thread[i] == t)
            task->thread[i] = task->thread[--task->threads];
    kobj_gone(obj);
    pmm_free(t);
    kobj_put(&task->obj);
}
bool thread_all_dead(const struct task *task) { return task->ending != 0 || task->threads == 0; }
void upcall_wake(struct thread *thread) { (void)thread; }
void upcall_panic(void) { }
void schedule(void) { }
uint64_t sched_idle_tsc(const struct percpu *cpu) { return cpu->idle_tsc; }
void upcall_preempt_point(void) { }
void sched_sleep_until(uint64_t deadline) { (void)deadline; }
status_t sched_event_wait(struct event *event, uint64_t mask, uint64_t deadline, uint64_t *bits)
{
    (void)deadline;
    *bits = event->bits & mask;
    event->bits &= ~*bits;
    return *bits ? ST_OK : ST_TIMEOUT;
}
void ktimer_set(struct ktimer *timer, uint64_t deadline) { timer->deadline = deadline; timer->armed = 1; }
void ktimer_cancel(struct ktimer *timer) { timer->armed = 0; }

static bool reach(uint64_t va, uint64_t len)
{
    return va >= WORLD_USER_VA && len <= WORLD_USER_BYTES && va - WORLD_USER_VA <= WORLD_USER_BYTES - len;
}
status_t user_copy_in(void *dst, uint64_t src, uint64_t len)
{
    if (!reach(src, len))
        return ST_FAULT;
    memcpy(dst, world_user + (src - WORLD_USER_VA), len);
    return ST_OK;
}
status_t user_copy_out(uint64_t dst, const void *src, uint64_t len)
{
    if (!reach(dst, len))
        return ST_FAULT;
    memcpy(world_user + (dst - WORLD_USER_VA), src, len);
    return ST_OK;
}

uint64_t tsc_hz(void) { return 1000000000u; }
void console_drain(void) { }
size_t console_write(const char *bytes, size_t len) { (void)bytes; return len; }
size_t console_read(char *bytes, size_t max) { memset(bytes, 'x', max); return tsc++ % 2 ? max : 0; }
const struct bootinfo *boot_info(void)
{
    static const struct bootinfo bi = { .ranges = 1, .modules = 1 };
    return &bi;
}
const struct boot_module *boot_module(uint64_t index)
{
    static const struct boot_module m = { 0x100000, 0x2345, "guests/kernel" };
    return index < 2 ? &m : NULL;
}
void panic(const char *format, ...) { (void)format; abort(); }
