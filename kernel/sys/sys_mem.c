/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory objects, task mappings and guest RAM. Monitor only. */
#include "kernel/acpi/acpi.h"
#include "kernel/arch/cpu.h"
#include "kernel/dev/dma.h"
#include "kernel/mm/pmm.h"
#include "kernel/obj/memory.h"
#include "kernel/sys/sys.h"
#include "kernel/virt/vcpu.h"

/* system slot size align */
static status_t create(const struct sys_args *args)
{
    struct cap *slot;
    struct memory *mem;
    status_t st = cap_free_slot(args->task, args->a[1], &slot);
    if (st == ST_OK)
        st = memory_create(args->a[2], args->a[3], &mem);
    if (st == ST_OK)
        cap_fill(slot, &mem->obj, RIGHT_ALL, 0);
    return st;
}

/* system slot index */
static status_t module(const struct sys_args *args)
{
    struct cap *slot;
    struct memory *mem;
    struct boot_blob blob;
    status_t st = cap_free_slot(args->task, args->a[1], &slot);
    if (st == ST_OK)
        st = sys_root_module(args->a[2], &blob);
    if (st == ST_OK)
        st = memory_wrap((hpa_t){ blob.base }, PAGE_UP(blob.len), MEMORY_MODULE, &mem);
    if (st == ST_OK)
        cap_fill(slot, &mem->obj, RIGHT_READ | RIGHT_EXEC, 0);
    return st;
}

/* system slot signature index -> offset of the table in its pages */
static status_t table(const struct sys_args *args, uint64_t *value)
{
    struct cap *slot;
    struct memory *mem;
    struct acpi_table found;
    char sig[4];
    status_t st = cap_free_slot(args->task, args->a[1], &slot);
    if (st != ST_OK)
        return st;
    if (args->a[2] > UINT32_MAX || args->a[3] > 255)
        return ST_INVAL;
    memcpy(sig, &args->a[2], sizeof sig);
    st = acpi_find(sig, (unsigned)args->a[3], &found);
    if (st != ST_OK)
        return st;
    uint64_t first = PAGE_DOWN(found.pa.v);
    st = memory_wrap((hpa_t){ first }, PAGE_UP(found.pa.v + found.len) - first, MEMORY_TABLE, &mem);
    if (st != ST_OK)
        return st;
    cap_fill(slot, &mem->obj, RIGHT_READ, 0);
    *value = found.pa.v - first;
    return ST_OK;
}

struct map_req {
    struct task *task;
    struct kobj *owner;
    uint64_t va, len;
    hpa_t pa;
    unsigned prot;
};

/* The physical range behind a mappable object, and the strongest protection it allows. */
static status_t backing(const struct cap *c, hpa_t *base, uint64_t *len, uint32_t *allowed)
{
    *allowed = MAP_R | MAP_W;
    switch ((enum obj_type)c->type) {
    case OBJ_MEMORY:
        *base = ((struct memory *)c->obj)->base;
        *len = ((struct memory *)c->obj)->len;
        *allowed = ((c->rights & RIGHT_READ) ? MAP_R : 0u) | ((c->rights & RIGHT_WRITE) ? MAP_W : 0u) |
                   ((c->rights & RIGHT_EXEC) ? MAP_X : 0u);
        return ST_OK;
    case OBJ_VCPU:
        *base = pmm_pa(((struct vcpu *)c->obj)->state);
        *len = PAGE_SIZE;
        return ST_OK;
    case OBJ_CHANNEL:
        *base = ((struct channel *)c->obj)->base;
        *len = ((struct channel *)c->obj)->len;
        return ST_OK;
    case OBJ_NONE:
    case OBJ_SYSTEM:
    case OBJ_TASK:
    case OBJ_THREAD:
    case OBJ_VM:
    case OBJ_EVENT:
    case OBJ_DEVICE:
    case OBJ_IRQ:
    case OBJ_TYPE_COUNT:
        break;
    }
    return ST_TYPE;
}

