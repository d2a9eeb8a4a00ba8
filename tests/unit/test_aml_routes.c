/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/aml.c monitor/aml_arith.c monitor/aml_eval.c monitor/aml_names.c monitor/aml_prt.c monitor/aml_term.c kernel/lib/str.c */
/* The AML reader: where lines go, and what is not known. */
#include "tests/unit/aml_asm.h"

/* ---- link devices ---- */
enum crs { CRS_EXT, CRS_IRQ, CRS_OFF, CRS_REG };
static void link_device(enum crs crs, unsigned prs_mask)
{
    static const uint8_t ext[] = { 0x11, 0x0e, 0x0a, 11, 0x89, 6, 0, 9, 1, 22, 0, 0, 0, 0x79, 0, 0, 0 };
    begin();
    reg_field();
    DEVICE("LNKA") {
        if (crs == CRS_REG)
            METHOD("_CRS", 0) ret("REGI");
        else
            name("_CRS");
        if (crs == CRS_EXT)
            put(ext, 15);
        else if (crs != CRS_REG)
            put(crs == CRS_IRQ ? "\x11\x09\x0a\x06\x23\x00\x04\x18\x79\x00" : "\x11\x09\x0a\x06\x23\x00\x00\x18\x79\x00", 10);
        name("_PRS");
        put("\x11\x09\x0a\x06\x23", 5);
        byte(prs_mask);
        byte(prs_mask >> 8);
        put("\x18\x79\x00", 3);
    }
    DEVICE("PCI0") {
        pci_root();
        name("_PRT");
        BLOCK(0x12) {
            byte(1);
            route(3, 0, "LNKA", 0);
        }
    }
    CHECK_EQ(read_tables(), ST_OK);
    CHECK_EQ(aml.notes, 0);
}

static void test_links(void)
{
    link_device(CRS_EXT, 0x0c00);
    CHECK_EQ(device_3(), 22);
    CHECK(high);
    link_device(CRS_IRQ, 0x0c00);
    CHECK_EQ(device_3(), 10);
    link_device(CRS_REG, 0x0800);                  /* only one is possible */
    CHECK_EQ(device_3(), 11);
    link_device(CRS_REG, 0x0c00);                  /* firmware chose: its line register says which */
    CHECK_EQ(device_3(), ~0u);
    CHECK(strstr(why, "hardware register"));
    CHECK_EQ(intx((const uint8_t[]){ 3 << 3 }, 1, 0, 11), 11);
    CHECK_EQ(intx((const uint8_t[]){ 3 << 3 }, 1, 0, 9), ~0u);
    CHECK_EQ(intx((const uint8_t[]){ 3 << 3 }, 1, 0, 64), ~0u);
    link_device(CRS_OFF, 0x0c00);
    CHECK_EQ(device_3(), ~0u);
    CHECK(strstr(why, "is off"));
}

/* ---- what is not known ---- */
static void decide_by(const char *what, bool is_call)
{
    SCOPE("\\_SB_") {
        named_routes("AR00", 20);
        named_routes("PR00", 5);
        DEVICE("PCI0") {
            pci_root();
            METHOD("_PRT", 0) {
                IF { text(what); if (is_call) byte(1); ret("AR00"); }
                ret("PR00");
            }
        }
    }
    CHECK_EQ(read_tables(), ST_OK);
}

static void test_code(void)
{
    begin();                                       /* declared first, defined by another table */
    byte(0x15); text("MODE"); byte(8); byte(0);
    SCOPE("\\_SB_") {
        named_routes("AR00", 20);
        DEVICE("PCI0") {
            pci_root();
            METHOD("_PRT", 0) { IF { text("MODE"); ret("AR00"); } byte(0xa4); byte(0); }
        }
    }
    end_table();
    table("SSDT");
    METHOD("MODE", 0) { byte(0xa4); byte(1); }
    CHECK_EQ(read_tables(), ST_OK);
    CHECK_EQ(device_3(), 20);
    begin();                                       /* a method with an argument that counts to three */
    METHOD("MODE", 1) {
        byte(0x70); byte(0x68); byte(0x60);
        BLOCK(0xa2) { byte(0x95); byte(0x60); byte(0x0a); byte(3); byte(0x75); byte(0x60); }
        byte(0xa4); byte(0x93); byte(0x60); byte(0x0a); byte(3);
    }
    decide_by("MODE", true);
    CHECK_EQ(device_3(), 20);
}

