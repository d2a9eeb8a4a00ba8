/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/sys/sys.c kernel/sys/sys_call.c kernel/sys/sys_vm.c kernel/sys/sys_dev.c kernel/sys/sys_mem.c
         kernel/sys/sys_obj.c kernel/sys/sys_info.c kernel/sys/sys_power.c kernel/obj/obj.c
         kernel/obj/event.c kernel/obj/memory.c kernel/obj/task.c kernel/lib/str.c tests/unit/fake/hw.c
         tests/fuzz/world/world.c tests/fuzz/world/world_virt.c */
/* System calls: every argument of every row of SYSCALLS is refused as the row says; then the rules that
 * no row can say. */
#include "kernel/sys/sys.h"

#include "kernel/obj/obj.h"
#include "kernel/sched/sched.h"
#include "kernel/virt/vcpu.h"
#include "tests/fuzz/world/rows.h"
#include "tests/fuzz/world/world.h"
#include "unit.h"

/* ---- a monitor with one object of each type, in the slot BASE + type ---- */
#define BASE   20u
#define OF(type) (BASE + OBJ_##type)
#define FREE   200u
#define SCRATCH 300u
#define DATA   WORLD_USER_VA

static struct task *root;
static struct kobj system_object;
static struct sys_result last;

static status_t call(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
    last = upcall_syscall(a0, a1, a2, a3, a4, a5, nr);
    return (status_t)last.status;
}
#define SYS(nr, ...) call_n(SYS_##nr, (uint64_t[6]){ SLOT_SYSTEM, __VA_ARGS__ })
#define USE(nr, ...) call_n(SYS_##nr, (uint64_t[6]){ __VA_ARGS__ })
static status_t call_n(unsigned nr, const uint64_t a[6]) { return call(nr, a[0], a[1], a[2], a[3], a[4], a[5]); }

static void put(const void *p, size_t n) { memcpy(world_user, p, n); }

static void set_up(void)
{
    world_reset();
    struct event *ev = (struct event *)kobj_new(OBJ_EVENT);
    root = (struct task *)kobj_new(OBJ_TASK);
    CHECK(ev && root && task_create(root, ev, 1) == ST_OK);
    kobj_init(&system_object, OBJ_SYSTEM);
    cap_fill(&root->caps[SLOT_SYSTEM], &system_object, RIGHT_ALL, 0);
    cap_fill(&root->caps[SLOT_SELF], &root->obj, RIGHT_ALL, 0);
    cap_fill(&root->caps[SLOT_ROOT_EVENT], &ev->obj, RIGHT_ALL, ~UINT64_C(0));
    cap_fill(&root->caps[OF(SYSTEM)], &system_object, RIGHT_ALL, 0);
    world_thread_is(root);
    CHECK_EQ(SYS(EVENT_CREATE, OF(EVENT)), ST_OK);
    CHECK_EQ(SYS(TASK_CREATE, OF(TASK), OF(EVENT), 1), ST_OK);
    put(&(struct thread_args){ 0x1000, 0x2000, 0 }, sizeof(struct thread_args));
    CHECK_EQ(SYS(THREAD_CREATE, OF(THREAD), OF(TASK), 1 << 16 | 2, DATA), ST_RANGE);   /* that CPU did not come up */
    CHECK_EQ(SYS(THREAD_CREATE, OF(THREAD), OF(TASK), 1 << 16 | 3, DATA), ST_RANGE);
    CHECK_EQ(SYS(THREAD_CREATE, OF(THREAD), OF(TASK), 1 << 16, DATA), ST_OK);
    CHECK_EQ(SYS(MEMORY_CREATE, OF(MEMORY), 0x10000, 4096), ST_OK);
    CHECK_EQ(SYS(VM_CREATE, OF(VM), VM_DMA), ST_OK);
    CHECK_EQ(last.value, 1);
    CHECK_EQ(SYS(VCPU_CREATE, OF(VCPU), OF(VM), 2 << 16, OF(EVENT)), ST_RANGE);
    CHECK_EQ(SYS(VCPU_CREATE, OF(VCPU), OF(VM), 3 << 16, OF(EVENT)), ST_RANGE);
    CHECK_EQ(SYS(VCPU_CREATE, OF(VCPU), OF(VM), 1 << 16, OF(EVENT)), ST_OK);
    CHECK_EQ(SYS(DEV_OPEN, OF(DEVICE), 1), ST_OK);
    CHECK_EQ(SYS(DEV_ASSIGN, OF(DEVICE), OF(VM), 0), ST_OK);
    CHECK_EQ(SYS(DEV_IRQS, OF(DEVICE), 1, 1), ST_OK);
    CHECK_EQ(SYS(DEV_IRQS, OF(DEVICE), 3, 1), ST_INVAL);
    CHECK_EQ(SYS(DEV_IRQS, OF(DEVICE), 4, 1), ST_INVAL);
    CHECK_EQ(SYS(DEV_IRQS, OF(DEVICE), IRQ_KIND_INTX, 8, IRQ_GSI_LOW | 16), ST_OK);
    CHECK_EQ(SYS(DEV_IRQS, OF(DEVICE), IRQ_KIND_INTX, 8, 99), ST_NOTFOUND);
    CHECK_EQ(SYS(DEV_IRQS, OF(DEVICE), IRQ_KIND_INTX, 64, 16), ST_RANGE);
    CHECK_EQ(SYS(DEV_IRQS, OF(DEVICE), IRQ_KIND_INTX, 8, 1ull << 32), ST_INVAL);
    for (unsigned t = OBJ_SYSTEM; t < OBJ_TYPE_COUNT; t++) {
        const struct cap *c = &root->caps[BASE + t];
        CHECK(c->obj && c->obj->type == t && c->rights == RIGHT_ALL);
        CHECK_EQ(c->badge, t == OBJ_EVENT ? ~UINT64_C(0) : 0);
    }
}

