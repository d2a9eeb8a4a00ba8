/* SPDX-License-Identifier: BSD-2-Clause */
/* Start of a VMM: checks what the monitor said, builds the board, loads the images, runs. */
#include "kernel/abi/rt/cpu.h"
#include "kernel/abi/rt/sys.h"
#include "vmm/acpi.h"
#include "vmm/boot_image.h"
#include "vmm/cpuid.h"
#include "vmm/cr.h"
#include "vmm/guest_hw.h"
#include "vmm/load_linux.h"
#include "vmm/load_multiboot.h"
#include "vmm/log.h"
#include "vmm/run.h"

#define TSC_HZ_MIN    1000000ull
#define TSC_HZ_MAX    17000000000ull
#define READY_POLL_MS 1u

void user_main(uint64_t arg);

static struct vmm vmm;
static struct boot_image image;
static struct boot_reason reason;
static struct vm_cpuid cpuid_rows[VM_CPUID_MAX];
static uint8_t acpi_tables[ACPI_SIZE];

/* The monitor is trusted for policy, but a page from another build is not. */
static void check_start(const struct vmm_start *s)
{
    const char *wrong = NULL;
    if (s->magic != VMM_START_MAGIC || s->size != sizeof *s)
        wrong = "magic or size";
    else if (s->vcpus == 0 || s->vcpus > VMM_MAX_VCPUS)
        wrong = "number of vCPUs";
    else if (s->ram == 0 || s->ram % PAGE_2M != 0)
        wrong = "memory size";
    else if (s->ram_at != 0 && (s->ram_at % GUEST_RAM_BOOT != 0 || s->ram <= GUEST_RAM_BOOT
                                || !range_ok(s->ram_at, s->ram - GUEST_RAM_BOOT, GUEST_RAM_LOW_MAX)))
        wrong = "memory place";
    else if (s->tsc_hz < TSC_HZ_MIN || s->tsc_hz > TSC_HZ_MAX || s->guest_tsc_hz < TSC_HZ_MIN ||
             s->guest_tsc_hz > TSC_HZ_MAX)
        wrong = "TSC rate";
    else if (s->devices > VMM_MAX_DEVICES || s->modules == 0 || s->modules > VMM_MAX_MODULES
             || (s->has_initrd && s->modules < 2))
        wrong = "number of devices or modules";
    else if (str_nlen(s->cmdline, sizeof s->cmdline) == sizeof s->cmdline)
        wrong = "command line without an end";
    if (wrong != NULL)
        vmm_fail(VMM_FAIL_ASSERT, NULL, "start page: %s", wrong);
}

static struct boot_file module_file(const struct vmm_start *s, unsigned i)
{
    return (struct boot_file){ (const uint8_t *)(VMM_MODULE_VA + ((uint64_t)i << 40)), s->module[i].len,
                               s->module[i].name };
}

static void collect_images(const struct vmm_start *s)
{
    unsigned next = 1;
    image.kernel = module_file(s, 0);
    image.cmdline = s->cmdline;
    image.rsdp = (gpa_t){ ACPI_GPA };
    if (s->has_initrd)
        image.initrd = module_file(s, next++);
    while (next < s->modules)
        image.module[image.modules++] = module_file(s, next++);
}

/* A Multiboot kernel gets the initrd as its first module. */
static void initrd_to_module(void)
{
    if (image.initrd.len == 0)
        return;
    memmove(&image.module[1], &image.module[0], image.modules * sizeof image.module[0]);
    image.module[0] = image.initrd;
    image.modules++;
}
_Static_assert(VMM_MAX_MODULES >= 2, "kernel takes one place: the initrd finds room");

static void load_images(const struct vmm_start *s, struct vcpu_state *vs)
{
    status_t st;
    bool linux_kernel = s->kernel_type == KERNEL_LINUX || (s->kernel_type == KERNEL_AUTO && linux_is_image(&image.kernel));
    if (!linux_kernel && s->kernel_type == KERNEL_AUTO && !multiboot_is_image(&image.kernel))
        vmm_fail(VMM_FAIL_IMAGE, NULL, "kernel: neither a bzImage (HdrS at 202h) nor Multiboot (1BADB002h in 8 KiB)");
    if (linux_kernel) {
        if (image.modules != 0)
            log_line("%u modules are of no use to a Linux kernel", image.modules);
        st = linux_load(&vmm.mem, &image, vs, &reason);
    } else {
        initrd_to_module();
        st = multiboot_load(&vmm.mem, &image, vs, &reason);
    }
    if (st != ST_OK)
        vmm_fail(reason.code, NULL, "%s", reason.text);
}

