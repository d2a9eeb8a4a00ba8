/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/boot/acpi_madt.c kernel/boot/acpi_mcfg.c kernel/boot/acpi_spcr.c kernel/boot/acpi_fadt.c
   kernel/boot/say.c kernel/lib/fmt.c kernel/lib/str.c */
/* MADT, MCFG, SPCR, FADT: hand-made tables, lies, every truncation; real tables when they are there. */
#define _POSIX_C_SOURCE 200809L

#include "kernel/boot/acpi_tables.h"
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

static struct bootinfo info;
static struct acpi_isa isa[ISA_LINES];

void loader_text(const char *text) { (void)text; }

static void fresh(void) { memset(&info, 0, sizeof info); }
static bool complains(const char *part) { return strstr(info.loader_error, part) != NULL; }

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
    uint8_t no_line[10] = { 2, 10, 0, 16, 7 };
    put(no_line, 10);
    uint8_t unknown[6] = { 0x77, 6, 1, 2, 3, 4 };
    put(unknown, 6);
    finish();
    fresh();
    CHECK(acpi_madt_read(&info, buf, len, isa));
    CHECK_EQ(info.cpus, 3);
    CHECK_EQ(info.cpu[1], 4);
    CHECK_EQ(info.cpu[2], 0x123);
    CHECK_EQ(info.ioapics, 1);
    CHECK_EQ(info.ioapic[0].id, 2);
    CHECK_EQ(info.ioapic[0].base, 0xfec00000);
    CHECK_EQ(info.ioapic[0].gsi_base, 24);
    CHECK_EQ(isa[0].gsi, 2);
    CHECK(!isa[0].level);
    CHECK(isa[9].level && isa[9].active_low);
    CHECK_EQ(isa[4].gsi, 4);
    CHECK_EQ(isa[5].gsi, 5);
    CHECK_STR(info.loader_error, "");
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
    fresh();
    CHECK(acpi_madt_read(&info, buf, len, isa));
    CHECK_EQ(info.cpus, 2);
    CHECK(complains("2 damaged entries"));

    start("APIC", 44);
    for (unsigned i = 0; i < 100; i++)
        put_x2apic(i, 1);
    for (uint8_t i = 0; i < 40; i++) {
        uint8_t ioapic[12] = { 1, 12, i };
        uint8_t over[10] = { 2, 10, 0, i, i };
        put(ioapic, 12);
        put(over, 10);
    }
    finish();
    fresh();
    CHECK(acpi_madt_read(&info, buf, len, isa));
    CHECK_EQ(info.cpus, BOOT_MAX_CPUS);
    CHECK_EQ(info.ioapics, BOOT_MAX_IOAPICS);
    CHECK(complains("36 CPUs and 32 I/O APICs"));
    CHECK(!complains("damaged"));

    CHECK(!acpi_madt_read(&info, buf, 43, isa));
    CHECK_EQ(info.cpus, 0);
    CHECK(!acpi_madt_read(&info, NULL, 0, isa));
    CHECK_EQ(isa[15].gsi, 15);
    buf[0] = 'B';
    CHECK(!acpi_madt_read(&info, buf, len, isa));
    start("APIC", 44);
    finish();
    CHECK(!acpi_madt_read(&info, buf, len, isa));   /* nobody is enabled */
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
    start("MCFG", 44);
    put_window(0xb0000000, 0, 0, 255);
    put_window(0xc0000000, 1, 16, 31);
    put_window(0xd0000000, 0, 9, 3);             /* reversed */
    put_window(0xd0001000, 2, 0, 1);             /* unaligned */
    put_window(0xfffffffffff00000ull, 3, 0, 9);  /* wraps */
    put_window(0, 4, 0, 9);
    len += 5;                                    /* a part of an entry */
    finish();
    fresh();
    CHECK(acpi_mcfg_read(&info, buf, len));
    CHECK_EQ(info.ecams, 2);
    CHECK(complains("4 windows are not used"));
    CHECK_EQ(info.ecam[0].base, 0xb0000000);
    CHECK_EQ(info.ecam[0].last_bus, 255);
    CHECK_EQ(info.ecam[1].segment, 1);
    CHECK_EQ(info.ecam[1].first_bus, 16);
    start("MCFG", 44);
    for (unsigned i = 0; i < 20; i++)
        put_window(0xb0000000, (uint16_t)i, 0, 1);
    finish();
    fresh();
    CHECK(acpi_mcfg_read(&info, buf, len));
    CHECK_EQ(info.ecams, BOOT_MAX_ECAMS);
    CHECK(complains("4 windows"));
    start("MCFG", 44);
    finish();
    CHECK(!acpi_mcfg_read(&info, buf, len));
    CHECK(!acpi_mcfg_read(&info, buf, 36));
    CHECK(!acpi_mcfg_read(&info, NULL, 0));
    CHECK_EQ(info.ecams, 0);
}

static void is_com1(void)
{
    CHECK_EQ(info.console_port, 0x3f8);
    CHECK_EQ(info.console_baud, 115200);
    CHECK_EQ(info.console_gsi, 20);
    CHECK(info.console_level && !info.console_low);
}

