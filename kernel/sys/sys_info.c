/* SPDX-License-Identifier: BSD-2-Clause */
/* SYS_INFO: one record kind at a time, copied out one record after the other. */
#include "kernel/abi/bootinfo.h"
#include "kernel/arch/cpu.h"
#include "kernel/log/console.h"
#include "kernel/mm/bootmem.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/umem.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/platform.h"
#include "kernel/sys/sys.h"

union record {
    struct info_platform platform;
    struct info_cpu cpu;
    struct info_module module;
    struct dev_info device;
    struct info_iommu iommu;
    struct info_fault fault;
    struct info_memory memory;
    struct info_range range;
    struct info_requirement requirement;
};
static bool cpu_record(uint64_t index, struct info_cpu *out)
{
    if (index >= cpu_count)
        return false;
    const struct percpu *cpu = cpu_block[index_clamp(index, cpu_count)];
    *out = (struct info_cpu){ .index = cpu->cpu, .apic_id = cpu->apic_id, .online = cpu->online,
                              .x2apic = lapic_is_x2apic, .idle_tsc = sched_idle_tsc(cpu),
                              .guest_tsc = cpu->guest_tsc, .irqs = cpu->irqs, .ipis = cpu->ipis,
                              .switches = cpu->switches };
    uint64_t total = hw_rdtsc() - platform.boot_tsc;
    out->busy_tsc = total > out->idle_tsc ? total - out->idle_tsc : 0;
    return true;
}

static bool module_record(uint64_t index, struct info_module *out)
{
    struct boot_blob blob;
    if (sys_root_module(index, &blob) != ST_OK)
        return false;
    *out = (struct info_module){ .size = blob.len };
    str_copy(out->name, sizeof out->name, blob.name);
    return true;
}

static void memory_record(struct info_memory *out)
{
    *out = (struct info_memory){ .total = umem_total() + pmm_total(), .user_free = umem_free_bytes(),
                                 .user_largest = umem_largest(), .kernel_total = pmm_total(),
                                 .kernel_free = pmm_free_bytes() };
    for (unsigned i = 0; i < OBJ_TYPE_COUNT; i++)
        out->objects[i] = kobj_count((enum obj_type)i);
}

static bool range_record(uint64_t index, struct info_range *out)
{
    const struct bootinfo *bi = boot_info();
    if (index >= bi->ranges)
        return false;
    const struct boot_range *r = &bi->range[index_clamp(index, BOOT_MAX_RANGES)];
    *out = (struct info_range){ r->base, r->len, r->type, 0 };
    return true;
}

static bool requirement_record(uint64_t index, struct info_requirement *out)
{
    static struct info_requirement all[24];     /* root thread */
    uint32_t n = cpu_requirements(all, ARRAY_LEN(all));
    if (index >= n)
        return false;
    *out = all[index_clamp(index, ARRAY_LEN(all))];
    return true;
}

/* The index-th record of a kind; false when there is none. */
static bool make(uint64_t what, uint64_t index, union record *rec, uint64_t *size)
{
    memset(rec, 0, sizeof *rec);
    switch (what) {
    case INFO_PLATFORM:
        rec->platform = platform;
        *size = sizeof rec->platform;
        return index == 0;
    case INFO_CPU:
        *size = sizeof rec->cpu;
        return cpu_record(index, &rec->cpu);
    case INFO_MODULE:
        *size = sizeof rec->module;
        return module_record(index, &rec->module);
    case INFO_DEVICE:
        *size = sizeof rec->device;
        return sys_dev_record(index, &rec->device);
    case INFO_IOMMU:
        *size = sizeof rec->iommu;
        return sys_iommu_record(index, &rec->iommu);
    case INFO_FAULT:
        *size = sizeof rec->fault;
        return sys_fault_record(index, &rec->fault);
    case INFO_MEMORY:
        *size = sizeof rec->memory;
        memory_record(&rec->memory);
        return index == 0;
    case INFO_E820:
        *size = sizeof rec->range;
        return range_record(index, &rec->range);
    case INFO_REQUIREMENT:
        *size = sizeof rec->requirement;
        return requirement_record(index, &rec->requirement);
    default: return false;
    }
}

static status_t log_bytes(const struct sys_args *args, uint64_t *value)
{
    char chunk[256];
    *value = log_read(args->a[2], chunk, MIN(args->a[4], sizeof chunk));
    return *value == 0 ? ST_OK : user_copy_out(args->a[3], chunk, *value);
}

/* system what index ptr len */
status_t sys_info(const struct sys_args *args, uint64_t *value)
{
    static union record rec;                    /* root thread */
    uint64_t size = 0, index = args->a[2], used = 0;
    if (args->a[1] >= INFO_COUNT)
        return ST_INVAL;
    if (args->a[1] == INFO_LOG)
        return log_bytes(args, value);
    while (make(args->a[1], index, &rec, &size) && args->a[4] >= size && used <= args->a[4] - size) {
        status_t st = user_copy_out(args->a[3] + used, &rec, size);
        if (st != ST_OK)
            return st;
        used += size;
        (*value)++;
        index = args->a[1] == INFO_FAULT ? rec.fault.seq + 1 : index + 1;
    }
    return ST_OK;
}
