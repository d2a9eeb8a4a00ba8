/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/policy.c monitor/policy_files.c monitor/policy_devices.c monitor/policy_intx.c monitor/policy_slots.c monitor/image.c monitor/manifest.c monitor/manifest_value.c monitor/manifest_pci.c monitor/name.c monitor/diag.c monitor/explain.c kernel/lib/fmt.c kernel/lib/str.c */
/* Every rule of the policy: the guest it refuses, the code, the words; and that others start. */
#include "tests/unit/unit.h"

#include "monitor/explain.h"
#include "monitor/firmware.h"
#include "monitor/policy.h"

static struct manifest m;
static struct facts f;
static struct policy p;
static uint8_t bz[8192], mb[8192];

#define STD(name, cpu) "[vm " name "]\ncpus = " cpu "\nmemory = 64M\nkernel = guests/bz\n"

bool firmware_intx(const struct facts *facts, const struct dev_info *d, uint32_t *gsi, char *text, size_t size)
{
    (void)facts; (void)d; (void)gsi;             /* test_policy_intx has lines */
    snprintf(text, size, "no tables");
    return false;
}

static struct dev_info *dev(uint32_t bdf, uint16_t vendor, uint16_t device, uint32_t class_rev)
{
    struct dev_info *d = &f.dev[f.devices];
    *d = (struct dev_info){ .bdf = bdf, .vendor = vendor, .device = device, .class_rev = class_rev,
                            .flr = 1, .intx_off = 1, .msix_off = 0xb0, .msix_count = 5,
                            .group = f.devices };
    f.devices++;
    return d;
}

static void module(const char *name, uint64_t size, const uint8_t *head)
{
    struct fact_module *mod = &f.module[f.modules++];
    *mod = (struct fact_module){ .info.len = size, .head = head, .head_len = head ? MIN(size, sizeof bz) : 0 };
    snprintf(mod->info.name, sizeof mod->info.name, "%s", name);
}

static void machine(void)
{
    struct dev_info *d;
    memset(&f, 0, sizeof f);
    f.platform = (struct info_platform){ .tsc_hz = 1000000000, .iommu_vendor = 1, .iommu_ir = 1, .virt_vendor = 2 };
    f.memory.user_free = 1024ull << 20;
    f.cpus = 4;
    for (unsigned i = 0; i < 4; i++)
        f.cpu[i] = (struct info_cpu){ .index = i, .online = i != 3 };
    dev(0x0000, 0x8086, 0x29c0, 0x06000000);                    /* 0 host bridge */
    dev(0x00e0, 0x1b36, 0x000c, 0x06040000)->header = 1;        /* 1 root port 1c.0 */
    d = dev(0x0100, 0x1b36, 0x0010, 0x01080200);                /* 2 NVMe behind it */
    d->up = 1;
    dev(0x0018, 0x8086, 0x10d3, 0x02000000);                    /* 3, 4 two equal cards */
    dev(0x0020, 0x8086, 0x10d3, 0x02000000);
    dev(0x0028, 0x1234, 0x11e8, 0x00ff0000)->flr = 0;           /* 5 edu: no reset */
    dev(0x0030, 0x1234, 0x1111, 0x03000000);                    /* 6 VGA */
    dev(0x0038, 0x1022, 0x1419, 0x08060000);                    /* 7 IOMMU */
    dev(0x0040, 0x10ec, 0x8139, 0x02000000)->msix_off = 0;      /* 8 INTx only */
    dev(0x0048, 0x8086, 0x31a8, 0x0c033000)->reserved = 2;      /* 9 RMRR */
    dev(0x0050, 0x8086, 0x1533, 0x02000000)->group = 50;        /* 10, 11 one card, one group */
    dev(0x0051, 0x8086, 0x1533, 0x02000000)->group = 50;
    dev(0x0058, 0x8086, 0x0001, 0x02000000)->iommu_unit = ~0u;  /* 12 uncovered */
    dev(0x0060, 0x8086, 0x0002, 0x02000000)->state = DEV_QUARANTINED; /* 13 */
    dev(0x0068, 0x8086, 0x0003, 0x02000000)->refusals = BIT32(ST_ABSENT);     /* 14 */
    dev(0x10100, 0x8086, 0x0004, 0x02000000);                   /* 15 segment 1 */
    dev(0x0070, 0x8086, 0x0005, 0x06010000);                    /* 16 ISA bridge */
    dev(0x0078, 0x8086, 0x0006, 0x02000000)->msix_count = 2048; /* 17 */
    dev(0x0080, 0x8086, 0x0007, 0x02000000)->refusals = BIT32(ST_UNSUPP);     /* 18 */
    module("cordon.conf", 100, NULL);
    module("guests/bz", sizeof bz, bz);
    module("guests/initrd", 5000, NULL);
    module("guests/mb", sizeof mb, mb);
    module("vmm.elf", 50000, NULL);
}

