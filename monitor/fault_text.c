/* SPDX-License-Identifier: BSD-2-Clause */
/* The IOMMU's reasons in words: the kernel passes hardware's number on. */
#include "monitor/fault_text.h"

static const char *const vtd[] = {
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

/* Events by code, and the page fault by the first flag that it has. */
static const char *const amdvi[16] = {
    [0x1] = "device table entry is invalid",
    [0x3] = "unit could not read the device table",
    [0x4] = "unit could not read a translation table",
    [0x5] = "unit did not accept a command",
    [0x6] = "unit could not read a command",
    [0x7] = "a device did not confirm an invalidation",
    [0x8] = "request type is blocked for this function",
};
static const struct { uint32_t flags, want; const char *text; } page_fault[] = {
    { 0x088, 0x088, "interrupt index beyond the table, or reserved bits in its entry" },
    { 0x008, 0x008, "interrupt entry is not present" },
    { 0x080, 0x080, "reserved bits in a translation table" },
    { 0x030, 0x020, "write to memory that is not mapped" },
    { 0x010, 0x000, "read of memory that is not mapped" },
    { 0x020, 0x020, "write is not allowed, or function is not assigned to any guest" },
    { 0x000, 0x000, "read is not allowed, or function is not assigned to any guest" },
};

static const char *amdvi_text(uint32_t reason)
{
    for (unsigned i = 0; reason >> 12 == 2 && i < ARRAY_LEN(page_fault); i++)
        if ((reason & page_fault[i].flags) == page_fault[i].want)
            return page_fault[i].text;
    return amdvi[reason >> 12 & 15];
}

const char *fault_text(uint32_t vendor, uint32_t reason)
{
    const char *text = vendor == 2 ? amdvi_text(reason) : reason < ARRAY_LEN(vtd) ? vtd[reason] : NULL;
    return text ? text : "reason unknown to Cordon";
}
