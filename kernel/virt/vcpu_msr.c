/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs that the kernel owns on both back ends: TSC and local APIC. */
#include "kernel/virt/backend.h"
#include "kernel/virt/virt.h"

#define MSR_TSC         0x010u
#define MSR_TSC_ADJUST  0x03bu

static enum msr_result read(const struct vcpu *v, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_TSC:          *value = vcpu_tsc(v, hw_rdtsc()); break;
    case MSR_APIC_BASE:    *value = v->lapic.base; break;
    case MSR_TSC_ADJUST:   *value = v->tsc_adjust; break;
    case MSR_TSC_DEADLINE: *value = v->lapic.tsc_deadline; break;
    case MSR_TSC_AUX:      *value = v->tsc_aux; return cpu_features.rdtscp ? MSR_DONE : MSR_USER;
    default:               return MSR_USER;
    }
    return MSR_DONE;
}

static void move_tsc(struct vcpu *v, uint64_t delta)
{
    v->tsc_offset += delta;
    v->tsc_adjust += delta;
    virt_tsc_moved(v);
    vlapic_timer_set_deadline(v, v->lapic.tsc_deadline);
}

static enum msr_result write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_TSC:          move_tsc(v, value - vcpu_tsc(v, hw_rdtsc())); break;
    case MSR_TSC_ADJUST:   move_tsc(v, value - v->tsc_adjust); break;
    case MSR_TSC_DEADLINE: vlapic_timer_set_deadline(v, value); break;
    case MSR_TSC_AUX:
        if (!cpu_features.rdtscp)
            return MSR_USER;
        if (value >> 32 != 0)
            return MSR_GP;
        v->tsc_aux = (uint32_t)value;
        hw_wrmsr(MSR_TSC_AUX, value);
        break;
    default: return MSR_USER;
    }
    return MSR_DONE;
}

static bool lapic(struct vcpu *v, uint32_t msr, bool is_write, uint64_t *value)
{
    virt_sync(v);
    if (!is_write)
        return vlapic_access(v, msr - MSR_X2APIC_FIRST, VLAPIC_X2_READ, value);
    const bool ok = msr == MSR_APIC_BASE ? vlapic_base_write(v, *value)
                    : vlapic_access(v, msr - MSR_X2APIC_FIRST, VLAPIC_X2_WRITE, value);
    virt_push_tpr(v);
    vcpu_attend_soon(v);
    return ok;
}

enum msr_result vcpu_msr(struct vcpu *v, uint32_t msr, bool is_write, uint64_t *value)
{
    v->stats.msr++;
    if (msr - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST || (is_write && msr == MSR_APIC_BASE))
        return lapic(v, msr, is_write, value) ? MSR_DONE : MSR_GP;
    return is_write ? write(v, msr, *value) : read(v, msr, value);
}

enum virt_next vcpu_msr_done(struct vcpu *v, enum msr_result r, uint32_t msr, bool is_write, uint64_t value,
                             uint32_t len)
{
    struct vcpu_state *st = v->state;
    if (r == MSR_USER) {
        st->exit.msr = msr;
        st->exit.insn_len = (uint8_t)len;
        return vcpu_to_user(v, is_write ? EXIT_WRMSR : EXIT_RDMSR, 0, 0, 0);
    }
    if (!is_write) {
        st->gpr[GPR_RAX] = (uint32_t)value;
        st->gpr[GPR_RDX] = value >> 32;
    }
    return VIRT_RESUME;
}

bool vcpu_msr_hot(struct vcpu *v, uint32_t msr, uint64_t value)
{
    const uint64_t self = FIELD_PREP(ICR_SHORTHAND, ICR_TO_SELF);
    const uint32_t reg = msr - MSR_X2APIC_FIRST;
    struct vlapic *l = &v->lapic;
    if (reg > VLR_SELF_IPI || !vlapic_is_x2(l))
        return false;
    if (reg == VLR_EOI && value == 0) {
        if (unlikely(vlapic_eoi(l)))
            vcpu_attend_soon(v);         /* level-triggered: the VMM is told */
    } else if (reg == VLR_TPR && value <= 255) {
        l->page->tpr.v = (uint32_t)value;
    } else if ((value & ICR_VECTOR) >= 16 && ((reg == VLR_SELF_IPI && value <= 255) ||
               (reg == VLR_ICR && (value & ~ICR_VECTOR & ~ICR_LEVEL) == self))) {
        if (reg == VLR_ICR)
            vlapic_icr_note(l, value);
        vlapic_request(l, (uint8_t)value);   /* a fixed, edge-triggered vector to itself */
        v->stats.ipis++;
    } else {
        return false;
    }
    v->stats.msr++;
    return true;
}
