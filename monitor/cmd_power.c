/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that end it all: reboot poweroff. */
#include "monitor/shell.h"

#include "monitor/aml.h"
#include "monitor/console.h"
#include "monitor/slots.h"
#include "monitor/supervise.h"

#define TABLES      17u            /* the DSDT and up to 16 SSDTs */
#define TABLE_BYTES (8ull << 20)   /* looked at */

/* \_S5 of one mapped table; the mapping stays, the machine is going down. */
static status_t s5_of_table(uint32_t table, uint8_t *a, uint8_t *b)
{
    uint64_t va = MON_TABLE_VA + table * MON_GUEST_STEP;
    uint64_t sig = table == 0 ? 0x54445344u : 0x54445353u;     /* "DSDT", "SSDT" */
    uint32_t slot = slots_take();
    struct sys_ret ret, mapped;
    const uint8_t *at;
    uint32_t len;
    if (slot == SLOT_NONE)
        return ST_NOSPACE;
    ret = sys_call4(SYS_MEMORY_TABLE, SLOT_SYSTEM, slot, sig, table == 0 ? 0 : table - 1);
    if (ret.st != ST_OK) {
        slots_release(slot);
        return ret.st == ST_NOTFOUND ? ST_ABSENT : ret.st;
    }
    /* The first page tells the length; then all of it. */
    mapped = sys_call(SYS_TASK_MAP, SLOT_SYSTEM, SLOT_SELF, va, slot, 0, 2 * PAGE_SIZE | MAP_R);
    if (mapped.st != ST_OK)
        mapped = sys_call(SYS_TASK_MAP, SLOT_SYSTEM, SLOT_SELF, va, slot, 0, PAGE_SIZE | MAP_R);
    if (mapped.st != ST_OK || ret.value > PAGE_SIZE - 8)
        return mapped.st != ST_OK ? mapped.st : ST_UNSUPP;
    at = (const uint8_t *)(uintptr_t)(va + ret.value);
    len = (uint32_t)at[4] | (uint32_t)at[5] << 8 | (uint32_t)at[6] << 16 | (uint32_t)at[7] << 24;
    if (len > TABLE_BYTES)
        return ST_CORRUPT;
    va += MON_GUEST_STEP / 2;
    mapped = sys_call(SYS_TASK_MAP, SLOT_SYSTEM, SLOT_SELF, va, slot, 0, PAGE_UP(ret.value + len) | MAP_R);
    if (mapped.st != ST_OK)
        return mapped.st;
    return aml_s5((const uint8_t *)(uintptr_t)(va + ret.value), len, a, b);
}

/* Asked once: tables stay mapped and do not change. */
static status_t find_s5(uint8_t *a, uint8_t *b)
{
    static status_t st = ST_AGAIN;
    static uint8_t typ_a, typ_b;
    for (uint32_t t = 0; st == ST_AGAIN && t < TABLES; t++) {
        status_t one = s5_of_table(t, &typ_a, &typ_b);
        if (one == ST_OK)
            st = ST_OK;
        else if (one == ST_ABSENT)
            break;
    }
    if (st == ST_AGAIN)
        st = ST_NOTFOUND;
    *a = typ_a;
    *b = typ_b;
    return st;
}

void cmd_reboot(int argc, char **argv, bool records)
{
    struct sys_ret ret;
    (void)argc;
    (void)argv;
    (void)records;
    console_print("stopping all guests\n");
    supervise_stop_all();
    console_print("rebooting\n");
    ret = sys_call4(SYS_SYS_POWER, SLOT_SYSTEM, POWER_REBOOT, 0, 0);
    console_print("the machine did not reboot: %s\n", status_text(ret.st));
}

void cmd_poweroff(int argc, char **argv, bool records)
{
    uint8_t a = 0, b = 0;
    status_t st = find_s5(&a, &b);
    struct sys_ret ret;
    (void)argc;
    (void)argv;
    (void)records;
    if (st != ST_OK) {
        console_print("the firmware's tables name no way to switch off (%s): guests go on; stop them one by one,"
                      " then use the button\n", status_text(st));
        return;
    }
    console_print("stopping all guests\n");
    supervise_stop_all();
    console_print("switching off\n");
    ret = sys_call4(SYS_SYS_POWER, SLOT_SYSTEM, POWER_OFF, a, b);
    console_print("the machine did not switch off: %s\n", status_text(ret.st));
}