static void test_unknown(void)
{
    begin();
    reg_field();
    decide_by("REGI", false);
    CHECK_EQ(device_3(), ~0u);
    CHECK(strstr(why, "hardware register"));
    char path[32];
    aml_path(&aml, aml.bridge[0].reason.what, path, sizeof path);
    CHECK_STR(path, "\\REGI");
    begin();
    decide_by("NONE", false);
    CHECK(device_3() == ~0u && strstr(why, "in no table"));
    begin();                                       /* a name that another method sets */
    name("MODE");
    byte(1);
    METHOD("INIT", 0) { byte(0x70); byte(0); text("MODE"); }
    decide_by("MODE", false);
    CHECK(device_3() == ~0u && strstr(why, "set by other code"));
    begin();                                       /* nobody sets this one */
    name("MODE");
    byte(1);
    decide_by("MODE", false);
    CHECK_EQ(device_3(), 20);
    begin();                                       /* a method that writes a register is not run */
    reg_field();
    METHOD("MODE", 0) { byte(0x70); byte(1); text("REGI"); byte(0xa4); byte(1); }
    decide_by("MODE", false);
    CHECK(device_3() == ~0u);
    begin();                                       /* nor one that changes what others see */
    name("SEEN");
    byte(0);
    METHOD("MODE", 0) { byte(0x70); byte(1); text("SEEN"); byte(0xa4); byte(1); }
    decide_by("MODE", false);
    CHECK(device_3() == ~0u && strstr(why, "others see"));
    begin();                                       /* never the end of it */
    METHOD("MODE", 0) ret("MODE");
    decide_by("MODE", false);
    CHECK(device_3() == ~0u && strstr(why, "too many methods"));
    begin();
    METHOD("MODE", 0) { BLOCK(0xa2) byte(1); byte(0xa4); byte(1); }
    decide_by("MODE", false);
    CHECK(device_3() == ~0u && noted("too much to read"));
    begin();                                       /* defined in one of two ways, by a register */
    reg_field();
    IF { text("REGI"); name("MODE"); byte(1); }
    ELSE { name("MODE"); byte(0); }
    decide_by("MODE", false);
    CHECK(device_3() == ~0u && strstr(why, "defined twice"));
    begin();                                       /* aliases that go round */
    byte(6); text("MODE"); text("MOD2");
    byte(6); text("MOD2"); text("MODE");
    decide_by("MODE", false);
    CHECK(device_3() == ~0u);
}

/* ---- bridges ---- */
static void test_bridges(void)
{
    static const uint8_t behind[] = { 0x1c << 3, 3 << 3 }, lost[] = { 0x1d << 3, 3 << 3 }, deep[] = { 4 << 3 | 1, 2 << 3, 0 };
    begin();
    reg_field();
    DEVICE("PCI0") {
        name("_CID");
        BLOCK(0x12) { byte(2); text("\x0dQEMU0002"); byte(0); text("\x0dPNP0A03"); byte(0); }
        name("_PRT");
        BLOCK(0x12) {
            byte(3);
            route(3, 0, NULL, 17);
            route(4, 3, NULL, 18);
            route(4, 2, NULL, 19);
        }
        DEVICE("RP01") { address(0x1c, 0); named_routes("_PRT", 30); }
        DEVICE("RP02") { METHOD("_ADR", 0) ret("REGI"); named_routes("_PRT", 31); }
    }
    DEVICE("PCI1") {
        pci_root();
        name("_BBN"); integer(0x40);
        name("_SEG"); integer(1);
        named_routes("_PRT", 40);
    }
    DEVICE("ISA_") named_routes("_PRT", 50);
    CHECK_EQ(read_tables(), ST_OK);
    CHECK(noted("no device below a PCI root bridge"));
    CHECK_EQ(aml.bridges, 4);
    CHECK_EQ(device_3(), 17);
    CHECK_EQ(intx(behind, 2, 0, 0xff), 30);
    CHECK_EQ(intx(lost, 2, 0, 0xff), ~0u);         /* it may be the bridge whose address is in a register */
    CHECK(strstr(why, "hardware register"));
    uint32_t gsi = 0;
    CHECK(aml_intx(&aml, 1, 0x40, behind + 1, 1, 0, 0xff, &gsi, &high).why == NULL && gsi == 40 && !high);
    CHECK(aml_intx(&aml, 0, 0x40, behind + 1, 1, 0, 0xff, &gsi, &high).why != NULL);
    begin();                                       /* without that bridge: pins turn with each bridge's slot */
    DEVICE("PCI0") {
        pci_root();
        name("_PRT");
        BLOCK(0x12) {
            byte(2);
            route(4, 3, NULL, 18);
            route(4, 2, NULL, 19);
        }
    }
    CHECK_EQ(read_tables(), ST_OK);
    CHECK_EQ(intx(deep, 3, 1, 0xff), 18);          /* B of slot 0: B of slot 2: D of slot 4 */
    CHECK_EQ(intx(deep, 3, 0, 0xff), 19);
    CHECK_EQ(intx(deep, 3, 3, 0xff), ~0u);
    begin();                                       /* two that say they are the same bridge */
    DEVICE("PCI0") { pci_root(); named_routes("_PRT", 1); }
    DEVICE("PCI1") { pci_root(); named_routes("_PRT", 2); }
    CHECK_EQ(read_tables(), ST_OK);
    CHECK(device_3() == ~0u && strstr(why, "same address"));
    begin();                                       /* a root bridge on a bus that is not known */
    reg_field();
    DEVICE("PCI0") { pci_root(); METHOD("_BBN", 0) ret("REGI"); named_routes("_PRT", 1); }
    CHECK_EQ(read_tables(), ST_OK);
    CHECK(device_3() == ~0u && strstr(why, "hardware register") && aml.routes == 1);
}

int main(void)
{
    test_links();
    test_code();
    test_unknown();
    test_bridges();
    return unit_done();
}
