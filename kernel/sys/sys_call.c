/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls: one decode for all of them, then a direct switch on the number. */
#include "kernel/sys/sys.h"

/* What a row of SYSCALLS asks of one argument: an object type, or one of these. */
enum { ARG_VALUE = OBJ_TYPE_COUNT, ARG_SLOT, ARG_NEW };      /* ARG_NEW: + the type to make */
struct arg_kind {
    uint32_t type;       /* OBJ_NONE: no such argument */
    uint64_t bits;       /* value: those it may have; object: rights it takes; NEW: rights it will have */
};
#define NONE             { OBJ_NONE, 0 }
#define CAP(type, right) { OBJ_##type, RIGHT_##right }
#define SLOT             { ARG_SLOT, 0 }
#define NEW(type, right) { ARG_NEW + OBJ_##type, RIGHT_##right }
#define BITS(mask)       { ARG_VALUE, mask }
#define SYSTEM           CAP(SYSTEM, MANAGE)
#define ANY              BITS(UINT64_MAX)
#define U32              BITS(UINT32_MAX)
#define PAGES            BITS(~UINT64_C(0xfff))

static const struct arg_kind kinds[SYS_NR_LIMIT][6 + 1] = {     /* each row ends with NONE */
#define X(name, nr, doc, ...) [nr] = { __VA_ARGS__ },
    SYSCALLS(X)
#undef X
};

union sys_arg {
    uint64_t v;
    uint32_t u32;        /* the row bounds it */
    gpa_t gpa;
    struct cap *slot;
    struct kobj *obj;
    struct task *task;
    struct thread *thread;
    struct memory *memory;
    struct vm *vm;
    struct vcpu *vcpu;
    struct event *event;
    struct device *device;
};

struct sys_call {
    union sys_arg a[6];          /* registers; after decode() what the row says */
    struct task *task;           /* the caller */
    struct cap *place;           /* NEW: free slot for `made`, NULL = the call makes nothing */
    uint64_t rights;             /* NEW */
    enum obj_type type;          /* NEW: OBJ_NONE = its handler makes it */
    union sys_arg made;
    union sys_arg value;         /* rdx, after success */
};

static status_t decode(struct sys_call *c, uint64_t nr)
{
    const struct arg_kind *kind = kinds[index_clamp(nr, SYS_NR_LIMIT)];
    struct task *task = c->task;
    for (union sys_arg *a = c->a; kind->type != OBJ_NONE; a++, kind++) {
        const uint64_t v = a->v;
        if (likely(kind->type < OBJ_TYPE_COUNT)) {
            TRY(cap_lookup(task, v, (enum obj_type)kind->type, (uint32_t)kind->bits, &a->obj));
        } else if (kind->type == ARG_VALUE) {
            if ((v & ~kind->bits) != 0)
                return ST_INVAL;
        } else if (kind->type == ARG_SLOT) {
            TRY(cap_slot(task, v, &a->slot));
        } else {
            TRY(cap_free_slot(task, v, &c->place));
            c->rights = kind->bits;
            c->type = (enum obj_type)(kind->type - ARG_NEW);
        }
    }
    return ST_OK;
}

/* What a VMM may ask of what it was given. */
static status_t use(struct sys_call *c, uint64_t nr)
{
    const union sys_arg *a = c->a;
    switch (nr) {
    case SYS_VCPU_STATE: return vcpu_state(a[0].vcpu, a[1].v, a[2].u32);
    case SYS_VCPU_LAPIC:
        c->value.v = a[3].v;
        return vcpu_lapic(a[0].vcpu, a[1].v, a[2].u32, &c->value.v);
    case SYS_VCPU_LINE: vcpu_line(a[0].vcpu, a[2].v); return ST_OK;
    case SYS_VCPU_STATS: return user_copy_out(a[1].v, &a[0].vcpu->stats, sizeof a[0].vcpu->stats);
    case SYS_VM_MSI: upcall_vm_msi(a[0].vm, a[1].v, a[2].u32); break;
    case SYS_VM_CPUID: return sys_vm_cpuid(a[0].vm, a[1].v, a[2].v);
    case SYS_VM_MAP_BAR: return sys_vm_map_bar(a[0].vm, a[1].device, a[2].v, a[3].v, a[4].gpa, a[5].v);
    case SYS_VM_UNMAP_BAR: return sys_vm_unmap_bar(a[0].vm, a[1].device, a[2].gpa, a[3].v);
    case SYS_DEV_INFO: return sys_dev_info(a[0].device, a[1].v);
    case SYS_DEV_CFG_READ: return dev_cfg_access(a[0].device, a[1].v, a[2].v, false, &c->value.u32);
    case SYS_DEV_CFG_WRITE: return dev_cfg_access(a[0].device, a[1].v, a[2].v, true, &c->a[3].u32);
    case SYS_DEV_BAR_READ: return dev_bar_access(a[0].device, a[1].v, a[2].v, a[3].v, false, &c->value.v);
    case SYS_DEV_BAR_WRITE: return dev_bar_access(a[0].device, a[1].v, a[2].v, a[3].v, true, &c->a[4].v);
    case SYS_DEV_RESET: return dev_owner_reset(a[0].device);
    case SYS_IRQ_SET: return dev_irq_set(a[0].device, a[1].v, a[2].v, a[3].u32, a[4].u32);
    default: return ST_INVAL;
    }
    return ST_OK;
}

