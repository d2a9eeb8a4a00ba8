/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/manifest.c monitor/manifest_value.c monitor/manifest_pci.c monitor/name.c monitor/diag.c monitor/explain.c kernel/lib/fmt.c kernel/lib/str.c */
/* Manifest grammar: what it accepts, and for each mistake the code, the place and the words. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "monitor/explain.h"
#include "monitor/manifest.h"

static struct manifest m;
static char out[4096];

static void parse(const char *text) { manifest_parse(&m, text, strlen(text)); }

/* Exactly one error (warnings aside), with this code and place. */
static void one(const char *text, enum code code, unsigned line, unsigned col)
{
    unsigned errors = 0;
    parse(text);
    for (uint32_t i = 0; i < m.errors.count; i++)
        errors += m.error[i].kind == DIAG_ERROR;
    if (errors != 1 || m.error[0].code != code || m.error[0].line != line || m.error[0].col != col) {
        unit_fail(__FILE__, __LINE__, text);
        for (uint32_t i = 0; i < m.errors.count; i++)
            printf("    got %s %u:%u, want %s %u:%u\n", explain_name(m.error[i].code), m.error[i].line,
                   m.error[i].col, explain_name(code), line, col);
    }
    unit_checks++;
}

/* One line in an otherwise good guest; the line is line 5. */
static void guest(const char *line, enum code code, unsigned col)
{
    char text[2048];
    snprintf(text, sizeof text, "[vm a]\ncpus = 1\nmemory = 64M\nkernel = k\n%s\n", line);
    one(text, code, 5, col);
    CHECK(m.vm[0].refused);
}

static void good(const char *line)
{
    char text[2048];
    snprintf(text, sizeof text, "[vm a]\ncpus = 1\nmemory = 64M\nkernel = k\n%s\n", line);
    parse(text);
    if (m.errors.count != 0) {
        unit_fail(__FILE__, __LINE__, line);
        diag_format(&m.error[0], text, strlen(text), out, sizeof out);
        fputs(out, stdout);
    }
    unit_checks++;
}

static const char full[] =
    "\xef\xbb\xbf# comment\r\n[cordon]\r\nversion = 1\r\nconsole = com1,115200\r\nlock = yes\r\n\r\n"
    "[vm firewall]\r\n\tcpus = 1,3-5   # four\r\nmemory=512M\r\nkernel = guests/vmlinuz\r\n"
    "initrd = guests/fw.img\r\ncmdline = console=ttyS0 a#b \xc3\xa4 # comment\r\n"
    "pci = path=00:1c.0/00.0 id=8086:10d3 slot=05.0\r\npci = 0000:03:00.1 functions=all reset=none irq=none reserved=map\r\n"
    "pci = 3/0/0\r\npci = id=1b36:0010\r\nrestart = on-crash\r\ntype = linux\r\nautostart = no\r\n"
    "[ vm  two.b-c_d ]\nkernel = guests/vmlinuz\nmodule = m1 arg=1\nmodule = m2\ncpus = 0\nmemory = 2G\ndma = unprotected";

static void test_good(void)
{
    const struct manifest_vm *v = &m.vm[0];
    struct manifest_file f;
    uint32_t cursor = 0;
    char buf[64];
    parse(full);
    CHECK_EQ(m.errors.count, 0);
    CHECK(m.lock);
    CHECK_EQ(m.vms, 2);
    CHECK_STR(v->name, "firewall");
    CHECK_EQ(v->cpus, 4);
    CHECK_EQ(v->cpu[3], 5);
    CHECK_EQ(v->memory, 512ull << 20);
    manifest_text(&m, &v->cmdline_at, buf, sizeof buf);
    CHECK_STR(buf, "console=ttyS0 a#b \xc3\xa4");
    CHECK_EQ(v->pcis, 4);
    CHECK_EQ(v->pci[0].name.kind, NAME_PATH);
    CHECK_EQ(v->pci[0].name.hops, 2);
    CHECK_EQ(v->pci[0].name.path[0], 0x1c << 3);
    CHECK(v->pci[0].has_guard && v->pci[0].guard_vendor == 0x8086 && v->pci[0].guard_device == 0x10d3);
    CHECK(v->pci[0].has_slot && v->pci[0].slot == 5 << 3);
    CHECK(v->pci[1].all_functions && v->pci[1].reset_none && v->pci[1].reserved_map && v->pci[1].irq_none);
    CHECK(!v->pci[0].irq_none && !v->unprotected && m.vm[1].unprotected);
    CHECK_EQ(v->pci[1].name.devfn, 1);
    CHECK_EQ(v->pci[2].name.kind, NAME_ADDRESS);
    CHECK_EQ(v->pci[3].name.kind, NAME_ID);
    CHECK(!v->pci[3].has_guard);
    CHECK_EQ(v->restart, RESTART_ON_CRASH);
    CHECK_EQ(v->type, TYPE_LINUX);
    CHECK(!v->autostart && m.vm[1].autostart);
    CHECK_STR(m.vm[1].name, "two.b-c_d");
    CHECK_EQ(m.vm[1].modules, 2);
    CHECK_EQ(v->cpus_at.line, 8);
    CHECK_EQ(v->cpus_at.col, 9);
    static const char *const files[] = { "guests/vmlinuz", "guests/fw.img", "m1", "m2" };
    for (unsigned i = 0; i < 4; i++) {
        CHECK(manifest_files(&m, &cursor, &f));
        CHECK_STR(f.path, files[i]);
    }
    CHECK(!manifest_files(&m, &cursor, &f));
    good("");
    good("cmdline = a=b c=d");
    good("pci = 03:00.0");
    good("pci = c3:1f.7 slot=1e.7");
}

