/* SPDX-License-Identifier: BSD-2-Clause */
/* SYS_INFO: records of one kind, copied out one after the other. */
#include "kernel/mm/bootmem.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/umem.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"

static const uint16_t record_size[INFO_COUNT] = {
    [INFO_PLATFORM] = sizeof(struct info_platform), [INFO_CPU] = sizeof(struct info_cpu),
    [INFO_MODULE] = sizeof(struct boot_module), [INFO_DEVICE] = sizeof(struct dev_info),
    [INFO_IOMMU] = sizeof(struct info_iommu), [INFO_FAULT] = sizeof(struct info_fault),
    [INFO_MEMORY] = sizeof(struct info_memory),
};

static struct info_cpu cpu_record(const struct percpu *cpu)
{
    return (struct info_cpu){ .index = cpu->cpu, .apic_id = cpu->apic_id, .online = cpu->online,
                              .idle_tsc = sched_idle_tsc(cpu), .guest_tsc = cpu->guest_tsc, .irqs = cpu->irqs,
                              .ipis = cpu->ipis, .switches = cpu->switches };
}

static struct info_memory memory_record(void)
{
    struct info_memory m = { .total = umem_total() + pmm_total(), .user_free = umem_free_bytes(),
                             .user_largest = umem_largest(), .kernel_total = pmm_total(),
                             .kernel_free = pmm_free_bytes() };
    for (unsigned i = 0; i < OBJ_TYPE_COUNT; i++)
        m.objects[i] = kobj_count((enum obj_type)i);
    return m;
}

/* The index-th record, where the kernel has it or built in buf; NULL when there is none. */
static const void *record(uint64_t what, uint64_t index, union info_record *buf)
{
    switch (what) {
    case INFO_PLATFORM: return index == 0 ? &platform : NULL;
    case INFO_CPU:
        if (index >= cpu_count)
            return NULL;
        buf->cpu = cpu_record(cpu_block[index_clamp(index, cpu_count)]);
        return buf;
    case INFO_MODULE: return boot_module(index);
    case INFO_MEMORY:
        buf->memory = memory_record();
        return index == 0 ? buf : NULL;
    default: return sys_dev_record(what, index, buf);
    }
}

status_t sys_info(uint64_t what, uint64_t index, uint64_t ptr, uint64_t len, uint64_t *count)
{
    static union info_record buf;               /* root thread */
    const void *rec;
    if (what >= INFO_COUNT)
        return ST_INVAL;
    uint64_t size = record_size[index_clamp(what, INFO_COUNT)];
    while (len >= size && (rec = record(what, index, &buf)) != NULL) {
        TRY(user_copy_out(ptr, rec, size));
        ptr += size;
        len -= size;
        index = what == INFO_FAULT ? buf.fault.seq + 1 : index + 1;
        ++*count;
    }
    return ST_OK;
}
