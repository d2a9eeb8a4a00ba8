/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/fault_text.c */
/* Every reason that a VT-d unit may give has words, no other has. */
#include "monitor/fault_text.h"

#include "tests/unit/unit.h"

int main(void)
{
    for (uint32_t r = 0; r < 256; r++) {
        bool known = (r >= 1 && r <= 0xe) || (r >= 0x20 && r <= 0x28);
        CHECK_EQ(strcmp(fault_text(r), "reason unknown to Cordon") != 0, known);
        CHECK(strlen(fault_text(r)) < 64);
    }
    CHECK_STR(fault_text(5), "write to memory that is not mapped for writing");
    CHECK_STR(fault_text(0x22), "interrupt entry is not present");
    CHECK(strstr(fault_text(0x25), "compatibility") != NULL);
    CHECK(strstr(fault_text(0x26), "does not own") != NULL);
    CHECK_STR(fault_text(~0u), "reason unknown to Cordon");
    return unit_done();
}
