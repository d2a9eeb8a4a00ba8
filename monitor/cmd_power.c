/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that end it all: reboot poweroff. */
#include "monitor/shell.h"

#include "kernel/abi/bootinfo.h"
#include "monitor/aml.h"
#include "monitor/console.h"
#include "monitor/facts.h"
#include "monitor/slots.h"
#include "monitor/supervise.h"

/* \_S5 in the firmware's tables as the loader kept them: one behind the other, each at a multiple of 16. */
static status_t s5_in(const uint8_t *tables, uint64_t size, uint8_t *a, uint8_t *b)
{
    status_t st = ST_NOTFOUND;
    for (uint64_t at = 0, len; st != ST_OK && at + 8 <= size; at += (len + 15) & ~15ull) {
        const uint8_t *t = tables + at;
        len = (uint64_t)t[4] | (uint64_t)t[5] << 8 | (uint64_t)t[6] << 16 | (uint64_t)t[7] << 24;
        if (len < 8 || len > size - at)
            return ST_CORRUPT;
        if (memcmp(t + 1, "SDT", 3) == 0)          /* DSDT, SSDT: the others hold no AML */
            st = aml_s5(t, len, a, b);
    }
    return st;
}

/* Asked once: a file is mapped once. */
static status_t find_s5(uint8_t *a, uint8_t *b)
{
    static status_t st = ST_AGAIN;
    static uint8_t typ_a, typ_b;
    uint32_t i = facts_find_basename(shell.f, BOOT_ACPI_MODULE);
    if (st == ST_AGAIN) {
        uint64_t size = i != POLICY_NONE ? shell.f->module[i].info.len : 0;
        const uint8_t *tables = size != 0 ? facts_map_module(shell.f, i, size) : NULL;
        st = tables ? s5_in(tables, size, &typ_a, &typ_b) : ST_NOTFOUND;
    }
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