static uint64_t objects(void)
{
    uint64_t n = 0;
    for (unsigned t = 1; t < OBJ_TYPE_COUNT; t++)
        n += kobj_count[(enum obj_type)t];
    return n;
}

/* Arguments that the decode takes. */
static void good(const struct row *r, uint64_t a[6])
{
    for (unsigned i = 0; i < 6; i++)
        a[i] = r->arg[i].type == KIND_NEW ? FREE : r->arg[i].type == KIND_SLOT ? OF(MEMORY)
             : r->arg[i].type == KIND_VALUE ? 0 : BASE + r->arg[i].type;
}

static void refused(const struct row *r, unsigned arg, uint64_t value, status_t want)
{
    uint64_t a[6];
    good(r, a);
    a[arg] = value;
    if (call_n(r->nr, a) == want && last.value == 0)
        unit_checks++;
    else
        unit_fail_eq(r->name, (int)arg, "status", last.status, want);
}

static void rows_refuse(void)
{
    uint64_t before = objects();
    unsigned checked = 0;
    for (const struct row *r = rows; r < rows + ROWS; r++)
        for (unsigned i = 0; r->arg[i].type != OBJ_NONE; i++, checked++) {
            const struct kind *k = &r->arg[i];
            if (k->type == KIND_VALUE) {
                for (unsigned bit = 0; bit < 64; bit++)
                    if (!(k->bits >> bit & 1))
                        refused(r, i, UINT64_C(1) << bit, ST_INVAL);
            } else if (k->type == KIND_NEW) {
                refused(r, i, 0, ST_RANGE);
                refused(r, i, CAP_SLOTS, ST_RANGE);
                refused(r, i, ~UINT64_C(0), ST_RANGE);
                refused(r, i, OF(MEMORY), ST_BUSY);
            } else {
                refused(r, i, 0, ST_NOCAP);
                refused(r, i, FREE, ST_NOCAP);
                refused(r, i, CAP_SLOTS + OF(MEMORY), ST_NOCAP);
                refused(r, i, ~UINT64_C(0), ST_NOCAP);
            }
            if (k->type >= OBJ_TYPE_COUNT)
                continue;
            for (unsigned t = OBJ_SYSTEM; t < OBJ_TYPE_COUNT; t++)
                if (t != k->type)
                    refused(r, i, BASE + t, ST_TYPE);
            for (unsigned bit = 0; bit < 8; bit++)
                if (k->bits >> bit & 1) {
                    root->caps[SCRATCH] = root->caps[BASE + k->type];
                    root->caps[SCRATCH].rights = RIGHT_ALL & ~(1u << bit);
                    refused(r, i, SCRATCH, ST_RIGHTS);
                    root->caps[SCRATCH].obj = NULL;
                }
        }
    CHECK(checked > 90);
    CHECK_EQ(objects(), before);
    for (unsigned nr = 0; nr < 300; nr++) {
        bool known = false;
        for (unsigned i = 0; i < ROWS; i++)
            known |= rows[i].nr == nr;
        if (!known)
            CHECK_EQ(call(nr, SLOT_SYSTEM, 0, 0, 0, 0, 0), ST_INVAL);
    }
    CHECK_EQ(call(~0u, 0, 0, 0, 0, 0, 0), ST_INVAL);
}