static void put16(uint8_t *q, unsigned v) { q[0] = (uint8_t)v; q[1] = (uint8_t)(v >> 8); }
static void put32(uint8_t *q, uint32_t v) { put16(q, v & 0xffff); put16(q + 2, v >> 16); }

static void images(void)
{
    memset(bz, 0, sizeof bz);
    memset(mb, 0, sizeof mb);
    bz[0x1f1] = 1;
    put32(bz + 0x1f4, (sizeof bz - 1024) / 16);
    put16(bz + 0x1fe, 0xaa55);
    memcpy(bz + 0x202, "HdrS", 4);
    put16(bz + 0x206, 0x20f);
    bz[0x236] = 1;
    put32(bz + 0x260, 1 << 20);
    put32(mb + 0x100, 0x1badb002);
    put32(mb + 0x104, 0x10000);
    put32(mb + 0x108, 0u - 0x1badb002 - 0x10000);
    put32(mb + 0x10c, 0x100100);
    put32(mb + 0x110, 0x100000);
    put32(mb + 0x114, 0x102000);
}

static void run(const char *text)
{
    manifest_parse(&m, text, strlen(text));
    policy_check(&p, &m, &f);
}

static const struct diag *find(uint32_t vm, enum code code)
{
    for (uint32_t i = 0; i < p.diags.count; i++)
        if (p.diag[i].vm == vm && p.diag[i].code == code)
            return &p.diag[i];
    return NULL;
}

/* Guest a has the line; guest z must start whatever happens to a. */
static void refused_at(const char *file, int line, const char *add, enum code code, const char *words)
{
    static char text[2048];
    snprintf(text, sizeof text, STD("a", "1") "%s\n" STD("z", "2"), add);
    run(text);
    unit_checks++;
    if (!p.vm[0].refused || p.vm[0].code != code || !find(0, code) || !strstr(find(0, code)->text, words) ||
        p.vm[1].refused || m.errors.count) {
        unit_fail(file, line, add);
        printf("    refused %d code %s, other %d %s\n", p.vm[0].refused, explain_name(p.vm[0].code), p.vm[1].refused,
               explain_name(p.vm[1].code));
        for (uint32_t i = 0; i < p.diags.count; i++)
            printf("    %s vm %u: %s\n", explain_name(p.diag[i].code), p.diag[i].vm, p.diag[i].text);
    }
}
#define REFUSED(add, code, words) refused_at(__FILE__, __LINE__, add, code, words)

static void starts_at(const char *file, int line, const char *add)
{
    static char text[2048];
    snprintf(text, sizeof text, STD("a", "1") "%s\n", add);
    run(text);
    unit_checks++;
    if (p.vm[0].refused) {
        unit_fail(file, line, add);
        printf("    %s\n", p.diags.count ? p.diag[0].text : explain_name(p.vm[0].code));
    }
}
#define STARTS(add) starts_at(__FILE__, __LINE__, add)

