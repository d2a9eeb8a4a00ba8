/* SPDX-License-Identifier: BSD-2-Clause */
/* Object types and the rights that a capability may carry. */
#pragma once

enum obj_type {
    OBJ_NONE = 0,
    OBJ_SYSTEM,     /* platform facts, creation, power; root task only */
    OBJ_TASK,
    OBJ_THREAD,
    OBJ_MEMORY,     /* a physical range with an owner */
    OBJ_VM,         /* guest-physical space: nested table + IOMMU domain */
    OBJ_VCPU,
    OBJ_EVENT,      /* 64 notification bits */
    OBJ_DEVICE,     /* a PCI function */
    OBJ_TYPE_COUNT
};

/* Rights; a slot holds the subset it was granted with. Meaning per type. */
#define RIGHT_READ    0x01u  /* memory: map readable; device: read config; vcpu: counters */
#define RIGHT_WRITE   0x02u  /* memory: map writable; device: write config */
#define RIGHT_EXEC    0x04u  /* memory: map executable (never with WRITE in one mapping) */
#define RIGHT_RX      0x05u
#define RIGHT_RWX     0x07u
#define RIGHT_WAIT    0x08u  /* event: wait on it, arm its timer */
#define RIGHT_SIGNAL  0x10u  /* event: signal it; the slot's badge says which bits */
#define RIGHT_RUN     0x20u  /* vcpu: run, state, lapic; vm: msi, cpuid */
#define RIGHT_MAP     0x40u  /* vm: map BARs of its own devices */
#define RIGHT_MANAGE  0x80u  /* destroy, assign, grant on; monitor only */
#define RIGHT_ALL     0xffu

/* Slots that the kernel fills for the root task. */
#define SLOT_SYSTEM      1u
#define SLOT_SELF        2u    /* its own task */
#define SLOT_ROOT_EVENT  3u    /* kernel -> monitor notifications, SYSEV_* bits */
#define CAP_SLOTS      512u    /* per task */

/* Bits that the kernel signals on the root event. */
#define SYSEV_CONSOLE_RX  (1ull << 0)  /* bytes wait in the console */
#define SYSEV_DEV_FAULT   (1ull << 1)  /* a new IOMMU fault record */
#define SYSEV_USER_FIRST  8            /* bits 8..63 are the monitor's own */