/* system task va object offset len|MAP_* */
static status_t map_decode(const struct sys_args *args, struct map_req *req)
{
    struct kobj *obj;
    struct cap *c;
    hpa_t base;
    uint64_t limit, flags = args->a[5] & (PAGE_SIZE - 1);
    uint32_t allowed;
    status_t st = cap_lookup(args->task, args->a[1], OBJ_TASK, RIGHT_MANAGE, &obj);
    if (st == ST_OK)
        st = cap_slot(args->task, args->a[3], &c);
    if (st == ST_OK)
        st = backing(c, &base, &limit, &allowed);
    if (st != ST_OK)
        return st;
    if ((flags & ~(uint64_t)(MAP_R | MAP_W | MAP_X)) != 0 || !(flags & MAP_R) || (flags & MAP_W && flags & MAP_X))
        return ST_INVAL;
    if ((flags & ~(uint64_t)allowed) != 0)
        return ST_RIGHTS;
    req->len = args->a[5] - flags;
    if (((args->a[2] | args->a[4]) & (PAGE_SIZE - 1)) != 0)
        return ST_INVAL;
    if (!range_ok(args->a[4], req->len, limit) || !range_ok(args->a[2], req->len, USER_TOP))
        return ST_RANGE;
    req->task = (struct task *)obj;
    req->owner = c->obj;
    req->va = args->a[2];
    req->pa = hpa_add(base, args->a[4]);
    req->prot = PT_R | PT_USER | (flags & MAP_W ? PT_W : 0u) | (flags & MAP_X ? PT_X : 0u);
    return ST_OK;
}

static status_t map(const struct sys_args *args)
{
    struct map_req req;
    status_t st = map_decode(args, &req);
    return st == ST_OK ? task_map(req.task, req.va, req.owner, req.pa, req.len, req.prot) : st;
}

/* Guest RAM goes into the nested table and, when the VM may own devices, the IOMMU's. The VM
 * takes its reference first and keeps it on failure: what is half mapped stays owned. */
static status_t map_ram(struct vm *vm, struct memory *mem, uint64_t gpa, hpa_t hpa, uint64_t len)
{
    kobj_get(&mem->obj);
    vm->mem[vm->mems++] = mem;
    status_t st = vm_map(vm, (gpa_t){ gpa }, hpa, len, PT_R | PT_W | PT_X);
    if (st == ST_OK && vm->dma)
        st = dma_map(vm->dma, (iova_t){ gpa }, hpa, len);
    return st;
}

/* system vm gpa memory offset len */
static status_t map_guest(const struct sys_args *args)
{
    struct kobj *vm_obj, *mem_obj;
    status_t st = cap_lookup(args->task, args->a[1], OBJ_VM, RIGHT_MANAGE, &vm_obj);
    if (st == ST_OK)
        st = cap_lookup(args->task, args->a[3], OBJ_MEMORY, RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC, &mem_obj);
    if (st != ST_OK)
        return st;
    struct vm *vm = (struct vm *)vm_obj;
    struct memory *mem = (struct memory *)mem_obj;
    if (vm->started || mem->kind != MEMORY_RAM)
        return ST_STATE;
    if (vm->mems == VM_MAX_MEMORY)
        return ST_NOSPACE;
    if (((args->a[2] | args->a[4] | args->a[5]) & (PAGE_SIZE - 1)) != 0)
        return ST_INVAL;
    if (!range_ok(args->a[4], args->a[5], mem->len) || !range_ok(args->a[2], args->a[5], GPA_TOP))
        return ST_RANGE;
    return map_ram(vm, mem, args->a[2], hpa_add(mem->base, args->a[4]), args->a[5]);
}

status_t sys_mem(unsigned nr, const struct sys_args *args, uint64_t *value)
{
    switch (nr) {
    case SYS_MEMORY_CREATE: return create(args);
    case SYS_MEMORY_MODULE: return module(args);
    case SYS_MEMORY_TABLE: return table(args, value);
    case SYS_TASK_MAP: return map(args);
    case SYS_VM_MAP: return map_guest(args);
    default: return ST_INVAL;
    }
}
