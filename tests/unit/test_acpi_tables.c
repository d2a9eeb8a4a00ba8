/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/acpi/acpi_madt.c kernel/acpi/acpi_mcfg.c kernel/acpi/acpi_spcr.c kernel/acpi/acpi_fadt.c */
/* MADT, MCFG, SPCR, FADT: hand-made tables, lies, every truncation; real tables when they are there. */
#define _POSIX_C_SOURCE 200809L

#include "kernel/acpi/acpi_fadt.h"
#include "kernel/acpi/acpi_madt.h"
#include "kernel/acpi/acpi_mcfg.h"
#include "kernel/acpi/acpi_spcr.h"
#include "unit.h"

#include <dirent.h>
#include <stdlib.h>

static uint8_t buf[8192];
static uint32_t len;

static void start(const char *sig, uint32_t header)
{
    memset(buf, 0, sizeof buf);
    memcpy(buf, sig, 4);
    len = header;
}
static void finish(void) { memcpy(buf + 4, &len, 4); }
static void put(const void *bytes, uint32_t n) { memcpy(buf + len, bytes, n); len += n; }
static void put32(uint32_t at, uint32_t v) { memcpy(buf + at, &v, 4); }
static void put64(uint32_t at, uint64_t v) { memcpy(buf + at, &v, 8); }

static void put_lapic(uint8_t uid, uint8_t id, uint32_t flags)
{
    uint8_t e[8] = { 0, 8, uid, id, (uint8_t)flags };
    put(e, 8);
}
static void put_x2apic(uint32_t id, uint32_t flags)
{
    uint8_t e[16] = { 9, 16 };
    memcpy(e + 4, &id, 4);
    memcpy(e + 8, &flags, 4);
    put(e, 16);
}

static struct acpi_madt madt;

static void test_madt(void)
{
    start("APIC", 44);
    put32(36, 0xfee00000);
    buf[40] = 1;
    put_lapic(0, 0, 1);
    put_lapic(1, 4, 1);
    put_lapic(2, 6, 2);                  /* online-capable only */
    put_lapic(3, 0xff, 1);               /* empty socket */
    put_lapic(4, 8, 0);
    put_x2apic(4, 1);                    /* the same CPU again */
    put_x2apic(0x123, 1);
    put_x2apic(0xffffffff, 1);
    uint8_t ioapic[12] = { 1, 12, 2, 0, 0, 0, 0xc0, 0xfe, 24 };
    put(ioapic, 12);
    uint8_t timer[10] = { 2, 10, 0, 0, 2 };
    put(timer, 10);
    uint8_t sci[10] = { 2, 10, 0, 9, 9, 0, 0, 0, 0x0f };
    put(sci, 10);
    uint8_t other_bus[10] = { 2, 10, 1, 5, 7 };
    put(other_bus, 10);
    uint8_t unknown[6] = { 0x77, 6, 1, 2, 3, 4 };
    put(unknown, 6);
    finish();
    CHECK_EQ(acpi_madt_parse(buf, len, &madt), ST_OK);
    CHECK_EQ(madt.cpus, 3);
    CHECK_EQ(madt.cpu[1].apic_id, 4);
    CHECK_EQ(madt.cpu[2].apic_id, 0x123);
    CHECK_EQ(madt.cpus_later, 1);
    CHECK_EQ(madt.lapic.v, 0xfee00000);
    CHECK(madt.has_pics);
    CHECK_EQ(madt.ioapics, 1);
    CHECK_EQ(madt.ioapic[0].id, 2);
    CHECK_EQ(madt.ioapic[0].pa.v, 0xfec00000);
    CHECK_EQ(madt.ioapic[0].gsi_base, 24);
    CHECK_EQ(madt.overrides, 2);
    CHECK_EQ(acpi_madt_isa(&madt, 0).gsi, 2);
    CHECK(!acpi_madt_isa(&madt, 0).level);
    CHECK(acpi_madt_isa(&madt, 9).level && acpi_madt_isa(&madt, 9).active_low);
    CHECK_EQ(acpi_madt_isa(&madt, 4).gsi, 4);
    CHECK(!madt.truncated);
    CHECK_EQ(madt.malformed, 0);
}

