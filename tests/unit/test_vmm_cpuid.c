/* link: vmm/cpuid.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's CPUID table from generous hosts of both vendors: what must be hidden, shown, computed. */
#include "unit.h"

#include "vmm/cpuid.h"
#include "vmm/start_page.h"

static enum { INTEL, AMD, BARE } host;

/* A host that has every feature bit there is. */
struct cpuid_leaf cpuid_host(uint32_t leaf, uint32_t subleaf)
{
    static const char *names[] = { "GenuineIntel", "AuthenticAMD", "SomethingOld" };
    struct cpuid_leaf v = { 0, 0, 0, 0 };
    switch (leaf) {
    case 0:
        v.eax = host == BARE ? 6 : 0x20;
        memcpy(&v.ebx, names[host], 4);
        memcpy(&v.edx, names[host] + 4, 4);
        memcpy(&v.ecx, names[host] + 8, 4);
        return v;
    case 1: return (struct cpuid_leaf){ 0x000506e3, 0xff100800, host == BARE ? 0 : ~0u, ~0u };
    case 4:
        if (subleaf > 3)
            return v;
        return (struct cpuid_leaf){ (subleaf < 2 ? 1 + subleaf : 3) | (subleaf == 0 ? 1 : subleaf) << 5 | 0x3f << 14
                                    | 0x3fu << 26, 0x01c0003f, 63, 0 };
    case 7: return (struct cpuid_leaf){ 2, ~0u, ~0u, ~0u };
    case 0xd:
        if (subleaf == 0)
            return (struct cpuid_leaf){ 0x602ff, 0x240, 0x2b00, 0 };
        if (subleaf == 1)
            return (struct cpuid_leaf){ 0x1f, 0x240, 0x1900, 0 };
        if (subleaf == 2)
            return (struct cpuid_leaf){ 256, 576, 0, 0 };
        return subleaf < 10 ? (struct cpuid_leaf){ 64 * subleaf, 1024 + 512 * subleaf, 2, 0 } : v;
    case 0x80000000u:
        v.eax = host == BARE ? 0x80000004u : 0x80000021u;
        return v;
    case 0x80000001u: return (struct cpuid_leaf){ 0x800f12, 0x1234, ~0u, ~0u };
    case 0x80000008u: return (struct cpuid_leaf){ 0x003034, ~0u, 0x7f, ~0u };
    default: return (struct cpuid_leaf){ ~0u, ~0u, ~0u, ~0u };
    }
}

static struct vm_cpuid rows[VM_CPUID_MAX];
static unsigned rows_used;

static struct cpuid_leaf look(uint32_t leaf, uint32_t sub) { return cpuid_lookup(rows, rows_used, leaf, sub); }

static void build(unsigned vcpus)
{
    const struct cpuid_config config = { vcpus, 2500000000ull, 1000000000 };
    memset(rows, 0xee, sizeof rows);
    rows_used = cpuid_build(rows, &config);
    CHECK(rows_used <= VM_CPUID_MAX);
    for (unsigned i = 1; i < rows_used; i++)
        CHECK(rows[i - 1].leaf < rows[i].leaf
              || (rows[i - 1].leaf == rows[i].leaf && rows[i - 1].subleaf < rows[i].subleaf));
    for (unsigned i = 0; i < rows_used; i++)
        CHECK((rows[i].flags & ~CPUID_SUBLEAF) == 0 && rows[i].rsvd == 0);
}

#define BIT(n) (1u << (n))

/* No vendor may show these, whatever the host has. */
static void hidden(void)
{
    CHECK_EQ(look(1, 0).ecx & (BIT(3) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(15)), 0);      /* MONITOR VMX SMX EST TM2 PDCM */
    CHECK_EQ(look(1, 0).edx & (BIT(18) | BIT(21) | BIT(22) | BIT(29) | BIT(31)), 0);
    CHECK_EQ(look(5, 0).eax, 0);
    CHECK_EQ(look(7, 0).ebx & (BIT(1) | BIT(2) | BIT(4) | BIT(11) | BIT(12) | BIT(14) | BIT(15) | BIT(25)), 0);
    CHECK_EQ(look(7, 0).ecx & (BIT(3) | BIT(4) | BIT(5) | BIT(7) | BIT(16)), 0);                /* PKU WAITPKG CET LA57 */
    CHECK_EQ(look(7, 0).edx & (BIT(26) | BIT(27) | BIT(29) | BIT(30) | BIT(31)), 0);
    CHECK_EQ(look(0xa, 0).eax, 0);                                                             /* no PMU */
    CHECK_EQ(look(0xd, 0).eax & ~0xe7u, 0);
    CHECK_EQ(look(0xd, 1).eax, host == BARE ? 0 : 15);
    CHECK_EQ(look(0xd, 1).ecx | look(0xd, 1).edx, 0);            /* bits of IA32_XSS */
    CHECK_EQ(look(0xd, 8).eax | look(0xd, 9).eax, 0);
    CHECK_EQ(look(0x80000001u, 0).ecx & (BIT(2) | BIT(3) | BIT(9) | BIT(10) | BIT(12) | BIT(13) | BIT(22) | BIT(23)
                                         | BIT(24) | BIT(29)), 0);                             /* SVM ... TOPOEXT, PERFCTR, MWAITX */
    CHECK_EQ(look(0x8000000au, 0).eax, 0);
    CHECK_EQ(look(0x12, 0).eax | look(0x14, 0).eax, 0);                                        /* SGX, PT */
}

