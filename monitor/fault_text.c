/* SPDX-License-Identifier: BSD-2-Clause */
/* The IOMMU's reasons in words: the kernel passes hardware's number on. */
#include "monitor/fault_text.h"

static const char *const text[] = {
    [0x01] = "bus has no context table: no function on it is assigned",
    [0x02] = "function is not assigned to any guest",
    [0x03] = "context entry is invalid",
    [0x04] = "address is beyond what the unit translates",
    [0x05] = "write to memory that is not mapped for writing",
    [0x06] = "read of memory that is not mapped for reading",
    [0x07] = "unit could not read a translation table",
    [0x08] = "unit could not read the root table",
    [0x09] = "unit could not read a context table",
    [0x0a] = "reserved bits in a root entry",
    [0x0b] = "reserved bits in a context entry",
    [0x0c] = "reserved bits in a translation table",
    [0x0d] = "request type is blocked for this function",
    [0x0e] = "translation leads into the interrupt address range",
    [0x20] = "reserved bits in a remappable interrupt",
    [0x21] = "interrupt index beyond the table",
    [0x22] = "interrupt entry is not present",
    [0x23] = "unit could not read the interrupt table",
    [0x24] = "reserved bits in an interrupt entry",
    [0x25] = "compatibility-format interrupt blocked",
    [0x26] = "interrupt from a function that does not own the entry",
    [0x27] = "unit could not read a posted-interrupt descriptor",
    [0x28] = "reserved bits in a posted-interrupt descriptor",
};

const char *fault_text(uint32_t reason)
{
    return reason < ARRAY_LEN(text) && text[reason] ? text[reason] : "reason unknown to Cordon";
}