static void test_text(void)
{
    one("hello\n", CODE_M003, 1, 1);
    one("= x\n", CODE_M003, 1, 1);
    one("x = 1\n", CODE_M009, 1, 1);
    one("[guest a]\nfoo = 1\n", CODE_M004, 1, 2);
    one("[vm a\ncpus = 1\n", CODE_M005, 1, 1);
    one("[vm]\n", CODE_M006, 1, 2);
    one("[]\n", CODE_M004, 1, 1);
    one("[vm a b]\ncpus=1\nmemory=4M\nkernel=k\n", CODE_M006, 1, 5);
    one("[cordon]\n[cordon]\nversion = 7\n", CODE_M029, 2, 2);
    one("[cordon]\nversion = 2\n", CODE_M020, 2, 11);
    CHECK(m.all_refused);
    one("[cordon]\nversion = one\n", CODE_M014, 2, 11);
    one("[cordon]\nconsol = com1\n", CODE_M010, 2, 1);
    CHECK(strstr(m.error[0].text, "did you mean \"console\"?") != NULL);
    one("[cordon]\nMEMORY = 1\n", CODE_M010, 2, 1);
    one("[cordon]\nmemory = 1\n", CODE_M011, 2, 1);
    one("[cordon]\nlock = maybe\n", CODE_M018, 2, 8);
    CHECK(m.lock);                      /* a mistake here locks */
    one("[cordon]\nconsole = com2\n", CODE_M027, 2, 11);
    one("[cordon]\nconsole = com1,9600\n", CODE_M027, 2, 11);
    one("[cordon]\nconsole = tty\n", CODE_M018, 2, 11);
    one("[cordon]\nx\xff = 1\n", CODE_M001, 2, 2);
    one("[cordon]\n# \xc0\x80\n", CODE_M001, 2, 3);
    one("[cordon]\n\xc3\xa4\xc3\xa4\x01\n", CODE_M001, 2, 3);   /* columns count characters */
    one("\xff\xfe[\0", CODE_M032, 1, 1);
    one("[vm a]\ncpus=1\nmemory=4M\nkernel=k\n[vm a]\ncpus=1\nmemory=4M\nkernel=k\n", CODE_M007, 5, 5);
    CHECK(!m.vm[0].refused && m.vm[1].refused);
    CHECK_EQ(m.error[0].also.line, 1);
    one("[vm a]\ncpus=1\nkernel=k\n", CODE_M019, 1, 5);
    parse("");
    CHECK_EQ(m.errors.count, 1);
    CHECK_EQ(m.error[0].code, CODE_M030);
    CHECK_EQ(m.error[0].kind, DIAG_WARNING);
}

static void tsc(void)
{
    guest("tsc = 2400", CODE_M014, 7);
    guest("tsc = M", CODE_M014, 7);
    guest("tsc = 2400MHz", CODE_M014, 7);
    guest("tsc = 24X", CODE_M014, 7);
    guest("tsc = 999K", CODE_M014, 7);
    guest("tsc = 17G", CODE_M014, 7);
    guest("tsc = 99999999999999999999G", CODE_M014, 7);
    parse("[vm a]\ncpus = 1\nmemory = 4M\nkernel = k\ntsc = 16G\n[vm b]\ncpus = 2\nmemory = 4M\nkernel = k\ntsc = 1001k\n");
    CHECK(m.errors.count == 0 && m.vm[0].tsc_khz == 16000000 && m.vm[1].tsc_khz == 1001);
}

