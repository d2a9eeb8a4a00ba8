/* SPDX-License-Identifier: BSD-2-Clause */
/* The first C code of the boot CPU: from the loader's facts to a CPU that is set up; then main.c. */
#include "kernel/arch/boot.h"
#include "kernel/arch/cpu.h"
#include "kernel/log/console.h"
#include "kernel/log/panic.h"
#include "kernel/mm/bootmem.h"

void kernel_start(uint64_t bootinfo_pa)
{
    cpu_boot_tables();
    status_t st = bootmem_take((const struct bootinfo *)bootinfo_pa);
    features_detect();
    tsc_calibrate();
    console_init(st == ST_OK ? (uint16_t)boot_info()->console_port : 0, 0);
    if (st != ST_OK)
        panic("the loader's boot information is unfit: %s", status_text(st));
    cpu_setup();
    const char *missing = features_log();
    if (missing)
        panic("this CPU lacks what Cordon cannot run without: %s", missing);
    spec_log();
    log_line("cpu: TSC %lu kHz by %s", tsc_hz() / 1000, tsc_source());
    kernel_main(boot_info());
}
