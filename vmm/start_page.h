/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the monitor tells a new VMM, and the pages that both share. The VMM is
 * untrusted: the monitor bounds every index and length that it reads back.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "vmm/ring.h"

#define VMM_START_MAGIC  0x31304d4d56434f43ull

/* Where things are in a VMM's address space. */
#define VMM_IMAGE_VA     0x0000000000400000ull   /* linked here (linker/user.ld) */
#define VMM_START_VA     0x0000000010000000ull   /* struct vmm_start, read-only */
#define VMM_CHANNEL_VA   0x0000000010100000ull   /* struct vmm_channel, read-write */
#define VMM_VCPU_VA      0x0000000011000000ull   /* + 4096 * vcpu: struct vcpu_state */
#define VMM_STACK_TOP    0x0000000012000000ull   /* - 64 KiB per vCPU, an unmapped page between */
#define VMM_MODULE_VA    0x0000100000000000ull   /* + 1 TiB * module, read-only */
#define VMM_RAM_VA       0x0000200000000000ull   /* + guest-physical address, read-write */

/* Capability slots in a VMM's table. */
#define VMM_SLOT_VM        1u
#define VMM_SLOT_EVENT     2u     /* doorbell of vCPU 0: WAIT, timers; bits below */
#define VMM_SLOT_MONITOR   3u     /* the event that wakes the monitor: SIGNAL of the bit that means this guest */
#define VMM_SLOT_VCPU      8u     /* + index, VMM_MAX_VCPUS of them */
#define VMM_SLOT_DOORBELL 24u     /* + index: each vCPU's doorbell (index 0 == VMM_SLOT_EVENT's) */
#define VMM_SLOT_DEVICE   40u     /* + index */

#define VMM_MAX_VCPUS     16u
#define VMM_MAX_DEVICES   16u
#define VMM_MAX_MODULES    8u
#define VMM_MAX_IRQS     448u     /* of all devices together */
#define VMM_INTX_LINES     8u     /* interrupt lines of assigned functions */

/* Bits on doorbells. Bit 0: the monitor rang the channel (console input, request). */
#define VMM_EV_CHANNEL   (1ull << 0)
#define VMM_EV_TIMER     (1ull << 1)
#define VMM_EV_KICK      (1ull << 2)   /* another vCPU thread wants this one to look */
#define VMM_EV_INTX      8u            /* + line: the first bit of those that the kernel raises, on vCPU 0's */

/* Guest-physical map. RAM is [0, min(size, 3 GiB)) and, above, [4 GiB, ...). In a guest with dma = unprotected
 * it is [0, GUEST_RAM_BOOT) and [start.ram_at, ...) below 3 GiB, the latter at its host-physical address. */
#define GUEST_RAM_BOOT      0x1000000ull    /* power of 2; also the alignment of ram_at, which lies above it therefore */
#define GUEST_RAM_LOW_MAX   0xc0000000ull
#define GUEST_MMIO32_BASE   0xc0000000ull   /* 32-bit BARs */
#define GUEST_MMIO32_END    0xe0000000ull
#define GUEST_ECAM_BASE     0xe0000000ull   /* bus 0 only: 1 MiB */
#define GUEST_RAM_HIGH      0x100000000ull
#define GUEST_MMIO64_BASE   0x8000000000ull /* 64-bit BARs that do not fit below */
#define GUEST_MMIO64_END    0xc000000000ull

enum vmm_kernel_type { KERNEL_AUTO, KERNEL_LINUX, KERNEL_MULTIBOOT };

struct vmm_module {         /* image files, mapped at VMM_MODULE_VA + i TiB */
    uint64_t len;
    char name[104];          /* Multiboot module string: path and arguments */
};

struct vmm_device {
    uint8_t  devfn;          /* where the guest sees it on bus 0 */
    uint8_t  reserved_map;
    uint16_t first_irq;      /* those of the devices before it */
    uint16_t irqs;           /* MSI-X entries, or else MSI vectors, that may be used */
    uint8_t  msix;           /* 1 = irqs are MSI-X, 0 = MSI */
    uint8_t  pin;            /* INTx pin that the guest sees, 1-4, 0 = none */
    uint8_t  line;           /* which of VMM_INTX_LINES it is */
};

