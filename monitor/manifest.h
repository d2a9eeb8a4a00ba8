/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The manifest, cordon.conf: text to a struct of fixed size. Pure, no
 * allocation: shared by the monitor, the UEFI loader, the host checker and the
 * fuzzer. See docs/manifest.md. The struct points into the text, which must
 * stay in place; spans are bounded by the text's length.
 */
#pragma once

#include "monitor/diag.h"
#include "monitor/name.h"

#define MANIFEST_MAX_BYTES  65536u
#define MANIFEST_VMS        32u
#define MANIFEST_CPUS       16u      /* vCPUs a guest */
#define MANIFEST_MODULES     8u      /* kernel, initrd and modules together */
#define MANIFEST_PCI        16u      /* pci lines a guest */
#define MANIFEST_ERRORS     64u
#define MANIFEST_NAME       32u
#define MANIFEST_CMDLINE  1024u
#define MANIFEST_PATH      104u      /* with the NUL */
#define MANIFEST_MEM_MIN   (2ull << 20)
#define MANIFEST_MEM_MAX   (256ull << 30)

enum manifest_type { TYPE_AUTO, TYPE_LINUX, TYPE_MULTIBOOT };
enum manifest_restart { RESTART_NEVER, RESTART_ON_CRASH, RESTART_ALWAYS };

struct manifest_pci {
    struct span at;                  /* the whole value */
    struct span name_at, guard_at, slot_at, reset_at, reserved_at, irq_at, gsi_at;
    struct fn_name name;
    uint16_t guard_vendor, guard_device;
    uint8_t  slot;
    bool     has_guard, has_slot, has_gsi, all_functions, reset_none, reserved_map;
    bool     irq_none, irq_intx;     /* at most one of them */
    uint32_t gsi;
};

struct manifest_module {             /* "path args" */
    struct span at, path;
};

struct manifest_vm {
    char name[MANIFEST_NAME];
    struct span at;                  /* the name in the section line */
    struct span cpus_at, memory_at, kernel_at, initrd_at, cmdline_at, restart_at, type_at, autostart_at;
    struct span dma_at, tsc_at;
    uint16_t cpu[MANIFEST_CPUS];
    uint32_t cpus;
    uint64_t memory;
    uint32_t tsc_khz;                /* 0 = the host's */
    enum manifest_type type;
    enum manifest_restart restart;
    bool autostart;
    bool unprotected;                /* dma = unprotected, also when the guest is refused */
    bool refused;                    /* an error in its section */
    uint32_t modules, pcis;
    struct manifest_module module[MANIFEST_MODULES];
    struct manifest_pci pci[MANIFEST_PCI];
};

struct manifest {
    const char *text;
    size_t len;
    struct span cordon_at, version_at, console_at, lock_at;
    bool lock;                       /* only commands that look */
    bool all_refused;                /* an error that concerns every guest */
    uint32_t vms;
    struct manifest_vm vm[MANIFEST_VMS];
    struct diag_list errors;
    struct diag error[MANIFEST_ERRORS];
};

#define MANIFEST_TSC_MIN  1000u      /* kHz */
#define MANIFEST_TSC_MAX  16000000u

/* Never fails: what is wrong is in m->errors, and guests with an error are refused. */
void manifest_parse(struct manifest *m, const char *text, size_t len);

/* Copies a span's text with a NUL; returns its length (cut when it does not fit). size > 0. */
size_t manifest_text(const struct manifest *m, const struct span *s, char *buf, size_t size);
bool manifest_span_is(const struct manifest *m, const struct span *s, const char *word);

/* ---- Which files the manifest needs ---- */
enum manifest_file_kind { FILE_KERNEL, FILE_INITRD, FILE_MODULE };
struct manifest_file {
    enum manifest_file_kind kind;
    uint32_t vm;
    struct span at;
    char path[MANIFEST_PATH];
};
/* Each distinct path of guests that are not refused, once. *cursor starts at 0.
 * False: no more. */
MUST_USE bool manifest_files(const struct manifest *m, uint32_t *cursor, struct manifest_file *out);

/* The words of an enum for printing. */
const char *manifest_type_word(enum manifest_type type);
const char *manifest_restart_word(enum manifest_restart restart);