static void test_functions(void)
{
    machine();
    STARTS("pci = path=00:1c.0/00.0 id=1b36:0010 slot=05.0");
    CHECK_EQ(p.vm[0].devices, 1);
    CHECK_EQ(p.vm[0].device[0].dev, 2);
    CHECK_EQ(p.vm[0].device[0].devfn, 0x28);
    CHECK_EQ(p.vm[0].device[0].irqs, 5);
    STARTS("pci = 0000:01:00.0");
    STARTS("pci = id=1b36:0010");
    CHECK_EQ(p.vm[0].device[0].devfn, 0x08);
    REFUSED("pci = 0a:00.0", CODE_F102, "no such function");
    REFUSED("pci = 0a:00.0 id=1b36:0010", CODE_F102, "its id= is now at 0000:01:00.0 path=00:1c.0/00.0");
    REFUSED("pci = 00:03.0 id=8086:ffff", CODE_F103, "0000:00:03.0 [8086:10d3 Ethernet controller] is there");
    REFUSED("pci = id=8086:10d3", CODE_F104, "0000:00:03.0 path=00:03.0, 0000:00:04.0 path=00:04.0");
    REFUSED("pci = 00:1c.0", CODE_F105, "bridge");
    REFUSED("pci = 00:00.0", CODE_F106, "host bridge");
    REFUSED("pci = 00:0e.0", CODE_F106, "chipset");
    REFUSED("pci = 00:07.0", CODE_F107, "IOMMU");
    REFUSED("pci = 0001:01:00.0", CODE_F108, "segment 1");
    REFUSED("pci = 00:0d.0", CODE_F109, "does not answer");
    REFUSED("pci = 00:06.0", CODE_F110, "VGA");
    REFUSED("pci = 00:0c.0", CODE_F111, "quarantined");
    REFUSED("pci = 00:10.0", CODE_F112, "UNSUPP");
    REFUSED("pci = 00:08.0", CODE_F113, "irq=none");
    STARTS("pci = 00:08.0 irq=none");
    CHECK_EQ(p.vm[0].device[0].irqs, 0);
    STARTS("pci = 00:03.0 irq=none\npci = 00:04.0");           /* also for one that has interrupts */
    CHECK_EQ(p.vm[0].device[0].irqs, 0);
    CHECK(!p.vm[0].device[0].msix);
    CHECK_EQ(p.vm[0].device[1].first_irq, 0);
    CHECK(p.vm[0].device[1].irqs > 0);
    REFUSED("pci = 00:0b.0", CODE_I205, "no IOMMU unit");
    REFUSED("pci = 00:05.0", CODE_I208, "no reset");
    STARTS("pci = 00:05.0 reset=none");
    CHECK(find(0, CODE_I210) != NULL && find(0, CODE_I210)->kind == DIAG_WARNING);
    REFUSED("pci = 00:09.0", CODE_I209, "reserves 2 memory regions");
    STARTS("pci = 00:09.0 reserved=map");
    CHECK(find(0, CODE_I211) != NULL);
    STARTS("pci = 00:0f.0");
    CHECK_EQ(p.vm[0].device[0].irqs, POLICY_IRQS_DEV);
}

/* Each reason is told, whatever the first is; a waiver takes its own away and no other. */
static void test_every_reason(void)
{
    machine();
    struct dev_info *d = dev(0x00c8, 0x8086, 0x0009, 0x02000000);
    d->flr = 0;
    d->msix_off = 0;
    d->reserved = 1;
    d->refusals = BIT32(ST_NORESET) | BIT32(ST_RESERVED) | BIT32(ST_OVERLAP) | BIT32(ST_CORRUPT);
    REFUSED("pci = 00:19.0", CODE_F113, "neither MSI");
    CHECK(find(0, CODE_I208) && find(0, CODE_I209) && find(0, CODE_F112));
    unsigned kernel = 0;
    for (uint32_t i = 0; i < p.diags.count; i++)
        kernel += p.diag[i].code == CODE_F112;
    CHECK_EQ(kernel, 2);
    CHECK(strstr(find(0, CODE_F112)->text, "a BAR lies over another BAR or over RAM"));
    REFUSED("pci = 00:19.0 irq=none reset=none", CODE_I209, "reserves 1 memory region ");
    CHECK(!find(0, CODE_F113) && !find(0, CODE_I208) && find(0, CODE_F112));
    REFUSED("pci = 00:19.0 irq=none reset=none reserved=map", CODE_F112, "RAM");
    d->refusals |= BIT32(ST_RANGE);
    REFUSED("pci = 00:19.0 irq=none reset=none reserved=map", CODE_I213, "memory map does not reserve");
    f.platform.iommu_vendor = 0;
    f.platform.iommu_status = ST_ABSENT;
    REFUSED("pci = 00:19.0", CODE_I202, "no IOMMU");
    CHECK(find(0, CODE_F113) && find(0, CODE_I208) && find(0, CODE_I213) && find(0, CODE_F112));
    REFUSED("pci = 00:1c.0", CODE_F105, "bridge");           /* what it is decides alone */
    CHECK(!find(0, CODE_I202));
}

