/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel as the monitor sees it, without hardware: every call checks what the real one checks. */
#define _GNU_SOURCE
#include "tests/unit/fake/monitor_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct fake_kernel fk;

static struct fk_object root_event, root_task, system_object;

#define OK(v) ((struct sys_ret){ ST_OK, (v) })
#define ERR(s) ((struct sys_ret){ (s), 0 })

void fk_reset(void)
{
    memset(&fk, 0, sizeof fk);
    root_event = (struct fk_object){ .type = OBJ_EVENT, .refs = 1 };
    root_task = (struct fk_object){ .type = OBJ_TASK, .refs = 1 };
    system_object = (struct fk_object){ .type = OBJ_SYSTEM, .refs = 1 };
    fk.caps[SLOT_SYSTEM] = &system_object;
    fk.caps[SLOT_SELF] = &root_task;
    fk.caps[SLOT_ROOT_EVENT] = &root_event;
    fk.power = -1;
}

void fk_clear(void)
{
    fk.out_len = 0;
    fk.out[0] = 0;
}

bool fk_printed(const char *text) { return strstr(fk.out, text) != NULL; }

void fk_type(const char *text)
{
    fk.in_len += (unsigned)snprintf(fk.in + fk.in_len, sizeof fk.in - fk.in_len, "%s", text);
    root_event.bits |= SYSEV_CONSOLE_RX;
}

unsigned fk_live(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < OBJ_TYPE_COUNT; i++)
        n += fk.live[i];
    return n;
}

static struct fk_object *make(enum obj_type type)
{
    struct fk_object *o = calloc(1, sizeof *o);
    o->type = type;
    o->refs = 1;
    fk.live[type]++;
    return o;
}

static void put(struct fk_object *o);

static void destroy(struct fk_object *o)
{
    fk.live[o->type]--;
    for (unsigned i = 0; i < CAP_SLOTS; i++)
        put(o->caps[i]);
    for (unsigned i = 0; i < o->maps; i++)
        put(o->mapped[i]);
    for (unsigned i = 0; i < o->mems; i++)
        put(o->mem[i]);
    if (o->type == OBJ_THREAD)
        o->owner->threads--;
    put(o->owner);
    if (o->type == OBJ_MEMORY && !o->content)
        fk.memory.user_free += o->size;
    if (o->host)
        munmap(o->host, (o->size + 4095) & ~4095ull);
    free(o);
}

static void put(struct fk_object *o)
{
    if (o && --o->refs == 0)
        destroy(o);
}

static struct fk_object *get(struct fk_object *o)
{
    o->refs++;
    return o;
}

static struct fk_object *at(uint64_t slot, enum obj_type type)
{
    struct fk_object *o = slot < CAP_SLOTS ? fk.caps[slot] : NULL;
    return o && o->type == type ? o : NULL;
}

static struct sys_ret info(uint64_t what, uint64_t index, void *to, uint64_t len)
{
    uint64_t n = 0;
#define GIVE(list, count) \
    while (index + n < (count) && (n + 1) * sizeof (list)[0] <= len) { \
        memcpy((char *)to + n * sizeof (list)[0], &(list)[index + n], sizeof (list)[0]); n++; }
    switch (what) {
    case INFO_PLATFORM: GIVE(&fk.platform, 1u) break;
    case INFO_MEMORY: GIVE(&fk.memory, 1u) break;
    case INFO_CPU: GIVE(fk.cpu, fk.cpus) break;
    case INFO_DEVICE: GIVE(fk.dev, fk.devs) break;
    case INFO_FAULT: GIVE(fk.fault, fk.faults) break;
    case INFO_MODULE:
        if (index < fk.modules && len >= sizeof(struct boot_module)) {
            struct boot_module *m = to;
            m->len = fk.module[index].size;
            snprintf(m->name, sizeof m->name, "%s", fk.module[index].name);
            n = 1;
        }
        break;
    default: break;
    }
    return OK(n);
}