static void start_cpuid(const struct vmm_start *s)
{
    const struct cpuid_config config = { s->vcpus, s->guest_tsc_hz, GHW_LAPIC_HZ };
    unsigned count = cpuid_build(cpuid_rows, &config);
    struct cpuid_leaf one = cpuid_lookup(cpuid_rows, count, 1, 0), seven = cpuid_lookup(cpuid_rows, count, 7, 0);
    vmm.cr4_allowed = cr4_allowed(one.ecx, one.edx, seven.ebx, seven.ecx);
    vmm.msr.phys_bits = cpuid_lookup(cpuid_rows, count, 0x80000008u, 0).eax & 0xff;
    struct sys_ret ret = sys_call3(SYS_VM_CPUID, VMM_SLOT_VM, (uintptr_t)cpuid_rows, count);
    if (ret.st != ST_OK)
        vmm_fail(VMM_FAIL_CALL, NULL, "VM_CPUID: %s (%s)", status_name(ret.st), status_text(ret.st));
}

/* The guest's TSC at a TSC of the host, a few ticks late at most: it ran from the same zero so far. */
static uint64_t guest_tsc(const struct vmm_start *s, uint64_t host)
{
    return s->guest_tsc_hz == s->tsc_hz ? host : scale(host, s->tsc_hz / 1000, s->guest_tsc_hz / 1000);
}

/* The guest's clock starts now. */
static void start_msrs(const struct vmm_start *s)
{
    vmm.msr.mem = &vmm.mem;
    vmm.msr.intel = cpuid_vendor() == CPUID_INTEL;
    msr_clock_init(&vmm.msr.clock, s->guest_tsc_hz, guest_tsc(s, rt_rdtsc()), s->epoch,
                   guest_tsc(s, s->epoch_tsc));
    for (unsigned i = 0; i < s->vcpus; i++)
        msr_vcpu_init(&vmm.msr_vcpu[i]);
}

static void start_board(const struct vmm_start *s)
{
    if (acpi_build(acpi_tables, s) != ST_OK)
        vmm_fail(VMM_FAIL_ASSERT, NULL, "the ACPI tables do not fit in %u bytes", ACPI_SIZE);
    if (mem_write(&vmm.mem, (gpa_t){ ACPI_GPA }, acpi_tables, ACPI_SIZE) != ST_OK)
        vmm_fail(VMM_FAIL_MEMORY, NULL, "%lu bytes of memory are too few for the ACPI tables", s->ram);
    status_t st = platform_init(&vmm.platform, s);
    if (st != ST_OK)
        vmm_fail(VMM_FAIL_DEVICE, NULL, "%s: %s", vmm.platform.reason, status_text(st));
}

static void let_others_run(const struct vmm_start *s)
{
    __atomic_store_n(&vmm.ready, 1, __ATOMIC_RELEASE);
    for (unsigned i = 1; i < s->vcpus; i++)     /* without the right they see it at their next poll */
        (void)sys_call2(SYS_EVENT_SIGNAL, VMM_SLOT_DOORBELL + i, VMM_EV_KICK);
}

/* CPUID must be set before the first run of any vCPU: the others wait for vCPU 0. */
static void wait_ready(unsigned index)
{
    const struct vmm_start *s = (const struct vmm_start *)VMM_START_VA;
    while (!__atomic_load_n(&vmm.ready, __ATOMIC_ACQUIRE)) {
        uint64_t poll = rt_rdtsc() + s->tsc_hz / 1000 * READY_POLL_MS;
        (void)sys_call3(SYS_EVENT_WAIT, VMM_SLOT_DOORBELL + index, VMM_EV_KICK, poll);
    }
}

static void start_vmm(void)
{
    const struct vmm_start *s = (const struct vmm_start *)VMM_START_VA;
    struct vcpu_state *vs = vmm_vcpu_state(0);
    vmm.channel = (struct vmm_channel *)VMM_CHANNEL_VA;
    __atomic_store_n(&vmm.channel->state, VMM_STARTING, __ATOMIC_RELEASE);
    check_start(s);
    vmm.start = s;
    mem_init(&vmm.mem, (void *)VMM_RAM_VA, s->ram, s->ram_at);
    start_cpuid(s);
    start_msrs(s);
    start_board(s);
    collect_images(s);
    load_images(s, vs);
    log_line("the guest starts at TSC %lu", host_now_tsc());
    __atomic_store_n(&vmm.channel->state, VMM_RUNNING, __ATOMIC_RELEASE);
    (void)sys_call2(SYS_EVENT_SIGNAL, VMM_SLOT_MONITOR, VMM_BELL);
    let_others_run(s);
}

void user_main(uint64_t arg)
{
    unsigned index = (unsigned)arg;
    if (index == 0)
        start_vmm();
    else
        wait_ready(index);
    run_vcpu(&vmm, index);
}