static void test_madt_lies(void)
{
    start("APIC", 44);
    put_lapic(0, 0, 1);
    uint8_t short_x2apic[4] = { 9, 4, 0, 0 };
    put(short_x2apic, 4);
    put_lapic(1, 1, 1);
    uint8_t zero[2] = { 5, 0 };
    put(zero, 2);
    put_lapic(2, 2, 1);
    finish();
    CHECK_EQ(acpi_madt_parse(buf, len, &madt), ST_OK);
    CHECK_EQ(madt.cpus, 2);
    CHECK_EQ(madt.malformed, 1);
    CHECK(madt.truncated);

    start("APIC", 44);
    uint8_t addr[12] = { 5, 12, 0, 0, 0, 0, 0, 0, 1 };
    put(addr, 12);
    for (unsigned i = 0; i < 100; i++)
        put_x2apic(i, 1);
    for (uint8_t i = 0; i < 40; i++) {
        uint8_t ioapic[12] = { 1, 12, i };
        uint8_t over[10] = { 2, 10, 0, i, i };
        put(ioapic, 12);
        put(over, 10);
    }
    finish();
    CHECK_EQ(acpi_madt_parse(buf, len, &madt), ST_OK);
    CHECK_EQ(madt.lapic.v, 0x100000000ull);
    CHECK_EQ(madt.cpus, MAX_CPUS);
    CHECK_EQ(madt.cpus_dropped, 100 - MAX_CPUS);
    CHECK_EQ(madt.ioapics_dropped, 40 - MADT_MAX_IOAPICS);
    CHECK_EQ(madt.overrides_dropped, 40 - MADT_MAX_OVERRIDES);

    CHECK_EQ(acpi_madt_parse(buf, 43, &madt), ST_CORRUPT);
    CHECK_EQ(acpi_madt_parse(buf, 0, &madt), ST_CORRUPT);
    buf[0] = 'B';
    CHECK_EQ(acpi_madt_parse(buf, len, &madt), ST_CORRUPT);
    start("APIC", 44);
    finish();
    CHECK_EQ(acpi_madt_parse(buf, len, &madt), ST_CORRUPT);   /* nobody is enabled */
}

static void put_window(uint64_t base, uint16_t seg, uint8_t first, uint8_t last)
{
    uint8_t e[16] = { 0 };
    memcpy(e, &base, 8);
    memcpy(e + 8, &seg, 2);
    e[10] = first;
    e[11] = last;
    put(e, 16);
}

static void test_mcfg(void)
{
    struct acpi_mcfg m;
    struct mcfg_segment s;
    start("MCFG", 44);
    put_window(0xb0000000, 0, 0, 255);
    put_window(0xc0000000, 1, 16, 31);
    put_window(0xd0000000, 0, 9, 3);             /* reversed */
    put_window(0xd0001000, 2, 0, 1);             /* unaligned */
    put_window(0xfffffffffff00000ull, 3, 0, 9);  /* wraps */
    put_window(0, 4, 0, 9);
    len += 5;                                    /* a part of an entry */
    finish();
    CHECK_EQ(acpi_mcfg_parse(buf, len, &m), ST_OK);
    CHECK_EQ(m.segments, 2);
    CHECK_EQ(m.malformed, 4);
    CHECK(m.truncated);
    CHECK(acpi_mcfg_find(&m, 0, 255, &s));
    CHECK_EQ(s.base.v, 0xb0000000);
    CHECK(!acpi_mcfg_find(&m, 1, 15, &s));
    CHECK(acpi_mcfg_find(&m, 1, 16, &s));
    CHECK(!acpi_mcfg_find(&m, 5, 0, &s));
    start("MCFG", 44);
    for (unsigned i = 0; i < 20; i++)
        put_window(0xb0000000, (uint16_t)i, 0, 1);
    finish();
    CHECK_EQ(acpi_mcfg_parse(buf, len, &m), ST_OK);
    CHECK_EQ(m.segments, MCFG_MAX_SEGMENTS);
    CHECK_EQ(m.dropped, 4);
    start("MCFG", 44);
    finish();
    CHECK_EQ(acpi_mcfg_parse(buf, len, &m), ST_CORRUPT);
    CHECK_EQ(acpi_mcfg_parse(buf, 36, &m), ST_CORRUPT);
}

static void test_spcr(void)
{
    struct acpi_spcr s;
    start("SPCR", 80);
    finish();
    CHECK_EQ(acpi_spcr_parse(buf, len, &s), ST_NOTFOUND);
    buf[40] = 1;
    put64(44, 0x2f8);
    buf[52] = 3;
    buf[53] = 3;
    put32(54, 19);
    buf[58] = 7;
    CHECK_EQ(acpi_spcr_parse(buf, len, &s), ST_OK);
    CHECK_EQ(s.port, 0x2f8);
    CHECK_EQ(s.baud, 115200);
    CHECK_EQ(s.isa_irq, 3);
    CHECK_EQ(s.gsi, 19);
    buf[36] = 0x12;
    CHECK_EQ(acpi_spcr_parse(buf, len, &s), ST_OK);
    buf[36] = 3;                                 /* an ARM UART */
    CHECK_EQ(acpi_spcr_parse(buf, len, &s), ST_UNSUPP);
    buf[36] = 0;
    buf[40] = 0;                                 /* memory space */
    CHECK_EQ(acpi_spcr_parse(buf, len, &s), ST_UNSUPP);
    buf[40] = 1;
    put64(44, 0x1000003f8);
    CHECK_EQ(acpi_spcr_parse(buf, len, &s), ST_UNSUPP);
    CHECK_EQ(acpi_spcr_parse(buf, 58, &s), ST_CORRUPT);
}

