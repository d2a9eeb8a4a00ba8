/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot sequence, as a list. A loader and arch/head.S come before, the monitor after. */
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "kernel/abi/spec.h"
#include "kernel/arch/boot.h"
#include "kernel/log/console.h"
#include "kernel/mm/bootmem.h"
#include "kernel/mm/umem.h"
#include "kernel/sys/sys.h"
#include "kernel/virt/virt.h"

struct info_platform platform = { .build = CORDON_VERSION };

static void start_cpu(const struct bootinfo *bi)
{
    features_detect();
    tsc_init(bi->tsc_hz);
    console_init(bi->console_port, bi->console_baud);
    cpu_setup();
    const char *missing = features_log();
    if (missing)
        boot_refuse("this CPU lacks what Cordon cannot run without: %s", missing);
    log_line("spec: %s (see cpus -v)",
             spec_actions == 0 ? "an emulator, which does not speculate"
             : spec_actions & SPEC_AT_EXIT ? "barriers at each change of owner and at exits of guests"
                                           : "barriers at each change of owner");
    log_line("cpu: TSC %lu kHz by %.*s", tsc_hz() / 1000, (int)sizeof bi->tsc_by, bi->tsc_by);
    platform.tsc_hz = tsc_hz();
    platform.boot_tsc = hw_rdtsc();
    if (bi->epoch != 0)
        platform.epoch = bi->epoch + (platform.boot_tsc - bi->epoch_tsc) / tsc_hz();
}

/* Afterwards the loader's low mappings are gone. */
static void start_memory(const struct bootinfo *bi)
{
    struct boot_range pool = { 0 };
    uint64_t ram = 0;
    for (const struct boot_range *r = bi->range; r < bi->range + bi->ranges; r++) {
        ram += r->type <= BOOT_LOW ? r->len : 0;
        if (r->type == BOOT_POOL)
            pool = *r;
    }
    if (pool.len == 0)
        boot_refuse("too little memory: %lu MiB of RAM, and no free %u MiB in one piece below 4 GiB", ram >> 20,
                    BOOT_POOL_MIN >> 20);
    space_init((hpa_t){ bi->kernel_base }, (hpa_t){ pool.base }, pool.len);
    umem_init(bi);
    log_line("memory: %lu MiB RAM, kernel pool %lu MiB at %lx, %lu MiB for guests and tasks", ram >> 20,
             pool.len >> 20, pool.base, umem_total() >> 20);
}

static void start_virtualisation(void)
{
    platform.virt_status = virt_init_cpu(platform.virt_reason);
    platform.tsc_scaling = cpu_features.tsc_scaling;
    platform.virt_vendor = cpu_features.vmx ? 1 : cpu_features.svm ? 2 : 0;
    if (platform.virt_status == ST_OK && cpu_features.vmx)
        log_line("virt: VT-x with EPT, unrestricted guests, VPIDs%s%s", vmx_caps.apicv ? ", APIC virtualization" : "",
                 vmx_caps.posted ? ", posted interrupts" : "");
    else if (platform.virt_status == ST_OK)
        log_line("virt: SVM with nested paging, %u address space ids, next-RIP %s", cpu_features.asids,
                 cpu_features.nrips ? "by the CPU" : "by the VMM's decoder");
    else
        log_line("virt: refused: %s", platform.virt_reason);
}

static void start_devices(const struct bootinfo *bi)
{
    ioapic_init(bi);
    if (pci_init(bi) != ST_OK)
        log_line("pci: no function can be used");
    platform.iommu_status = iommu_init(bi, platform.iommu_reason);
    platform.iommu_vendor = iommu_vendor();
    platform.iommu_ir = iommu_has_ir();
    if (platform.iommu_status != ST_OK)
        log_line("iommu: no function will be assigned: %s", platform.iommu_reason);
    dev_init(bi);
}

static void start_notifications(const struct bootinfo *bi)
{
    status_t st = irq_console(bi, sys_root_event);
    if (st != ST_OK)
        log_line("console: input by polling only: %s", status_text(st));
    if (platform.iommu_status != ST_OK)
        return;
    st = irq_iommu_faults(sys_root_event);
    if (st != ST_OK)
        log_line("iommu: no fault interrupt, faults are read when asked for: %s", status_text(st));
}

void kernel_main(uint64_t bootinfo_pa)
{
    cpu_boot_tables();
    const char *unfit = bootmem_take((const struct bootinfo *)bootinfo_pa);
    if (unfit)
        boot_refuse("the loader's boot information is unfit: %s", unfit);
    const struct bootinfo *bi = boot_info();
    start_cpu(bi);
    start_memory(bi);
    lapic_init_cpu();
    sched_init_cpu();
    start_virtualisation();
    const uint32_t up = cpu_start_others(bi);
    platform.spec = spec_actions;
    platform.arch_caps = spec_caps;
    log_line("cpu: %u of %u up, %u MHz", up, cpu_count, (unsigned)(tsc_hz() / 1000000u));
    start_devices(bi);
    sys_root_start();
    start_notifications(bi);
    if (bi->loader_error[0])
        log_line("loader: %s", bi->loader_error);
    log_line("starting the monitor");
    console_input_on();
    sched_idle();
}

/* No device reaches memory from here on; nothing waits for hardware that may be dead. */
void upcall_panic(void) { iommu_emergency_block(); }
