/* SPDX-License-Identifier: BSD-2-Clause */
/* Every mode of the CPU once, with emulated instructions and an emulated page in each. */
#include "tests/guest/lib/rt.h"

void rt_modes(uint32_t *results);

static uint32_t r[16];

void guest_main(void)
{
    uint32_t vendor = cpuid(0, 0).ebx, version = mmio_rd32(LAPIC_PAGE + 0x30);
    for (unsigned round = 0; round < 3; round++) {
        rt_modes(r);
        rt_equal("compat-cpuid", r[0], vendor);
        rt_equal("compat-apic", r[1], version);
        rt_equal("lma-off-with-paging", r[2] & 0x400, 0);
        rt_equal("flat32-cpuid", r[3], vendor);
        rt_equal("flat32-apic", r[4], version);
        rt_equal("paged32-cpuid", r[5], vendor);
        rt_equal("paged32-apic", r[6], version);
        rt_equal("pae-cpuid", r[7], vendor);
        rt_equal("pae-apic", r[8], version);
        rt_equal("real-cpuid", r[9], vendor);
        rt_equal("real-int-21", r[10], 0x2121);
        rt_equal("long-mode-again", rdmsr(0xc0000080) & 0x500, 0x500);
    }
}
