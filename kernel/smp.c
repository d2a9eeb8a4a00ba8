/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts the other CPUs, one after the other: INIT, SIPI, SIPI [SDM3 9.4.4]. */
#include "kernel/smp.h"

#include "kernel/acpi/acpi.h"
#include "kernel/acpi/acpi_madt.h"
#include "kernel/arch/boot.h"
#include "kernel/arch/cpu.h"
#include "kernel/log/console.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/space.h"

#define INIT_US       10000u
#define SIPI_US         200u
#define CLAIM_US    2000000u      /* from SIPI to the first instruction: an emulator may have to find time for it */
#define ONLINE_US   2000000u      /* from there to being set up */

enum { OFFLINE, ONLINE, REFUSED };   /* percpu.online: whoever leaves OFFLINE first decides */

struct ap_params {                /* offsets known to ap.S */
    uint8_t code[0xfc0];
    uint64_t cr3, stack;          /* fc0 */
    uint64_t area;                /* fd0 */
    uint32_t go, self;            /* fd8 */
    uint8_t rsvd[0x20];
};
AT(struct ap_params, cr3, 0xfc0);
AT(struct ap_params, area, 0xfd0);
AT(struct ap_params, go, 0xfd8);
_Static_assert(sizeof(struct ap_params) == PAGE_SIZE, "one page");

extern const char ap_code[], ap_code_end[];
static struct acpi_madt madt;     /* boot CPU */
static struct space start_space;  /* the kernel's, and the start page one to one */

void smp_entry(struct cpu_area *area)
{
    tables_load(area);
    cpu_setup();
    lapic_init_cpu();
    hw_write_cr3(area->pc.kernel_cr3);       /* away from the start-up tables */
    uint32_t expected = OFFLINE;              /* partner: start */
    if (!__atomic_compare_exchange_n(&area->pc.online, &expected, ONLINE, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        hw_halt_forever();
    cpu_ap_main();
}

static struct cpu_area *area_make(uint32_t cpu, uint32_t apic_id)
{
    uint64_t ist[IST_COUNT] = { 0 };
    struct cpu_area *area = pmm_alloc();
    for (unsigned i = 1; area && i < IST_COUNT; i++) {
        void *stack = kstack_alloc();
        if (!stack)
            return NULL;                     /* boot: what was taken stays taken, and the machine is full anyway */
        ist[i] = (uintptr_t)stack + KSTACK_BYTES;
    }
    if (!area)
        return NULL;
    tables_fill(area, ist);
    area->pc.cpu = cpu;
    area->pc.apic_id = apic_id;
    area->pc.kernel_cr3 = percpu()->kernel_cr3;
    return area;
}

static bool wait_for(const uint32_t *word, uint32_t want, uint64_t us)
{
    struct deadline d = deadline_in(us);
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != want)
        if (!spin(&d))
            return false;
    return true;
}

static void pass_us(uint64_t us)
{
    struct deadline d = deadline_in(us);
    while (spin(&d))
        ;
}

/* Sends the signals; true when the CPU has claimed the parameters. */
static bool wake_up(struct ap_params *params, uint32_t apic_id)
{
    uint8_t number = (uint8_t)(params->self >> PAGE_SHIFT);
    lapic_send_init(apic_id);
    pass_us(INIT_US);
    lapic_send_startup(apic_id, number);
    if (wait_for(&params->go, 0, SIPI_US))
        return true;
    lapic_send_startup(apic_id, number);
    if (wait_for(&params->go, 0, CLAIM_US))
        return true;
    return __atomic_exchange_n(&params->go, 0, __ATOMIC_ACQ_REL) == 0;   /* too late from here on */
}

static bool start(struct ap_params *params, uint32_t cpu, uint32_t apic_id)
{
    struct cpu_area *area = area_make(cpu, apic_id);
    void *stack = area ? kstack_alloc() : NULL;
    if (!stack) {
        log_line("cpu: no memory to start APIC id %u", apic_id);
        return false;
    }
    params->stack = (uintptr_t)stack + KSTACK_BYTES;
    params->area = (uintptr_t)area;
    cpu_block[cpu] = &area->pc;
    __atomic_store_n(&params->go, 1, __ATOMIC_RELEASE);
    uint32_t expected = OFFLINE;
    if (wake_up(params, apic_id) && (wait_for(&area->pc.online, ONLINE, ONLINE_US) ||
                                     !__atomic_compare_exchange_n(&area->pc.online, &expected, REFUSED, false,
                                                                  __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)))
        return true;
    cpu_block[cpu] = NULL;
    log_line("cpu: APIC id %u did not come up", apic_id);
    return false;
}

static struct ap_params *trampoline(void)
{
    hpa_t pa = { mm_low_page };
    if (pa.v == 0 || space_create(&start_space) != ST_OK ||
        ptab_map(&start_space.pt, pa.v, pa, PAGE_SIZE, PT_R | PT_W | PT_X) != ST_OK)
        return NULL;
    struct ap_params *params = space_window(pa, PAGE_SIZE);     /* nothing clears user memory meanwhile */
    clear_bytes(params, PAGE_SIZE);
    memcpy(params->code, ap_code, (size_t)(ap_code_end - ap_code));
    params->cr3 = start_space.cr3;
    params->self = (uint32_t)pa.v;
    return params;
}

/* The index of a CPU that failed is used again: indices stay dense. */
uint32_t cpu_start_others(void)
{
    struct acpi_table table;
    if (acpi_find("APIC", 0, &table) != ST_OK || acpi_madt_parse(table.data, table.len, &madt) != ST_OK) {
        log_line("cpu: no usable MADT: this CPU only");
        return cpu_count;
    }
    struct ap_params *params = trampoline();
    if (!params) {
        log_line("cpu: no page below 1 MiB: this CPU only");
        return cpu_count;
    }
    for (uint32_t i = 0; i < madt.cpus && cpu_count < MAX_CPUS; i++) {
        uint32_t id = madt.cpu[i].apic_id;
        if (id == percpu()->apic_id)
            continue;
        if (!lapic_is_x2apic && id > 0xfe)
            log_line("cpu: APIC id %u needs x2APIC", id);
        else if (start(params, cpu_count, id))
            cpu_count++;
    }
    /* The tables stay, without the page: a CPU that comes too late may still be on its way out of them. */
    status_t st = ptab_unmap(&start_space.pt, mm_low_page, PAGE_SIZE);
    KASSERT(st == ST_OK);
    return cpu_count;
}
