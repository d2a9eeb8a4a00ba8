/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/virt/svm/svm_caps.c kernel/mm/ptab.c kernel/mm/fmt_x86.c kernel/lib/str.c tests/unit/fake/hw.c tests/unit/fake/pmm.c */
/* Turning SVM on: reasons, and what the permission maps let through. */
#include "kernel/arch/cpu.h"
#include "kernel/mm/pmm.h"
#include "kernel/virt/svm/svm.h"
#include "unit.h"

struct cpu_features cpu_features;
struct percpu fake_percpu;
static const uint8_t *map[2];
static unsigned maps;
static uint64_t efer, hsave;

hpa_t boot_image_pa(const void *in_image)
{
    map[maps++ % 2] = in_image;
    return (hpa_t){ 0x100000 * maps };
}

static uint64_t read_msr(uint32_t msr) { return msr == MSR_EFER ? efer : 0; }

static void write_msr(uint32_t msr, uint64_t value)
{
    efer = msr == MSR_EFER ? value : efer;
    hsave = msr == 0xc0010117 ? value : hsave;
}

static void refusals(void)
{
    char reason[96] = "";
    CHECK_EQ(svm_init_cpu(reason), ST_UNSUPP);
    CHECK_STR(reason, "this CPU has no SVM");
    cpu_features.svm_locked = true;
    CHECK_EQ(svm_init_cpu(reason), ST_UNSUPP);
    CHECK_STR(reason, "the firmware disabled SVM (VM_CR.SVMDIS): switch it on in setup");
    cpu_features.intel = true;
    CHECK_EQ(svm_init_cpu(reason), ST_UNSUPP);
    CHECK(strcmp(reason, "this CPU has no VT-x") == 0);
    cpu_features.svm = true;
    CHECK_EQ(svm_init_cpu(reason), ST_UNSUPP);
    CHECK(str_starts(reason, "this CPU has no nested paging"));
    cpu_features.npt = true;
    cpu_features.asids = 1;
    CHECK_EQ(svm_init_cpu(reason), ST_UNSUPP);
    CHECK(str_starts(reason, "this CPU has no address space"));
    CHECK(!(efer & EFER_SVME) && maps == 0);
}

static bool is_direct(uint32_t msr)
{
    return (msr >= 0x174 && msr <= 0x176) || (msr >= 0xc0000081 && msr <= 0xc0000084) ||
           (msr >= 0xc0000100 && msr <= 0xc0000102);
}

static void on(void)
{
    char reason[96];
    cpu_features.asids = 16;
    CHECK_EQ(svm_init_cpu(reason), ST_OK);
    CHECK_EQ(svm_init_cpu(reason), ST_OK);                      /* the next CPU: the same maps */
    CHECK(efer & EFER_SVME);
    CHECK_EQ(hsave, pmm_pa(((struct svm_cpu *)percpu()->virt)->hsave).v);
    CHECK(maps == 2 && svm_iopm_pa == 0x100000 && svm_msrpm_pa == 0x200000);
    CHECK(((uintptr_t)map[0] | (uintptr_t)map[1]) % PAGE_SIZE == 0);
    unsigned wrong = 0;
    for (unsigned i = 0; i < 0x3000; i++)
        wrong += map[0][i] != 0xff;                             /* no port */
    for (unsigned i = 0; i < 0x2000; i++) {
        uint32_t base = i < 0x800 ? 0 : i < 0x1000 ? 0xc0000000 : i < 0x1800 ? 0xc0010000 : 0xffff0000;
        for (unsigned n = 0; n < 4; n++)
            wrong += (map[1][i] >> 2 * n & 3) != (is_direct(base + i % 0x800 * 4 + n) ? 0 : 3);
    }
    CHECK_EQ(wrong, 0);
}

int main(void)
{
    fake_hw_reset();
    fake_hw.rdmsr = read_msr;
    fake_hw.wrmsr = write_msr;
    refusals();
    on();
    return unit_done();
}