static void test_values(void)
{
    guest("cpus = 2", CODE_M012, 1);
    CHECK_EQ(m.error[0].also.line, 2);
    guest("initrd =", CODE_M013, 1);
    guest("initrd = # only a comment", CODE_M013, 1);
    guest("cmdlin = x", CODE_M010, 1);
    guest("version = 1", CODE_M011, 1);
    guest("type = elf", CODE_M018, 8);
    guest("restart = yes", CODE_M018, 11);
    guest("autostart = on", CODE_M018, 13);
    guest("dma = yes", CODE_M018, 7);
    CHECK(!m.vm[0].unprotected);
    guest("dma = Unprotected", CODE_M018, 7);
    parse("[vm a]\ndma = unprotected\ndma = unprotected\n");
    CHECK_EQ(m.error[0].code, CODE_M012);
    CHECK(m.vm[0].unprotected);
    guest("pci = 03:00.0 irq=on", CODE_M018, 19);
    guest("pci = 03:00.0 irq=none irq=none", CODE_M026, 24);
    guest("initrd = /abs", CODE_M017, 10);
    guest("initrd = a//b", CODE_M017, 12);
    guest("initrd = a/../b", CODE_M017, 12);
    guest("initrd = ./b", CODE_M017, 10);
    guest("initrd = a/", CODE_M017, 11);
    guest("initrd = a\\b", CODE_M017, 11);
    guest("initrd = a b", CODE_M017, 11);
    guest("pci = slot=05.0", CODE_M023, 7);
    guest("pci = 3:00.9", CODE_M023, 12);
    guest("pci = 03:00.0 04:00.0", CODE_M026, 15);
    guest("pci = path=1c.0", CODE_M023, 14);
    guest("pci = path=00:20.0", CODE_M023, 15);
    guest("pci = id=8086:10d", CODE_M023, 17);
    guest("pci = id=86:10d3", CODE_M023, 12);
    guest("pci = 03:00.0 id=8086:10d3 id=8086:10d3", CODE_M026, 28);
    guest("pci = 03:00.0 slot=20.0", CODE_M025, 20);
    guest("pci = 03:00.0 slot=5", CODE_M025, 20);
    guest("pci = 03:00.0 slot=", CODE_M013, 15);
    guest("pci = 03:00.0 reset=flr", CODE_M018, 21);
    guest("pci = 03:00.0 reset=none reset=none", CODE_M026, 26);
    guest("pci = 03:00.0 fast", CODE_M024, 15);
    guest("pci = eth0", CODE_M024, 7);
    guest("pci = 256/0/0", CODE_M023, 7);
    one("[vm a]\ncpus = 1\nmemory = 3M\nkernel = k\n", CODE_M015, 3, 10);
    one("[vm a]\ncpus = 1\nmemory = 4X\nkernel = k\n", CODE_M015, 3, 11);
    one("[vm a]\ncpus = 1\nmemory = M\nkernel = k\n", CODE_M015, 3, 10);
    one("[vm a]\ncpus = 1\nmemory = 1M\nkernel = k\n", CODE_R403, 3, 10);
    one("[vm a]\ncpus = 1\nmemory = 99999999999999999999G\nkernel = k\n", CODE_M015, 3, 22);
    one("[vm a]\ncpus = 1\nmemory = 999999999G\nkernel = k\n", CODE_R403, 3, 10);
    one("[vm a]\ncpus = 1,\nmemory = 4M\nkernel = k\n", CODE_M016, 2, 9);
    one("[vm a]\ncpus = 3-1\nmemory = 4M\nkernel = k\n", CODE_M016, 2, 10);
    one("[vm a]\ncpus = 1 2\nmemory = 4M\nkernel = k\n", CODE_M016, 2, 10);
    one("[vm a]\ncpus = 1-3,2\nmemory = 4M\nkernel = k\n", CODE_M016, 2, 12);
    one("[vm a]\ncpus = 0-16\nmemory = 4M\nkernel = k\n", CODE_M016, 2, 8);
    one("[vm a]\ncpus = 5000\nmemory = 4M\nkernel = k\n", CODE_M016, 2, 11);
}

