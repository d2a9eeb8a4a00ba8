/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/sys/sys.c kernel/sys/sys_call.c kernel/sys/sys_vm.c kernel/sys/sys_dev.c kernel/sys/sys_mem.c
         kernel/sys/sys_obj.c kernel/sys/sys_info.c kernel/sys/sys_power.c kernel/obj/obj.c
         kernel/obj/event.c kernel/obj/memory.c kernel/obj/task.c kernel/lib/str.c tests/unit/fake/hw.c
         tests/fuzz/world/world.c tests/fuzz/world/world_virt.c */
/*
 * System calls from two tasks, one with the system capability and one without,
 * with arguments that mostly are what the call's row asks for, so that objects
 * come to life, and sometimes anything. What must hold: nothing crashes, every status is
 * known, the task without `system` changes no object count, and when everything
 * is dropped nothing is left.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/arch/upcall.h"
#include "kernel/obj/obj.h"
#include "tests/fuzz/world/rows.h"
#include "tests/fuzz/world/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) abort(); } while (0)

static const uint8_t *input;
static size_t left;
static uint64_t rng;
static struct kobj system_object;

/* The input, and when it is used up, what follows from it. */
static uint64_t byte(void)
{
    if (left == 0) {
        rng ^= rng << 13;
        rng ^= rng >> 7;
        rng ^= rng << 17;
        return rng >> 32 & 0xff;
    }
    rng = (rng ^ *input) * 0x100000001b3 | 1;
    left--;
    return *input++;
}

#define SLOTS 64u      /* slots that are filled here; a wild one may still be anything */

/* Small numbers, pages, user pointers, two halves, sometimes wild values. */
static uint64_t value(void)
{
    uint64_t kind = byte(), v = byte();
    switch (kind % 12) {
    case 0: return v * 4096;
    case 1: return UINT64_C(4096) << v % 8;
    case 2: return v % 16 * 4096 | byte() % 8;
    case 3: return v << 16 | byte();
    case 4: return (v % 8) << 16 | byte() % 3;
    case 5: return v % 4;
    case 6: return ~v;
    case 7: return v << 56 | byte() << 40 | byte();
    case 8: return WORLD_USER_VA + v * 16;
    case 9: return WORLD_USER_VA;
    default: return v % 128;
    }
}

/* A slot that holds an object of the type, OBJ_TYPE_COUNT = of any type, the next after a chosen one. */
static uint64_t slot_of(const struct task *task, unsigned type)
{
    uint64_t from = byte();
    for (uint64_t i = 0; i < SLOTS; i++) {
        const struct cap *c = &task->caps[(from + i) % SLOTS];
        if (c->obj && (c->obj->type == type || type == OBJ_TYPE_COUNT))
            return (from + i) % SLOTS;
    }
    return from;
}

/* What the row wants, mostly. */
static uint64_t argument(const struct task *task, const struct kind *k)
{
    if (k->type == OBJ_NONE || byte() % 16 == 0)
        return value();
    switch (k->type) {
    case KIND_VALUE: return value() & k->bits;
    case KIND_NEW: return SLOT_ROOT_EVENT + 1 + byte() % (SLOTS - SLOT_ROOT_EVENT - 1);
    case KIND_SLOT: return slot_of(task, OBJ_TYPE_COUNT);
    default: return slot_of(task, k->type);
    }
}

/* Where some calls take a struct of arguments: numbers, and slots of events. */
static void fill_user(const struct task *task)
{
    for (unsigned i = 0; i < 5; i++) {
        uint64_t v = i % 2 ? slot_of(task, OBJ_EVENT) : value();
        memcpy(world_user + 8 * i, &v, sizeof v);
    }
}

static uint64_t objects(void)
{
    uint64_t n = 0;
    for (unsigned t = 1; t < OBJ_TYPE_COUNT; t++)
        n += kobj_count[(enum obj_type)t];
    return n;
}