static void test_twice(void)
{
    char out[2048];
    const struct diag *d;
    machine();
    run(STD("a", "0") "pci = 00:03.0\n" STD("b", "1") "pci = path=00:03.0\n" STD("c", "2") "pci = 00:04.0\n");
    CHECK(p.vm[0].refused && p.vm[1].refused && !p.vm[2].refused);
    d = find(1, CODE_F101);
    CHECK(d != NULL && find(0, CODE_F101) != NULL);
    diag_format(d, m.text, m.len, out, sizeof out);
    CHECK(strstr(out, "cordon.conf:10:7:") && strstr(out, "and cordon.conf:5:7:"));
    CHECK(strstr(out, "    pci = path=00:03.0\n          ^~~~~~~~~~~~\n"));
    CHECK(strstr(out, "    pci = 00:03.0\n          ^~~~~~~\n"));
    run(STD("a", "0") "pci = 00:03.0\npci = 0/3/0\n");
    CHECK(find(0, CODE_F101) != NULL);
    /* A guest refused for its text still owns what it names: the other must not get it. */
    run(STD("a", "0") "pci = 00:03.0\nbad = 1\n" STD("b", "1") "pci = 00:03.0\n");
    CHECK_EQ(p.vm[0].code, CODE_M010);
    CHECK_EQ(p.vm[1].code, CODE_F101);
}

static void test_groups(void)
{
    machine();
    STARTS("pci = 00:0a.0 functions=all");
    CHECK_EQ(p.vm[0].devices, 2);
    CHECK_EQ(p.vm[0].device[1].devfn, p.vm[0].device[0].devfn + 1);
    STARTS("pci = 00:0a.0");
    CHECK(find(0, CODE_I207) != NULL);
    run(STD("a", "0") "pci = 00:0a.0\n" STD("b", "1") "pci = 00:0a.1\n" STD("c", "2"));
    CHECK_EQ(p.vm[0].code, CODE_I206);
    CHECK_EQ(p.vm[1].code, CODE_I206);
    CHECK(!p.vm[2].refused);
    CHECK(strstr(find(0, CODE_I206)->text, "0000:00:0a.0 0000:00:0a.1"));
    CHECK(find(0, CODE_I206)->also.line == 10);
    CHECK(strstr(find(0, CODE_I206)->text, "guest \"b\" has 0000:00:0a.1"));
    CHECK(strstr(find(0, CODE_I206)->text, "0000:00:0a.0 is one of several functions of a device and lacks ACS"));
}

/* A port, and what is behind it, and again: two guests, and the port that is to blame. */
static void test_group_cause(void)
{
    static const struct { uint8_t type, acs; const char *words; } cases[] = {
        { 4, 0, "0000:00:18.0 is a port without ACS" }, { 6, 0, "0000:00:18.0 is a port without ACS" },
        { 7, 0, "0000:00:18.0 is a bridge to a conventional bus" },
        { 0, 0, "0000:00:18.0 is a bridge to a conventional bus" } };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        machine();
        struct dev_info *d = dev(0x00c0, 0x1b36, 0x000c, 0x06040000);
        d->header = 1;
        d->pcie_type = cases[i].type;
        d->group = 60;
        for (unsigned k = 1; k <= 2; k++) {
            d = dev(0x0200 + 8 * k, 0x8086, 0x10d3, 0x02000000);
            d->up = (uint16_t)k;
            d->group = 60;
        }
        run(STD("a", "0") "pci = 02:01.0\n" STD("b", "1") "pci = 02:02.0\n" STD("c", "2"));
        CHECK_EQ(p.vm[0].code, CODE_I206);
        CHECK_EQ(p.vm[1].code, CODE_I206);
        CHECK(!p.vm[2].refused);
        CHECK(strstr(find(1, CODE_I206)->text, cases[i].words));
        CHECK(strstr(find(1, CODE_I206)->text, "guest \"a\" has 0000:02:01.0"));
        STARTS("pci = 02:01.0\npci = 02:02.0");
        STARTS("pci = 02:01.0");
        CHECK(find(0, CODE_I207) != NULL);
    }
}

