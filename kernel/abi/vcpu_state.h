/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page that the kernel and a VMM share for one vCPU: guest registers, the
 * exit record, and what the VMM wants done at the next VCPU_RUN.
 *
 * The general registers live here all the time (the exit path stores to this
 * page). Other groups are copied only when asked for: at each exit the kernel
 * fills the groups that the exit reason needs and names them in `valid`; the
 * VMM names in `dirty` the groups that it changed. The kernel trusts nothing
 * in here: every value that reaches the VMCB is masked or checked first.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum vcpu_gpr {     /* hardware encoding order */
    GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
    GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
    GPR_COUNT
};

/* Hardware encoding order, then as AMD's VMCB has them. */
enum vcpu_seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_GDTR, SEG_LDTR, SEG_IDTR, SEG_TR, SEG_COUNT };

struct vcpu_segment {   /* the VMCB's form [APM2 B] */
    uint16_t sel;
    uint16_t attr;   /* bits 0-7 = descriptor bits 40-47, 8-11 = 52-55 (AVL L D/B G) */
    uint32_t limit;  /* byte granular */
    uint64_t base;
};

struct vcpu_msrs {
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip;
};

/* Groups for `valid`, `dirty` and SYS_VCPU_STATE. GPRs except RSP are always there. */
#define VS_RIP     0x001u  /* rip, rflags, rsp, int_shadow */
#define VS_CR      0x002u  /* cr0 cr2 cr3 cr4 efer, pdpte; CR8 is the local APIC's TPR: VCPU_LAPIC */
#define VS_SEG     0x004u  /* all of seg[] */
#define VS_DR      0x008u  /* dr0-3 dr6 dr7 */
#define VS_MSR     0x010u  /* msr, pat, xcr0 */
#define VS_EVENT   0x020u  /* set only: pending_event, one to inject at the next run */
#define VS_ALL     0x03fu

/* pending_event: EVENT_VALID | type << 8 | vector | error << 32; both vendors' form of it [APM2 15.20] */
#define EVENT_VECTOR     0x000000ffull
#define EVENT_TYPE       0x00000700ull
#define EVENT_VALID      0x80000000ull
#define EVENT_HAS_ERROR  0x00000800ull
#define EVENT_BITS       0xffffffff80000fffull   /* all of them */
#define EVENT_TYPE_EXTINT    0u  /* from the virtual PIC: answer to EXIT_EXTINT */
#define EVENT_TYPE_EXCEPTION 3u  /* the page takes these two */
#define EVENT_TYPE_NMI       2u
#define EVENT(type, vec)     (EVENT_VALID | (uint64_t)(type) << 8 | (uint64_t)(vec))
#define EVENT_ERR(vec, err)  (EVENT_VALID | EVENT_HAS_ERROR | 3ull << 8 | (uint64_t)(vec) | (uint64_t)(err) << 32)

/*      name        number  groups filled at the exit, what it means */
#define VCPU_EXITS(X) \
    X(NONE,       0, 0,                    "never ran") \
    X(EVENT,      1, 0,                    "the doorbell event has bits; take them with EVENT_WAIT poll") \
    X(IO,         2, 0,                    "IN or OUT of 1, 2 or 4 bytes; rip already past it") \
    X(IO_STRING,  3, VS_RIP|VS_CR|VS_SEG,  "INS or OUTS, rip at it") \
    X(MMIO,       4, VS_RIP|VS_CR|VS_SEG,  "access to an unmapped or read-only guest-physical page, rip at it") \
    X(RDMSR,      5, VS_RIP|VS_CR|VS_SEG,  "an MSR that the kernel does not own; rip past it when insn_len is set") \
    X(WRMSR,      6, VS_RIP|VS_CR|VS_SEG,  "same, write") \
    X(INSN,       7, VS_RIP|VS_CR|VS_SEG,  "instruction to be decoded: see exit.insn; rip at it") \
    X(EXTINT,     8, 0,                    "the vCPU can take the virtual PIC's interrupt now") \
    X(EOI,        9, 0,                    "EOI of a level-triggered vector: exit.vector") \
    X(HYPERCALL, 10, 0,                    "VMCALL/VMMCALL, rip past it") \
    X(SHUTDOWN,  11, VS_ALL,               "triple fault") \
    X(INVALID,   12, 0,                    "the guest state that the page still shows was refused by kernel or CPU") \
    X(INIT,      13, 0,                    "this vCPU got INIT: it waits for SIPI in the next run") \
    X(UNHANDLED, 14, VS_ALL,               "an exit that neither side knows: exit.code is the hardware's")

