/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's CPUID table. */
#include "vmm/cpuid.h"

#include "vmm/cpuid_mask.h"

#define LEAF_HYPERVISOR  0x40000000u
#define LEAF_FREQUENCY   0x40000010u
#define LEAF_KVM         0x40000100u
#define LEAF_EXTENDED    0x80000000u
#define MAX_BASIC        0xdu
#define MAX_EXTENDED     0x80000008u

struct builder { struct vm_cpuid *rows; unsigned count; const struct cpuid_config *config; };

static void add(struct builder *b, uint32_t leaf, uint32_t subleaf, uint32_t flags, struct cpuid_leaf v)
{
    KASSERT(b->count < VM_CPUID_MAX);
    b->rows[b->count++] = (struct vm_cpuid){ leaf, subleaf, v.eax, v.ebx, v.ecx, v.edx, flags, 0 };
}

static void add_leaf(struct builder *b, uint32_t leaf, struct cpuid_leaf v) { add(b, leaf, 0, 0, v); }
static void add_sub(struct builder *b, uint32_t leaf, uint32_t subleaf, struct cpuid_leaf v)
{
    add(b, leaf, subleaf, CPUID_SUBLEAF, v);
}

/* EBX, ECX, EDX as 12 characters: the order of hypervisor signatures. */
static struct cpuid_leaf text_leaf(uint32_t eax, const char text[12])
{
    struct cpuid_leaf v = { .eax = eax };
    memcpy(&v.ebx, text, 4);
    memcpy(&v.ecx, text + 4, 4);
    memcpy(&v.edx, text + 8, 4);
    return v;
}

enum cpuid_vendor cpuid_vendor(void)
{
    struct cpuid_leaf v = cpuid_host(0, 0);
    char name[12];
    memcpy(name, &v.ebx, 4);
    memcpy(name + 4, &v.edx, 4);
    memcpy(name + 8, &v.ecx, 4);
    if (memcmp(name, "GenuineIntel", 12) == 0)
        return CPUID_INTEL;
    return memcmp(name, "AuthenticAMD", 12) == 0 || memcmp(name, "HygonGenuine", 12) == 0 ? CPUID_AMD : CPUID_OTHER;
}

/* Bits that number the vCPUs of the socket. */
static unsigned id_bits(unsigned vcpus)
{
    unsigned bits = 0;
    while ((1u << bits) < vcpus)
        bits++;
    return bits;
}

static bool host_has(uint32_t leaf) { return cpuid_host(leaf & 0x80000000u, 0).eax >= leaf; }

static void leaf_1(struct builder *b)
{
    struct cpuid_leaf v = cpuid_host(1, 0);
    unsigned vcpus = b->config->vcpus;
    v.ebx = (v.ebx & 0xff00) | (1u << id_bits(vcpus)) << 16;   /* CLFLUSH size; ids in the socket */
    v.ecx = (v.ecx & CPUID_1_ECX) | CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE | CPUID_1_ECX_HYPERVISOR;
    v.edx = (v.edx & CPUID_1_EDX) | (vcpus > 1 ? CPUID_1_EDX_HTT : 0);
    add_leaf(b, 1, v);
}

/* Intel's cache leaf: the sharing counts become those of this socket [SDM2 CPUID]. */
static void leaf_4(struct builder *b)
{
    unsigned bits = id_bits(b->config->vcpus);
    for (unsigned i = 0; i < 6; i++) {
        struct cpuid_leaf v = cpuid_host(4, i);
        uint32_t type = v.eax & 31, level = v.eax >> 5 & 7;
        if (type == 0)
            return;
        uint32_t sharing = level >= 3 ? (1u << bits) - 1 : 0;
        v.eax = (v.eax & 0x3fff) | sharing << 14 | ((1u << bits) - 1) << 26;
        add_sub(b, 4, i, v);
    }
}

static void leaf_7(struct builder *b)
{
    struct cpuid_leaf v = { 0, 0, 0, 0 };
    if (host_has(7))
        v = cpuid_host(7, 0);
    add_sub(b, 7, 0, (struct cpuid_leaf){ 0, v.ebx & CPUID_7_EBX, v.ecx & CPUID_7_ECX, v.edx & CPUID_7_EDX });
}

/* x2APIC topology: one thread a core, all cores in one package; the kernel fills EDX [SDM2 CPUID]. */
static void leaf_b(struct builder *b)
{
    unsigned bits = id_bits(b->config->vcpus);
    add_sub(b, 0xb, 0, (struct cpuid_leaf){ 0, 1, 0 | 1 << 8, 0 });
    add_sub(b, 0xb, 1, (struct cpuid_leaf){ bits, b->config->vcpus, 1 | 2 << 8, 0 });
}

