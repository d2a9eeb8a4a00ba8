/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/name.c kernel/lib/fmt.c kernel/lib/str.c */
/* Names of functions: every form in, one canonical form out, and exact ends of each number. */
#include "tests/unit/unit.h"

#include "monitor/name.h"

static struct fn_name n;
static size_t at;

static bool address(const char *s) { return name_parse_address(s, strlen(s), &n, &at); }
static bool path(const char *s) { return name_parse_path(s, strlen(s), &n, &at); }

int main(void)
{
    char buf[80];
    uint16_t v, d;
    uint8_t slot;
    struct dev_info all[10] = { { .bdf = 0x00e0 }, { .bdf = 0x0018 }, { .bdf = 0x0a00, .vendor = 0x8086, .device = 0x10d3,
                                .up = 2, .class_rev = 0x02000003 } };
#define dev all[2]
    CHECK(address("0a:00.0") && n.bus == 10 && n.devfn == 0);
    CHECK(name_matches(&n, &dev));
    CHECK(address("0000:0a:00.0") && name_matches(&n, &dev));
    CHECK(address("10/0/0") && name_matches(&n, &dev));
    CHECK(!address("0a/0/0"));
    CHECK(address("ff:1f.7") && n.devfn == 0xff);
    CHECK(address("0001:0a:00.0") && n.segment == 1 && !name_matches(&n, &dev));
    CHECK(address("255/31/7") && n.bus == 255 && n.devfn == 0xff);
    static const char *const bad[] = { "", ":", "0a", "0a:", "0a:00", "0a:00.", "0a:00.8", "0a:20.0", "100:00.0",
                                       "0a:00.00", "00000:0a:00.0", "0000:0a:00.0 ", "256/0/0", "1/32/0", "1/0/8",
                                       "1/0", "1/0/0/0", "0a:00.0x", "0a.00.0", "-1/0/0" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        at = 99;
        if (address(bad[i]))
            unit_fail(__FILE__, __LINE__, bad[i]);
        CHECK(at <= strlen(bad[i]));
    }
    CHECK(path("00:1c.0/00.0") && n.hops == 2 && name_matches(&n, &dev));
    name_format(&n, buf, sizeof buf);
    CHECK_STR(buf, "path=00:1c.0/00.0");
    CHECK(path("00:1c.0") && !name_matches(&n, &dev));
    CHECK(path("01:1c.0/00.0") && !name_matches(&n, &dev));
    CHECK(path("00:1.0/2.0/3.0/4.0/5.0/6.0/7.0/8.0") && n.hops == 8);
    CHECK(!path("00:1.0/2.0/3.0/4.0/5.0/6.0/7.0/8.0/9.0"));
    CHECK(!path("00:1c.0/") && !path("1c.0/00.0") && !path("00:") && !path("00:1c.0//00.0") && !path("00:1c.0/00.0 "));
    CHECK(name_parse_id("8086:10d3", 9, &v, &d, &at) && v == 0x8086 && d == 0x10d3);
    CHECK(!name_parse_id("8086:10d", 8, &v, &d, &at) && at == 8);
    CHECK(!name_parse_id("808:10d3", 8, &v, &d, &at));
    CHECK(!name_parse_id("8086:10d34", 10, &v, &d, &at) && at == 9);
    CHECK(name_parse_slot("1e.7", 4, &slot, &at) && slot == 0xf7);
    CHECK(name_parse_slot("5.0", 3, &slot, &at) && slot == 0x28);
    CHECK(!name_parse_slot("20.0", 4, &slot, &at));
    CHECK(name_parse_any("path=00:1c.0/00.0", &n) && n.kind == NAME_PATH);
    CHECK(name_parse_any("00:1c.0/00.0", &n) && n.kind == NAME_PATH);
    CHECK(name_parse_any("0a:00.0", &n) && n.kind == NAME_ADDRESS);
    CHECK(name_parse_any("id=8086:10d3", &n) && n.kind == NAME_ID && name_matches(&n, &dev));
    CHECK(name_parse_any("8086:10d3", &n) && n.kind == NAME_ID);
    CHECK(!name_parse_any("eth0", &n) && !name_parse_any("", &n));
    name_format_bdf(0x10a3f, buf, sizeof buf);
    CHECK_STR(buf, "0001:0a:07.7");
    name_format_path(&dev, buf, sizeof buf);
    CHECK_STR(buf, "00:1c.0/00.0");
    for (unsigned i = 3; i < 10; i++)        /* one behind the other */
        all[i] = (struct dev_info){ .bdf = (8 + i) << 8 | i, .up = 1 };
    CHECK(path("00:1c.0/00.0/0.3/0.4/0.5/0.6/0.7/1.0") && name_matches(&n, &all[8]) && !name_matches(&n, &all[9]));
    name_format_path(&all[8], buf, sizeof buf);
    CHECK_STR(buf, "00:1c.0/00.0/00.3/00.4/00.5/00.6/00.7/01.0");
    name_format_path(&all[9], buf, sizeof buf);
    CHECK_STR(buf, "-");
    CHECK_STR(name_class(0x01080200), "NVMe drive");
    CHECK_STR(name_class(dev.class_rev), "Ethernet controller");
    CHECK_STR(name_class(0x06800000), "bridge");
    CHECK_STR(name_class(0x99000000), "device");
    return unit_done();
}
