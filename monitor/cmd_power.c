/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that end it all: reboot poweroff. */
#include "monitor/shell.h"

#include "monitor/console.h"
#include "monitor/firmware.h"
#include "monitor/slots.h"
#include "monitor/supervise.h"

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
    status_t st = firmware_s5(shell.f, &a, &b);
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