static void test_spcr(void)
{
    fresh();
    CHECK(!acpi_madt_read(&info, NULL, 0, isa));
    isa[4] = (struct acpi_isa){ .gsi = 20, .level = true };
    CHECK(!acpi_spcr_read(&info, NULL, 0, isa));
    is_com1();
    start("SPCR", 80);
    finish();
    buf[40] = 1;
    CHECK(!acpi_spcr_read(&info, buf, len, isa));
    put64(44, 0x2f8);
    buf[52] = 3;
    put32(54, 19);
    buf[58] = 7;
    CHECK(acpi_spcr_read(&info, buf, len, isa));
    CHECK_EQ(info.console_port, 0x2f8);
    CHECK_EQ(info.console_baud, 115200);
    CHECK_EQ(info.console_gsi, 3);
    CHECK(!info.console_level && !info.console_low);
    buf[53] = 4;                                 /* an odd line, but it says so */
    buf[58] = 3;
    buf[36] = 0x12;
    CHECK(acpi_spcr_read(&info, buf, len, isa));
    CHECK_EQ(info.console_baud, 9600);
    CHECK_EQ(info.console_gsi, 20);
    CHECK(info.console_level);
    put64(44, 0x5000);                           /* a card */
    buf[53] = 0;
    CHECK(acpi_spcr_read(&info, buf, len, isa));
    CHECK_EQ(info.console_gsi, 19);
    CHECK(info.console_level && info.console_low);
    buf[52] = 1;                                 /* and nobody says which line */
    CHECK(acpi_spcr_read(&info, buf, len, isa));
    CHECK_EQ(info.console_gsi, ~0u);
    buf[36] = 3;                                 /* an ARM UART */
    CHECK(!acpi_spcr_read(&info, buf, len, isa));
    is_com1();
    buf[36] = 0;
    buf[40] = 0;                                 /* memory space */
    CHECK(!acpi_spcr_read(&info, buf, len, isa));
    buf[40] = 1;
    put64(44, 0x1000003f8);
    CHECK(!acpi_spcr_read(&info, buf, len, isa));
    put64(44, 0x2f8);
    CHECK(acpi_spcr_read(&info, buf, len, isa));
    CHECK(!acpi_spcr_read(&info, buf, 58, isa));
    is_com1();
}

static void test_fadt(void)
{
    uint64_t dsdt;
    start("FACP", 244);
    put32(40, 0x1000);
    put32(64, 0x604);
    put32(112, 1u << 8 | 1u << 10);
    buf[116] = 1;
    put64(120, 0xcf9);
    buf[128] = 6;
    finish();
    fresh();
    CHECK(acpi_fadt_read(&info, buf, len, &dsdt));
    CHECK_EQ(dsdt, 0x1000);
    CHECK_EQ(info.pm1a_cnt, 0x604);
    CHECK_EQ(info.pm1b_cnt, 0);
    CHECK_EQ(info.reset_port, 0xcf9);
    CHECK_EQ(info.reset_value, 6);
    put64(140, 0x123456789000ull);
    buf[172] = 1;
    put64(176, 0x1804);
    buf[184] = 0;                                /* in memory: not ours to use */
    put64(188, 0xfed00000);
    CHECK(acpi_fadt_read(&info, buf, len, &dsdt));
    CHECK_EQ(dsdt, 0x123456789000ull);
    CHECK_EQ(info.pm1a_cnt, 0x1804);
    CHECK_EQ(info.pm1b_cnt, 0);
    put64(120, 0x10000);                         /* no such port */
    CHECK(acpi_fadt_read(&info, buf, len, &dsdt));
    CHECK_EQ(info.reset_port, 0);
    put64(120, 0xcf9);
    put32(112, 1u << 20 | 1u << 10);             /* no fixed hardware */
    CHECK(acpi_fadt_read(&info, buf, len, &dsdt));
    CHECK_EQ(info.pm1a_cnt, 0);
    CHECK_EQ(info.reset_port, 0xcf9);
    put32(112, 1u << 10);
    len = 116;                                   /* revision 1 has no reset register */
    finish();
    CHECK(acpi_fadt_read(&info, buf, len, &dsdt));
    CHECK_EQ(info.reset_port, 0);
    CHECK_EQ(info.pm1a_cnt, 0x604);
    CHECK_EQ(dsdt, 0x1000);
    CHECK(!acpi_fadt_read(&info, buf, 115, &dsdt));
    CHECK_EQ(dsdt, 0);
    len = 115;
    finish();
    CHECK(!acpi_fadt_read(&info, buf, 200, &dsdt));
    CHECK_EQ(info.pm1a_cnt, 0);
}

static bool parse(const uint8_t *data, size_t n)
{
    uint64_t dsdt;
    fresh();
    if (n >= 4 && memcmp(data, "MCFG", 4) == 0)
        return acpi_mcfg_read(&info, data, n);
    if (n >= 4 && memcmp(data, "SPCR", 4) == 0)
        return acpi_spcr_read(&info, data, n, isa);
    if (n >= 4 && memcmp(data, "FACP", 4) == 0)
        return acpi_fadt_read(&info, data, n, &dsdt);
    return acpi_madt_read(&info, data, n, isa);
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
        (void)parse(exact, cut);
        uint32_t l = (uint32_t)cut;
        if (cut >= 8)
            memcpy(exact + 4, &l, 4);
        (void)parse(exact, cut);
        free(exact);
    }
}

static void corpus_folder(const char *root, const char *name, bool always)
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
        bool fit = parse(data, n) || !always;
        if (!fit)
            printf("    %s is not understood\n", path);
        CHECK(fit);
        if (strcmp(name, "APIC") == 0)
            CHECK(!complains("damaged") && info.ioapics != 0);
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
    corpus_folder(root, "APIC", true);
    corpus_folder(root, "MCFG", true);
    corpus_folder(root, "FACP", true);
    corpus_folder(root, "SPCR", false);
    return unit_done();
}
