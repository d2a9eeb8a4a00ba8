/* SPDX-License-Identifier: BSD-2-Clause */
/* VMX instructions [SDM3 31]. Host tests put a fake with the same names before this file on the include path. */
#pragma once

#include "kernel/virt/vmx/vmx_fields.h"

/* A failed access to the current VMCS is a bug of the kernel: names the field. */
NORETURN void vmcs_failed(uint32_t field);

static inline uint64_t vmcs_read(uint32_t field)
{
    uint64_t v;
    __asm__ goto ("vmread %1, %0\n\tjbe %l[failed]" : "=r"(v) : "r"((uint64_t)field) : "cc" : failed);
    return v;
failed:
    vmcs_failed(field);
}

static inline void vmcs_write(uint32_t field, uint64_t v)
{
    __asm__ goto ("vmwrite %0, %1\n\tjbe %l[failed]" : : "r"(v), "r"((uint64_t)field) : "cc", "memory" : failed);
    return;
failed:
    vmcs_failed(field);
}

/* On an aligned page that starts with the revision; false: VMfail. */
#define VMX_ON_PAGE(name, insn) \
    static inline MUST_USE bool name(uint64_t pa) \
    { \
        bool ok; \
        __asm__ volatile (insn " %1" : "=@cca"(ok) : "m"(pa) : "memory"); \
        return ok; \
    }
VMX_ON_PAGE(vmx_on, "vmxon")
VMX_ON_PAGE(vmcs_clear, "vmclear")
VMX_ON_PAGE(vmcs_load, "vmptrld")

#define INV_SINGLE  1u
#define INV_ALL     2u
static inline MUST_USE bool vmx_invept(uint64_t type, uint64_t eptp)
{
    const uint64_t desc[2] = { eptp, 0 };
    bool ok;
    __asm__ volatile ("invept %1, %2" : "=@cca"(ok) : "m"(desc), "r"(type) : "memory");
    return ok;
}

static inline MUST_USE bool vmx_invvpid(uint64_t type, uint16_t vpid)
{
    const uint64_t desc[2] = { vpid, 0 };
    bool ok;
    __asm__ volatile ("invvpid %1, %2" : "=@cca"(ok) : "m"(desc), "r"(type) : "memory");
    return ok;
}

/* A VM exit widens the GDT's limit to 64 KiB [SDM3 28.5.2]: ring 3 could use whatever lies behind the table as
 * descriptors, call gates too. */
struct table_ptr;
static inline void hw_gdt_narrow(const struct table_ptr *gdtr)
{ __asm__ volatile ("lgdt (%0)" : : "r"(gdtr) : "memory"); }

/* Takes the interrupts that are pending. */
static inline void hw_take_irqs(void) { __asm__ volatile ("sti\n\tnop\n\tcli" : : : "memory"); }
/* The host's handler for an NMI that exited; its IRET opens NMIs again. */
static inline void hw_take_nmi(void) { __asm__ volatile ("int $2" : : : "memory"); }