static void test_fadt(void)
{
    struct acpi_fadt f;
    start("FACP", 244);
    put32(40, 0x1000);
    put32(48, 0xb2);
    buf[52] = 2;
    put32(64, 0x604);
    put32(76, 0x608);
    buf[91] = 4;
    put32(112, 1u << 8 | 1u << 10);
    buf[116] = 1;
    put64(120, 0xcf9);
    buf[128] = 6;
    finish();
    CHECK_EQ(acpi_fadt_parse(buf, len, &f), ST_OK);
    CHECK_EQ(f.dsdt.v, 0x1000);
    CHECK_EQ(f.pm1a_cnt, 0x604);
    CHECK_EQ(f.pm1b_cnt, 0);
    CHECK_EQ(f.pm_timer, 0x608);
    CHECK(f.pm_timer_32);
    CHECK_EQ(f.smi_cmd, 0xb2);
    CHECK_EQ(f.reset, FADT_RESET_IO);
    CHECK_EQ(f.reset_address, 0xcf9);
    CHECK_EQ(f.reset_value, 6);
    put64(140, 0x123456789000ull);
    buf[172] = 1;
    put64(176, 0x1804);
    buf[208] = 0;                                /* PM timer in memory: not ours to use */
    put64(212, 0xfed00000);
    CHECK_EQ(acpi_fadt_parse(buf, len, &f), ST_OK);
    CHECK_EQ(f.dsdt.v, 0x123456789000ull);
    CHECK_EQ(f.pm1a_cnt, 0x1804);
    CHECK_EQ(f.pm_timer, 0);
    put64(120, 0x10000);                         /* no such port */
    CHECK_EQ(acpi_fadt_parse(buf, len, &f), ST_OK);
    CHECK_EQ(f.reset, FADT_RESET_NONE);
    len = 116;                                   /* revision 1 has no reset register */
    finish();
    CHECK_EQ(acpi_fadt_parse(buf, len, &f), ST_OK);
    CHECK_EQ(f.reset, FADT_RESET_NONE);
    CHECK_EQ(f.pm1a_cnt, 0x604);
    CHECK_EQ(f.dsdt.v, 0x1000);
    CHECK_EQ(acpi_fadt_parse(buf, 115, &f), ST_CORRUPT);
    len = 115;
    finish();
    CHECK_EQ(acpi_fadt_parse(buf, 200, &f), ST_CORRUPT);
}

static status_t parse(const uint8_t *data, size_t n)
{
    struct acpi_mcfg mcfg;
    struct acpi_spcr spcr;
    struct acpi_fadt fadt;
    if (n < 4)
        return acpi_madt_parse(data, n, &madt);
    if (memcmp(data, "MCFG", 4) == 0)
        return acpi_mcfg_parse(data, n, &mcfg);
    if (memcmp(data, "SPCR", 4) == 0)
        return acpi_spcr_parse(data, n, &spcr);
    if (memcmp(data, "FACP", 4) == 0)
        return acpi_fadt_parse(data, n, &fadt);
    return acpi_madt_parse(data, n, &madt);
}

/* Exact-size copies: a read past the end is the sanitizer's catch. Every cut, with the
 * length field as it is and made to agree. */
static void cut_everywhere(const uint8_t *data, size_t n)
{
    size_t step = n > 600 ? 7 : 1;
    for (size_t cut = 0; cut < n; cut += step) {
        uint8_t *copy = malloc(cut + 1);
        memcpy(copy, data, cut);
        uint8_t *exact = realloc(copy, cut == 0 ? 1 : cut);
        (void)!parse(exact, cut);
        uint32_t l = (uint32_t)cut;
        if (cut >= 8)
            memcpy(exact + 4, &l, 4);
        (void)!parse(exact, cut);
        free(exact);
    }
}

static void corpus_folder(const char *root, const char *name, status_t also)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, name);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        printf("    corpus %s is absent, skipped\n", path);
        return;
    }
    unsigned files = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL; ) {
        snprintf(path, sizeof path, "%s/%s/%s", root, name, e->d_name);
        static uint8_t data[65536];
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (f == NULL)
            continue;
        size_t n = fread(data, 1, sizeof data, f);
        fclose(f);
        status_t st = parse(data, n);
        if (st != ST_OK && st != also)
            printf("    %s: %s\n", path, status_name(st));
        CHECK(st == ST_OK || st == also);
        if (strcmp(name, "APIC") == 0)
            CHECK(!madt.truncated && madt.ioapics != 0 && madt.malformed == 0);
        cut_everywhere(data, n);
        files++;
    }
    closedir(dir);
    CHECK(files != 0);
}

int main(void)
{
    const char *root = getenv("CORDON_ACPI_CORPUS");
    root = root != NULL ? root : "../shared/acpi-corpus";
    test_madt();
    cut_everywhere(buf, len);
    test_madt_lies();
    test_mcfg();
    test_spcr();
    test_fadt();
    corpus_folder(root, "APIC", ST_OK);
    corpus_folder(root, "MCFG", ST_OK);
    corpus_folder(root, "FACP", ST_OK);
    corpus_folder(root, "SPCR", ST_NOTFOUND);
    return unit_done();
}
