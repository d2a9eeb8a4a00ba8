/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/virt/vm.c kernel/mm/ptab.c kernel/mm/fmt_x86.c kernel/obj/obj.c kernel/lib/idpool.c
         tests/unit/fake/hw.c tests/unit/fake/pmm.c tests/unit/fake/no_vmx.c */
/* What a VMM can make the kernel allocate by mapping BARs is bounded, and comes back. */
#include <stdlib.h>

#include "kernel/abi/syscall.h"
#include "kernel/arch/cpu.h"
#include "kernel/virt/vcpu.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/unit.h"

struct cpu_features cpu_features;
void kobj_put(struct kobj *obj) { (void)obj; abort(); }           /* no capabilities here */
void vcpu_notify(struct vcpu *vcpu) { (void)vcpu; }
void vcpu_free(struct vcpu *vcpu) { (void)vcpu; }
status_t svm_npt_init(struct ptab *pt) { return ptab_init(pt, &ptab_fmt_npt, 4, 3, false); }

static const hpa_t bar = { 0xe0000000 };

uint64_t tsc_hz(void) { return 3000000000u; }

static struct vm *make(void)
{
    struct vm *vm;
    fake_hw_reset();
    fake_pmm_reset();
    cpu_features.page1g = true;
    cpu_features.asids = 16;
    vm = pmm_alloc();
    CHECK_EQ(vm_create(vm, 0), ST_OK);
    CHECK_EQ(vm_map(vm, (gpa_t){ 0 }, (hpa_t){ 0x40000000 }, 64 * PAGE_2M, PT_R | PT_W | PT_X), ST_OK);
    return vm;
}

static void end(struct vm *vm)
{
    vm_destroy(vm);
    pmm_free(vm);
    CHECK_EQ(fake_pmm.in_use, 0);
}

/* One page of a BAR at address after address, each in need of tables of its own. */
static void many_addresses(void)
{
    struct vm *vm = make();
    uint64_t before = fake_pmm.in_use;
    uint32_t mapped = 0;
    status_t st = ST_OK;
    for (; st == ST_OK && mapped < 4000; mapped++)
        st = vm_map(vm, (gpa_t){ PAGE_1G + mapped * PAGE_2M }, bar, PAGE_SIZE, PT_R | PT_W | PT_UC);
    CHECK_EQ(st, ST_NOSPACE);
    CHECK(mapped > 64);                                  /* room for every BAR that a guest can own */
    CHECK(fake_pmm.in_use - before <= VM_MMIO_TABLES);
    CHECK_EQ(vm_unmap(vm, (gpa_t){ PAGE_1G }, mapped * PAGE_2M), ST_OK);
    CHECK(fake_pmm.in_use <= before);                    /* all of it back */
    CHECK_EQ(vm_map(vm, (gpa_t){ PAGE_1G }, bar, PAGE_SIZE, PT_R | PT_W | PT_UC), ST_OK);
    end(vm);
}

/* Rates that cannot be had are refused with nothing made; the ratio is rounded down in its last bit. */
static void tsc_rates(void)
{
    static const uint32_t good[] = { 187500, 1000000, 2999999, 3000000, 48000000 };
    static const uint32_t bad[] = { 1, 187499, 48000001, ~0u };
    struct vm *vm = make();
    CHECK(vm->tsc_ratio == TSC_SAME && vm->tsc_khz == 0);
    end(vm);
    vm = pmm_alloc();
    CHECK(vm_create(vm, 1000000) == ST_UNSUPP && fake_pmm.in_use == 1);
    cpu_features.tsc_scaling = true;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(vm_create(vm, bad[i]) == ST_RANGE && fake_pmm.in_use == 1);
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK_EQ(vm_create(vm, good[i]), ST_OK);
        CHECK(vm->tsc_khz == good[i] && vm->tsc_ratio == (uint64_t)(((unsigned __int128)good[i] << 48) / 3000000));
        vm_destroy(vm);
    }
    pmm_free(vm);
    CHECK_EQ(fake_pmm.in_use, 0);
}

/* What the CPU's walker set in the leaf of a page. */
static void pages(void)
{
    struct vm *vm = make();
    uint64_t *leaf = vm->npt.root;
    while (!(leaf[0] & 0x80))
        leaf = pmm_va((hpa_t){ leaf[0] & vm->npt.fmt->addr });
    CHECK_EQ(vm_page(vm, (gpa_t){ 3 * PAGE_2M }), PAGE_2M);
    leaf[3] |= vm->npt.fmt->accessed;
    CHECK_EQ(vm_page(vm, (gpa_t){ 3 * PAGE_2M + PAGE_SIZE }), PAGE_2M | VM_PAGE_ACCESSED);
    leaf[3] |= vm->npt.fmt->dirty;
    CHECK_EQ(vm_page(vm, (gpa_t){ 4 * PAGE_2M - PAGE_SIZE }), PAGE_2M | VM_PAGE_ACCESSED | VM_PAGE_WRITTEN);
    CHECK_EQ(vm_page(vm, (gpa_t){ 4 * PAGE_2M }), PAGE_2M);
    CHECK_EQ(vm_page(vm, (gpa_t){ 64 * PAGE_2M }), 0);
    CHECK_EQ(vm_page(vm, (gpa_t){ GPA_TOP }), 0);
    CHECK_EQ(vm_page(vm, (gpa_t){ ~UINT64_C(0xfff) }), 0);
    CHECK_EQ(vm_map(vm, (gpa_t){ PAGE_1G }, bar, PAGE_SIZE, PT_R | PT_W | PT_UC), ST_OK);
    CHECK_EQ(vm_page(vm, (gpa_t){ PAGE_1G }), PAGE_SIZE);
    end(vm);
}

/* A large BAR at an odd address would be small leaves only. */
static void odd_address(void)
{
    struct vm *vm = make();
    uint64_t before = fake_pmm.in_use;
    CHECK_EQ(vm_map(vm, (gpa_t){ 8 * PAGE_1G + PAGE_SIZE }, bar, 2 * PAGE_1G, PT_R | PT_W | PT_WC), ST_NOSPACE);
    CHECK_EQ(fake_pmm.in_use, before);
    CHECK_EQ(vm_map(vm, (gpa_t){ 8 * PAGE_1G }, (hpa_t){ 16 * PAGE_1G }, 16 * PAGE_1G, PT_R | PT_W | PT_WC), ST_OK);
    CHECK(fake_pmm.in_use - before <= 2);
    end(vm);
}

int main(void)
{
    tsc_rates();
    pages();
    many_addresses();
    odd_address();
    return unit_done();
}