enum vcpu_exit_reason {
#define X(n, v, g, s) EXIT_##n = (v),
    VCPU_EXITS(X)
#undef X
    EXIT_REASON_COUNT
};

/* exit.insn for EXIT_INSN: an access to a control register, to be done by the VMM, or no next-RIP from the CPU: supply
 * insn_len, VCPU_RUN completes the exit. */
enum vcpu_insn { INSN_CR, INSN_LENGTH };

/* Frequency at which the virtual local APIC timer counts before its divider: what the
 * VMM's CPUID leaf 4000_0010h says (EBX, in kHz). */
#define VLAPIC_HZ  1000000000u

struct vcpu_exit {
    uint32_t reason;      /* 000 enum vcpu_exit_reason */
    uint32_t code;        /* 004 hardware exit code (SVM EXITCODE, VMX reason) */
    uint16_t port;        /* 008 IO */
    uint8_t  size;        /* 00a IO: 1, 2, 4 */
    uint8_t  in;          /* 00b IO: 1 = IN; result goes to gpr[RAX] (low size bytes; 4 zero-extends) */
    uint8_t  vector;      /* 00c EOI */
    uint8_t  insn;        /* 00d INSN: enum vcpu_insn */
    uint8_t  rsvd_00e;
    uint8_t  insn_len;    /* 00f 0 = not known; the VMM sets it for INSN_LENGTH */
    uint32_t msr;         /* 010 RDMSR, WRMSR: value in/out by gpr RAX, RDX */
    uint32_t access;      /* 014 MMIO: ACCESS_* */
    uint64_t gpa;         /* 018 MMIO */
    uint64_t info1;       /* 020 hardware qualification */
    uint64_t info2;       /* 028 */
    uint8_t  bytes_len;   /* 030 instruction bytes that the CPU supplied, 0 if none */
    uint8_t  bytes[15];   /* 031 */
};
#define ACCESS_FETCH    0x1u
#define ACCESS_PT_WALK  0x2u   /* the guest's own page-table walk */

struct vcpu_state {
    uint64_t gpr[GPR_COUNT];                         /* 000 */
    uint64_t rip, rflags;                            /* 080 */
    uint64_t cr0, cr2, cr3, cr4, efer;               /* 090 */
    uint64_t dr[4], dr6, dr7;                        /* 0b8 */
    struct vcpu_msrs msr;                            /* 0e8 */
    uint64_t pat, xcr0;                              /* 128 */
    uint64_t pending_event;                          /* 138 */
    uint64_t int_shadow;                             /* 140 1 = STI or MOV SS shadow */
    uint32_t valid, dirty;                           /* 148 VS_* groups */
    struct vcpu_segment seg[SEG_COUNT];              /* 150 */
    struct vcpu_exit exit;                           /* 1f0 */
    uint64_t pdpte[4];                               /* 230 under PAE paging without IA-32e mode: as CR3 points at */
};

#define VCPU_AT(m, off) _Static_assert(offsetof(struct vcpu_state, m) == (off), #m " at " #off)
VCPU_AT(seg, 0x150);
VCPU_AT(exit, 0x1f0);
VCPU_AT(pdpte, 0x230);
_Static_assert(sizeof(struct vcpu_state) == 0x250, "struct vcpu_state");

/* SYS_VM_CPUID: one row per leaf and subleaf. The kernel itself fills in what
 * changes at run time: leaf 1 APIC id and OSXSAVE, leaf Bh/1Fh x2APIC id, leaf
 * Dh EBX. A leaf that is not in the table reads as zero. Sorted by leaf, subleaf. */
struct vm_cpuid {
    uint32_t leaf, subleaf;
    uint32_t eax, ebx, ecx, edx;
    uint32_t flags;           /* CPUID_SUBLEAF: match subleaf too */
    uint32_t rsvd;
};
#define CPUID_SUBLEAF   0x1u
#define VM_CPUID_MAX    64u