static void pci_interrupts(void)
{
    guest("pci = 03:00.0 group=1", CODE_M027, 15);
    guest("pci = 03:00.0 gsi=17a", CODE_M014, 21);
    guest("pci = 03:00.0 gsi=12345", CODE_M014, 23);
    guest("pci = 03:00.0 gsi=-1", CODE_M014, 19);
    guest("pci = 03:00.0 gsi=17 gsi=17", CODE_M026, 22);
    guest("pci = 03:00.0 gsi=17 irq=none", CODE_M026, 15);
    guest("pci = 03:00.0 gsi=17 functions=all", CODE_M026, 15);
    guest("pci = 03:00.0 irq=msi", CODE_M018, 19);
    guest("pci = 03:00.0 irq=none irq=intx", CODE_M026, 24);
}

static void test_limits(void)
{
    static char big[70000];
    size_t n = 0;
    for (unsigned i = 0; i < 33; i++)
        n += (size_t)snprintf(big + n, sizeof big - n, "[vm g%u]\ncpus=1\nmemory=4M\nkernel=k\n", i);
    one(big, CODE_M008, 129, 5);
    CHECK_EQ(m.vms, 32);
    n = (size_t)snprintf(big, sizeof big, "[vm a]\ncpus=1\nmemory=4M\nkernel=k\n");
    for (unsigned i = 0; i < 17; i++)
        n += (size_t)snprintf(big + n, sizeof big - n, "pci = %02x:00.0\n", i);
    one(big, CODE_M021, 21, 7);
    n = (size_t)snprintf(big, sizeof big, "[vm a]\ncpus=1\nmemory=4M\nkernel=k\n");
    for (unsigned i = 0; i < 8; i++)
        n += (size_t)snprintf(big + n, sizeof big - n, "module = m%u\n", i);
    one(big, CODE_M021, 12, 10);
    n = (size_t)snprintf(big, sizeof big, "[vm a]\ncpus=1\nmemory=4M\nkernel=k\ncmdline = ");
    memset(big + n, 'x', 1024);
    big[n + 1024] = 0;
    one(big, CODE_M022, 5, 11);
    big[n + 1023] = 0;
    parse(big);
    CHECK_EQ(m.errors.count, 0);
    n = (size_t)snprintf(big, sizeof big, "[vm a]\ncpus=1\nmemory=4M\nkernel=");
    memset(big + n, 'x', 104);
    big[n + 104] = 0;
    one(big, CODE_M022, 4, 8);
    for (unsigned i = 0; i < 200; i++)
        memcpy(big + i * 2, "x\n", 2);
    big[400] = 0;
    parse(big);
    CHECK_EQ(m.errors.count, MANIFEST_ERRORS);
    CHECK_EQ(m.error[MANIFEST_ERRORS - 1].code, CODE_M033);
    memset(big, '#', sizeof big);
    manifest_parse(&m, big, sizeof big);
    CHECK_EQ(m.error[0].code, CODE_M002);
    CHECK(m.all_refused);
    CHECK_EQ(m.vms, 0);
}

static void test_others_go_on(void)
{
    struct manifest_file f;
    uint32_t cursor = 0;
    parse("[vm a]\ncpus = x\nmemory = 4M\nkernel = ka\n[vm b]\ncpus = 1\nmemory = 4M\nkernel = kb\n");
    CHECK(m.vm[0].refused && !m.vm[1].refused);
    CHECK(manifest_files(&m, &cursor, &f));
    CHECK_STR(f.path, "kb");
    CHECK_EQ(f.vm, 1);
    CHECK(!manifest_files(&m, &cursor, &f));
}

static void test_print(void)
{
    const char *text = "[vm a]\n\tcpus = 1\nmemory = 1Q\nkernel = k\nkernel = \xc3\xa4\n";
    parse(text);
    diag_format(&m.error[0], text, strlen(text), out, sizeof out);
    CHECK_STR(out, "M015 cordon.conf:3:11: memory: not a size -> a size is a number with K, M or G -> write it like 512M\n"
                   "    memory = 1Q\n              ^\n");
    diag_format(&m.error[1], text, strlen(text), out, sizeof out);
    CHECK_STR(out, "M012 cordon.conf:5:1: kernel: given twice -> only one of the two can hold -> remove one of the lines\n"
                   "    kernel = \xc3\xa4\n    ^~~~~~\n  and cordon.conf:4:1:\n    kernel = k\n    ^~~~~~\n");
    for (size_t size = 1; size < 200; size++) {       /* never past the buffer */
        char small[200];
        memset(small, 'Z', sizeof small);
        CHECK(diag_format(&m.error[1], text, strlen(text), small, size) < size);
        CHECK(size == 200 || small[size] == 'Z');
    }
}

int main(void)
{
    test_good();
    test_text();
    tsc();
    test_values();
    pci_interrupts();
    test_limits();
    test_others_go_on();
    test_print();
    return unit_done();
}
