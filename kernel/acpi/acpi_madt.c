/* SPDX-License-Identifier: BSD-2-Clause */
/* MADT: enabled CPUs, I/O APICs, interrupt source overrides. Pure. */
#include "kernel/acpi/acpi_madt.h"

#include "kernel/acpi/acpi_bytes.h"

#define MADT_LAPIC        36u
#define MADT_FLAGS        40u
#define   MADT_PCAT_COMPAT  0x1u
#define MADT_ENTRIES      44u

/* Entry types [ACPI 5.2.12.1] and the least length of each. */
#define ENTRY_LAPIC        0u
#define ENTRY_IOAPIC       1u
#define ENTRY_OVERRIDE     2u
#define ENTRY_LAPIC_ADDR   5u
#define ENTRY_X2APIC       9u

#define CPU_ENABLED        0x1u
#define CPU_ONLINE_CAPABLE 0x2u

static unsigned entry_min_len(unsigned type)
{
    switch (type) {
    case ENTRY_LAPIC:      return 8;
    case ENTRY_IOAPIC:     return 12;
    case ENTRY_OVERRIDE:   return 10;
    case ENTRY_LAPIC_ADDR: return 12;
    case ENTRY_X2APIC:     return 16;
    default:               return 2;
    }
}

/* Some firmware lists a CPU as local APIC and as x2APIC: each id counts once. */
static void cpu_add(struct acpi_madt *out, uint32_t apic_id, uint32_t uid, uint32_t flags)
{
    if ((flags & CPU_ENABLED) == 0) {
        if ((flags & CPU_ONLINE_CAPABLE) != 0)
            out->cpus_later++;
        return;
    }
    for (uint32_t i = 0; i < out->cpus; i++)
        if (out->cpu[i].apic_id == apic_id)
            return;
    if (out->cpus == MAX_CPUS) {
        out->cpus_dropped++;
        return;
    }
    out->cpu[out->cpus++] = (struct madt_cpu){ .apic_id = apic_id, .uid = uid };
}

static void ioapic_add(struct acpi_madt *out, const uint8_t *entry)
{
    if (out->ioapics == MADT_MAX_IOAPICS) {
        out->ioapics_dropped++;
        return;
    }
    out->ioapic[out->ioapics++] = (struct madt_ioapic){
        .id = entry[2], .pa = { acpi_rd32(entry + 4) }, .gsi_base = acpi_rd32(entry + 8) };
}

/* [ACPI 5.2.12.5] polarity in bits 1:0, trigger in bits 3:2; 0 = the ISA bus: high, edge. */
static void override_add(struct acpi_madt *out, const uint8_t *entry)
{
    uint16_t flags = acpi_rd16(entry + 8);
    if (entry[2] != 0)
        return;
    if (out->overrides == MADT_MAX_OVERRIDES) {
        out->overrides_dropped++;
        return;
    }
    out->override[out->overrides++] = (struct madt_override){
        .source = entry[3], .gsi = acpi_rd32(entry + 4),
        .active_low = (flags & 3) == 3, .level = (flags >> 2 & 3) == 3 };
}

static void entry_read(struct acpi_madt *out, const uint8_t *entry)
{
    switch (entry[0]) {
    case ENTRY_LAPIC:
        if (entry[3] != 0xff)            /* 255 is the broadcast id: an empty socket */
            cpu_add(out, entry[3], entry[2], acpi_rd32(entry + 4));
        break;
    case ENTRY_X2APIC:
        if (acpi_rd32(entry + 4) != 0xffffffff)
            cpu_add(out, acpi_rd32(entry + 4), acpi_rd32(entry + 12), acpi_rd32(entry + 8));
        break;
    case ENTRY_IOAPIC:
        ioapic_add(out, entry);
        break;
    case ENTRY_OVERRIDE:
        override_add(out, entry);
        break;
    case ENTRY_LAPIC_ADDR:
        out->lapic = (hpa_t){ acpi_rd64(entry + 4) };
        break;
    default:                             /* NMI and power entries: nothing of ours */
        break;
    }
}

status_t acpi_madt_parse(const uint8_t *data, size_t mapped, struct acpi_madt *out)
{
    memset(out, 0, sizeof *out);
    uint32_t len = acpi_table_len(data, mapped);
    if (len < MADT_ENTRIES || !acpi_sig_is(data, "APIC"))
        return ST_CORRUPT;
    out->lapic = (hpa_t){ acpi_rd32(data + MADT_LAPIC) };
    out->has_pics = (acpi_rd32(data + MADT_FLAGS) & MADT_PCAT_COMPAT) != 0;
    for (uint32_t off = MADT_ENTRIES; off < len; ) {
        uint32_t left = len - off;
        unsigned size = left >= 2 ? data[off + 1] : 0;
        if (size < 2 || size > left) {
            out->truncated = true;
            break;
        }
        if (size >= entry_min_len(data[off]))
            entry_read(out, data + off);
        else
            out->malformed++;
        off += size;
    }
    return out->cpus != 0 ? ST_OK : ST_CORRUPT;
}

struct madt_override acpi_madt_isa(const struct acpi_madt *madt, uint8_t source)
{
    for (uint32_t i = 0; i < madt->overrides; i++)
        if (madt->override[i].source == source)
            return madt->override[i];
    return (struct madt_override){ .source = source, .gsi = source };
}
