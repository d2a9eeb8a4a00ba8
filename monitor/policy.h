/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judges a manifest against the machine: which guests may start, with which
 * functions in which slots, and for each that may not, why. Pure: facts in,
 * verdicts out. See docs/manifest.md for the rules.
 */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/abi/syscall.h"
#include "monitor/manifest.h"
#include "vmm/start_page.h"

#define FACTS_CPUS      64u
#define FACTS_DEVICES  256u
#define FACTS_MODULES   (BOOT_MAX_MODULES + 1u)   /* vmm.elf comes last */
#define FACTS_UNITS      8u

struct fact_module {
    struct boot_module info;
    const uint8_t *head;            /* first head_len bytes, NULL when not looked at */
    size_t head_len;
};

struct facts {
    struct info_platform platform;
    char cpu_name[48];
    struct info_memory memory;
    uint32_t cpus, devices, modules, units;
    struct info_cpu cpu[FACTS_CPUS];
    struct dev_info dev[FACTS_DEVICES];
    struct fact_module module[FACTS_MODULES];
    struct info_iommu unit[FACTS_UNITS];
};

#define POLICY_DIAGS    128u
#define POLICY_NONE     0xffffu
#define POLICY_IRQS_DEV DEV_IRQS_MAX         /* interrupts of one function at most */
/* What a guest costs beside its RAM: VMM image, stacks, tables. */
#define POLICY_OVERHEAD (4ull << 20)

struct plan_device {
    uint32_t dev;                   /* index in facts */
    uint32_t line;                  /* index of the pci line */
    uint8_t  devfn;                 /* guest's slot */
    bool     msix;
    uint16_t irqs, first_irq;       /* of MSI-X or MSI */
    uint32_t gsi;                   /* pin != 0: the host's line, with IRQ_GSI_LOW where it is active low */
    uint8_t  pin, line_no;          /* INTx in the guest: pin 1-4, 0 = none; below VMM_INTX_LINES, one for each gsi */
};

struct plan_vm {
    bool refused;
    enum code code;                 /* the first reason */
    enum manifest_type type;        /* never AUTO when not refused */
    uint32_t kernel, initrd;        /* module indexes, POLICY_NONE = none */
    uint32_t module[MANIFEST_MODULES];
    uint32_t devices;
    struct plan_device device[VMM_MAX_DEVICES];
};

struct policy {
    struct diag_list diags;
    struct diag diag[POLICY_DIAGS]; /* the parser's errors are not repeated here */
    struct plan_vm vm[MANIFEST_VMS];
};

void policy_check(struct policy *p, const struct manifest *m, const struct facts *f);

/* Index of the module for a path of the manifest, or POLICY_NONE: the same path, else a
 * name that ends in "/path", else the same last component. Arguments behind a blank in a
 * module's name do not count. */
uint32_t policy_find_module(const struct facts *f, const char *path);
/* What the manifest gives up for a function. */
struct policy_waivers { bool reset_none, reserved_map, irq_none, unprotected, irq_intx, has_gsi; uint32_t gsi; };
/* The nth reason, from 0, why no guest could own this function on this machine; CODE_NONE: there are no more. What it
 * is (a bridge, a part of the chipset) decides alone. why: the fact in words, of size DIAG_TEXT. */
enum code policy_device_verdict(const struct facts *f, const struct dev_info *d, struct policy_waivers waivers,
                                uint32_t nth, char *why);
/* What keeps the members of an isolation group together: ports without ACS, bridges, functions of one device. */
void policy_group_cause(const struct facts *f, uint32_t group, char *buf, size_t size);
/* Why no function at all can be assigned, CODE_NONE when the IOMMU is fine. */
enum code policy_iommu_verdict(const struct facts *f, char *why);

