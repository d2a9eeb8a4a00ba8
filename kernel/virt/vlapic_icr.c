/* SPDX-License-Identifier: BSD-2-Clause */
/* Who gets an interrupt message, from a local APIC or a device [SDM3 11.6, 11.11]. */
#include "kernel/virt/vcpu.h"

/* Message address and data [SDM3 11.11.1, 11.11.2] */
#define MSI_ADDR_FEE      0xfee00000u
#define MSI_ADDR_DEST     MASK64(19, 12)
#define MSI_ADDR_LOGICAL  BIT64(2)
#define DFR_FLAT          0xffffffffu

bool vlapic_matches(const struct vlapic *l, uint32_t dest, bool logical, bool wide)
{
    const uint32_t ldr = __atomic_load_n(&l->page->ldr.v, __ATOMIC_RELAXED), both = dest & ldr >> 24;
    if (dest == (wide ? 0xffffffffu : 0xffu) && (wide || !logical))
        return true;
    if (!logical)
        return dest == l->page->id.v;
    if (vlapic_is_x2(l))
        return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffffu) != 0;
    if (__atomic_load_n(&l->page->dfr.v, __ATOMIC_RELAXED) == DFR_FLAT)
        return both != 0;
    return (dest & 0xf0) == (ldr >> 24 & 0xf0) && (both & 0xf) != 0;
}

static void deliver(struct vcpu *v, uint64_t icr)
{
    const uint8_t vector = (uint8_t)(icr & ICR_VECTOR);
    const bool level = (icr & ICR_TRIGGER) && (icr & ICR_LEVEL);
    switch (FIELD_GET(ICR_MODE, icr)) {
    case ICR_FIXED:
    case ICR_LOWEST:
        if (!vlapic_post(&v->lapic, vector, level) || (!level && vcpu_posted(v)))
            return;
        break;
    case ICR_NMI: __atomic_store_n(&v->nmi_pending, 1, __ATOMIC_SEQ_CST); break;
    /* INIT makes an older SIPI void; a SIPI waits behind an INIT that was not seen yet. */
    case ICR_INIT: __atomic_store_n(&v->init_sipi, VCPU_INIT, __ATOMIC_SEQ_CST); break;
    case ICR_SIPI:
        __atomic_store_n(&v->init_sipi, (__atomic_load_n(&v->init_sipi, __ATOMIC_SEQ_CST) & VCPU_INIT) |
                         VCPU_SIPI | vector, __ATOMIC_SEQ_CST);
        break;
    default: return;      /* SMI, ExtINT, reserved: nothing listens */
    }
    vcpu_notify(v);
}

static uint32_t tpr_of(const struct vcpu *v) { return __atomic_load_n(&v->lapic.page->tpr.v, __ATOMIC_RELAXED); }

static bool is_target(const struct vcpu *v, const struct vcpu *from, uint64_t icr, bool wide)
{
    const uint64_t shorthand = FIELD_GET(ICR_SHORTHAND, icr);
    if (shorthand != ICR_TO_DEST)
        return shorthand == ICR_TO_ALL || (v == from) == (shorthand == ICR_TO_SELF);
    return vlapic_matches(&v->lapic, (uint32_t)(icr >> (wide ? 32 : 56)), (icr & ICR_LOGICAL) != 0, wide);
}

/* To all that match, or with lowest priority to one of them. wide: the destination has 32 bits. */
static void send(struct vm *vm, const struct vcpu *from, uint64_t icr, bool wide)
{
    struct vcpu *best = NULL;
    for (uint32_t i = 0; i < vm->vcpus; i++) {
        struct vcpu *v = vm->vcpu[i];
        if (!is_target(v, from, icr, wide))
            continue;
        if (FIELD_GET(ICR_MODE, icr) != ICR_LOWEST)
            deliver(v, icr);
        else if (!best || tpr_of(v) < tpr_of(best))
            best = v;
    }
    if (best)
        deliver(best, icr);
}

void vlapic_send(struct vcpu *from, uint64_t icr)
{
    const uint64_t mode = FIELD_GET(ICR_MODE, icr);
    from->stats.ipis++;
    if ((mode == ICR_FIXED || mode == ICR_LOWEST) && (icr & ICR_VECTOR) < 16)
        vlapic_error(&from->lapic, ESR_SEND_ILLEGAL);
    else if (mode != ICR_INIT || !(icr & ICR_TRIGGER) || (icr & ICR_LEVEL))     /* INIT level de-assert: nothing to do */
        send(from->vm, from, icr, vlapic_is_x2(&from->lapic));
}

/* A message of a device in the form of an xAPIC's ICR: the data's bits are the same. */
static uint64_t icr_of(uint64_t addr, uint32_t data)
{
    return (data & (ICR_VECTOR | ICR_MODE | ICR_TRIGGER)) | ICR_LEVEL | (addr & MSI_ADDR_LOGICAL ? ICR_LOGICAL : 0) |
           FIELD_GET(MSI_ADDR_DEST, addr) << 56;
}

void upcall_vm_msi(struct vm *vm, uint64_t addr, uint32_t data)
{
    const uint64_t mode = FIELD_GET(ICR_MODE, data);
    if ((addr & ~MASK64(19, 0)) == MSI_ADDR_FEE && mode != ICR_INIT && mode != ICR_SIPI)
        send(vm, NULL, icr_of(addr, data), false);
}

uint32_t upcall_vm_msi_cpu(struct vm *vm, uint64_t addr, uint32_t data)
{
    for (uint32_t i = 0; i < vm->vcpus; i++)
        if (is_target(vm->vcpu[i], NULL, icr_of(addr, data), false))
            return vm->vcpu[i]->cpu;
    return vm->vcpus ? vm->vcpu[0]->cpu : 0;
}