static void test_slots(void)
{
    machine();
    REFUSED("pci = 00:03.0 slot=05.0\npci = 00:04.0 slot=05.0", CODE_S301, "slot 05.0 is taken twice");
    REFUSED("pci = 00:03.0 slot=05.1", CODE_S302, "without a function at 05.0");
    STARTS("pci = 00:03.0 slot=05.1\npci = 00:04.0 slot=05.0");
    REFUSED("pci = 00:03.0 slot=00.0", CODE_S303, "slot 00");
    REFUSED("pci = 00:03.0 slot=1f.0", CODE_S303, "slot 1f");
    REFUSED("pci = 00:0a.0 functions=all slot=05.1", CODE_S302, "slot=05.0");
    STARTS("pci = 00:03.0 slot=01.0\npci = 00:04.0");
    CHECK_EQ(p.vm[0].device[1].devfn, 0x10);
}

#define OPEN "dma = unprotected\n"
static void test_unprotected(void)
{
    machine();
    /* an IOMMU covers it: the key is an error, not ignored; M028 stands there all the same */
    REFUSED(OPEN "pci = 00:03.0", CODE_I212, "IOMMU unit 0 covers it");
    CHECK(find(0, CODE_M028) != NULL && find(0, CODE_M028)->kind == DIAG_WARNING);
    CHECK(strstr(find(0, CODE_M028)->text, "UNPROTECTED"));
    REFUSED(OPEN, CODE_I212, "no function");
    /* this one no unit covers */
    REFUSED(OPEN "pci = 00:0b.0", CODE_F116, "irq=none");
    STARTS(OPEN "pci = 00:0b.0 irq=none");
    CHECK(find(0, CODE_M028) != NULL);
    REFUSED("pci = 00:0b.0 irq=none", CODE_I205, "no IOMMU unit");
    REFUSED(OPEN "pci = 00:0b.0 irq=none\npci = 00:03.0 irq=none", CODE_I212, "covers it");
    f.platform.iommu_vendor = 0;
    f.platform.iommu_status = ST_ABSENT;
    f.platform.iommu_ir = 0;
    for (unsigned i = 0; i < f.devices; i++) {
        f.dev[i].iommu_unit = ~0u;
        f.dev[i].refusals |= BIT32(ST_NOIOMMU);
    }
    REFUSED("pci = 00:03.0 irq=none", CODE_I202, "no IOMMU");
    STARTS(OPEN "pci = 00:03.0 irq=none");
    STARTS("pci = 00:03.0 irq=none\n" OPEN);
    REFUSED(OPEN "pci = 00:03.0", CODE_F116, "no IOMMU remaps");
    REFUSED(OPEN "pci = 00:08.0", CODE_F113, "neither MSI");
    STARTS(OPEN "pci = 00:08.0 irq=none");
    /* the other refusals stay */
    REFUSED(OPEN "pci = 00:05.0 irq=none", CODE_I208, "no reset");
    STARTS(OPEN "pci = 00:05.0 irq=none reset=none");
    REFUSED(OPEN "pci = 00:00.0 irq=none", CODE_F106, "host bridge");
    REFUSED(OPEN "pci = 00:0c.0 irq=none", CODE_F111, "quarantined");
    REFUSED(OPEN "pci = 00:0d.0 irq=none", CODE_F109, "does not answer");
    REFUSED(OPEN "pci = 00:10.0 irq=none", CODE_F112, "UNSUPP");
    /* only the guest that says so */
    run(STD("a", "0") OPEN "pci = 00:03.0 irq=none\n" STD("b", "1") "pci = 00:04.0 irq=none\n");
    CHECK(!p.vm[0].refused);
    CHECK_EQ(p.vm[1].code, CODE_I202);
    /* the mark stays when the guest is refused, for whatever reason */
    run(STD("a", "0") OPEN "pci = 00:03.0 irq=none\nbad = 1\n");
    CHECK(p.vm[0].refused && m.vm[0].unprotected && find(0, CODE_M028) != NULL);
    /* room for the boot image, and all of it below 3 GiB */
    run("[vm a]\ncpus = 0\nmemory = 16M\nkernel = guests/bz\n" OPEN "pci = 00:03.0 irq=none\n");
    CHECK_EQ(p.vm[0].code, CODE_R403);
    run("[vm a]\ncpus = 0\nmemory = 18M\nkernel = guests/mb\n" OPEN "pci = 00:03.0 irq=none\n");
    CHECK(!p.vm[0].refused);
    f.memory.user_free = 8ull << 30;
    run("[vm a]\ncpus = 0\nmemory = 3074M\nkernel = guests/bz\n" OPEN "pci = 00:03.0 irq=none\n");
    CHECK_EQ(p.vm[0].code, CODE_R403);
    /* an IOMMU that failed, or is not driven, is not none */
    static const struct { uint32_t vendor; status_t st; enum code code; } failed[] = {
        { 0, ST_UNSUPP, CODE_I203 }, { 0, ST_CORRUPT, CODE_I203 }, { 1, ST_TIMEOUT, CODE_I203 },
        { 1, ST_NOIR, CODE_I204 }, { 1, ST_HW, CODE_I203 } };
    for (unsigned i = 0; i < ARRAY_LEN(failed); i++) {
        f.platform.iommu_vendor = failed[i].vendor;
        f.platform.iommu_status = failed[i].st;
        REFUSED(OPEN "pci = 00:03.0 irq=none", failed[i].code, "IOMMU");
    }
}

