/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/sys/sys.c kernel/sys/sys_call.c kernel/sys/sys_vm.c kernel/sys/sys_dev.c kernel/sys/sys_mem.c
         kernel/sys/sys_obj.c kernel/sys/sys_info.c kernel/sys/sys_power.c kernel/obj/kobj.c kernel/obj/cap.c
         kernel/obj/event.c kernel/obj/memory.c kernel/obj/task.c kernel/lib/str.c tests/unit/fake/hw.c
         tests/fuzz/world/world.c tests/fuzz/world/world_virt.c */
/*
 * System calls from two tasks, one with the system capability and one without,
 * with any number and arguments. What must hold: nothing crashes, every status is
 * known, the task without `system` changes no object count, and when everything
 * is dropped nothing is left.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/arch/upcall.h"
#include "kernel/obj/cap.h"
#include "kernel/obj/event.h"
#include "tests/fuzz/world/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) abort(); } while (0)

static const uint8_t *input;
static size_t left;
static struct kobj system_object;

static uint64_t byte(void)
{
    if (left == 0)
        return 0;
    left--;
    return *input++;
}

/* Mostly small slots and sizes, sometimes wild values. */
static uint64_t argument(void)
{
    uint64_t kind = byte(), v = byte();
    switch (kind % 8) {
    case 0: return v * 4096;
    case 1: return WORLD_USER_VA + v * 16;
    case 2: return v << 16 | byte();
    case 3: return ~v;
    case 4: return v << 56 | byte() << 40 | byte();
    default: return v % 48;
    }
}

static uint64_t objects(void)
{
    uint64_t n = 0;
    for (unsigned t = 1; t < OBJ_TYPE_COUNT; t++)
        n += kobj_count((enum obj_type)t);
    return n;
}

static void call(struct task *root, struct task *vmm)
{
    bool as_root = (byte() & 1) != 0;
    uint64_t before = objects(), nr = byte() % 100, a[6];
    for (unsigned i = 0; i < 6; i++)
        a[i] = argument();
    if (as_root && nr >= 64)
        a[0] = SLOT_SYSTEM;
    world_fail_after = byte() % 16 == 0 ? (uint32_t)byte() % 4 + 1 : 0;
    world_thread_is(as_root ? root : vmm);
    if (nr == SYS_SYS_POWER || (!as_root && vmm->ending) || (as_root && nr == SYS_TASK_EXIT))
        return;
    struct sys_result r = upcall_syscall(a[0], a[1], a[2], a[3], a[4], a[5], nr);
    MUST(r.status < ST_COUNT);
    MUST(r.status == ST_OK || r.value == 0);
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
    struct task *root, *vmm;
    input = data;
    left = size;
    world_reset();
    memcpy(world_user, data, size < sizeof world_user ? size : sizeof world_user);
    struct event *ev = event_create();
    MUST(ev && task_create(ev, 1, &root) == ST_OK && task_create(ev, 2, &vmm) == ST_OK);
    kobj_init(&system_object, OBJ_SYSTEM);
    kobj_get(&root->obj);
    kobj_get(&vmm->obj);     /* the test's own: it goes on calling as long as the task lives */
    cap_fill(&root->caps[SLOT_SYSTEM], &system_object, RIGHT_ALL, 0);
    cap_fill(&root->caps[SLOT_SELF], &root->obj, RIGHT_ALL, 0);
    cap_fill(&root->caps[SLOT_ROOT_EVENT], &ev->obj, RIGHT_ALL, ~UINT64_C(0));
    cap_fill(&root->caps[4], &vmm->obj, RIGHT_ALL, 0);
    for (unsigned calls = 0; left > 0 && calls < 400; calls++)
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
