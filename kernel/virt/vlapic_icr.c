/* SPDX-License-Identifier: BSD-2-Clause */
/* Who gets an interrupt message, from a local APIC or a device [SDM3 11.6, 11.11]. */
#include "kernel/arch/upcall.h"
#include "kernel/virt/vcpu.h"

/* Message address and data [SDM3 11.11.1, 11.11.2] */
#define MSI_ADDR_BASE     MASK64(31, 20)
#define MSI_ADDR_FEE      0xfee00000u
#define MSI_ADDR_DEST     MASK64(19, 12)
#define MSI_ADDR_LOGICAL  BIT64(2)
#define DFR_FLAT          0xffffffffu

bool vlapic_matches(const struct vlapic *l, uint32_t dest, bool logical, bool wide)
{
    uint32_t all = wide ? 0xffffffffu : 0xffu;
    if (dest == all && (wide || !logical))
        return true;
    if (!logical)
        return dest == l->id;
    uint32_t ldr = __atomic_load_n(&l->ldr, __ATOMIC_RELAXED);
    if (vlapic_is_x2(l))
        return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffffu) != 0;
    uint32_t mine = ldr >> 24;
    dest &= 0xff;
    if (__atomic_load_n(&l->dfr, __ATOMIC_RELAXED) == DFR_FLAT)
        return (mine & dest) != 0;
    return (mine & 0xf0) == (dest & 0xf0) && (mine & dest & 0xf) != 0;
}

static void post(struct vcpu *v, uint8_t vector, bool level)
{
    if (vlapic_post(&v->lapic, vector, level))
        vcpu_notify(v);
}

/* INIT makes an older SIPI void; a SIPI waits behind an INIT that was not seen yet. */
static void start_message(struct vcpu *v, unsigned mode, uint8_t vector)
{
    if (mode == ICR_INIT)
        __atomic_store_n(&v->init_sipi, VCPU_INIT, __ATOMIC_SEQ_CST);
    else
        __atomic_store_n(&v->init_sipi, (__atomic_load_n(&v->init_sipi, __ATOMIC_SEQ_CST) & VCPU_INIT) |
                         VCPU_SIPI | vector, __ATOMIC_SEQ_CST);
    vcpu_notify(v);
}

static void deliver(struct vcpu *v, unsigned mode, uint8_t vector, bool level)
{
    switch (mode) {
    case ICR_FIXED:
    case ICR_LOWEST:
        post(v, vector, level);
        break;
    case ICR_NMI:
        __atomic_store_n(&v->nmi_pending, 1, __ATOMIC_SEQ_CST);
        vcpu_notify(v);
        break;
    case ICR_INIT:
    case ICR_SIPI:
        start_message(v, mode, vector);
        break;
    default:              /* SMI, ExtINT, reserved: nothing listens */
        break;
    }
}

static bool better(const struct vlapic *a, const struct vlapic *b)
{
    return __atomic_load_n(&a->tpr, __ATOMIC_RELAXED) < __atomic_load_n(&b->tpr, __ATOMIC_RELAXED);
}

/* Sends to all that match, or with lowest priority to one of them. */
static void send_matching(struct vm *vm, unsigned mode, uint8_t vector, bool level, uint32_t dest, bool logical,
                          bool wide)
{
    struct vcpu *best = NULL;
    for (uint32_t i = 0; i < vm->vcpus; i++) {
        struct vcpu *v = vm->vcpu[i];
        if (!vlapic_matches(&v->lapic, dest, logical, wide))
            continue;
        if (mode != ICR_LOWEST)
            deliver(v, mode, vector, level);
        else if (!best || better(&v->lapic, &best->lapic))
            best = v;
    }
    if (best)
        deliver(best, mode, vector, level);
}

void vlapic_send(struct vcpu *from, uint64_t icr, uint32_t dest)
{
    struct vm *vm = from->vm;
    unsigned mode = (unsigned)FIELD_GET(ICR_MODE, icr);
    uint8_t vector = (uint8_t)(icr & ICR_VECTOR);
    bool level = (icr & ICR_TRIGGER) && (icr & ICR_LEVEL);
    from->stats.ipis++;
    if (mode == ICR_INIT && (icr & ICR_TRIGGER) && !(icr & ICR_LEVEL))
        return;                                      /* INIT level de-assert: nothing to do */
    if ((mode == ICR_FIXED || mode == ICR_LOWEST) && vector < 16) {
        vlapic_error(&from->lapic, ESR_SEND_ILLEGAL);
        return;
    }
    switch ((enum icr_shorthand)FIELD_GET(ICR_SHORTHAND, icr)) {
    case ICR_TO_DEST:
        send_matching(vm, mode, vector, level, dest, (icr & ICR_LOGICAL) != 0, vlapic_is_x2(&from->lapic));
        break;
    case ICR_TO_SELF:
        deliver(from, mode, vector, level);
        break;
    case ICR_TO_ALL:
    case ICR_TO_OTHERS:
        for (uint32_t i = 0; i < vm->vcpus; i++)
            if (vm->vcpu[i] != from || FIELD_GET(ICR_SHORTHAND, icr) == ICR_TO_ALL)
                deliver(vm->vcpu[i], mode, vector, level);
        break;
    }
}

void upcall_vm_msi(struct vm *vm, uint64_t addr, uint32_t data)
{
    unsigned mode = (unsigned)FIELD_GET(ICR_MODE, data);
    if ((addr & ~MASK64(19, 0)) != MSI_ADDR_FEE || mode == ICR_INIT || mode == ICR_SIPI)
        return;
    send_matching(vm, mode, (uint8_t)data, (data & ICR_TRIGGER) != 0, (uint32_t)FIELD_GET(MSI_ADDR_DEST, addr),
                  (addr & MSI_ADDR_LOGICAL) != 0, false);
}

uint32_t upcall_vm_msi_cpu(struct vm *vm, uint64_t addr, uint32_t data)
{
    uint32_t dest = (uint32_t)FIELD_GET(MSI_ADDR_DEST, addr);
    (void)data;
    for (uint32_t i = 0; i < vm->vcpus; i++)
        if (vlapic_matches(&vm->vcpu[i]->lapic, dest, (addr & MSI_ADDR_LOGICAL) != 0, false))
            return vm->vcpu[i]->cpu;
    return vm->vcpus ? vm->vcpu[0]->cpu : 0;
}
