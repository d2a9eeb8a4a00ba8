/* SPDX-License-Identifier: BSD-2-Clause */
/* Power and the console. Monitor only. */
#include "kernel/abi/bootinfo.h"
#include "kernel/log/console.h"
#include "kernel/mm/bootmem.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"

#define PM1_SLP_TYP_SHIFT 10u            /* [ACPI 4.8.3.2] */
#define PM1_SLP_EN        0x2000u
#define PORT_RESET        0xcf9u         /* full reset: 02h then 0eh */
#define PORT_KEYBOARD     0x64u          /* the keyboard controller's reset line: feh */
#define CONSOLE_CHUNK     64u            /* 6 ms at 115200 baud between preemption points */
#define SETTLE_US         100000u

/* The call's row bounds all three. Comes back only when the machine did not obey. */
status_t sys_power(uint64_t op, uint64_t typa, uint64_t typb)
{
    const struct bootinfo *bi = boot_info();
    if (op == POWER_OFF && bi->pm1a_cnt == 0)
        return ST_UNSUPP;
    upcall_panic();                       /* no DMA from here on */
    console_drain();
    if (op == POWER_OFF) {
        hw_out16(bi->pm1a_cnt, (uint16_t)(typa << PM1_SLP_TYP_SHIFT | PM1_SLP_EN));
        if (bi->pm1b_cnt != 0)
            hw_out16(bi->pm1b_cnt, (uint16_t)(typb << PM1_SLP_TYP_SHIFT | PM1_SLP_EN));
        wait_us(SETTLE_US);
        return ST_HW;
    }
    const struct { uint16_t port; uint8_t value; } way[] = {
        { bi->reset_port, bi->reset_value }, { PORT_RESET, 0x02 }, { PORT_RESET, 0x0e }, { PORT_KEYBOARD, 0xfe },
    };
    for (unsigned i = bi->reset_port == 0; i < ARRAY_LEN(way); i++) {
        hw_out8(way[i].port, way[i].value);
        wait_us(SETTLE_US);
    }
    return ST_HW;
}

/* system ptr len */
status_t sys_console(unsigned nr, uint64_t ptr, uint64_t size, uint64_t *value)
{
    char chunk[CONSOLE_CHUNK];
    uint64_t len = MIN(size, sizeof chunk);
    if (size == 0 || size > 1024)
        return ST_INVAL;
    if (nr == SYS_CONSOLE_READ) {
        *value = console_read(chunk, len);
        return *value == 0 ? ST_AGAIN : user_copy_out(ptr, chunk, *value);
    }
    for (uint64_t done = 0; done < size; done += len) {
        len = MIN(size - done, sizeof chunk);
        TRY(user_copy_in(chunk, ptr + done, len));
        console_write(chunk, len);
        upcall_preempt_point();
    }
    *value = size;
    return ST_OK;
}