/* From SYS_INFO on, system comes first; nothing before asks for it. */
static void monitors_rows(void)
{
    for (const struct row *r = rows; r < rows + ROWS; r++)
        CHECK((r->nr >= SYS_SYS_INFO) == (r->arg[0].type == OBJ_SYSTEM && r->arg[0].bits == RIGHT_MANAGE));
}

/* ---- capabilities ---- */
static void grants(void)
{
    struct task *vmm = (struct task *)root->caps[OF(TASK)].obj;
    for (unsigned t = OBJ_SYSTEM; t < OBJ_TYPE_COUNT; t++) {
        bool never = t == OBJ_SYSTEM || t == OBJ_TASK || t == OBJ_THREAD;
        CHECK_EQ(SYS(TASK_GRANT, OF(TASK), BASE + t, BASE + t, RIGHT_READ, 0), never ? ST_TYPE : ST_OK);
        CHECK_EQ(SYS(TASK_GRANT, OF(TASK), FREE, BASE + t, RIGHT_MANAGE, 0), never ? ST_TYPE : ST_RIGHTS);
        CHECK_EQ(SYS(TASK_GRANT, OF(TASK), FREE, BASE + t, RIGHT_ALL, 0), never ? ST_TYPE : ST_RIGHTS);
        CHECK_EQ(SYS(TASK_GRANT, OF(TASK), FREE, BASE + t, 0, 0), never ? ST_TYPE : ST_RIGHTS);
        CHECK_EQ(SYS(TASK_GRANT, OF(TASK), FREE, BASE + t, UINT64_C(1) << 32 | 1, 0), never ? ST_TYPE : ST_RIGHTS);
    }
    CHECK_EQ(SYS(TASK_GRANT, OF(TASK), OF(VM), OF(VM), RIGHT_RUN, 0), ST_BUSY);
    CHECK_EQ(SYS(TASK_GRANT, OF(TASK), 0, OF(VM), RIGHT_RUN, 0), ST_RANGE);
    /* no more than the source has */
    CHECK_EQ(SYS(TASK_GRANT, SLOT_SELF, FREE, OF(EVENT), RIGHT_WAIT, 5), ST_OK);
    CHECK_EQ(SYS(TASK_GRANT, OF(TASK), FREE, FREE, RIGHT_SIGNAL, 0), ST_RIGHTS);
    CHECK_EQ(SYS(CAP_DROP, FREE), ST_OK);
    CHECK_EQ(vmm->caps[OF(MEMORY)].rights, RIGHT_READ);
    CHECK(!vmm->caps[FREE].obj);
}

static void badges(void)
{
    struct event *ev = (struct event *)root->caps[OF(EVENT)].obj;
    CHECK_EQ(SYS(TASK_GRANT, SLOT_SELF, FREE, OF(EVENT), RIGHT_SIGNAL, 0x0f), ST_OK);
    CHECK_EQ(USE(EVENT_SIGNAL, FREE, 0), ST_RIGHTS);
    CHECK_EQ(USE(EVENT_SIGNAL, FREE, 0x30), ST_RIGHTS);
    CHECK_EQ(__atomic_exchange_n(&ev->bits, 0, __ATOMIC_SEQ_CST), 0);
    CHECK_EQ(USE(EVENT_SIGNAL, FREE, ~UINT64_C(6)), ST_OK);          /* what the badge has of them */
    CHECK_EQ(USE(EVENT_WAIT, FREE, 1, 0), ST_RIGHTS);
    CHECK_EQ(USE(TIMER_SET, FREE, 1, 1), ST_RIGHTS);
    CHECK_EQ(USE(EVENT_WAIT, OF(EVENT), 0, 0), ST_INVAL);
    CHECK_EQ(USE(TIMER_SET, OF(EVENT), 0, 1), ST_INVAL);
    CHECK_EQ(USE(EVENT_WAIT, OF(EVENT), ~UINT64_C(0), 0), ST_OK);
    CHECK_EQ(last.value, 0x09);
    CHECK_EQ(SYS(CAP_DROP, FREE), ST_OK);
}

