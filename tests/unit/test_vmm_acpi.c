/* link: vmm/acpi.c vmm/aml.c vmm/dsdt.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's ACPI tables: pointers, lengths, checksums, contents, AML structure, limits. */
#include "unit.h"

#include "vmm/acpi.h"
#include "vmm/aml.h"
#include "vmm/guest_hw.h"
#include "vmm/start_page.h"

static uint8_t image[ACPI_SIZE];

static uint64_t get(uint64_t gpa, unsigned size)
{
    uint64_t v = 0;
    CHECK(gpa >= ACPI_GPA && gpa + size <= ACPI_GPA + ACPI_SIZE);
    memcpy(&v, image + (gpa - ACPI_GPA), size);
    return v;
}

static unsigned sum(uint64_t gpa, unsigned len)
{
    unsigned s = 0;
    for (unsigned i = 0; i < len; i++)
        s += (unsigned)get(gpa + i, 1);
    return s & 0xff;
}

/* Follows the XSDT and checks that the RSDT says the same. */
static uint64_t find(const char *sig)
{
    uint64_t xsdt = get(ACPI_GPA + 24, 8), rsdt = get(ACPI_GPA + 16, 4), found = 0;
    unsigned n = (unsigned)(get(xsdt + 4, 4) - 36) / 8;
    CHECK_EQ((get(rsdt + 4, 4) - 36) / 4, n);
    for (unsigned i = 0; i < n; i++) {
        uint64_t at = get(xsdt + 36 + 8 * i, 8);
        CHECK_EQ(get(rsdt + 36 + 4 * i, 4), at);
        if (memcmp(image + (at - ACPI_GPA), sig, 4) == 0)
            found = at;
    }
    CHECK(found != 0);
    return found;
}

static void check_table(uint64_t at)
{
    unsigned len = (unsigned)get(at + 4, 4);
    CHECK(len >= 36);
    CHECK_EQ(sum(at, len), 0);
}

static void roots(void)
{
    CHECK(memcmp(image, "RSD PTR ", 8) == 0);
    CHECK_EQ(ACPI_GPA & 15, 0);
    CHECK_EQ(sum(ACPI_GPA, 20), 0);
    CHECK_EQ(sum(ACPI_GPA, 36), 0);
    CHECK_EQ(image[15], 2);
    check_table(get(ACPI_GPA + 24, 8));
    check_table(get(ACPI_GPA + 16, 4));
    check_table(find("FACP"));
    check_table(find("APIC"));
    check_table(find("MCFG"));
}

static void fadt(void)
{
    uint64_t f = find("FACP"), facs = get(f + 36, 4), dsdt = get(f + 40, 4);
    CHECK_EQ(get(f + 4, 4), 276);
    CHECK_EQ(facs & 63, 0);
    CHECK(memcmp(image + (facs - ACPI_GPA), "FACS", 4) == 0);
    CHECK_EQ(get(facs + 4, 4), 64);
    CHECK_EQ(get(f + 140, 8), dsdt);
    CHECK(memcmp(image + (dsdt - ACPI_GPA), "DSDT", 4) == 0);
    check_table(dsdt);
    CHECK_EQ(get(f + 46, 2), GHW_IRQ_SCI);
    CHECK_EQ(get(f + 48, 4), 0);
    CHECK_EQ(get(f + 56, 4), GHW_PM1A_EVT);
    CHECK_EQ(get(f + 64, 4), GHW_PM1A_CNT);
    CHECK_EQ(get(f + 76, 4), GHW_PM_TMR);
    CHECK_EQ(get(f + 88, 1), 4);
    CHECK_EQ(get(f + 89, 1), 2);
    CHECK_EQ(get(f + 91, 1), 4);
    CHECK_EQ(get(f + 108, 1), GHW_CMOS_CENTURY);
    CHECK_EQ(get(f + 112, 4) & 0x501, 0x501);    /* WBINVD, 32-bit timer, reset register */
    CHECK_EQ(get(f + 112, 4) >> 20 & 1, 0);      /* not hardware-reduced */
    CHECK_EQ(get(f + 116, 1), 1);
    CHECK_EQ(get(f + 120, 8), GHW_RESET);
    CHECK_EQ(get(f + 128, 1), GHW_RESET_VALUE);
    CHECK_EQ(get(f + 152, 8), GHW_PM1A_EVT);
    CHECK_EQ(get(f + 176, 8), GHW_PM1A_CNT);
    CHECK_EQ(get(f + 212, 8), GHW_PM_TMR);
}

static void madt(unsigned vcpus)
{
    uint64_t m = find("APIC"), end = m + get(m + 4, 4);
    unsigned cpus = 0, ioapics = 0, overrides = 0, nmis = 0;
    CHECK_EQ(get(m + 36, 4), GHW_LAPIC_BASE);
    for (uint64_t at = m + 44; at < end; at += get(at + 1, 1)) {
        CHECK(get(at + 1, 1) >= 6 && at + get(at + 1, 1) <= end);
        switch (get(at, 1)) {
        case 0:
            CHECK_EQ(get(at + 2, 1), cpus);
            CHECK_EQ(get(at + 3, 1), cpus++);
            CHECK_EQ(get(at + 4, 4), 1);
            break;
        case 1:
            ioapics++;
            CHECK_EQ(get(at + 2, 1), GHW_IOAPIC_ID);
            CHECK_EQ(get(at + 4, 4), GHW_IOAPIC_BASE);
            CHECK_EQ(get(at + 8, 4), 0);
            break;
        case 2:
            overrides++;
            CHECK_EQ(get(at + 4, 4), get(at + 3, 1) == 0 ? 2u : 9u);
            CHECK_EQ(get(at + 8, 2), get(at + 3, 1) == 0 ? 0u : 0xdu);
            break;
        case 4:
            nmis++;
            break;
        default:
            CHECK(false);
        }
    }
    CHECK_EQ(cpus, vcpus);
    CHECK_EQ(ioapics, 1);
    CHECK_EQ(overrides, 2);
    CHECK_EQ(nmis, 1);
}

