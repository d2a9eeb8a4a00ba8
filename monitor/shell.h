/* SPDX-License-Identifier: BSD-2-Clause */
/* The command table, its lines and completion. */
#pragma once

#include "monitor/lineedit.h"
#include "monitor/policy.h"

#define SHELL_ARGS 8u

enum complete { COMPLETE_NONE, COMPLETE_VM, COMPLETE_DEVICE, COMPLETE_COMMAND, COMPLETE_CODE };

struct command {
    const char *name, *args, *help;
    void (*run)(int argc, char **argv, bool records);   /* records: -p was given, and taken out */
    bool touches;                                        /* changes something: not with lock = yes */
    enum complete complete;
};

/* What commands may look at; set once by main. */
struct shell_state {
    const struct manifest *m;
    struct facts *f;
    const struct policy *p;
    bool survey;                   /* no manifest */
};
extern struct shell_state shell;

void shell_run(const char *line);
void shell_complete(struct lineedit *le);
/* The table; the last entry has no name. */
extern const struct command shell_commands[];

/* "1024M" or "2G" into buf; returns buf. */
const char *shell_size(uint64_t bytes, char *buf, size_t size);
/* The function that a person named, or NULL after a message. */
const struct dev_info *shell_device(const char *name);

/* Commands by topic. */
void cmd_help(int argc, char **argv, bool records);
void cmd_explain(int argc, char **argv, bool records);
void cmd_vms(int argc, char **argv, bool records);
void cmd_console(int argc, char **argv, bool records);
void cmd_log(int argc, char **argv, bool records);
void cmd_start(int argc, char **argv, bool records);
void cmd_stop(int argc, char **argv, bool records);
void cmd_restart(int argc, char **argv, bool records);
void cmd_stats(int argc, char **argv, bool records);
void cmd_devices(int argc, char **argv, bool records);
void cmd_device(int argc, char **argv, bool records);
void cmd_iommu(int argc, char **argv, bool records);
void cmd_faults(int argc, char **argv, bool records);
void cmd_status(int argc, char **argv, bool records);
void cmd_cpus(int argc, char **argv, bool records);
void cmd_memory(int argc, char **argv, bool records);
void cmd_manifest(int argc, char **argv, bool records);
void cmd_survey(int argc, char **argv, bool records);
void cmd_reboot(int argc, char **argv, bool records);
void cmd_poweroff(int argc, char **argv, bool records);

/* Called by main when the kernel reports new faults. */
void faults_notice(void);
/* Parts of the boot summary. */
void status_machine(void);
void vms_table(void);