static void drops(void)
{
    CHECK_EQ(SYS(CAP_DROP, SLOT_SYSTEM), ST_STATE);
    CHECK_EQ(SYS(CAP_DROP, SLOT_SELF), ST_STATE);
    CHECK_EQ(SYS(CAP_DROP, SLOT_ROOT_EVENT), ST_STATE);
    CHECK_EQ(SYS(CAP_DROP, OF(THREAD)), ST_BUSY);        /* may run */
    CHECK_EQ(SYS(CAP_DROP, OF(TASK)), ST_BUSY);          /* has a thread */
    CHECK_EQ(SYS(CAP_DROP, OF(DEVICE)), ST_BUSY);        /* assigned */
    CHECK_EQ(SYS(TASK_KILL, SLOT_SELF), ST_INVAL);
    CHECK_EQ(SYS(TASK_KILL, OF(TASK)), ST_OK);
    CHECK_EQ(SYS(THREAD_CREATE, FREE, OF(TASK), 1 << 16, DATA), ST_STATE);      /* ends */
}

/* ---- memory ---- */
static void maps(void)
{
    uint64_t va = 0x400000;
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(MEMORY), 0, 4096 | MAP_R | MAP_W), ST_OK);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(MEMORY), 0, 4096 | MAP_R | MAP_W | MAP_X), ST_INVAL);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(MEMORY), 0, 4096 | MAP_W), ST_INVAL);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(MEMORY), 0, 4096 | MAP_R | 8), ST_INVAL);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(MEMORY), 0, MAP_R), ST_RANGE);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(MEMORY), 0x10000, 4096 | MAP_R), ST_RANGE);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(MEMORY), 0xf000, 8192 | MAP_R), ST_RANGE);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), ~UINT64_C(0xfff), OF(MEMORY), 0, 4096 | MAP_R), ST_RANGE);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(VCPU), 0, 4096 | MAP_R | MAP_W), ST_OK);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(VCPU), 0, 4096 | MAP_R | MAP_X), ST_RIGHTS);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(VCPU), 0, 8192 | MAP_R), ST_RANGE);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, OF(EVENT), 0, 4096 | MAP_R), ST_TYPE);
    /* what is not RAM is never writable and never a guest's */
    CHECK_EQ(SYS(MEMORY_MODULE, FREE, 0), ST_OK);
    CHECK_EQ(root->caps[FREE].rights, RIGHT_READ | RIGHT_EXEC);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, FREE, 0, 4096 | MAP_R | MAP_X), ST_OK);
    CHECK_EQ(SYS(TASK_MAP, OF(TASK), va, FREE, 0, 4096 | MAP_R | MAP_W), ST_RIGHTS);
    CHECK_EQ(SYS(VM_MAP, OF(VM), 0, FREE, 0, 4096), ST_RIGHTS);
    CHECK_EQ(SYS(CAP_DROP, FREE), ST_OK);
    CHECK_EQ(SYS(MEMORY_MODULE, FREE, 2), ST_NOTFOUND);
    CHECK(!root->caps[FREE].obj);
    CHECK_EQ(SYS(VM_MAP, OF(VM), 0, OF(MEMORY), 0, 0x10000), ST_OK);
    CHECK_EQ(SYS(VM_MAP, OF(VM), 0, OF(MEMORY), 0x1000, 0x10000), ST_RANGE);
    CHECK_EQ(SYS(VM_MAP, OF(VM), GPA_TOP - 0x1000, OF(MEMORY), 0, 0x2000), ST_RANGE);
    CHECK_EQ(SYS(VM_PAGE, OF(VM), 0x3000), ST_OK);
    CHECK_EQ(last.value, 0x3000 + ((struct vm *)root->caps[OF(VM)].obj)->id);
}