/* The monitor's: their rows begin with SYSTEM. */
static status_t manage(struct sys_call *c, uint64_t nr)
{
    const union sys_arg *a = c->a;
    switch (nr) {
    case SYS_SYS_INFO: return sys_info(a[1].v, a[2].v, a[3].v, a[4].v, &c->value.v);
    case SYS_SYS_POWER: return sys_power(a[1].v, a[2].v, a[3].v);
    case SYS_CONSOLE_WRITE:
    case SYS_CONSOLE_READ: return sys_console((unsigned)nr, a[1].v, a[2].v, &c->value.v);
    case SYS_MEMORY_CREATE:
        TRY(memory_create(c->made.memory, a[2].v, a[3].v));
        c->value.v = c->made.memory->base.v;
        return ST_OK;
    case SYS_MEMORY_MODULE: return sys_memory_module(c->made.memory, a[2].v);
    case SYS_TASK_CREATE: return task_create(c->made.task, a[2].event, a[3].v);
    case SYS_TASK_MAP: return sys_task_map(a[1].task, a[2].v, a[3].slot, a[4].v, a[5].v);
    case SYS_TASK_GRANT: return sys_task_grant(a[1].task, a[2].v, a[3].slot, a[4].v, a[5].v);
    case SYS_TASK_INFO: return sys_task_info(a[1].task, a[2].v);
    case SYS_TASK_KILL: return a[1].task == c->task ? ST_INVAL : sys_task_kill(a[1].task);
    case SYS_THREAD_CREATE: return sys_thread_create(a[2].task, a[3].u32, a[4].v, &c->made.thread);
    case SYS_EVENT_CREATE: return ST_OK;
    case SYS_VM_CREATE: return sys_vm_create(c->made.vm, a[2].v, a[3].u32, &c->value.v);
    case SYS_VM_MAP: return sys_vm_map(a[1].vm, a[2].gpa, a[3].memory, a[4].v, a[5].v);
    case SYS_VM_PAGE: c->value.v = vm_page(a[1].vm, a[2].gpa); return ST_OK;
    case SYS_VCPU_CREATE: return sys_vcpu_create(a[2].vm, a[3].u32, a[4].event, &c->made.vcpu);
    case SYS_DEV_OPEN: return a[2].v >> 16 ? ST_NOTFOUND : dev_open(bdf_of_rid((uint16_t)a[2].v), &c->made.device);
    case SYS_DEV_ASSIGN: return sys_dev_assign(a[1].device, a[2].vm, a[3].u32);
    case SYS_DEV_RELEASE: return sys_dev_release(a[1].device);
    case SYS_DEV_IRQS: return sys_dev_irqs(a[1].device, a[2].u32, a[3].u32, a[4].u32);
    case SYS_CAP_DROP: return sys_cap_drop(c->task, a[1].slot);
    default: return ST_INVAL;
    }
}

struct sys_result sys_dispatch(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                               uint64_t nr)
{
    struct sys_call c = { .a = { { a0 }, { a1 }, { a2 }, { a3 }, { a4 }, { a5 } }, .task = thread_current()->task };
    status_t st = decode(&c, nr);
    if (st == ST_OK && c.type != OBJ_NONE) {
        c.made.obj = kobj_new(c.type);
        st = c.made.obj ? ST_OK : ST_NOSPACE;
    }
    if (st == ST_OK)
        st = nr < SYS_SYS_INFO ? use(&c, nr) : manage(&c, nr);
    if (st == ST_OK && c.place)
        cap_fill(c.place, c.made.obj, (uint32_t)c.rights, c.made.obj->type == OBJ_EVENT ? UINT64_MAX : 0);
    else if (c.type != OBJ_NONE && c.made.obj)
        kobj_delete(c.made.obj);
    return (struct sys_result){ st, st == ST_OK ? c.value.v : 0 };
}

/* The calls of any task: their rows ask for one capability at most, so they need no loop. */
static status_t ipc(struct task *task, uint64_t nr, uint64_t slot, uint64_t bits, uint64_t deadline, uint64_t *value)
{
    const struct arg_kind *kind = kinds[index_clamp(nr, SYS_NR_LIMIT)];
    const uint64_t badge = task->caps[index_clamp(slot, CAP_SLOTS)].badge;
    union sys_arg a = { 0 };
    if (kind->type != OBJ_NONE)
        TRY(cap_lookup(task, slot, (enum obj_type)kind->type, (uint32_t)kind->bits, &a.obj));
    switch (nr) {
    case SYS_YIELD: schedule(); break;
    case SYS_TASK_EXIT:
        task_end(task, TASK_EXITED, slot, NULL);
        __atomic_store_n(&percpu()->need_resched, 1, __ATOMIC_SEQ_CST);
        break;
    case SYS_EVENT_WAIT: return bits == 0 ? ST_INVAL : sched_event_wait(a.event, bits, deadline, value);
    case SYS_EVENT_SIGNAL:                 /* the badge bounds which bits its holder may raise */
        if ((bits & badge) == 0)
            return ST_RIGHTS;
        event_signal(a.event, bits & badge);
        break;
    case SYS_TIMER_SET:
        if (bits == 0)
            return ST_INVAL;
        event_timer(a.event, bits, deadline);
        break;
    default: return ST_INVAL;
    }
    return ST_OK;
}

struct sys_result sys_ipc(uint64_t slot, uint64_t bits, uint64_t deadline, uint64_t nr)
{
    uint64_t value = 0;
    status_t st = ipc(thread_current()->task, nr, slot, bits, deadline, &value);
    return (struct sys_result){ st, st == ST_OK ? value : 0 };
}
