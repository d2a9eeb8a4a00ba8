/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot sequence, as a list. arch/boot.c comes before, the monitor after. */
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "kernel/acpi/acpi.h"
#include "kernel/acpi/acpi_fadt.h"
#include "kernel/acpi/acpi_spcr.h"
#include "kernel/arch/boot.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/rtc.h"
#include "kernel/dev/dev.h"
#include "kernel/irq/irq.h"
#include "kernel/lib/fmt.h"
#include "kernel/log/console.h"
#include "kernel/log/panic.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/platform.h"
#include "kernel/sys/sys.h"
#include "kernel/virt/virt.h"

#define DEFAULT_BAUD 115200u

struct info_platform platform;
struct acpi_fadt platform_fadt;
static uint32_t virt_failed;              /* any CPU: one that cannot run guests */

static void find_tables(const struct bootinfo *bi)
{
    struct acpi_table table;
    struct acpi_spcr spcr;
    status_t st = acpi_init((hpa_t){ bi->rsdp });
    if (st != ST_OK)
        log_line("acpi: no usable tables: %s", status_text(st));
    if (acpi_find("FACP", 0, &table) == ST_OK && acpi_fadt_parse(table.data, table.len, &platform_fadt) != ST_OK)
        log_line("acpi: the FADT is damaged: power off will not work");
    if (bi->console_port == 0 && acpi_find("SPCR", 0, &table) == ST_OK &&
        acpi_spcr_parse(table.data, table.len, &spcr) == ST_OK && spcr.port != console_port()) {
        log_line("console: moves to port %x, as the SPCR says", spcr.port);
        console_init(spcr.port, spcr.baud ? spcr.baud : DEFAULT_BAUD);
    }
}

static void start_virtualisation(void)
{
    status_t st = virt_init_cpu(platform.virt_reason);
    platform.virt_vendor = cpu_features.svm ? 2 : 0;
    platform.virt_status = st;
    platform.virt_asids = cpu_features.asids;
    if (st == ST_OK)
        log_line("virt: SVM with nested paging, %u address space ids, next-RIP %s", cpu_features.asids,
                 cpu_features.nrips ? "by the CPU" : "by the VMM's decoder");
    else
        log_line("virt: refused: %s", platform.virt_reason);
}

static void start_iommu(void)
{
    status_t st = iommu_init(platform.iommu_reason);
    platform.iommu_status = st;
    platform.iommu_vendor = iommu_vendor();
    platform.iommu_ir = iommu_has_ir();
    struct info_iommu unit;
    while (iommu_unit_info(platform.iommu_units, &unit))
        platform.iommu_units++;
    if (st == ST_OK)
        log_line("iommu: %u unit%s on, every requester blocked, interrupt remapping on", platform.iommu_units,
                 platform.iommu_units == 1 ? "" : "s");
    else
        log_line("iommu: no function will be assigned: %s", platform.iommu_reason);
}

static void start_devices(const struct bootinfo *bi)
{
    irq_init();
    if (pci_init() != ST_OK)
        log_line("pci: no function can be used");
    for (uint32_t i = 0; i < bi->ranges; i++)
        if (bi->range[i].type != BOOT_MMIO && bi->range[i].type != BOOT_RESERVED)
            pci_refuse_over((hpa_t){ bi->range[i].base }, bi->range[i].len);
    start_iommu();
    dev_init();
    platform.devices = pci_count();
}

static void start_notifications(void)
{
    status_t st = irq_console(sys_root_event, SYSEV_CONSOLE_RX);
    if (st != ST_OK)
        log_line("console: input by polling only: %s", status_text(st));
    if (platform.iommu_status != ST_OK)
        return;
    st = irq_iommu_faults(sys_root_event, SYSEV_DEV_FAULT);
    if (st != ST_OK)
        log_line("iommu: no fault interrupt, faults are read when asked for: %s", status_text(st));
}

static void brand(char out[48])
{
    uint32_t words[12] = { 0 };
    if (hw_cpuid(0x80000000u, 0).eax >= 0x80000004u) {
        for (uint32_t i = 0; i < 3; i++) {
            struct cpuid_regs r = hw_cpuid(0x80000002u + i, 0);
            words[4 * i] = r.eax;
            words[4 * i + 1] = r.ebx;
            words[4 * i + 2] = r.ecx;
            words[4 * i + 3] = r.edx;
        }
    }
    memcpy(out, words, sizeof words);
    out[47] = 0;
}

static void fill_platform(const struct bootinfo *bi)
{
    const struct cpu_features *f = &cpu_features;
    platform.tsc_hz = tsc_hz();
    uint64_t now = rtc_epoch();
    platform.epoch = now ? now - (hw_rdtsc() - platform.boot_tsc) / tsc_hz() : 0;
    platform.cpus = cpu_count;
    platform.modules = sys_root_modules();
    platform.nrips = f->nrips;
    platform.decode_assists = f->decode_assists;
    platform.x2apic = lapic_is_x2apic;
    platform.smap_smep_umip_nx = (f->smap ? 1u : 0) | (f->smep ? 2u : 0) | (f->umip ? 4u : 0) | (f->nx ? 8u : 0);
    platform.boot_kind = bi->kind;
    platform.pm1a_cnt = platform_fadt.pm1a_cnt;
    platform.pm1b_cnt = platform_fadt.pm1b_cnt;
    platform.ecam = pci_has_ecam();
    fmt(platform.build, sizeof platform.build, "%s", CORDON_VERSION);
    brand(platform.cpu_name);
    if (virt_failed && platform.virt_status == ST_OK) {
        platform.virt_status = ST_UNSUPP;
        fmt(platform.virt_reason, sizeof platform.virt_reason, "a CPU came up without SVM: its firmware is inconsistent");
    }
}

void kernel_main(const struct bootinfo *bi)
{
    platform.boot_tsc = hw_rdtsc();
    console_init((uint16_t)bi->console_port, DEFAULT_BAUD);
    mm_init(bi);
    find_tables(bi);
    lapic_init_cpu();
    sched_init_cpu();
    start_virtualisation();
    cpu_start_others();
    log_line("cpu: %u up, %u MHz", cpu_count, (unsigned)(tsc_hz() / 1000000u));
    start_devices(bi);
    sys_root_start();
    start_notifications();
    fill_platform(bi);
    if (bi->loader_error[0])
        log_line("loader: %s", bi->loader_error);
    log_line("starting the monitor");
    console_monitor_owns();
    sched_idle();
}

void cpu_ap_main(void)
{
    char reason[96];
    sched_init_cpu();
    if (virt_init_cpu(reason) != ST_OK)
        __atomic_store_n(&virt_failed, 1, __ATOMIC_SEQ_CST);
    sched_idle();
}

/* No device reaches memory from here on; nothing waits for hardware that may be dead. */
void upcall_panic(void) { iommu_emergency_block(); }
