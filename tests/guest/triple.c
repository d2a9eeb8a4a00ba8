/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends by a triple fault: the VM stops, with a reason; nobody else notices. */
#include "tests/guest/lib/rt.h"

void guest_main(void)
{
    static const struct { uint16_t limit; uint64_t base; } __attribute__((packed)) none = { 0, 0 };
    rt_pass("alive");
    rt_print("DONE 1 0\n");
    __asm__ volatile ("lidt %0; ud2" : : "m"(none));
    rt_fail("triple-fault", "the guest went on");
}
