/* SPDX-License-Identifier: BSD-2-Clause */
/* MTRR store. */
#include "vmm/mtrr.h"

#define MTRR_CAP        0x0feu        /* [SDM3 12.11.1] */
#define   CAP_FIX         BIT64(8)
#define   CAP_WC          BIT64(10)
#define MTRR_BASE0      0x200u        /* base, mask pairs */
#define MTRR_DEF_TYPE   0x2ffu
#define   DEF_FE          BIT64(10)
#define   DEF_E           BIT64(11)
#define TYPE_WB         6u

static const uint16_t fixed[MSR_MTRR_FIXED] = {   /* [SDM3 12.11.2.2] */
    0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f
};

static unsigned fixed_number(uint32_t index)
{
    unsigned i = 0;
    while (i < MSR_MTRR_FIXED && fixed[i] != index)
        i++;
    return i;
}

static bool is_variable(uint32_t index) { return index >= MTRR_BASE0 && index < MTRR_BASE0 + 2 * MSR_MTRR_VARS; }

void mtrr_init(struct msr_vcpu *vcpu)
{
    vcpu->mtrr_def = DEF_E | DEF_FE | TYPE_WB;
    memset(vcpu->mtrr_base, 0, sizeof vcpu->mtrr_base);
    memset(vcpu->mtrr_mask, 0, sizeof vcpu->mtrr_mask);
    memset(vcpu->mtrr_fixed, TYPE_WB, sizeof vcpu->mtrr_fixed);
}

bool mtrr_owns(uint32_t index)
{
    return index == MTRR_CAP || index == MTRR_DEF_TYPE || is_variable(index) || fixed_number(index) < MSR_MTRR_FIXED;
}

uint64_t mtrr_read(const struct msr_vcpu *vcpu, uint32_t index)
{
    if (index == MTRR_CAP)
        return CAP_WC | CAP_FIX | MSR_MTRR_VARS;
    if (index == MTRR_DEF_TYPE)
        return vcpu->mtrr_def;
    if (is_variable(index)) {
        unsigned n = (index - MTRR_BASE0) / 2;
        return index & 1 ? vcpu->mtrr_mask[n] : vcpu->mtrr_base[n];
    }
    unsigned n = fixed_number(index);
    return n < MSR_MTRR_FIXED ? vcpu->mtrr_fixed[n] : 0;
}

/* UC, WC, WT, WP, WB */
static bool type_ok(uint64_t type) { return type <= 6 && type != 2 && type != 3; }

static bool types_ok(uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        if (!type_ok(value >> (8 * i) & 0xff))
            return false;
    return true;
}

static bool variable_write(struct msr_vcpu *vcpu, unsigned phys_bits, uint32_t index, uint64_t value)
{
    unsigned n = (index - MTRR_BASE0) / 2;
    if (value >> phys_bits != 0)
        return false;
    if (index & 1) {
        if (value & MASK64(10, 0))
            return false;
        vcpu->mtrr_mask[n] = value;
        return true;
    }
    if ((value & MASK64(11, 8)) || !type_ok(value & 0xff))
        return false;
    vcpu->mtrr_base[n] = value;
    return true;
}

bool mtrr_write(struct msr_vcpu *vcpu, unsigned phys_bits, uint32_t index, uint64_t value)
{
    if (index == MTRR_CAP)
        return false;
    if (index == MTRR_DEF_TYPE) {
        if ((value & ~(DEF_E | DEF_FE | 0xff)) || !type_ok(value & 0xff))
            return false;
        vcpu->mtrr_def = value;
        return true;
    }
    if (is_variable(index))
        return variable_write(vcpu, phys_bits, index, value);
    unsigned n = fixed_number(index);
    if (n == MSR_MTRR_FIXED || !types_ok(value))
        return false;
    vcpu->mtrr_fixed[n] = value;
    return true;
}
