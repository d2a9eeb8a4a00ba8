/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/policy.c monitor/policy_files.c monitor/policy_devices.c monitor/policy_intx.c monitor/policy_slots.c monitor/image.c monitor/manifest.c monitor/manifest_value.c monitor/manifest_pci.c monitor/name.c monitor/diag.c monitor/explain.c kernel/lib/fmt.c kernel/lib/str.c */
/* Interrupt lines: who gets one, where it goes, what it is in the guest, and who may share it. */
#include "tests/unit/unit.h"

#include "monitor/explain.h"
#include "monitor/firmware.h"
#include "monitor/policy.h"

static struct manifest m;
static struct facts f;
static struct policy p;
static uint8_t bz[8192];
static uint32_t routes[FACTS_DEVICES];   /* what the firmware's tables say, 0 = nothing */

bool firmware_intx(const struct facts *facts, const struct dev_info *d, uint32_t *gsi, char *text, size_t size)
{
    *gsi = routes[d - facts->dev] | IRQ_GSI_LOW;
    snprintf(text, size, d->pin ? "\\_SB.PCI0 has no entry" : "the function has no interrupt line");
    return d->pin != 0 && *gsi != IRQ_GSI_LOW;
}

#define STD(name, cpu) "[vm " name "]\ncpus = " cpu "\nmemory = 64M\nkernel = guests/bz\ntype = linux\n"

static struct dev_info *dev(uint32_t bdf)
{
    struct dev_info *d = &f.dev[f.devices];
    *d = (struct dev_info){ .bdf = bdf, .vendor = 0x8086, .device = 0x10d3, .class_rev = 0x02000000, .flr = 1, .pin = 1,
                            .intx_off = 1, .msix_off = 0xb0, .msix_count = 5, .group = f.devices };
    f.devices++;
    return d;
}