static void mcfg(void)
{
    uint64_t m = find("MCFG");
    CHECK_EQ(get(m + 4, 4), 60);
    CHECK_EQ(get(m + 44, 8), GUEST_ECAM_BASE);
    CHECK_EQ(get(m + 52, 8), 0);                 /* segment 0, buses 0..0 */
}

static unsigned count(const void *needle, unsigned len)
{
    unsigned n = 0;
    for (unsigned i = 0; i + len <= ACPI_SIZE; i++)
        n += memcmp(image + i, needle, len) == 0;
    return n;
}

/* Length of the AML package whose length field is at gpa [ACPI 20.2.4]. */
static uint64_t pkg_len(uint64_t gpa)
{
    uint64_t lead = get(gpa, 1), len = lead & 0xf;
    CHECK_EQ(lead >> 6, 2);
    return len | get(gpa + 1, 1) << 4 | get(gpa + 2, 1) << 12;
}

static const struct vmm_start *with(unsigned vcpus)
{
    static struct vmm_start start;
    start = (struct vmm_start){ .vcpus = vcpus, .devices = 2, .device = { { .devfn = 4 << 3 | 1, .pin = 2, .line = 7 },
                                                                          { .devfn = 5 << 3 } } };
    return &start;
}

/* How often a route is there: device, pin, and where to. */
static unsigned routes(unsigned dev, unsigned pin, unsigned to)
{
    uint8_t entry[] = { 0x12, 0x80 | 14, 0, 0, 4, 0x0c, 0xff, 0xff, (uint8_t)dev, 0, 0x0a, (uint8_t)pin, 0, 0x0a, (uint8_t)to };
    return count(entry, sizeof entry);
}

static void dsdt(unsigned vcpus)
{
    uint64_t d = get(find("FACP") + 40, 4), end = d + get(d + 4, 4), at = d + 36;
    static const uint8_t s5[] = { 0x08, '\\', '_', 'S', '5', '_', 0x12 };
    CHECK(memcmp(image + (at - ACPI_GPA), s5, sizeof s5) == 0);
    at += sizeof s5;
    at += pkg_len(at);
    at += 7 + 17;                                /* Name (\\APIC, 0), and \\_PIC, which sets it */
    CHECK_EQ(get(at, 1), 0x10);                  /* Scope (\_SB) to the very end */
    CHECK_EQ(at + 1 + pkg_len(at + 1), end);
    CHECK_EQ(count("ACPI0007", 8), vcpus);
    static const uint8_t pnp0a08[] = { 0x0c, 0x41, 0xd0, 0x0a, 0x08 }, pnp0501[] = { 0x0c, 0x41, 0xd0, 0x05, 0x01 };
    CHECK_EQ(count(pnp0a08, 5), 1);
    CHECK_EQ(count(pnp0501, 5), 1);
    CHECK_EQ(count("_PRT", 4), 1);
    CHECK_EQ(count("_PIC", 4), 1);
    CHECK_EQ(count("PRTA", 4) + count("PRTP", 4), 4);        /* each named and returned */
    CHECK_EQ(count("\\APIC", 5), 3);
    static const uint8_t end_tag[] = { 0x79, 0x00 };
    CHECK(count(end_tag, 2) >= 6);
    CHECK(routes(3, 2, ghw_intx_gsi(3, 2)) == 1 && routes(3, 2, 11) == 1);
    CHECK_EQ(ghw_intx_gsi(3, 2), 21);
    static const uint8_t pin1[] = { 0x0c, 0xff, 0xff, 4, 0, 0x01, 0, 0x0a, 23 };        /* the function's own line */
    CHECK_EQ(count(pin1, sizeof pin1), 1);
}

static void writer(void)
{
    uint8_t buf[8] = { 0 };
    struct aml aml = { buf, 4, 0, false };
    aml_int(&aml, 0x12345678);                   /* five bytes into four */
    CHECK(aml.overflow);
    CHECK_EQ(aml.len, 4);
    CHECK_EQ(buf[4], 0);
    aml = (struct aml){ buf, 8, 0, false };
    aml_int(&aml, 1);
    aml_int(&aml, 0xff);
    aml_int(&aml, 0x100);
    CHECK_EQ(aml.len, 6);
    aml = (struct aml){ buf, 8, 0, false };
    uint32_t mark = aml_scope(&aml, "\\_SB_");   /* overflows: closing it writes nothing outside */
    aml_close(&aml, mark);
    CHECK(aml.overflow);
}

int main(void)
{
    for (unsigned vcpus = 1; vcpus <= VMM_MAX_VCPUS; vcpus++) {
        CHECK_EQ(acpi_build(image, with(vcpus)), ST_OK);
        roots();
        fadt();
        madt(vcpus);
        mcfg();
        dsdt(vcpus);
    }
    CHECK_EQ(acpi_build(image, with(400)), ST_NOSPACE);
    writer();
    return unit_done();
}
