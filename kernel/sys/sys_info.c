/* SPDX-License-Identifier: BSD-2-Clause */
/* SYS_INFO: records of one kind, copied out one after the other. */
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "kernel/mm/bootmem.h"
#include "kernel/mm/umem.h"
#include "kernel/sys/sys.h"

static const uint16_t record_size[INFO_COUNT] = {
    [INFO_PLATFORM] = sizeof(struct info_platform), [INFO_CPU] = sizeof(struct info_cpu),
    [INFO_MODULE] = sizeof(struct boot_module), [INFO_DEVICE] = sizeof(struct dev_info),
    [INFO_IOMMU] = sizeof(struct info_iommu), [INFO_FAULT] = sizeof(struct info_fault),
    [INFO_MEMORY] = sizeof(struct info_memory),
};

static union {                               /* root thread: a record that the kernel does not have as such */
    struct info_cpu cpu;
    struct info_iommu iommu;
    struct info_fault fault;
    struct info_memory memory;
} made;

static const void *cpu_record(const struct percpu *cpu)
{
    made.cpu = (struct info_cpu){ .index = cpu->cpu, .apic_id = cpu->apic_id, .online = cpu_is_up(cpu->cpu),
                                  .idle_tsc = sched_idle_tsc(cpu), .guest_tsc = cpu->guest_tsc, .irqs = cpu->irqs,
                                  .ipis = cpu->ipis, .switches = cpu->switches };
    return &made;
}

static const void *memory_record(void)
{
    made.memory = (struct info_memory){ .total = umem_total() + pmm_total(), .user_free = umem_free_bytes(),
                                        .user_largest = umem_largest(), .kernel_total = pmm_total(),
                                        .kernel_free = pmm_free_bytes() };
    memcpy(made.memory.objects, kobj_count, sizeof kobj_count);
    return &made;
}

/* The index-th record; NULL when there is none. */
static const void *record(enum info_what what, uint64_t index)
{
    switch (what) {
    case INFO_PLATFORM: return index == 0 ? &platform : NULL;
    case INFO_CPU: return index < cpu_count ? cpu_record(cpu_block[index_clamp(index, cpu_count)]) : NULL;
    case INFO_MODULE: return boot_module(index);
    case INFO_DEVICE: return index < pci_count() ? &pci_at((uint32_t)index)->info : NULL;
    case INFO_IOMMU: return index < IOMMU_UNITS && iommu_unit_info((uint32_t)index, &made.iommu) ? &made : NULL;
    case INFO_FAULT:
        (void)iommu_fault_irq();             /* a storm masks the units' interrupt: who asks collects, and unmasks */
        return iommu_fault_get(index, &made.fault) ? &made : NULL;
    case INFO_MEMORY: return index == 0 ? memory_record() : NULL;
    case INFO_COUNT: break;
    }
    return NULL;
}

status_t sys_info(uint64_t what, uint64_t index, uint64_t ptr, uint64_t len, uint64_t *count)
{
    const void *rec;
    if (what >= INFO_COUNT)
        return ST_INVAL;
    uint64_t size = record_size[index_clamp(what, INFO_COUNT)];
    while (len >= size && (rec = record((enum info_what)what, index)) != NULL) {
        TRY(user_copy_out(ptr, rec, size));
        ptr += size;
        len -= size;
        index = what == INFO_FAULT ? made.fault.seq + 1 : index + 1;
        ++*count;
    }
    return ST_OK;
}

status_t sys_dev_info(const struct device *dev, uint64_t ptr)
{ return user_copy_out(ptr, &dev->fn->info, sizeof dev->fn->info); }