struct vmm_start {
    uint64_t magic;
    uint32_t size, vcpus;
    uint64_t ram;            /* bytes, multiple of 2 MiB, all of it */
    uint64_t ram_at;         /* 0, or where what is beyond GUEST_RAM_BOOT lies: dma = unprotected */
    uint64_t tsc_hz;         /* the host's */
    uint64_t guest_tsc_hz;   /* how fast the guest's counts: tsc_hz, or what the manifest says */
    uint64_t epoch;          /* wall clock at start, seconds since 1970, 0 unknown */
    uint64_t epoch_tsc;
    uint32_t devices, modules; /* module 0 = kernel, 1 = initrd if has_initrd, rest Multiboot modules */
    uint32_t has_initrd, kernel_type;
    uint32_t host_cpu[VMM_MAX_VCPUS];
    char name[32];
    char cmdline[1024];
    struct vmm_device device[VMM_MAX_DEVICES];
    struct vmm_module module[VMM_MAX_MODULES];
};

#define VMM_BELL         (~0ull)  /* on VMM_SLOT_MONITOR: all bits that it may raise */

/* ---- Channel: VMM_CHANNEL_PAGES pages. Rings are single producer, single
 * consumer; indices run freely, entry = index % size; acquire/release. ---- */
#define VMM_CHANNEL_PAGES  5u
#define VMM_OUT_SIZE    8192u    /* guest serial output, VMM -> monitor */
#define VMM_LOG_SIZE    4096u    /* VMM's own text lines, VMM -> monitor */
#define VMM_IN_SIZE     1024u    /* guest serial input, monitor -> VMM */

enum vmm_state { VMM_STARTING, VMM_RUNNING, VMM_OFF, VMM_RESET, VMM_FAILED };
enum vmm_request { VMM_REQ_NONE, VMM_REQ_POWER_BUTTON, VMM_REQ_DUMP };

struct vmm_channel {
    struct ring_words out_ring, log_ring;   /* VMM to monitor */
    uint32_t in_head, in_tail;     /* head: monitor writes; tail: VMM writes */
    uint32_t state;                /* enum vmm_state, VMM writes last */
    uint32_t request;              /* enum vmm_request, monitor writes */
    uint32_t code;                 /* FAILED: VMM_FAIL_* */
    uint32_t out_lost;             /* bytes dropped because the ring was full */
    char     reason[256];          /* FAILED, OFF, RESET: text, NUL inside */
    uint8_t  in[VMM_IN_SIZE];
    uint8_t  out[VMM_OUT_SIZE];
    uint8_t  log[VMM_LOG_SIZE];
};
_Static_assert(sizeof(struct vmm_channel) <= VMM_CHANNEL_PAGES * 4096, "channel fits");
_Static_assert(sizeof(struct vmm_start) <= 4096, "start page fits");

/* Why a VMM gave up: the monitor has the full text for each. */
#define VMM_FAIL_LIST(X) \
    X(NONE,          "no failure") \
    X(IMAGE,         "the kernel image cannot be booted") \
    X(MEMORY,        "the guest has too little memory for its images") \
    X(SHUTDOWN,      "the guest shut down by triple fault") \
    X(STATE,         "the CPU refused the guest's state") \
    X(INSN,          "the guest used an instruction on emulated memory that is not supported") \
    X(DEVICE,        "an assigned function could not be set up") \
    X(CALL,          "a system call failed that should not") \
    X(ASSERT,        "an assertion of the VMM failed") \
    X(UNHANDLED,     "the guest caused an exit that nobody handles") \
    X(NOWHERE,       "the guest's code, stack or page tables lie where it has no memory")

enum vmm_fail {
#define X(n, s) VMM_FAIL_##n,
    VMM_FAIL_LIST(X)
#undef X
    VMM_FAIL_COUNT
};