/* ---- virtual machines and devices ---- */
static void owners(void)
{
    struct vcpu *vcpu = (struct vcpu *)root->caps[OF(VCPU)].obj;
    struct thread home = { .task = root };
    CHECK_EQ(USE(VM_MAP_BAR, OF(VM), OF(DEVICE), 0, 0, 0x100000, 4096), ST_OK);
    CHECK_EQ(USE(VM_UNMAP_BAR, OF(VM), OF(DEVICE), 0x100000, 4096), ST_OK);
    CHECK_EQ(USE(VM_MAP_BAR, OF(VM), OF(DEVICE), 0, 0, GPA_TOP, 4096), ST_RANGE);
    CHECK_EQ(USE(VM_UNMAP_BAR, OF(VM), OF(DEVICE), 0x100000, 0), ST_RANGE);
    CHECK_EQ(USE(VCPU_LINE, OF(VCPU), 3, 0), ST_INVAL);
    CHECK_EQ(USE(DEV_CFG_READ, OF(DEVICE), 0x10, 4), ST_OK);
    CHECK_EQ(last.value, 0x14);
    CHECK_EQ(USE(DEV_BAR_READ, OF(DEVICE), 2, 3, 8), ST_OK);
    CHECK_EQ(last.value, 0x238);
    CHECK_EQ(USE(DEV_BAR_WRITE, OF(DEVICE), 2, 3, 8, 1ull << 32), ST_OK);
    CHECK_EQ(last.value, 0);
    CHECK_EQ(SYS(DEV_OPEN, FREE, 1 << 16 | 2), ST_NOTFOUND);        /* segment 1 */
    CHECK_EQ(SYS(VM_CREATE, FREE, 0), ST_OK);                        /* another, without DMA */
    CHECK_EQ(USE(VM_MAP_BAR, FREE, OF(DEVICE), 0, 0, 0x100000, 4096), ST_STATE);
    CHECK_EQ(USE(VM_UNMAP_BAR, FREE, OF(DEVICE), 0x100000, 4096), ST_STATE);
    CHECK_EQ(SYS(DEV_OPEN, FREE + 1, 2), ST_OK);
    CHECK_EQ(SYS(DEV_IRQS, FREE + 1, 0, 1), ST_STATE);               /* nobody's */
    CHECK_EQ(SYS(DEV_RELEASE, FREE + 1), ST_STATE);
    CHECK_EQ(SYS(DEV_ASSIGN, FREE + 1, FREE, 0), ST_NOIOMMU);
    CHECK_EQ(SYS(VCPU_CREATE, FREE + 2, OF(VM), 0, OF(EVENT)), ST_RANGE);             /* index 0 again */
    CHECK_EQ(SYS(VCPU_CREATE, FREE + 2, OF(VM), 1 | 2 << 16, OF(EVENT)), ST_RANGE);   /* no such CPU */
    CHECK_EQ(USE(VM_CPUID, OF(VM), DATA, 0), ST_INVAL);
    CHECK_EQ(USE(VM_CPUID, OF(VM), DATA, VM_CPUID_MAX + 1), ST_INVAL);
    CHECK_EQ(USE(VM_CPUID, OF(VM), DATA, 1), ST_OK);
    /* after the start nothing more is added */
    CHECK_EQ(USE(VCPU_RUN, OF(VCPU)), ST_OK);
    CHECK_EQ(USE(VM_CPUID, OF(VM), DATA, 1), ST_STATE);
    CHECK_EQ(SYS(VM_MAP, OF(VM), 0x100000, OF(MEMORY), 0, 4096), ST_STATE);
    CHECK_EQ(SYS(VCPU_CREATE, FREE + 2, OF(VM), 1, OF(EVENT)), ST_STATE);
    CHECK_EQ(SYS(DEV_ASSIGN, FREE + 1, OF(VM), 0), ST_STATE);
    CHECK(!root->caps[FREE + 2].obj);
    /* a device goes only when no vCPU can run any more, and then none will */
    vcpu->thread = &home;
    CHECK_EQ(SYS(DEV_RELEASE, OF(DEVICE)), ST_BUSY);
    CHECK_EQ(vcpu->stop, 0);
    vcpu->thread = NULL;
    CHECK_EQ(SYS(DEV_RELEASE, OF(DEVICE)), ST_OK);
    CHECK_EQ(vcpu->stop, 1);
    CHECK_EQ(SYS(DEV_RELEASE, OF(DEVICE)), ST_STATE);
}

