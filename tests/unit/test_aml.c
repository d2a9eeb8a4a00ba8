/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/aml.c monitor/aml_arith.c monitor/aml_eval.c monitor/aml_names.c monitor/aml_prt.c monitor/aml_term.c kernel/lib/str.c */
/* The AML reader: hand-made tables, every truncation, and the tables of real machines. */
#include "tests/unit/aml_asm.h"

#include <dirent.h>

/* ---- _S5 ---- */
static void s5_is(const char *package, size_t n, unsigned a, unsigned b)
{
    begin();
    name("\\_S5_");
    put(package, n);
    CHECK_EQ(read_tables(), ST_OK);
    CHECK_EQ(typ_a, a);
    CHECK_EQ(typ_b, b);
}
#define S5(literal, a, b) s5_is(literal, sizeof literal - 1, a, b)

static void test_s5(void)
{
    S5("\x12\x08\x04\x0a\x05\x0a\x07\x00\x00", 5, 7);
    S5("\x12\x06\x04\x00\x01\x00\x00", 0, 1);
    S5("\x12\x0a\x04\x0b\x05\x00\x0b\x06\x00\x00\x00", 5, 6);
    S5("\x12\x05\x01\x0b\x05\x03", 5, 3);
    S5("\x12\x08\x04\x0a\x08\x0a\x07\x00\x00", 99, 99);         /* SLP_TYP is 3 bits */
    S5("\x12\x08\x00\x0a\x05\x0a\x07\x00\x00", 99, 99);         /* empty package */
    S5("\x0a\x05", 99, 99);
    begin();
    CHECK_EQ(read_tables(), ST_OK);
    CHECK_EQ(typ_a, 99);
    CHECK_EQ(aml_read(&aml, (const uint8_t *)"DSDT", 4), ST_NOTFOUND);
    begin();                                       /* in an SSDT that comes first, by the name in its scope */
    memcpy(t, "SSDT", 4);
    name("_S5_");
    put("\x12\x08\x04\x0a\x05\x0a\x07\x00\x00", 9);
    end_table();
    table("DSDT");
    CHECK_EQ(read_tables(), ST_OK);
    CHECK(typ_a == 5 && typ_b == 7);
}

/* ---- the forms of _PRT ---- */
static void form(unsigned which)
{
    static const char *const apic[] = { "AR00", "AR00", "AR00", "AR00", "ARM0", "AR00", "AR00" };
    begin();
    pic_method();
    SCOPE("\\_SB_") {
        named_routes("PR00", 5);
        named_routes("AR00", 20);
        METHOD("ARM0", 0) ret("AR00");
        DEVICE("PCI0") {
            pci_root();
            METHOD("_PRT", 0) {
                switch (which) {
                case 0: IF { text("PICM"); ret(apic[which]); } ret("PR00"); break;
                case 1: IF { byte(0x92); text("PICM"); ret("PR00"); } ELSE ret("AR00"); break;
                case 2: IF { byte(0x93); text("\\PICM"); byte(0); ret("PR00"); } byte(0xa4); routes(20); break;
                case 3: IF { byte(0x5b); byte(0x12); text("PICM"); byte(0); IF { text("PICM"); ret("AR00"); } } ret("PR00"); break;
                case 4: IF { text("PICM"); ret("ARM0"); } ret("PR00"); break;
                case 5:
                    byte(0x70); text("AR00"); byte(0x60);
                    IF { byte(0x92); text("PICM"); byte(0x70); text("PR00"); byte(0x60); }
                    byte(0xa4); byte(0x60);
                    break;
                default:
                    IF { byte(0x92); byte(0x93); text("PICM"); byte(1); named_routes("P100", 5); ret("P100"); }
                    ELSE { named_routes("A100", 20); byte(0x70); text("A100"); byte(0x61); }
                    byte(0xa4); byte(0x61);
                }
            }
        }
    }
}

static void test_forms(void)
{
    for (unsigned i = 0; i < 7; i++) {
        form(i);
        CHECK_EQ(read_tables(), ST_OK);
        CHECK_EQ(device_3(), 20);
        CHECK_EQ(aml.notes, 0);
        CHECK(aml.bridges == 1 && aml.routes == 1 && aml.names == aml.fixed);
        CHECK_EQ(intx((const uint8_t[]){ 3 << 3 }, 1, 1, 0xff), ~0u);
        CHECK(strstr(why, "no entry for this device"));
        size_t whole = len;                        /* cut in its code, whatever the header says */
        for (size_t n = 36; n < whole; n++) {
            len = n;
            CHECK_EQ(read_tables(), ST_OK);
            CHECK(aml.notes > 0 || aml.bridges == 0);
        }
    }
    begin();                                       /* a plain package; the name is its own */
    DEVICE("PCI0") {
        pci_root();
        named_routes("_PRT", 17);
    }
    CHECK_EQ(read_tables(), ST_OK);
    CHECK_EQ(device_3(), 17);
    char path[32];
    aml_path(&aml, aml.bridge[0].node, path, sizeof path);
    CHECK_STR(path, "\\PCI0");
    aml_path(&aml, aml.bridge[0].node, path, 4);
    CHECK_STR(path, "\\");
}