static void machine(void)
{
    memset(&f, 0, sizeof f);
    memset(routes, 0, sizeof routes);
    f.platform = (struct info_platform){ .tsc_hz = 1000000000, .iommu_vendor = 1, .iommu_ir = 1, .virt_vendor = 2 };
    f.memory.user_free = 1024ull << 20;
    f.cpus = 4;
    for (unsigned i = 0; i < 4; i++)
        f.cpu[i] = (struct info_cpu){ .index = i, .online = 1 };
    dev(0x0040)->msix_off = 0;
    dev(0x0018);
    dev(0x0020);
    f.modules = 2;
    f.module[0] = (struct fact_module){ .info = { .len = sizeof bz, .name = "guests/bz" }, .head = bz, .head_len = sizeof bz };
    f.module[1] = (struct fact_module){ .info = { .len = 50000, .name = "vmm.elf" } };
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

/* Guest a with the lines starts, or is refused with the code and the words. */
static void is_so(const char *file, int line, const char *add, enum code code, const char *words)
{
    static char text[2048];
    snprintf(text, sizeof text, STD("a", "1") "%s\n", add);
    run(text);
    unit_checks++;
    if (p.vm[0].code == code && m.errors.count == 0 && (code == CODE_NONE || strstr(find(0, code)->text, words)))
        return;
    unit_fail(file, line, add);
    for (uint32_t i = 0; i < p.diags.count; i++)
        printf("    %s vm %u: %s\n", explain_name(p.diag[i].code), p.diag[i].vm, p.diag[i].text);
}
#define STARTS(add) is_so(__FILE__, __LINE__, add, CODE_NONE, "")
#define REFUSED(add, code, words) is_so(__FILE__, __LINE__, add, code, words)

/* The functions at 00:08.0 (INTx only), 00:03.0, 00:04.0 (MSI-X), and their lines. */
static void lines(uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t gsi[] = { a, b, c };
    machine();
    for (unsigned i = 0; i < 3; i++)
        routes[i] = gsi[i];
}

static void test_lines(void)
{
    const struct plan_device *pd = p.vm[0].device;
    lines(16, 17, 16);
    STARTS("pci = 00:08.0");
    CHECK(pd[0].pin == 1 && pd[0].line_no == 0 && pd[0].gsi == (IRQ_GSI_LOW | 16) && pd[0].irqs == 0);
    STARTS("pci = 00:08.0 gsi=5");
    CHECK_EQ(pd[0].gsi, IRQ_GSI_LOW | 5);
    STARTS("pci = 00:08.0 irq=none");
    CHECK_EQ(pd[0].pin, 0);
    STARTS("pci = 00:03.0");                     /* MSI-X is enough */
    CHECK(pd[0].pin == 0 && pd[0].irqs == 5);
    STARTS("pci = 00:03.0 irq=intx slot=05.0\npci = 00:08.0 slot=06.0\npci = 00:04.0 slot=05.1 gsi=16");
    CHECK(pd[0].pin == 1 && pd[0].irqs == 5 && pd[0].line_no == 0);
    CHECK(pd[1].pin == 1 && pd[1].line_no == 1);
    CHECK(pd[2].pin == 2 && pd[2].line_no == 1); /* a line is a line in the guest too; a slot has a pin for each */
    /* not routed */
    lines(0, 0, 0);
    REFUSED("pci = 00:08.0", CODE_F113, "INTx unrouted: \\_SB.PCI0 has no entry");
    STARTS("pci = 00:08.0 gsi=17");
    STARTS("pci = 00:03.0");
    REFUSED("pci = 00:03.0 irq=intx", CODE_F117, "irq=intx or gsi= asks");
    f.dev[0].pin = 0;
    REFUSED("pci = 00:08.0 gsi=17", CODE_F113, "no interrupt line");
    /* without an IOMMU nothing but lines */
    lines(16, 17, 0);
    f.platform.iommu_vendor = 0;
    f.platform.iommu_status = ST_ABSENT;
    STARTS("dma = unprotected\npci = 00:03.0\npci = 00:08.0");
    CHECK(pd[0].pin == 1 && pd[0].irqs == 0 && pd[1].pin == 1);
    REFUSED("dma = unprotected\npci = 00:04.0", CODE_F116, "no IOMMU remaps its messages");
    STARTS("dma = unprotected\npci = 00:04.0 irq=none");
}

static void test_shared_lines(void)
{
    lines(16, 16, 17);
    STARTS("pci = 00:08.0\npci = 00:03.0 irq=intx");     /* one guest's */
    CHECK(p.vm[0].device[0].line_no == 0 && p.vm[0].device[1].line_no == 0);
    run(STD("a", "0") "pci = 00:08.0\n" STD("b", "1") "pci = 00:03.0 irq=intx\n" STD("c", "2") "pci = 00:04.0 irq=intx\n");
    CHECK(p.vm[0].code == CODE_F118 && p.vm[1].code == CODE_F118 && !p.vm[2].refused);
    CHECK(strstr(find(0, CODE_F118)->text, "interrupt line 16 of \"a\" is also that of 0000:00:03.0"));
    CHECK(strstr(find(0, CODE_F118)->text, "of \"b\""));
    CHECK(strstr(find(1, CODE_F118)->text, "interrupt line 16 of \"b\" is also that of 0000:00:08.0"));
    CHECK(find(0, CODE_F118)->also.line == 12);
    run(STD("a", "0") "pci = 00:08.0\n" STD("b", "1") "pci = 00:03.0\n");              /* MSI-X, INTx off */
    CHECK(!p.vm[0].refused && !p.vm[1].refused);
    f.dev[1].intx_off = 0;                       /* ... but it cannot be kept off */
    run(STD("a", "0") "pci = 00:08.0\n" STD("b", "1") "pci = 00:03.0\n");
    CHECK(p.vm[0].code == CODE_F118 && !p.vm[1].refused);
    CHECK(strstr(find(0, CODE_F118)->text, "cannot be switched off"));
    STARTS("pci = 00:08.0");                     /* nobody's */
    CHECK(find(0, CODE_F120) != NULL && find(0, CODE_F120)->kind == DIAG_WARNING);
    run(STD("a", "0") "pci = 00:08.0 gsi=17\n" STD("b", "1") "pci = 00:04.0 irq=intx\n");
    CHECK(p.vm[0].code == CODE_F118 && p.vm[1].code == CODE_F118);
    /* more than fit */
    machine();
    char text[600] = "";
    for (unsigned i = 0; i < 9; i++) {
        routes[f.devices] = 16 + i;
        dev(0x0200 + 8 * i)->msix_off = 0;
        snprintf(text + strlen(text), sizeof text - strlen(text), "pci = 02:%02x.0\n", i);
    }
    REFUSED(text, CODE_F119, "8 in a guest");
    REFUSED("pci = 02:00.0 slot=01.0\npci = 02:01.0 slot=01.1\npci = 02:02.0 slot=01.2\npci = 02:03.0 slot=01.3\n"
            "pci = 02:04.0 slot=01.4", CODE_F119, "4 in a slot");
}

int main(void)
{
    bz[0x1f1] = 1;
    bz[0x1f4] = 0x80;
    bz[0x1fe] = 0x55;
    bz[0x1ff] = 0xaa;
    memcpy(bz + 0x202, "HdrS", 4);
    bz[0x206] = 0x0f;
    bz[0x207] = 2;
    bz[0x236] = 1;
    bz[0x262] = 0x10;
    test_lines();
    test_shared_lines();
    return unit_done();
}
