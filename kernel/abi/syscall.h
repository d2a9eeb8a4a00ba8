/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System call numbers, register layout, and what each argument must be.
 *
 * SYSCALL with rax = number, rdi rsi rdx r10 r8 r9 = arguments. Back come
 * rax = status_t and rdx = value (0 unless the call defines one). rcx and r11
 * are lost, all else is kept. "cap" arguments are slot numbers of the calling
 * task. Unknown numbers and unknown flag bits give ST_INVAL. Registers that a
 * call does not name are not looked at. See docs/abi.md.
 */
#pragma once

#include <stdint.h>

/*
 * SYSCALLS(X): X(NAME, number, "arguments -> value", what each argument must be ...)
 * The kernel's decode (kernel/sys/sys_call.c) is built from the last columns:
 *   CAP(type, right)  a capability of that type with that right
 *   SYSTEM            the system capability, which only the monitor has
 *   SLOT              a slot that holds any capability
 *   NEW(type, rights) an empty slot: a capability of the new object goes there, with these rights. Such an object is a page,
 *                     zero but for its header; NONE: the handler makes it
 *   BITS(mask)        a value without other bits; U32 and PAGES (page-aligned) likewise
 *   ANY               any value; so are those behind the last column
 * First the calls of any task, then a VMM's, from SYS_INFO on the monitor's.
 */
#define SYSCALLS(X) \
    X(YIELD,            0, "", NONE) \
    X(TASK_EXIT,        1, "code: ends the whole calling task", NONE) \
    X(EVENT_WAIT,       2, "event mask deadline_tsc(0=poll, ~0=ever) -> bits taken", CAP(EVENT, WAIT)) \
    X(EVENT_SIGNAL,     3, "event bits: those among them that the badge has", CAP(EVENT, SIGNAL)) \
    X(TIMER_SET,        4, "event bits deadline_tsc(0=cancel); one timer per event", CAP(EVENT, WAIT)) \
    X(VCPU_RUN,        16, "vcpu: blocks until an exit record is in the state page", CAP(VCPU, RUN)) \
    X(VCPU_STATE,      17, "vcpu op(0 get, 1 set) groups(VS_*): hw<->page; from its CPU", \
      CAP(VCPU, RUN), BITS(1), BITS(VS_ALL)) \
    X(VCPU_LAPIC,      18, "vcpu op(0 read, 1 write) offset value -> value: as in the xAPIC page", \
      CAP(VCPU, RUN), BITS(1), BITS(0xff0)) \
    X(VCPU_LINE,       19, "vcpu line(0: virtual PIC) level", CAP(VCPU, RUN), BITS(0), BITS(1)) \
    X(VCPU_STATS,      20, "vcpu ptr(struct vcpu_stats)", CAP(VCPU, READ)) \
    X(VM_MSI,          21, "vm addr data: a message-signalled interrupt to its vCPUs", CAP(VM, RUN), ANY, U32) \
    X(VM_CPUID,        22, "vm ptr(struct vm_cpuid) count: once, before the first run", CAP(VM, RUN)) \
    X(VM_MAP_BAR,      23, "vm device bar offset gpa len", CAP(VM, MAP), CAP(DEVICE, WRITE), ANY, PAGES, PAGES, PAGES) \
    X(VM_UNMAP_BAR,    24, "vm device gpa len", CAP(VM, MAP), CAP(DEVICE, WRITE), PAGES, PAGES) \
    X(DEV_INFO,        25, "device ptr(struct dev_info)", CAP(DEVICE, READ)) \
    X(DEV_CFG_READ,    26, "device offset size -> value, by the kernel's policy", CAP(DEVICE, READ)) \
    X(DEV_CFG_WRITE,   27, "device offset size value, by the kernel's policy", CAP(DEVICE, WRITE), ANY, ANY, U32) \
    X(DEV_RESET,       28, "device: the owner's function level reset", CAP(DEVICE, WRITE)) \
    X(IRQ_SET,         29, "device index addr data flags: guest's message of one of its interrupts, or its line open", \
      CAP(DEVICE, WRITE), ANY, ANY, U32, BITS(IRQ_MASKED | IRQ_OFF | IRQ_LINE)) \
    X(DEV_BAR_READ,    30, "device bar offset size(1, 2, 4, 8) -> value: ports, and memory that cannot be mapped", \
      CAP(DEVICE, READ)) \
    X(DEV_BAR_WRITE,   31, "device bar offset size value", CAP(DEVICE, WRITE)) \
    X(SYS_INFO,        64, "system what index ptr len -> records (info.h)", SYSTEM) \
    X(SYS_POWER,       65, "system op slp_typa slp_typb", SYSTEM, BITS(1), BITS(7), BITS(7)) \
    X(CONSOLE_WRITE,   66, "system ptr len(<=1024) -> bytes taken", SYSTEM) \
    X(CONSOLE_READ,    67, "system ptr len(<=1024) -> bytes", SYSTEM) \
    X(MEMORY_CREATE,   68, "system slot size align(power of 2) -> host-physical address: zeroed RAM, contiguous", \
      SYSTEM, NEW(MEMORY, ALL)) \
    X(MEMORY_MODULE,   69, "system slot index: read-only view of a boot module", SYSTEM, NEW(MEMORY, RX)) \
    X(TASK_CREATE,     71, "system slot event bits: raised when it ends", SYSTEM, NEW(TASK, ALL), CAP(EVENT, MANAGE)) \
    X(TASK_MAP,        72, "system task va memory|vcpu offset len|MAP_*", \
      SYSTEM, CAP(TASK, MANAGE), PAGES, SLOT, PAGES) \
    X(TASK_GRANT,      73, "system task dst_slot src_slot rights badge", SYSTEM, CAP(TASK, MANAGE), ANY, SLOT) \
    X(TASK_INFO,       74, "system task ptr(struct task_info)", SYSTEM, CAP(TASK, MANAGE)) \
    X(TASK_KILL,       75, "system task: stops its threads; returns when none runs", SYSTEM, CAP(TASK, MANAGE)) \
    X(THREAD_CREATE,   76, "system slot task cpu|prio<<16 ptr(struct thread_args)", \
      SYSTEM, NEW(NONE, ALL), CAP(TASK, MANAGE), U32) \
    X(EVENT_CREATE,    77, "system slot", SYSTEM, NEW(EVENT, ALL)) \
    X(VM_CREATE,       79, "system slot flags(VM_DMA) tsc_khz(0: the host's TSC) -> VM id", \
      SYSTEM, NEW(VM, ALL), BITS(VM_DMA), U32) \
    X(VM_MAP,          80, "system vm gpa memory offset len: RAM", \
      SYSTEM, CAP(VM, MANAGE), PAGES, CAP(MEMORY, RWX), PAGES, PAGES) \
    X(VCPU_CREATE,     81, "system slot vm index|cpu<<16 doorbell", \
      SYSTEM, NEW(NONE, ALL), CAP(VM, MANAGE), U32, CAP(EVENT, MANAGE)) \
    X(DEV_OPEN,        82, "system slot bdf(segment << 16 | bdf)", SYSTEM, NEW(NONE, ALL), U32) \
    X(DEV_ASSIGN,      83, "system device vm flags", \
      SYSTEM, CAP(DEVICE, MANAGE), CAP(VM, MANAGE), BITS(DEV_NO_RESET_OK | DEV_RESERVED_MAP | DEV_UNPROTECTED)) \
    X(DEV_RELEASE,     84, "system device: to BLOCKED or QUARANTINED", SYSTEM, CAP(DEVICE, MANAGE)) \
    X(DEV_IRQS,        85, "system device kind(IRQ_KIND_*) count|bit gsi(|IRQ_GSI_LOW): interrupts, until it is released", \
      SYSTEM, CAP(DEVICE, MANAGE), BITS(3), BITS(127), U32) \
    X(CAP_DROP,        86, "system slot: empties it; the last capability destroys the object", SYSTEM, SLOT) \
    X(VM_PAGE,         87, "system vm gpa -> size of the nested page there | VM_PAGE_*, 0 = none", \
      SYSTEM, CAP(VM, MANAGE), PAGES)

