/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs of the VMM: table, and the KVM clock. */
#include "vmm/msr.h"

#include "vmm/mtrr.h"

#define NSEC  1000000000u

/* KVM clock [LINUX virt/kvm/x86/msr.rst]: the old numbers and the new. */
#define MSR_KVM_WALL_OLD     0x00000011u
#define MSR_KVM_SYSTEM_OLD   0x00000012u
#define MSR_KVM_WALL         0x4b564d00u
#define MSR_KVM_SYSTEM       0x4b564d01u

enum msr_kind { MSR_CONST, MSR_SAME, MSR_IGNORE, MSR_STORE };   /* write: #GP; #GP but for this value; dropped; kept */
enum msr_vendor { MSR_ANY, MSR_INTEL, MSR_AMD };

/*  index       vendor     kind        value or reset value          slot  why */
#define MSR_ROWS(R) \
    R(0x00000017, MSR_INTEL, MSR_CONST,  0,                              0) /* platform id: read with the microcode revision */ \
    R(0x00000034, MSR_INTEL, MSR_CONST,  0,                              0) /* SMI count */ \
    R(0x0000003a, MSR_INTEL, MSR_CONST,  1,                              0) /* feature control: locked, VMX off */ \
    R(0x0000008b, MSR_ANY,   MSR_IGNORE, UINT64_C(0x100000000),          0) /* microcode revision 1 */ \
    R(0x00000179, MSR_ANY,   MSR_CONST,  0,                              0) /* MCG_CAP: no banks */ \
    R(0x0000017a, MSR_ANY,   MSR_STORE,  0,                              0) /* MCG_STATUS */ \
    R(0x000001a0, MSR_INTEL, MSR_STORE,  0x1801,                         1) /* MISC_ENABLE: fast strings; no BTS, no PEBS */ \
    R(0x00000da0, MSR_ANY,   MSR_SAME,   0,                              0) /* XSS: no supervisor state, see leaf D.1 */ \
    R(0xc0010010, MSR_AMD,   MSR_IGNORE, 0,                              0) /* SYSCFG */ \
    R(0xc0010015, MSR_AMD,   MSR_IGNORE, BIT64(24),                      0) /* HWCR: the TSC runs at P0 rate */ \
    R(0xc001001f, MSR_AMD,   MSR_IGNORE, 0,                              0) /* NB_CFG */ \
    R(0xc0010055, MSR_AMD,   MSR_IGNORE, 0,                              0) /* interrupt pending: no C1E */ \
    R(0xc0010058, MSR_AMD,   MSR_IGNORE, 0,                              0) /* MMIO config base: MCFG says it */ \
    R(0xc0011020, MSR_AMD,   MSR_IGNORE, 0,                              0) /* LS_CFG */ \
    R(0xc0011022, MSR_AMD,   MSR_IGNORE, 0,                              0) /* DC_CFG */ \
    R(0xc0011028, MSR_AMD,   MSR_IGNORE, 0,                              0) /* FP_CFG */ \
    R(0xc0011029, MSR_ANY,   MSR_STORE,  BIT64(1),                       2) /* DE_CFG: LFENCE serialises; probed on any vendor */

struct msr_row { uint32_t index; uint8_t vendor, kind, slot; uint64_t value; };
static const struct msr_row rows[] = {
#define R(i, v, k, x, s) { (i), (v), (k), (s), (x) },
    MSR_ROWS(R)
#undef R
};

/* What the guest maps [LINUX virt/kvm/x86/msr.rst]. */
struct pvclock { uint32_t version, pad; uint64_t tsc, system_time; uint32_t mul; int8_t shift; uint8_t flags, rest[2]; };
_Static_assert(sizeof(struct pvclock) == 32, "pvclock");
#define PVCLOCK_STABLE  1u
struct wall_clock { uint32_t version, sec, nsec; };

