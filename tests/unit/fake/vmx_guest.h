/* SPDX-License-Identifier: BSD-2-Clause */
/* One VT-x vCPU whose CPU is the test: VMCSs are tables, an exit is what the hook of vmx_enter writes into the current one. */
#pragma once

#include <setjmp.h>

#include "kernel/virt/virt.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/unit.h"

struct fake_vmx {
    uint64_t current;            /* physical address of the current VMCS, 0 = none */
    bool on;                     /* after VMXON */
    bool refuse_on;
    bool catch;                  /* the next panic */
    bool wide_gdt;               /* an exit gave the GDT 64 KiB, and nobody took them back */
    unsigned vector;             /* of the interrupt that an exit acknowledged */
    unsigned notices;            /* notifications of posted interrupts */
    unsigned loads, clears, irqs, nmis, enters, reads, writes;
    unsigned invepts, invvpids;
    uint64_t invept_type, invvpid_type, eptp;
    uint16_t vpid;
    uint32_t (*enter)(struct vmx_vcpu *vmx);     /* what the CPU does; NULL: exits for an external interrupt */
};
extern struct fake_vmx fake_vmx;
extern struct vcpu cpu;
extern struct vm vm;
extern struct thread thread;
extern struct task task;
#define vs         (cpu.state)      /* what the VMM sees */
#define apic       (*cpu.lapic.page)
#define attention  (thread.attention)
#define GP         (EVENT(EVENT_TYPE_EXCEPTION, EXC_GP) | EVENT_HAS_ERROR)

/* Where a panic goes once fake_vmx.catch is set, and its text. */
extern jmp_buf fake_vmx_panic;
extern char fake_vmx_said[96];

#define FAKE_VMX_JUNK  UINT64_C(0xdeadbeefdeaddead)   /* in each field of a VMCS that nobody wrote yet, as wide as it is */

/* Capability MSRs of a Skylake; the test may change them before vmx_start. */
struct fake_caps { uint64_t feature_control, basic, ctl[VMX_WORDS], misc, ept_vpid; };
extern struct fake_caps caps;
void caps_skylake(void);
void caps_without_apicv(void);       /* the same, to whom the local APIC is software */
/* Forgets everything; a CPU with these capabilities, its VMX not on. */
void vmx_world(void);
/* That, VMX on, and a vCPU after power-on whose home thread is the current one. */
void vmx_start(void);
/* That in flat 64-bit mode at rip, interrupts on, x2APIC on. */
void vmx_long_mode(uint64_t rip);
/* The CPU's side: fields that only it may write. */
void exit_field(uint32_t field, uint64_t value);
/* An exit with this reason and qualification, 2 bytes long, through vmx_fast and, if that did not do it, vmx_exit. */
enum virt_next vmx_exits(uint32_t reason, uint64_t qualification);
/* What the next entry injects, as the CPU would take it: vmx_inject, then reads and clears the field. */
uint64_t vmx_injected(void);