enum syscall_nr {
#define X(n, v, ...) SYS_##n = (v),
    SYSCALLS(X)
#undef X
    SYS_NR_LIMIT = 96
};

/* TASK_MAP: low 12 bits of len_prot. W and X together are refused. */
#define MAP_R   0x1u
#define MAP_W   0x2u
#define MAP_X   0x4u

#define VM_DMA            0x1u   /* VM_CREATE: will own devices: needs IOMMU */
#define VM_PAGE_ACCESSED  0x1u   /* VM_PAGE: by a vCPU since it was mapped; never on a CPU that keeps no such flags */
#define VM_PAGE_WRITTEN   0x2u   /* written, or holding page tables of the guest (VT-x) */
#define DEV_NO_RESET_OK   0x1u   /* DEV_ASSIGN: manifest says reset = none */
#define DEV_RESERVED_MAP  0x2u   /* DEV_ASSIGN: manifest says reserved = map */
#define DEV_UNPROTECTED   0x4u   /* DEV_ASSIGN: manifest says dma = unprotected; the VM has no VM_DMA */

#define IRQ_MASKED        0x1u   /* IRQ_SET: route known, delivery off */
#define IRQ_OFF           0x2u   /* IRQ_SET: no route */
/* IRQ_SET: the function's INTx may arrive, once: the line is masked again and the bit of DEV_IRQS raised on the doorbell
 * of vCPU 0. Alone among the flags; no other argument counts. */
#define IRQ_LINE          0x4u
#define IRQ_KIND_MSI      0u
#define IRQ_KIND_MSIX     1u
#define IRQ_KIND_INTX     2u     /* beside the others; DEV_IRQS takes the doorbell's bit in place of a count */
#define IRQ_GSI_LOW       0x80000000u   /* DEV_IRQS: active low, as PCI's lines are before a chipset turns them */
#define DEV_IRQS_MAX     64u

#define POWER_REBOOT      0u
#define POWER_OFF         1u

#define EVENT_FOREVER     (~0ull)

struct thread_args {        /* THREAD_CREATE */
    uint64_t entry, sp, arg; /* rip, rsp, rdi at start */
};

/* TASK_INFO */
enum task_state { TASK_RUNNING = 0, TASK_EXITED = 1, TASK_FAULTED = 2, TASK_KILLED = 3 };
/* Registers at an exception or interrupt, as the kernel's entry.S pushes them. */
struct trap_frame {
    uint64_t gpr[15];        /* r15 r14 r13 r12 r11 r10 r9 r8 rdi rsi rbp rbx rdx rcx rax */
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};
struct task_info {
    uint32_t state, rsvd;    /* enum task_state */
    uint64_t exit_code;      /* EXITED */
    uint64_t cr2;            /* FAULTED, as frame: of the thread */
    struct trap_frame frame;
};