static void test_iommu(void)
{
    machine();
    f.platform.iommu_vendor = 0;
    f.platform.iommu_status = ST_ABSENT;
    REFUSED("pci = 00:03.0", CODE_I202, "no IOMMU");
    STARTS("");
    f.platform.iommu_status = ST_UNSUPP;               /* one that is there but is not driven */
    strcpy(f.platform.iommu_reason, "AMD-Vi found");
    REFUSED("pci = 00:03.0", CODE_I203, "AMD-Vi found");
    STARTS("");
    f.platform.iommu_vendor = 1;
    f.platform.iommu_reason[0] = 0;
    f.platform.iommu_status = ST_NOIR;
    REFUSED("pci = 00:03.0", CODE_I204, "cannot remap interrupts");
    f.platform.iommu_status = ST_OK;
    f.platform.iommu_ir = 0;
    REFUSED("pci = 00:03.0", CODE_I204, "cannot remap interrupts");
    f.platform.iommu_status = ST_TIMEOUT;
    strcpy(f.platform.iommu_reason, "unit 1 did not enable translation");
    REFUSED("pci = 00:03.0", CODE_I203, "unit 1 did not enable");
    machine();
    f.platform.virt_status = ST_UNSUPP;
    run(STD("a", "1"));
    CHECK_EQ(p.vm[0].code, CODE_I201);
}

static void test_resources(void)
{
    machine();
    REFUSED("tsc = 1G", CODE_R408, "has no TSC scaling that Cordon uses");
    f.platform.tsc_scaling = 1;                                  /* the host's is 1 GHz */
    REFUSED("tsc = 62499K", CODE_R408, "1/16 to 16 times");
    STARTS("tsc = 62500K");
    STARTS("tsc = 16G");
    f.platform.tsc_hz = 900000000;
    REFUSED("tsc = 16G", CODE_R408, "counts at 900 MHz");
    machine();
    run("[vm a]\ncpus = 7\nmemory = 64M\nkernel = guests/bz\n" STD("z", "2"));
    CHECK_EQ(p.vm[0].code, CODE_R405);
    CHECK_EQ(find(0, CODE_R405)->line, 2);
    CHECK(!p.vm[1].refused);
    f.cpus = 1;
    run(STD("a", "1"));
    CHECK_EQ(p.vm[0].code, CODE_R405);
    CHECK(strstr(find(0, CODE_R405)->text, "the machine has CPU 0 alone") != NULL);
    machine();
    run(STD("a", "3"));
    CHECK_EQ(p.vm[0].code, CODE_R406);
    run(STD("a", "1") STD("b", "0,1"));
    CHECK(!p.vm[0].refused);
    CHECK_EQ(p.vm[1].code, CODE_R407);
    CHECK_EQ(find(1, CODE_R407)->also.line, 2);
    run("[vm a]\ncpus = 0\nmemory = 700M\nkernel = guests/bz\n[vm b]\ncpus = 1\nmemory = 400M\nkernel = guests/bz\n" STD("c", "2"));
    CHECK(!p.vm[0].refused && !p.vm[2].refused);
    CHECK_EQ(p.vm[1].code, CODE_R401);
    CHECK_EQ(find(1, CODE_R401)->line, 7);
    CHECK_EQ(find(1, CODE_R401)->also.line, 3);
    run("[vm a]\ncpus = 0\nmemory = 2G\nkernel = guests/bz\n");
    CHECK_EQ(p.vm[0].code, CODE_R401);
    /* all of it, to the byte */
    f.memory.user_free = (64ull << 20) + POLICY_OVERHEAD;
    run(STD("a", "0"));
    CHECK(!p.vm[0].refused);
    f.memory.user_free--;
    run(STD("a", "0"));
    CHECK(p.vm[0].refused);
}

