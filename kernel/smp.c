/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts the other CPUs, one after the other: INIT, SIPI, SIPI [SDM3 9.4.4]. */
#include "kernel/arch/boot.h"
#include "kernel/arch/cpu.h"
#include "kernel/log/console.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/space.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"
#include "kernel/virt/virt.h"

#define INIT_US       10000u
#define SIPI_US         200u
#define CLAIM_US    2000000u      /* from SIPI to the first instruction: an emulator may have to find time for it */
#define ONLINE_US   2000000u      /* from there to being set up */

enum { OFFLINE, ONLINE = CPU_ONLINE, LATE };   /* percpu.online: whoever leaves OFFLINE first decides */

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
static struct space start_space;  /* the kernel's, and the start page one to one */

static bool leave_offline(struct percpu *pc, uint32_t to)
{
    uint32_t expected = OFFLINE;
    return __atomic_compare_exchange_n(&pc->online, &expected, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void smp_entry(struct cpu_area *area)
{
    char reason[96];
    tables_load(area);
    cpu_setup();
    lapic_init_cpu();
    hw_write_cr3(area->pc.kernel_cr3);       /* away from the start-up tables */
    /* One that cannot run guests, when the first can, is not used. Partner: start. */
    if (virt_init_cpu(reason) != (status_t)platform.virt_status || !leave_offline(&area->pc, ONLINE))
        hw_halt_forever();
    sched_init_cpu();
    sched_idle();
}

static bool changes(const uint32_t *word, uint32_t from, uint64_t us)
{
    struct deadline d = deadline_in(us);
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == from)
        if (!spin(&d))
            return false;
    return true;
}

/* Sends the signals; true when the CPU has claimed the parameters. */
static bool wake_up(struct ap_params *params, uint32_t apic_id)
{
    uint8_t page = (uint8_t)(params->self >> PAGE_SHIFT);
    lapic_send(apic_id, IPI_INIT);
    wait_us(INIT_US);
    lapic_send(apic_id, IPI_STARTUP | page);
    if (changes(&params->go, 1, SIPI_US))
        return true;
    lapic_send(apic_id, IPI_STARTUP | page);
    return changes(&params->go, 1, CLAIM_US) ||
           __atomic_exchange_n(&params->go, 0, __ATOMIC_ACQ_REL) == 0;   /* too late from here on */
}

/* NULL, or why not. What was taken stays taken: the machine is full, or the CPU may still come. */
static const char *start(struct ap_params *params, struct cpu_area *area)
{
    uint64_t top[IST_COUNT];                 /* [IST_NONE]: the stack that it starts on */
    bool complete = true;
    if (!lapic_is_x2apic && area->pc.apic_id > 0xfe)
        return "it needs x2APIC";
    for (unsigned i = 0; i < IST_COUNT && complete; i++) {
        void *stack = kstack_alloc();
        complete = stack != NULL;
        top[i] = (uintptr_t)stack + KSTACK_BYTES;
    }
    if (!complete)
        return "no memory for its stacks";
    tables_fill(area, top);
    area->pc.kernel_cr3 = percpu()->kernel_cr3;
    params->stack = top[IST_NONE];
    params->area = (uintptr_t)area;
    __atomic_store_n(&params->go, 1, __ATOMIC_RELEASE);
    if (wake_up(params, area->pc.apic_id))
        (void)changes(&area->pc.online, OFFLINE, ONLINE_US);
    return leave_offline(&area->pc, LATE) ? "it did not come up" : NULL;
}

/* A CPU that does not come up keeps its number: `cpus = N` in a manifest never names another one than before. */
uint32_t cpu_start_others(const struct bootinfo *bi)
{
    hpa_t pa = { bi->start_page };
    uint32_t up = 1;
    if (pa.v == 0 || space_create(&start_space) != ST_OK ||
        ptab_map(&start_space.pt, pa.v, pa, PAGE_SIZE, PT_R | PT_W | PT_X) != ST_OK) {
        log_line("cpu: no page below 1 MiB: this CPU only");
        return up;
    }
    struct ap_params *params = space_window(pa, PAGE_SIZE);     /* nothing clears user memory meanwhile */
    memset(params, 0, sizeof *params);
    memcpy(params->code, ap_code, (size_t)(ap_code_end - ap_code));
    params->cr3 = start_space.cr3;
    params->self = (uint32_t)pa.v;
    for (uint32_t i = 0; i < bi->cpus && cpu_count < MAX_CPUS; i++) {
        struct cpu_area *area = bi->cpu[i] == percpu()->apic_id ? NULL : pmm_alloc();
        if (!area)
            continue;
        area->pc.cpu = cpu_count;
        area->pc.apic_id = bi->cpu[i];
        cpu_block[cpu_count++] = &area->pc;
        const char *why = start(params, area);
        up += why == NULL;
        if (why)
            log_line("cpu: CPU %u (APIC id %u) is not used: %s", area->pc.cpu, area->pc.apic_id, why);
    }
    /* The tables stay, without the page: a CPU that comes too late may still be on its way out of them. */
    status_t st = ptab_unmap(&start_space.pt, pa.v, PAGE_SIZE);
    KASSERT(st == ST_OK);
    return up;
}