/* Functions without an IOMMU: only where there is none, only for a VM without a domain, only by the flag. */
static void unprotected(void)
{
    enum { VM = FREE + 10, FN, MEM };
    static const status_t broken[] = { ST_CORRUPT, ST_UNSUPP, ST_TIMEOUT, ST_NOIR, ST_HW };
    const struct memory *mem;
    CHECK_EQ(SYS(VM_CREATE, VM, 0), ST_OK);
    CHECK_EQ(SYS(DEV_OPEN, FN, 3), ST_OK);
    CHECK_EQ(SYS(MEMORY_CREATE, MEM, 0x10000, 0x10000), ST_OK);
    mem = (struct memory *)root->caps[MEM].obj;
    CHECK_EQ(last.value, mem->base.v);           /* so that it can be mapped one to one */
    CHECK_EQ(SYS(VM_MAP, VM, mem->base.v & ~0xfffull, MEM, 0, 0x10000), ST_OK);
    CHECK_EQ(SYS(DEV_ASSIGN, FN, VM, 8), ST_INVAL);
    for (unsigned i = 0; i < ARRAY_LEN(broken); i++) {
        platform.iommu_status = broken[i];
        CHECK_EQ(SYS(DEV_ASSIGN, FN, VM, DEV_UNPROTECTED), ST_NOIOMMU);
    }
    platform.iommu_status = ST_ABSENT;
    CHECK_EQ(SYS(DEV_ASSIGN, FN, VM, 3), ST_NOIOMMU);
    CHECK_EQ(SYS(DEV_ASSIGN, FN, OF(VM), DEV_UNPROTECTED), ST_STATE);      /* its VM has a domain */
    CHECK_EQ(SYS(DEV_ASSIGN, FN, VM, DEV_UNPROTECTED), ST_OK);
    CHECK_EQ(SYS(DEV_RELEASE, FN), ST_OK);
    CHECK(!mem->dirty);
    CHECK_EQ(SYS(DEV_ASSIGN, FN, VM, DEV_UNPROTECTED | 3), ST_OK);
    world_release = ST_QUARANTINED;              /* it may still write: what it wrote to is never given out again */
    CHECK_EQ(SYS(DEV_RELEASE, FN), ST_QUARANTINED);
    CHECK(mem->dirty);
    world_release = ST_OK;
    platform.iommu_status = ST_OK;
}

/* ---- facts ---- */
static void facts(void)
{
    struct info_cpu cpu;
    struct info_fault fault[4];
    CHECK_EQ(SYS(SYS_INFO, INFO_COUNT, 0, DATA, 4096), ST_INVAL);
    CHECK_EQ(SYS(SYS_INFO, ~UINT64_C(0), 0, DATA, 4096), ST_INVAL);
    CHECK_EQ(SYS(SYS_INFO, INFO_CPU, 0, DATA, 4096), ST_OK);
    CHECK_EQ(last.value, 3);
    CHECK_EQ(SYS(SYS_INFO, INFO_CPU, 0, DATA, 2 * sizeof cpu - 1), ST_OK);
    CHECK_EQ(last.value, 1);
    CHECK_EQ(SYS(SYS_INFO, INFO_CPU, 3, DATA, 4096), ST_OK);
    CHECK_EQ(last.value, 0);
    CHECK_EQ(SYS(SYS_INFO, INFO_CPU, 0, 0x1000, 4096), ST_FAULT);
    CHECK_EQ(SYS(SYS_INFO, INFO_MEMORY, 0, DATA, 4096), ST_OK);
    CHECK_EQ(last.value, 1);
    CHECK_EQ(((struct info_memory *)world_user)->objects[OBJ_VCPU], 1);
    CHECK_EQ(SYS(SYS_INFO, INFO_MODULE, 1, DATA, 4096), ST_OK);
    CHECK_EQ(last.value, 1);
    CHECK_STR(((struct boot_module *)world_user)->name, "guests/kernel");
    CHECK_EQ(SYS(SYS_INFO, INFO_DEVICE, 0, DATA, 4096), ST_OK);
    CHECK_EQ(last.value, 0);
    CHECK_EQ(SYS(SYS_INFO, INFO_IOMMU, 0, DATA, 4096), ST_OK);
    CHECK_EQ(last.value, 1);
    /* faults go on behind the sequence number that came last */
    CHECK_EQ(SYS(SYS_INFO, INFO_FAULT, 1, DATA, sizeof fault), ST_OK);
    CHECK_EQ(last.value, 2);
    memcpy(fault, world_user, sizeof fault);
    CHECK(fault[0].seq == 1 && fault[1].seq == 2);
    CHECK_EQ(SYS(TASK_INFO, OF(TASK), DATA), ST_OK);
    CHECK_EQ(((struct task_info *)world_user)->state, TASK_RUNNING);
    CHECK_EQ(USE(VCPU_STATS, OF(VCPU), DATA), ST_OK);
    CHECK_EQ(USE(VCPU_STATS, OF(VCPU), 0x1000), ST_FAULT);
}

int main(void)
{
    set_up();
    monitors_rows();
    rows_refuse();
    grants();
    badges();
    maps();
    facts();
    drops();
    owners();
    unprotected();
    return unit_done();
}