static void call(struct task *root, struct task *vmm)
{
    static const struct row unknown = { "", SYS_NR_LIMIT, { NONE } };
    const struct row *r = &rows[byte() % ROWS];
    bool as_root = (byte() & 1) != 0;
    struct task *task = as_root ? root : vmm;
    uint64_t before = objects(), nr, a[6];
    if (byte() % 32 == 0)
        r = &unknown;
    nr = r == &unknown ? byte() : r->nr;
    if (byte() % 4 == 0)
        fill_user(task);
    for (unsigned i = 0; i < 6; i++)
        a[i] = argument(task, &r->arg[i]);
    world_fail_after = byte() % 16 == 0 ? (uint32_t)byte() % 4 + 1 : 0;
    world_thread_is(task);
    if ((nr == SYS_TASK_EXIT || nr == SYS_TASK_KILL) && byte() % 32 != 0)
        return;                 /* else nobody lives long */
    if (nr == SYS_SYS_POWER || (!as_root && vmm->ending) || (as_root && nr == SYS_TASK_EXIT))
        return;
    struct sys_result res = upcall_syscall(a[0], a[1], a[2], a[3], a[4], a[5], nr);
    MUST(res.status < ST_COUNT);
    MUST(res.status == ST_OK || res.value == 0);
    MUST(as_root || objects() == before);
}

/* What the monitor would do at the end: kill, then drop everything, as often as it takes. */
static void drop_all(struct task *root)
{
    world_fail_after = 0;
    world_thread_is(root);
    for (unsigned pass = 0; pass < 8; pass++)
        for (uint64_t slot = SLOT_ROOT_EVENT + 1; slot < CAP_SLOTS; slot++) {
            struct cap *c;
            if (cap_slot(root, slot, &c) != ST_OK)
                continue;
            if (c->obj->type == OBJ_TASK)
                (void)upcall_syscall(SLOT_SYSTEM, slot, 0, 0, 0, 0, SYS_TASK_KILL);
            if (c->obj->type == OBJ_DEVICE)
                (void)upcall_syscall(SLOT_SYSTEM, slot, 0, 0, 0, 0, SYS_DEV_RELEASE);
            (void)upcall_syscall(SLOT_SYSTEM, slot, 0, 0, 0, 0, SYS_CAP_DROP);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    left = size;
    rng = 1;
    world_reset();
    memcpy(world_user, data, size < sizeof world_user ? size : sizeof world_user);
    struct event *ev = (struct event *)kobj_new(OBJ_EVENT);
    struct task *root = (struct task *)kobj_new(OBJ_TASK), *vmm = (struct task *)kobj_new(OBJ_TASK);
    MUST(ev && root && vmm && task_create(root, ev, 1) == ST_OK && task_create(vmm, ev, 2) == ST_OK);
    kobj_init(&system_object, OBJ_SYSTEM);
    kobj_get(&root->obj);
    kobj_get(&vmm->obj);     /* the test's own: it goes on calling as long as the task lives */
    cap_fill(&root->caps[SLOT_SYSTEM], &system_object, RIGHT_ALL, 0);
    cap_fill(&root->caps[SLOT_SELF], &root->obj, RIGHT_ALL, 0);
    cap_fill(&root->caps[SLOT_ROOT_EVENT], &ev->obj, RIGHT_ALL, ~UINT64_C(0));
    cap_fill(&root->caps[4], &vmm->obj, RIGHT_ALL, 0);
    for (unsigned calls = 0; calls < 400; calls++)
        call(root, vmm);
    root->ending = 1;       /* its own threads may be dropped too */
    drop_all(root);
    for (uint64_t slot = SLOT_ROOT_EVENT + 1; slot < CAP_SLOTS; slot++)
        MUST(!root->caps[slot].obj);
    kobj_put(&vmm->obj);
    cap_drop(&root->caps[SLOT_SELF]);
    kobj_put(&root->obj);
    kobj_gone(&system_object);
    MUST(objects() == 0 && world_memory_out == 0 && world_allocations == 0);
    return 0;
}
