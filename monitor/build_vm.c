/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel objects of a guest: VM, RAM, vCPUs, functions. */
#include "monitor/build_internal.h"

#include "kernel/lib/fmt.h"

static bool make_vm(struct job *j)
{
    uint32_t slot = job_take(j, "creating the VM");
    struct sys_ret ret;
    if (!slot)
        return false;
    ret = sys_call4(SYS_VM_CREATE, SLOT_SYSTEM, slot, j->r->plan->devices && !j->vm->unprotected ? VM_DMA : 0,
                    j->vm->tsc_khz);
    j->o->vm_id = (uint32_t)ret.value;
    return job_keep(j, slot, ret, &j->o->vm, false, "creating the VM");
}

/* One piece of RAM of at most want bytes; the size that worked, or 0. */
static uint64_t make_piece(struct job *j, uint32_t *where, uint64_t want)
{
    struct sys_ret ret = { ST_NOSPACE, 0 };
    uint32_t slot = job_take(j, "guest memory");
    uint64_t size = want;
    if (!slot)
        return 0;
    while (size >= PAGE_2M) {
        if (size >= PAGE_1G)
            ret = sys_call4(SYS_MEMORY_CREATE, SLOT_SYSTEM, slot, size, PAGE_1G);
        if (size < PAGE_1G || ret.st == ST_NOSPACE)
            ret = sys_call4(SYS_MEMORY_CREATE, SLOT_SYSTEM, slot, size, PAGE_2M);
        if (ret.st != ST_NOSPACE)
            break;
        size = size / 2 & ~(PAGE_2M - 1);
    }
    return job_keep(j, slot, ret, where, true, "guest memory") ? size : 0;
}

static bool map_piece(struct job *j, uint32_t i, uint64_t gpa, uint64_t len)
{
    j->o->ram_gpa[i] = gpa;
    j->o->ram_len[i] = len;
    return job_done(j, sys_call(SYS_VM_MAP, SLOT_SYSTEM, j->o->vm, gpa, j->o->ram[i], 0, len), "mapping guest memory");
}

/* RAM that a device without an IOMMU can name: one piece, guest-physical = host-physical. The alignment keeps it
 * above what the guest boots from, and the limit below the guest's own devices. */
static bool make_direct(struct job *j)
{
    uint64_t len = j->vm->memory - GUEST_RAM_BOOT;
    uint32_t slot = job_take(j, "guest memory");
    struct sys_ret ret;
    if (!slot)
        return false;
    ret = sys_call4(SYS_MEMORY_CREATE, SLOT_SYSTEM, slot, len, GUEST_RAM_BOOT);
    if (!job_keep(j, slot, ret, &j->o->ram[0], true, "guest memory in one piece, for dma = unprotected"))
        return false;
    if (!range_ok(ret.value, len, GUEST_RAM_LOW_MAX))
        return job_fail(j, ST_NOSPACE, true, "guest memory below 3 GiB, for dma = unprotected");
    return map_piece(j, 0, ret.value, len);
}

static bool make_ram(struct job *j)
{
    uint64_t total = j->vm->unprotected ? GUEST_RAM_BOOT : j->vm->memory, at = 0, gpa, want, got;
    if (j->vm->unprotected && !make_direct(j))
        return false;
    for (uint32_t i = j->vm->unprotected; at < total; i++) {
        if (i == BUILD_EXTENTS)
            return job_fail(j, ST_NOSPACE, true, "guest memory is too scattered");
        want = at < GUEST_RAM_LOW_MAX ? MIN(total, GUEST_RAM_LOW_MAX) - at : total - at;
        gpa = at < GUEST_RAM_LOW_MAX ? at : GUEST_RAM_HIGH + (at - GUEST_RAM_LOW_MAX);
        got = make_piece(j, &j->o->ram[i], want);
        if (got == 0)
            return false;
        if (!map_piece(j, i, gpa, got))
            return false;
        at += got;
    }
    return true;
}

static bool make_vcpus(struct job *j)
{
    struct build_objects *o = j->o;
    for (uint32_t i = 0; i < j->vm->cpus; i++) {
        uint32_t slot;
        if (i == 0)
            o->doorbell[0] = o->doorbell0;
        else if (!job_event(j, &o->doorbell[i]))
            return false;
        slot = job_take(j, "creating a vCPU");
        if (!slot || !job_keep(j, slot, sys_call(SYS_VCPU_CREATE, SLOT_SYSTEM, slot, o->vm,
                                             i | (uint64_t)j->vm->cpu[i] << 16, o->doorbell[i], 0),
                           &o->vcpu[i], false, "creating a vCPU"))
            return false;
        o->vcpus++;
    }
    return true;
}

static bool make_devices(struct job *j)
{
    struct build_objects *o = j->o;
    char step[64], bdf[16];
    for (uint32_t i = 0; i < j->r->plan->devices; i++) {
        const struct plan_device *pd = &j->r->plan->device[i];
        const struct manifest_pci *p = &j->vm->pci[pd->line];
        uint64_t flags = (p->reset_none ? DEV_NO_RESET_OK : 0) | (p->reserved_map ? DEV_RESERVED_MAP : 0) |
                         (j->vm->unprotected ? DEV_UNPROTECTED : 0);
        uint32_t slot = job_take(j, "opening a function");
        name_format_bdf(j->r->f->dev[pd->dev].bdf, bdf, sizeof bdf);
        fmt(step, sizeof step, "assigning %s", bdf);
        if (!slot || !job_keep(j, slot, sys_call3(SYS_DEV_OPEN, SLOT_SYSTEM, slot, j->r->f->dev[pd->dev].bdf),
                           &o->device[i], false, step))
            return false;
        o->devices++;
        if (!job_done(j, sys_call4(SYS_DEV_ASSIGN, SLOT_SYSTEM, o->device[i], o->vm, flags), step))
            return false;
        o->assigned[i] = true;
    }
    return true;
}

bool build_vm(struct job *j) { return make_vm(j) && make_ram(j) && make_vcpus(j) && make_devices(j); }