static void shown(void)
{
    CHECK_EQ(look(0, 0).eax, 0xd);
    CHECK(look(1, 0).ecx & BIT(21));
    CHECK(look(1, 0).ecx & BIT(24));
    CHECK(look(1, 0).ecx & BIT(31));
    CHECK_EQ(look(6, 0).eax, 4);
    CHECK_EQ(look(0x80000007u, 0).edx, BIT(8));
    CHECK_EQ(look(0x80000008u, 0).eax & 0xff, 40);
    CHECK_EQ(look(0x80000008u, 0).eax >> 8 & 0xff, 48);
    CHECK_EQ(look(0x80000000u, 0).eax, 0x80000008u);
    struct cpuid_leaf v = look(0x40000000u, 0);
    char name[13] = { 0 };
    memcpy(name, &v.ebx, 12);
    CHECK_STR(name, "CordonCordon");
    CHECK_EQ(v.eax, 0x40000010u);
    CHECK_EQ(look(0x40000010u, 0).eax, 2500000);
    CHECK_EQ(look(0x40000010u, 0).ebx, 1000000);
    v = look(0x40000100u, 0);
    memcpy(name, &v.ebx, 12);
    CHECK(memcmp(name, "KVMKVMKVM\0\0\0", 12) == 0);
    CHECK_EQ(v.eax, 0x40000101u);
    CHECK_EQ(look(0x40000101u, 0).eax, BIT(0) | BIT(1) | BIT(3) | BIT(24));
    CHECK_EQ(look(0x12345678, 0).eax, 0);
}

static void topology(unsigned vcpus)
{
    unsigned ids = 1;
    while (ids < vcpus)
        ids *= 2;
    CHECK_EQ(look(1, 0).ebx >> 16 & 0xff, ids);
    CHECK_EQ(look(1, 0).ebx >> 24, 0);
    CHECK_EQ(look(1, 0).ebx >> 8 & 0xff, 8);
    CHECK_EQ(look(1, 0).edx >> 28 & 1, vcpus > 1);
    CHECK_EQ(look(0xb, 0).eax, 0);
    CHECK_EQ(look(0xb, 0).ebx, 1);
    CHECK_EQ(look(0xb, 0).ecx, 0x100);
    CHECK_EQ(1u << look(0xb, 1).eax, ids);
    CHECK_EQ(look(0xb, 1).ebx, vcpus);
    CHECK_EQ(look(0xb, 1).ecx, 0x201);
    CHECK_EQ(look(0xb, 2).ebx, 0);
    if (host == INTEL) {
        CHECK_EQ(look(4, 0).eax >> 26, ids - 1);
        CHECK_EQ(look(4, 0).eax >> 14 & 0xfff, 0);           /* L1 is a core's own */
        CHECK_EQ(look(4, 3).eax >> 14 & 0xfff, ids - 1);     /* L3 is shared */
        CHECK_EQ(look(4, 4).eax, 0);
        CHECK_EQ(look(0x80000008u, 0).ecx, 0);
    } else {
        CHECK_EQ(look(0x80000008u, 0).ecx & 0xff, vcpus - 1);
        CHECK_EQ(1u << (look(0x80000008u, 0).ecx >> 12 & 0xf), ids);
        CHECK_EQ(look(0x80000001u, 0).ecx >> 1 & 1, vcpus > 1);
        CHECK_EQ(look(4, 0).eax, 0);
    }
}

static void xsave(void)
{
    CHECK_EQ(look(0xd, 0).eax, 0xe7);
    CHECK_EQ(look(0xd, 0).ecx, 64 * 7 + 1024 + 512 * 7);
    CHECK_EQ(look(0xd, 2).eax, 256);
    CHECK_EQ(look(0xd, 2).ebx, 576);
    CHECK_EQ(look(0xd, 3).eax, 0);               /* MPX */
    CHECK_EQ(look(0xd, 7).ecx, 2);
}

int main(void)
{
    for (unsigned vcpus = 1; vcpus <= VMM_MAX_VCPUS; vcpus++) {
        for (unsigned vendor = 0; vendor < 2; vendor++) {
            host = vendor == 0 ? INTEL : AMD;
            build(vcpus);
            CHECK_EQ(cpuid_vendor(), vendor == 0 ? CPUID_INTEL : CPUID_AMD);
            hidden();
            shown();
            topology(vcpus);
            xsave();
        }
    }
    host = BARE;                                 /* an old CPU: no leaf 7, no XSAVE, short extended range */
    build(2);
    CHECK_EQ(look(7, 0).ebx, 0);
    CHECK_EQ(look(0xd, 0).eax, 0);
    CHECK_EQ(look(0x80000005u, 0).eax, 0);
    CHECK_EQ(look(0x80000008u, 0).eax, 36 | 48 << 8);
    return unit_done();
}
