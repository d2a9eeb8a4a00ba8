/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/smp.c tests/unit/fake/hw.c tests/unit/fake/log.c tests/unit/fake/pmm.c */
/* Numbers of CPUs: what does not come up keeps its own. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/abi/info.h"
#include "kernel/arch/boot.h"
#include "kernel/arch/cpu.h"
#include "kernel/mm/space.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/unit.h"

struct percpu fake_percpu, *cpu_block[MAX_CPUS];
struct cpu_features cpu_features;
uint32_t cpu_count;
bool lapic_is_x2apic;
extern struct info_platform platform;
struct info_platform platform;
__asm__ (".globl ap_code, ap_code_end\nap_code: ap_code_end:");

#define NEVER(name) void never_##name(void) __asm__(#name); void never_##name(void) { fake_die("called: " #name, 0); }
NEVER(cpu_setup) NEVER(lapic_init_cpu) NEVER(sched_idle) NEVER(sched_init_cpu) NEVER(svm_init_cpu) NEVER(tables_load)
NEVER(vmx_init_cpu)

/* The page that CPUs start in; offsets as in ap.S. */
static _Alignas(PAGE_SIZE) uint8_t page[PAGE_SIZE];
static uint32_t dead[4], sipis;          /* APIC ids that never come */
static uint32_t first_id;                /* the boot CPU's */
static uint64_t stacks = ~0ull;          /* that are left */

void *space_window(hpa_t pa, uint64_t len) { (void)pa; CHECK_EQ(len, PAGE_SIZE); return page; }
status_t space_create(struct space *space) { (void)space; return ST_OK; }
status_t ptab_map(struct ptab *pt, uint64_t va, hpa_t pa, uint64_t len, unsigned prot)
{ (void)pt; (void)va; (void)pa; (void)len; (void)prot; return ST_OK; }
status_t ptab_unmap(struct ptab *pt, uint64_t va, uint64_t len) { (void)pt; (void)va; (void)len; return ST_OK; }
void tables_fill(struct cpu_area *area, const uint64_t ist[IST_COUNT]) { (void)area; (void)ist; }
void *kstack_alloc(void)
{
    static uint8_t stack[64];
    return stacks == 0 ? NULL : (stacks--, stack);
}

/* The other CPU, at its SIPI: takes the parameters, comes up. */
void lapic_send(uint32_t apic_id, uint32_t command)
{
    struct cpu_area *area;
    uint32_t go = 0;
    if ((command & ~0xffu) != IPI_STARTUP)
        return;
    sipis++;
    for (unsigned i = 0; i < ARRAY_LEN(dead); i++)
        if (dead[i] == apic_id)
            return;
    memcpy(&area, page + 0xfd0, sizeof area);
    memcpy(page + 0xfd8, &go, sizeof go);
    area->pc.online = CPU_ONLINE;
}

static uint32_t boot(uint32_t cpus)
{
    static struct bootinfo bi;
    fake_hw_reset();
    fake_hw.step_us = 1000;
    fake_pmm_reset();
    fake_log_reset();
    memset(&bi, 0, sizeof bi);
    memset(cpu_block, 0, sizeof cpu_block);
    bi.start_page = 0x8000;
    bi.cpus = cpus;
    for (uint32_t i = 0; i < cpus; i++)
        bi.cpu[i] = first_id + 2 * i;                   /* APIC ids with holes */
    fake_percpu.online = CPU_ONLINE;
    fake_percpu.apic_id = first_id;
    cpu_block[0] = &fake_percpu;
    cpu_count = 1;
    return cpu_start_others(&bi);
}

static void all_up(void)
{
    CHECK_EQ(boot(4), 4);
    CHECK_EQ(cpu_count, 4);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(cpu_is_up(i) && cpu_block[i]->apic_id == 2 * i);
    CHECK(!cpu_is_up(4));
    CHECK_EQ(fake_log_lines(), 0);
}

static void one_dead(void)
{
    dead[0] = 4;                             /* the third of the list */
    CHECK_EQ(boot(5), 4);
    dead[0] = 0;
    CHECK_EQ(cpu_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(cpu_block[i]->apic_id, 2 * i);
        CHECK_EQ(cpu_is_up(i), i != 2);
    }
    CHECK(strstr(fake_log_text(), "cpu: CPU 2 (APIC id 4) is not used: it did not come up") != NULL);
    CHECK_EQ(fake_log_lines(), 1);
    cpu_block[2]->online = 2;                /* it comes late: it stays out */
    CHECK(!cpu_is_up(2));
}

static void no_stacks(void)
{
    stacks = IST_COUNT;
    CHECK_EQ(boot(3), 2);
    stacks = ~0ull;
    CHECK(cpu_is_up(1) && !cpu_is_up(2));
    CHECK_EQ(cpu_count, 3);
    CHECK(strstr(fake_log_text(), "CPU 2 (APIC id 4) is not used: no memory for its stacks") != NULL);
}

static void beyond_xapic(void)
{
    first_id = 250;                          /* 254 goes, 255 and more do not */
    CHECK_EQ(boot(5), 3);
    CHECK(cpu_count == 5 && cpu_is_up(2) && !cpu_is_up(3) && !cpu_is_up(4));
    CHECK(strstr(fake_log_text(), "CPU 3 (APIC id 256) is not used: it needs x2APIC") != NULL);
    lapic_is_x2apic = true;
    CHECK_EQ(boot(5), 5);
    lapic_is_x2apic = false;
}

int main(void)
{
    all_up();
    one_dead();
    no_stacks();
    beyond_xapic();
    return unit_done();
}