void msr_clock_init(struct msr_clock *clock, uint64_t tsc_hz, uint64_t base_tsc, uint64_t epoch, uint64_t epoch_tsc)
{
    uint64_t rate = MAX(tsc_hz, UINT64_C(1));
    int shift = 0;
    for (; rate > 2 * (uint64_t)NSEC; shift--)
        rate >>= 1;
    for (; rate <= NSEC; shift++)
        rate <<= 1;
    clock->mul = (uint32_t)(((uint64_t)NSEC << 32) / rate);
    clock->shift = (int8_t)shift;
    clock->base_tsc = base_tsc;
    uint64_t gone = base_tsc > epoch_tsc ? base_tsc - epoch_tsc : 0;
    clock->wall_sec = epoch + gone / tsc_hz;
    clock->wall_nsec = (uint32_t)(gone % tsc_hz * NSEC / tsc_hz);   /* rates below 18 GHz */
}

void msr_vcpu_init(struct msr_vcpu *vcpu)
{
    memset(vcpu, 0, sizeof *vcpu);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].kind == MSR_STORE)
            vcpu->store[rows[i].slot] = rows[i].value;
    mtrr_init(vcpu);
}

/* Version odd while the rest changes; the guest reads again then. */
static bool publish_system_time(const struct msr_vm *vm, uint64_t value)
{
    gpa_t at = { value & ~UINT64_C(1) };
    struct pvclock *guest = mem_ptr(vm->mem, at, sizeof *guest);
    if (guest == NULL || (at.v & 3) != 0)
        return false;
    struct pvclock v = { 1, 0, vm->clock.base_tsc, 0, vm->clock.mul, vm->clock.shift, PVCLOCK_STABLE, { 0, 0 } };
    memcpy(guest, &v, sizeof v);
    __atomic_store_n((uint32_t *)(void *)guest, 2, __ATOMIC_RELEASE);
    return true;
}

static bool publish_wall_clock(const struct msr_vm *vm, uint64_t value)
{
    gpa_t at = { value };
    struct wall_clock *guest = mem_ptr(vm->mem, at, sizeof *guest);
    if (guest == NULL || (at.v & 3) != 0)
        return false;
    struct wall_clock v = { 1, (uint32_t)vm->clock.wall_sec, vm->clock.wall_nsec };
    memcpy(guest, &v, sizeof v);
    __atomic_store_n(&guest->version, 2, __ATOMIC_RELEASE);
    return true;
}

static const struct msr_row *row_of(const struct msr_vm *vm, uint32_t index)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].index != index)
            continue;
        bool ours = rows[i].vendor == MSR_ANY || (rows[i].vendor == MSR_INTEL) == vm->intel;
        return ours ? &rows[i] : NULL;
    }
    return NULL;
}

bool msr_read(const struct msr_vm *vm, const struct msr_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    *value = 0;
    if (mtrr_owns(index)) {
        *value = mtrr_read(vcpu, index);
        return true;
    }
    if (index == MSR_KVM_SYSTEM || index == MSR_KVM_SYSTEM_OLD) {
        *value = vcpu->system_time;
        return true;
    }
    if (index == MSR_KVM_WALL || index == MSR_KVM_WALL_OLD)
        return true;
    const struct msr_row *row = row_of(vm, index);
    if (row == NULL)
        return false;
    *value = row->kind == MSR_STORE ? vcpu->store[row->slot] : row->value;
    return true;
}

bool msr_write(const struct msr_vm *vm, struct msr_vcpu *vcpu, uint32_t index, uint64_t value)
{
    if (mtrr_owns(index))
        return mtrr_write(vcpu, vm->phys_bits, index, value);
    if (index == MSR_KVM_SYSTEM || index == MSR_KVM_SYSTEM_OLD) {
        if ((value & 1) && !publish_system_time(vm, value))
            return false;
        vcpu->system_time = value;
        return true;
    }
    if (index == MSR_KVM_WALL || index == MSR_KVM_WALL_OLD)
        return publish_wall_clock(vm, value);
    const struct msr_row *row = row_of(vm, index);
    if (row == NULL || row->kind == MSR_CONST || (row->kind == MSR_SAME && value != row->value))
        return false;
    if (row->kind == MSR_STORE)
        vcpu->store[row->slot] = value;
    return true;
}

bool msr_unknown_note(struct msr_vm *vm, uint32_t index)
{
    for (uint32_t i = 0; i < vm->unknowns; i++)
        if (vm->unknown[i] == index)
            return false;
    if (vm->unknowns == MSR_UNKNOWN_MAX)
        return false;
    vm->unknown[vm->unknowns++] = index;
    return true;
}