/* ---- broken tables ---- */
static void test_broken(void)
{
    begin();                                       /* what is nested too deep costs its block */
    for (unsigned i = 0; i < 200; i++)
        byte(0x92);
    byte(0);
    CHECK_EQ(read_tables(), ST_OK);
    CHECK(noted("too deep"));
    begin();                                       /* a broken device: the one behind it is there */
    DEVICE("BAD_") { byte(0x5b); byte(0xff); named_routes("_PRT", 3); }
    DEVICE("PCI0") { pci_root(); named_routes("_PRT", 17); }
    CHECK_EQ(read_tables(), ST_OK);
    CHECK(noted("is not understood"));
    CHECK_EQ(device_3(), 17);
    begin();                                       /* entries that are none cost themselves */
    DEVICE("PCI0") {
        pci_root();
        name("_PRT");
        BLOCK(0x12) {
            byte(6);
            byte(1);
            BLOCK(0x12) { byte(4); integer(0x3ffff); byte(0x0a); byte(4); byte(0); integer(9); }
            BLOCK(0x12) { byte(4); integer(0x3ffff); byte(0); byte(0); text("PCI0"); }
            route(40, 0, NULL, 3);
            BLOCK(0x12) byte(0);
            route(3, 0, NULL, 17);
        }
    }
    CHECK_EQ(read_tables(), ST_OK);
    CHECK_EQ(aml.routes, 6);
    unsigned known = 0;
    for (uint32_t i = 0; i < aml.routes; i++)
        known += aml.route[i].reason.why == NULL;
    CHECK_EQ(known, 1);
    begin();                                       /* more names than are kept: said, not written */
    for (unsigned i = 0; i < 12000; i++) {
        char n[8];
        snprintf(n, sizeof n, "A%c%c%c", 'A' + i % 26, 'A' + i / 26 % 26, 'A' + i / 676);
        if (len + 5 < sizeof t) { byte(8); put(n, 4); }
        byte(0);
        if (len > sizeof t - 64)
            break;
    }
    CHECK_EQ(read_tables(), ST_OK);
    CHECK(aml.names > 9000 && aml.notes == 0);
    begin();
    t[4] = 0;
    CHECK_EQ(aml_read(&aml, t, len), ST_CORRUPT);
    begin();
    end_table();
    table("DSDT");
    CHECK_EQ(read_tables(), ST_CORRUPT);           /* two of them */
}

/* ---- real machines ---- */
static size_t load_file(const char *path, uint8_t *to, size_t size)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(to, 1, size, f) : 0;
    if (f)
        fclose(f);
    return n;
}

static void test_machines(const char *folder)
{
    static uint8_t table_bytes[1 << 20];
    DIR *dir = opendir(folder);
    unsigned files = 0, s5 = 0, routed = 0;
    if (!dir) {
        printf("skipped: %s is not there\n", folder);
        return;
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        size_t n = e->d_name[0] != '.' ? load_file(path, table_bytes, sizeof table_bytes) : 0;
        if (n == 0)
            continue;
        files++;
        CHECK_EQ(aml_read(&aml, table_bytes, n), ST_OK);
        CHECK(aml.notes == 0 && aml.bridges > 0 && aml.routes > 0);
        for (uint32_t i = 0; i < aml.routes; i++)
            CHECK(aml.route[i].reason.why == NULL);
        routed += aml.routes;
        s5 += aml_s5(&aml, &typ_a, &typ_b) == ST_OK;
        for (size_t cut = 36; cut < n; cut += 4999) {     /* cut tables are not read past */
            uint8_t *copy = malloc(cut);
            uint32_t claim = (uint32_t)cut;
            memcpy(copy, table_bytes, cut);
            CHECK_EQ(aml_read(&aml, copy, cut), ST_CORRUPT);
            memcpy(copy + 4, &claim, 4);
            CHECK_EQ(aml_read(&aml, copy, cut), ST_OK);
            free(copy);
        }
    }
    closedir(dir);
    printf("%u real DSDTs, %u routes, %u with a constant _S5\n", files, routed, s5);
    CHECK(files > 0 && s5 + 1 >= files);
}

/* Bochs: the tables lie in its BIOS; its router is set up by firmware. */
static void test_bochs(void)
{
    static uint8_t bios[1 << 18];
    size_t n = load_file("/usr/share/bochs/BIOS-bochs-latest", bios, sizeof bios), at = 0;
    while (at + 36 < n && memcmp(bios + at, "DSDT", 4) != 0)
        at++;
    if (at + 36 >= n) {
        printf("skipped: no Bochs BIOS with a DSDT\n");
        return;
    }
    size_t size = (size_t)bios[at + 4] | (size_t)bios[at + 5] << 8;
    CHECK_EQ(aml_read(&aml, bios + at, MIN(size, n - at)), ST_OK);
    CHECK_EQ(aml.notes, 0);
    CHECK_EQ(aml.routes, 128);
    CHECK_EQ(aml_s5(&aml, &typ_a, &typ_b), ST_OK);
    CHECK_EQ(intx((const uint8_t[]){ 3 << 3 }, 1, 0, 11), 11);
    CHECK_EQ(intx((const uint8_t[]){ 3 << 3 }, 1, 0, 0), ~0u);
}

int main(void)
{
    test_s5();
    test_forms();
    test_broken();
    test_machines("../shared/acpi-corpus/DSDT");
    test_bochs();
    return unit_done();
}