static struct sys_ret map(struct fk_object *task, uint64_t va, uint64_t slot, uint64_t off, uint64_t len_prot)
{
    struct fk_object *o = slot < CAP_SLOTS ? fk.caps[slot] : NULL;
    uint64_t len = len_prot & ~4095ull, prot = len_prot & 4095;
    uint64_t size = o ? o->type == OBJ_VCPU ? 4096 : (o->size + 4095) & ~4095ull : 0;
    if (!task || !o || (o->type != OBJ_MEMORY && o->type != OBJ_VCPU))
        return ERR(ST_TYPE);
    if (!(prot & MAP_R) || ((prot & MAP_W) && (prot & MAP_X)) || ((va | off) & 4095))
        return ERR(ST_INVAL);
    if ((prot & MAP_W) && o->read_only)
        return ERR(ST_RIGHTS);
    if (len == 0 || off > size || len > size - off)
        return ERR(ST_RANGE);
    if (task->maps == 64)
        return ERR(ST_NOSPACE);
    if (task == &root_task) {
        void *p = mmap((void *)(uintptr_t)va, len, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
        if (p != (void *)(uintptr_t)va)
            return ERR(ST_OVERLAP);
        if (o->content)
            memcpy(p, (const char *)o->content + off, len < o->content_len - off ? len : o->content_len - off);
        o->host = p;
    }
    task->mapped[task->maps++] = get(o);
    return OK(0);
}

static struct sys_ret grant(struct fk_object *task, uint64_t dst, uint64_t src, uint64_t rights)
{
    if (!task || src >= CAP_SLOTS || !fk.caps[src])
        return ERR(ST_NOCAP);
    if (dst >= CAP_SLOTS || task->caps[dst])
        return ERR(ST_BUSY);
    if (rights == 0 || (rights & RIGHT_MANAGE))
        return ERR(ST_RIGHTS);
    task->caps[dst] = get(fk.caps[src]);
    return OK(0);
}

static struct sys_ret drop(uint64_t slot)
{
    struct fk_object *o = slot < CAP_SLOTS ? fk.caps[slot] : NULL;
    if (!o)
        return ERR(ST_NOCAP);
    if (slot <= SLOT_ROOT_EVENT)
        return ERR(ST_STATE);
    if ((o->type == OBJ_THREAD && !o->owner->killed) || (o->type == OBJ_TASK && o->threads))
        return ERR(ST_BUSY);
    if (o->type == OBJ_DEVICE && o->refs == 1 && o->owner)
        return ERR(ST_BUSY);
    fk.caps[slot] = NULL;
    put(o);
    return OK(0);
}

static struct sys_ret fill(uint64_t slot, struct fk_object *o)
{
    fk.caps[slot] = o;
    return OK(0);
}

static struct sys_ret create_memory(uint64_t slot, uint64_t size, uint64_t align)
{
    struct fk_object *o;
    if (size == 0 || (size & 4095) || (align & (align - 1)))
        return ERR(ST_INVAL);
    if (size > fk.memory.user_free || (fk.memory.user_largest && size > fk.memory.user_largest))
        return ERR(ST_NOSPACE);
    fk.memory.user_free -= size;
    o = make(OBJ_MEMORY);
    o->size = size;
    o->bits = fk.next_memory = (fk.next_memory + align - 1) & ~(align - 1);
    fk.next_memory += size;
    return fill(slot, o).st == ST_OK ? OK(o->bits) : ERR(ST_BUSY);
}

static struct sys_ret create_module(uint64_t slot, uint64_t index)
{
    struct fk_object *o;
    if (index >= fk.modules)
        return ERR(ST_NOTFOUND);
    o = make(OBJ_MEMORY);
    o->size = fk.module[index].size;
    o->content = fk.module[index].data;
    o->content_len = o->size;
    o->read_only = true;
    return fill(slot, o);
}

static struct sys_ret create_vcpu(uint64_t slot, struct fk_object *vm, uint64_t index, uint64_t doorbell)
{
    struct fk_object *o;
    if (!vm || !at(doorbell, OBJ_EVENT))
        return ERR(ST_TYPE);
    if ((index & 0xffff) != vm->vcpus || index >> 16 >= fk.cpus)
        return ERR(ST_RANGE);
    vm->vcpus++;
    o = make(OBJ_VCPU);
    o->owner = get(vm);
    return fill(slot, o);
}

static struct sys_ret open_device(uint64_t slot, uint64_t bdf)
{
    for (unsigned i = 0; i <= fk.devs; i++) {
        struct fk_object *o;
        if (i == fk.devs)
            return ERR(ST_NOTFOUND);
        if (fk.dev[i].bdf != bdf)
            continue;
        o = make(OBJ_DEVICE);
        o->bdf = (uint32_t)bdf;
        return fill(slot, o);
    }
    return ERR(ST_NOTFOUND);
}

static struct dev_info *dev_of(struct fk_object *o)
{
    for (unsigned i = 0; i < fk.devs; i++)
        if (fk.dev[i].bdf == o->bdf)
            return &fk.dev[i];
    abort();
}

static struct sys_ret assign(struct fk_object *d, struct fk_object *vm, uint64_t flags)
{
    bool open = flags & DEV_UNPROTECTED;
    if (!d || !vm)
        return ERR(ST_TYPE);
    if (open == (vm->bits & VM_DMA) || open != (dev_of(d)->iommu_unit == ~0u))
        return ERR(open ? ST_STATE : ST_NOIOMMU);
    if (d->owner || dev_of(d)->state != DEV_BLOCKED)
        return ERR(ST_BUSY);
    d->owner = get(vm);
    dev_of(d)->state = DEV_ASSIGNED;
    dev_of(d)->vm = vm->vm_id;
    return OK(0);
}

static struct sys_ret release(struct fk_object *d)
{
    if (!d || !d->owner)
        return ERR(ST_STATE);
    d->irqs = 0;
    put(d->owner);
    d->owner = NULL;
    dev_of(d)->state = DEV_BLOCKED;
    dev_of(d)->vm = 0;
    return OK(0);
}

static struct sys_ret make_irqs(struct fk_object *d, uint64_t count)
{
    if (!d || !d->owner || d->owner->vcpus == 0)
        return ERR(ST_STATE);
    if (d->irqs || count == 0 || count > DEV_IRQS_MAX)
        return ERR(d->irqs ? ST_BUSY : ST_RANGE);
    d->irqs = (unsigned)count;
    return OK(0);
}

static struct sys_ret create_thread(uint64_t slot, struct fk_object *task, uint64_t cpu_prio)
{
    struct fk_object *o;
    if (!task || task->killed)
        return ERR(ST_STATE);
    if ((cpu_prio & 0xffff) >= fk.cpus || cpu_prio >> 16 == 0 || cpu_prio >> 16 >= 8)
        return ERR(ST_RANGE);
    o = make(OBJ_THREAD);
    o->owner = get(task);
    task->threads++;
    return fill(slot, o);
}

static struct sys_ret create(unsigned nr, uint64_t slot, uint64_t a2, uint64_t a3, uint64_t a4)
{
    static uint32_t ids;
    struct fk_object *o;
    if (slot >= CAP_SLOTS)
        return ERR(ST_RANGE);
    if (fk.caps[slot])
        return ERR(ST_BUSY);
    switch (nr) {
    case SYS_MEMORY_CREATE: return create_memory(slot, a2, a3);
    case SYS_MEMORY_MODULE: return create_module(slot, a2);
    case SYS_TASK_CREATE:
        if (!at(a2, OBJ_EVENT))
            return ERR(ST_TYPE);
        o = make(OBJ_TASK);
        o->bits = a3;
        fk.last_task = o;
        return fill(slot, o);
    case SYS_THREAD_CREATE: return create_thread(slot, at(a2, OBJ_TASK), a3);
    case SYS_EVENT_CREATE: return fill(slot, make(OBJ_EVENT));
    case SYS_VM_CREATE:
        o = make(OBJ_VM);
        o->vm_id = ++ids;
        o->bits = a2;
        fill(slot, o);
        return OK(o->vm_id);
    case SYS_VCPU_CREATE: return create_vcpu(slot, at(a2, OBJ_VM), a3, a4);
    case SYS_DEV_OPEN: return open_device(slot, a2);
    default: return ERR(ST_INVAL);
    }
}

static struct sys_ret vm_map(struct fk_object *vm, uint64_t gpa, struct fk_object *mem, uint64_t off, uint64_t len)
{
    if (!vm || !mem)
        return ERR(ST_TYPE);
    if (vm->mems == 8)
        return ERR(ST_NOSPACE);
    if (off > mem->size || len > mem->size - off || len == 0)
        return ERR(ST_RANGE);
    vm->gpa[vm->mems] = gpa;
    vm->mem[vm->mems++] = get(mem);
    return OK(0);
}

static struct sys_ret console_read(char *to, uint64_t len)
{
    uint64_t n = fk.in_len < len ? fk.in_len : len;
    if (n == 0)
        return ERR(ST_AGAIN);
    memcpy(to, fk.in, n);
    memmove(fk.in, fk.in + n, fk.in_len - n);
    fk.in_len -= (unsigned)n;
    return OK(n);
}

static struct sys_ret console_write(const char *from, uint64_t len)
{
    if (len == 0 || len > 1024)
        return ERR(ST_INVAL);
    if (fk.out_len + len >= sizeof fk.out)
        fk.out_len = 0;
    memcpy(fk.out + fk.out_len, from, len);
    fk.out_len += (unsigned)len;
    fk.out[fk.out_len] = 0;
    return OK(len);
}

static struct sys_ret task_kill(struct fk_object *task)
{
    if (!task)
        return ERR(ST_TYPE);
    task->killed = true;
    return OK(0);
}

void fk_end_task(struct fk_object *task, enum task_state state, uint32_t vector)
{
    task->info = (struct task_info){ .state = state, .cr2 = 0xdead, .frame = { .vector = vector, .rip = 0x401234 } };
    root_event.bits |= task->bits;
}

static bool is_creation(unsigned nr)
{
    return nr >= SYS_MEMORY_CREATE && nr <= SYS_DEV_IRQS && nr != SYS_TASK_INFO && nr != SYS_TASK_KILL &&
           nr != SYS_DEV_RELEASE;
}

struct sys_ret fake_sys_call(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                             uint64_t a5)
{
    struct sys_ret ret;
    struct fk_object *o;
    if (nr >= SYS_NR_LIMIT)
        abort();
    fk.calls[nr]++;
    if (fk.fail_after && nr == fk.fail_nr && --fk.fail_after == 0) {
        o = nr == SYS_DEV_RELEASE ? at(a1, OBJ_DEVICE) : NULL;
        if (o) {                       /* a release that fails ends in quarantine */
            (void)release(o);
            dev_of(o)->state = DEV_QUARANTINED;
        }
        return ERR(fk.fail_st);
    }
    if (fk.fail_any && is_creation(nr) && --fk.fail_any == 0)
        return ERR(ST_HW);
    if (nr >= 64 && a0 != SLOT_SYSTEM)
        return ERR(ST_NOCAP);
    switch (nr) {
    case SYS_EVENT_WAIT:
        ret = OK(root_event.bits & a1);
        root_event.bits &= ~a1;
        return ret.value ? ret : ERR(ST_TIMEOUT);
    case SYS_EVENT_SIGNAL:
        root_event.bits |= a1;
        return OK(0);
    case SYS_VCPU_STATS:
        if (!at(a0, OBJ_VCPU))
            return ERR(ST_TYPE);
        memset((void *)(uintptr_t)a1, 0, sizeof(struct vcpu_stats));
        ((struct vcpu_stats *)(uintptr_t)a1)->exits = 100;
        return OK(0);
    case SYS_SYS_INFO: return info(a1, a2, (void *)(uintptr_t)a3, a4);
    case SYS_SYS_POWER:
        fk.power = (int)a1;
        fk.power_a = (uint8_t)a2;
        fk.power_b = (uint8_t)a3;
        return ERR(ST_HW);
    case SYS_CONSOLE_WRITE: return console_write((const char *)(uintptr_t)a1, a2);
    case SYS_CONSOLE_READ: return console_read((char *)(uintptr_t)a1, a2);
    case SYS_TASK_MAP: return map(at(a1, OBJ_TASK), a2, a3, a4, a5);
    case SYS_TASK_GRANT: return grant(at(a1, OBJ_TASK), a2, a3, a4);
    case SYS_TASK_INFO:
        o = at(a1, OBJ_TASK);
        if (!o)
            return ERR(ST_TYPE);
        memcpy((void *)(uintptr_t)a2, &o->info, sizeof o->info);
        return OK(0);
    case SYS_TASK_KILL: return task_kill(at(a1, OBJ_TASK));
    case SYS_VM_PAGE:                    /* RAM is in pages of 2 MiB: one was written, three were read */
        return at(a1, OBJ_VM) ? OK(0x200000 | (a2 < 0x800000 ? VM_PAGE_ACCESSED : 0) | (a2 < 0x200000 ? VM_PAGE_WRITTEN : 0))
                              : ERR(ST_TYPE);
    case SYS_VM_MAP: return vm_map(at(a1, OBJ_VM), a2, at(a3, OBJ_MEMORY), a4, a5);
    case SYS_DEV_ASSIGN: return assign(at(a1, OBJ_DEVICE), at(a2, OBJ_VM), a3);
    case SYS_DEV_RELEASE: return release(at(a1, OBJ_DEVICE));
    case SYS_DEV_IRQS: return make_irqs(at(a1, OBJ_DEVICE), a3);
    case SYS_CAP_DROP: return drop(a1);
    default: return create(nr, a1, a2, a3, a4);
    }
}