/* XSAVE: the components that are left, and the size that the standard form needs for them. */
static void leaf_d(struct builder *b)
{
    uint32_t mask, size = 512 + 64;
    if (!host_has(0xd) || !(cpuid_host(1, 0).ecx & CPUID_1_ECX_XSAVE))
        return;
    mask = cpuid_host(0xd, 0).eax & CPUID_XCR0;
    for (unsigned i = 2; i < 8; i++) {
        struct cpuid_leaf v = cpuid_host(0xd, i);
        if (mask & BIT32(i))
            size = MAX(size, v.eax + v.ebx);
    }
    add_sub(b, 0xd, 0, (struct cpuid_leaf){ mask, size, size, 0 });
    add_sub(b, 0xd, 1, (struct cpuid_leaf){ cpuid_host(0xd, 1).eax & CPUID_D1_EAX, size, 0, 0 });
    for (unsigned i = 2; i < 8; i++) {
        struct cpuid_leaf v = cpuid_host(0xd, i);
        if (mask & BIT32(i))
            add_sub(b, 0xd, i, (struct cpuid_leaf){ v.eax, v.ebx, v.ecx & 2, 0 });   /* alignment bit; not an XSS one */
    }
}

static void basic_leaves(struct builder *b)
{
    struct cpuid_leaf v = cpuid_host(0, 0);
    v.eax = MAX_BASIC;
    add_leaf(b, 0, v);
    leaf_1(b);
    if (cpuid_vendor() == CPUID_INTEL) {
        add_leaf(b, 2, cpuid_host(2, 0));
        leaf_4(b);
    }
    add_leaf(b, 6, (struct cpuid_leaf){ 4, 0, 0, 0 });          /* ARAT: the virtual timer never stops */
    leaf_7(b);
    leaf_b(b);
    leaf_d(b);
}

/* Ours, and the KVM-compatible one with just what exists here (DESIGN 4). */
static void hypervisor_leaves(struct builder *b)
{
    add_leaf(b, LEAF_HYPERVISOR, text_leaf(LEAF_FREQUENCY, "CordonCordon"));
    add_leaf(b, LEAF_FREQUENCY, (struct cpuid_leaf){ (uint32_t)(b->config->tsc_hz / 1000),
                                                     (uint32_t)(b->config->lapic_hz / 1000), 0, 0 });
    add_leaf(b, LEAF_KVM, text_leaf(LEAF_KVM + 1, "KVMKVMKVM\0\0"));
    add_leaf(b, LEAF_KVM + 1, (struct cpuid_leaf){ KVM_FEATURE_CLOCKSOURCE | KVM_FEATURE_NOP_IO_DELAY
                                                   | KVM_FEATURE_CLOCKSOURCE2 | KVM_FEATURE_CLOCKSOURCE_STABLE,
                                                   0, 0, 0 });
}

/* Address widths, and AMD's core count [APM3 CPUID 8000_0008]. */
static struct cpuid_leaf leaf_88(const struct builder *b)
{
    struct cpuid_leaf v = { 0x3024, 0, 0, 0 };                  /* 36 physical, 48 linear: a host without it */
    unsigned vcpus = b->config->vcpus;
    if (host_has(0x80000008u))
        v = cpuid_host(0x80000008u, 0);
    v.eax = MIN(v.eax & 0xff, CPUID_PHYS_BITS_MAX) | 48u << 8;
    v.ebx &= CPUID_88_EBX;
    v.ecx = cpuid_vendor() == CPUID_INTEL ? 0 : (vcpus - 1) | id_bits(vcpus) << 12;
    v.edx = 0;
    return v;
}

static void extended_leaves(struct builder *b)
{
    bool amd = cpuid_vendor() != CPUID_INTEL;
    struct cpuid_leaf v = cpuid_host(LEAF_EXTENDED, 0);
    v.eax = MAX_EXTENDED;
    add_leaf(b, LEAF_EXTENDED, v);
    v = cpuid_host(0x80000001u, 0);
    v.ecx &= CPUID_81_ECX;
    v.edx &= amd ? CPUID_81_EDX_AMD : CPUID_81_EDX;
    if (!amd)
        v.eax = v.ebx = 0;
    else if (b->config->vcpus > 1)
        v.ecx |= BIT32(1);                                      /* CmpLegacy: the siblings are cores */
    add_leaf(b, 0x80000001u, v);
    for (uint32_t leaf = 0x80000002u; leaf <= 0x80000006u; leaf++)   /* brand string, caches */
        if (host_has(leaf))
            add_leaf(b, leaf, cpuid_host(leaf, 0));
    add_leaf(b, 0x80000007u, (struct cpuid_leaf){ 0, 0, 0, BIT32(8) });   /* invariant TSC */
    add_leaf(b, 0x80000008u, leaf_88(b));
}

unsigned cpuid_build(struct vm_cpuid rows[VM_CPUID_MAX], const struct cpuid_config *config)
{
    struct builder b = { rows, 0, config };
    basic_leaves(&b);
    hypervisor_leaves(&b);
    extended_leaves(&b);
    return b.count;
}

struct cpuid_leaf cpuid_lookup(const struct vm_cpuid *rows, unsigned count, uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].leaf == leaf && (!(rows[i].flags & CPUID_SUBLEAF) || rows[i].subleaf == subleaf))
            return (struct cpuid_leaf){ rows[i].eax, rows[i].ebx, rows[i].ecx, rows[i].edx };
    }
    return (struct cpuid_leaf){ 0, 0, 0, 0 };
}
