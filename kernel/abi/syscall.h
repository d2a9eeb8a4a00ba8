/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System call numbers and register layout.
 *
 * SYSCALL with rax = number, rdi rsi rdx r10 r8 r9 = arguments. Back come
 * rax = status_t and rdx = value (0 unless the call defines one). rcx and r11
 * are lost, all else is kept. "cap" arguments are slot numbers of the calling
 * task. Unknown numbers, unknown flag bits and reserved arguments that are not
 * zero give ST_INVAL. See docs/abi.md.
 */
#pragma once

/* SYSCALLS(X): X(NAME, number, "arguments -> value") */
#define SYSCALLS(X) \
    /* any task */ \
    X(YIELD,            0, "") \
    X(TASK_EXIT,        1, "code: ends the whole calling task") \
    X(EVENT_WAIT,       2, "event mask deadline_tsc(0=poll, ~0=for ever) -> bits taken") \
    X(EVENT_SIGNAL,     3, "event bits") \
    X(TIMER_SET,        4, "event bits deadline_tsc(0=cancel); one timer per event") \
    X(CHANNEL_SIGNAL,   5, "channel: signals the other side's event") \
    /* VMM: needs a vcpu, vm, device or irq capability */ \
    X(VCPU_RUN,        16, "vcpu: blocks until an exit record is in the state page") \
    X(VCPU_STATE,      17, "vcpu op(0 get, 1 set) groups: copy VS_* groups hw<->page") \
    X(VCPU_LAPIC,      18, "vcpu op(0 read, 1 write) offset(0..0xff0) value -> value; xAPIC page semantics") \
    X(VCPU_LINE,       19, "vcpu line(0 extint, 1 nmi, 2 init) level") \
    X(VCPU_STATS,      20, "vcpu ptr(struct vcpu_stats)") \
    X(VM_MSI,          21, "vm addr data: delivers a message-signalled interrupt to its vCPUs") \
    X(VM_CPUID,        22, "vm ptr(struct vm_cpuid) count: once, before the first run") \
    X(VM_MAP_BAR,      23, "vm device bar offset gpa len: BAR pages of an assigned device") \
    X(VM_UNMAP_BAR,    24, "vm device gpa len") \
    X(DEV_INFO,        25, "device ptr(struct dev_info)") \
    X(DEV_CFG_READ,    26, "device offset size -> value, filtered by kernel policy") \
    X(DEV_CFG_WRITE,   27, "device offset size value, filtered by kernel policy") \
    X(DEV_RESET,       28, "device: the owner's function level reset") \
    X(IRQ_SET,         29, "irq addr data flags(IRQ_MASKED|IRQ_OFF): guest's message for this interrupt") \
    /* monitor: needs the system capability, always first */ \
    X(SYS_INFO,        64, "system what index ptr len -> records (info.h)") \
    X(SYS_POWER,       65, "system op slp_typa slp_typb") \
    X(CONSOLE_WRITE,   66, "system ptr len(<=1024) -> bytes taken") \
    X(CONSOLE_READ,    67, "system ptr len(<=1024) -> bytes") \
    X(MEMORY_CREATE,   68, "system slot size align(power of 2): contiguous zeroed RAM") \
    X(MEMORY_MODULE,   69, "system slot index: read-only view of a boot module") \
    X(MEMORY_TABLE,    70, "system slot sig(4 chars) index -> offset of the table in the object; read-only ACPI table") \
    X(TASK_CREATE,     71, "system slot event bits: event gets the bits when it ends") \
    X(TASK_MAP,        72, "system task va object(memory|vcpu|channel) offset len_prot; len | MAP_* bits") \
    X(TASK_GRANT,      73, "system task dst_slot src_slot rights badge") \
    X(TASK_INFO,       74, "system task ptr(struct task_info)") \
    X(TASK_KILL,       75, "system task: stops its threads; returns when none runs") \
    X(THREAD_CREATE,   76, "system slot task cpu_prio(cpu | prio << 16) entry_sp_ptr(struct thread_args)") \
    X(EVENT_CREATE,    77, "system slot") \
    X(CHANNEL_CREATE,  78, "system slot ptr(struct channel_args)") \
    X(VM_CREATE,       79, "system slot flags(VM_DMA)") \
    X(VM_MAP,          80, "system vm gpa memory offset len: RAM, nested and IOMMU tables") \
    X(VCPU_CREATE,     81, "system slot vm index_cpu(index | cpu << 16) doorbell_event") \
    X(DEV_OPEN,        82, "system slot bdf(segment << 16 | bdf)") \
    X(DEV_ASSIGN,      83, "system device vm flags(DEV_*)") \
    X(DEV_RELEASE,     84, "system device: DRAINING .. BLOCKED or QUARANTINED") \
    X(IRQ_CREATE,      85, "system slot device kind(IRQ_KIND_*) index") \
    X(CAP_DROP,        86, "system slot: empties it; the last capability destroys the object")

enum syscall_nr {
#define X(n, v, s) SYS_##n = (v),
    SYSCALLS(X)
#undef X
    SYS_NR_LIMIT = 96
};

/* TASK_MAP: low 12 bits of len_prot. W and X together are refused. */
#define MAP_R   0x1u
#define MAP_W   0x2u
#define MAP_X   0x4u

#define VM_DMA            0x1u   /* VM_CREATE: will own devices: needs IOMMU */
#define DEV_NO_RESET_OK   0x1u   /* DEV_ASSIGN: manifest says reset = none */
#define DEV_RESERVED_MAP  0x2u   /* DEV_ASSIGN: manifest says reserved = map */

#define IRQ_MASKED        0x1u   /* IRQ_SET: route known, delivery off */
#define IRQ_OFF           0x2u   /* IRQ_SET: no route */
#define IRQ_KIND_MSI      0u
#define IRQ_KIND_MSIX     1u

#define POWER_REBOOT      0u
#define POWER_OFF         1u

#define EVENT_FOREVER     (~0ull)

#include <stdint.h>

struct thread_args {        /* THREAD_CREATE */
    uint64_t entry, sp, arg; /* rip, rsp, rdi at start */
};

struct channel_args {       /* CHANNEL_CREATE */
    uint64_t pages;          /* 1..16, zeroed */
    uint64_t event_a, bits_a; /* signalled when side B signals (monitor's) */
    uint64_t event_b, bits_b; /* signalled when side A signals (VMM's) */
};
/* A channel capability made by CHANNEL_CREATE is side A. TASK_GRANT with
 * badge = 1 makes the copy side B. */

/* TASK_INFO */
enum task_state { TASK_RUNNING = 0, TASK_EXITED = 1, TASK_FAULTED = 2, TASK_KILLED = 3 };
struct task_info {
    uint32_t state;          /* enum task_state */
    uint32_t vector;         /* FAULTED: exception vector */
    uint64_t exit_code;      /* EXITED */
    uint64_t rip, rsp, error, cr2; /* FAULTED: registers of the thread */
    uint64_t gpr[16];        /* FAULTED, order of enum vcpu_gpr */
};

