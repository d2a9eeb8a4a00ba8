/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/fault_text.c */
/* Every reason that a unit may give has words, no other has. */
#include "monitor/fault_text.h"

#include "tests/unit/unit.h"

int main(void)
{
    for (uint32_t r = 0; r < 256; r++) {
        bool known = (r >= 1 && r <= 0xe) || (r >= 0x20 && r <= 0x28);
        CHECK_EQ(strcmp(fault_text(1, r), "reason unknown to Cordon") != 0, known);
        CHECK(strlen(fault_text(1, r)) < 64);
    }
    CHECK_STR(fault_text(1, 5), "write to memory that is not mapped for writing");
    CHECK_STR(fault_text(1, 0x22), "interrupt entry is not present");
    CHECK(strstr(fault_text(1, 0x25), "compatibility") != NULL);
    CHECK(strstr(fault_text(1, 0x26), "does not own") != NULL);
    CHECK_STR(fault_text(1, ~0u), "reason unknown to Cordon");
    for (uint32_t r = 0; r < 65536; r++) {                    /* AMD-Vi: code << 12 | flags */
        bool known = r >> 12 >= 1 && r >> 12 <= 8;
        CHECK_EQ(strcmp(fault_text(2, r), "reason unknown to Cordon") != 0, known);
        CHECK(strlen(fault_text(2, r)) < 64);
    }
    CHECK_STR(fault_text(2, 0x2020), "write to memory that is not mapped");
    CHECK_STR(fault_text(2, 0x2000), "read of memory that is not mapped");
    CHECK(strstr(fault_text(2, 0x2070), "write is not allowed") != NULL);
    CHECK(strstr(fault_text(2, 0x2050), "read is not allowed") != NULL);
    CHECK_STR(fault_text(2, 0x2008), "interrupt entry is not present");
    CHECK(strstr(fault_text(2, 0x5000), "command") != NULL);
    return unit_done();
}