static void kernel(const char *lines, enum code code)
{
    char text[512];
    snprintf(text, sizeof text, "[vm a]\ncpus = 0\nmemory = 64M\n%s\n", lines);
    run(text);
    CHECK_EQ(p.vm[0].code, code);
    CHECK_EQ(p.vm[0].refused, code != CODE_NONE);
    if (p.vm[0].code != code)
        printf("    %s: %s\n", lines, p.diags.count ? p.diag[0].text : "");
}

static void test_files(void)
{
    machine();
    kernel("kernel = guests/none", CODE_R410);
    kernel("kernel = guests/bz\ninitrd = guests/none", CODE_R410);
    kernel("kernel = guests/bz\ninitrd = guests/initrd", CODE_NONE);
    CHECK_EQ(p.vm[0].type, TYPE_LINUX);
    CHECK_EQ(p.vm[0].initrd, 2);
    kernel("kernel = guests/bz\ntype = multiboot", CODE_R412);
    kernel("kernel = guests/bz\nmodule = guests/mb x", CODE_R414);
    kernel("kernel = guests/mb\nmodule = guests/initrd x", CODE_NONE);
    CHECK_EQ(p.vm[0].type, TYPE_MULTIBOOT);
    kernel("kernel = guests/mb\ninitrd = guests/initrd", CODE_R414);
    kernel("kernel = other/place/bz", CODE_NONE);           /* same last component */
    f.module[1].info.len = 4096;
    f.module[1].head_len = 4096;
    kernel("kernel = guests/bz", CODE_R411);
    f.module[1].info.len = 0;
    kernel("kernel = guests/bz", CODE_R415);
    machine();
    f.module[3].info.len = 4096;
    kernel("kernel = guests/mb", CODE_R411);
    memset(mb, 0, sizeof mb);
    machine();
    kernel("kernel = guests/mb", CODE_R412);
    bz[0x236] = 0;
    kernel("kernel = guests/bz", CODE_R412);
    images();
    machine();
    put32(bz + 0x260, 100 << 20);
    kernel("kernel = guests/bz", CODE_R413);
    images();
    f.module[2].info.len = 80ull << 20;
    kernel("kernel = guests/bz\ninitrd = guests/initrd", CODE_R413);
    machine();
    CHECK_EQ(find(DIAG_ALL, CODE_M031) != NULL, true);      /* guests/mb is unused */
    f.modules = 4;
    kernel("kernel = guests/bz", CODE_R416);
    machine();
    module("/a/b/guests/bz2 with args", 10, NULL);
    CHECK_EQ(policy_find_module(&f, "guests/bz2"), 5);
    CHECK_EQ(policy_find_module(&f, "bz2"), 5);
    CHECK_EQ(policy_find_module(&f, "z2"), POLICY_NONE);
}

int main(void)
{
    images();
    test_functions();
    test_every_reason();
    test_twice();
    test_groups();
    test_group_cause();
    test_slots();
    test_iommu();
    test_unprotected();
    test_resources();
    test_files();
    return unit_done();
}
