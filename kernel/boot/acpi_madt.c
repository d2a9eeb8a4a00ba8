/* SPDX-License-Identifier: BSD-2-Clause */
/* MADT: enabled CPUs, I/O APICs, interrupt source overrides. Pure. */
#include "kernel/boot/acpi_bytes.h"
#include "kernel/boot/acpi_tables.h"

#define MADT_ENTRIES      44u

/* Entry types [ACPI 5.2.12.1] and the least length of each. */
#define ENTRY_LAPIC        0u
#define ENTRY_IOAPIC       1u
#define ENTRY_OVERRIDE     2u
#define ENTRY_X2APIC       9u

#define CPU_ENABLED        0x1u

struct walk { struct bootinfo *info; struct acpi_isa *isa; uint32_t cpus_left_out, ioapics_left_out, damaged; };

static unsigned entry_min_len(unsigned type)
{
    switch (type) {
    case ENTRY_LAPIC:      return 8;
    case ENTRY_IOAPIC:     return 12;
    case ENTRY_OVERRIDE:   return 10;
    case ENTRY_X2APIC:     return 16;
    default:               return 2;
    }
}

/* Some firmware lists a CPU as local APIC and as x2APIC: each id counts once. */
static void cpu_add(struct walk *w, uint32_t apic_id, uint32_t flags)
{
    struct bootinfo *info = w->info;
    if ((flags & CPU_ENABLED) == 0)          /* those that may come later do not */
        return;
    for (uint32_t i = 0; i < info->cpus; i++)
        if (info->cpu[i] == apic_id)
            return;
    if (info->cpus == BOOT_MAX_CPUS)
        w->cpus_left_out++;
    else
        info->cpu[info->cpus++] = apic_id;
}

static void ioapic_add(struct walk *w, const uint8_t *entry)
{
    struct bootinfo *info = w->info;
    if (info->ioapics == BOOT_MAX_IOAPICS)
        w->ioapics_left_out++;
    else
        info->ioapic[info->ioapics++] = (struct boot_ioapic){
            .base = acpi_rd32(entry + 4), .id = entry[2], .gsi_base = acpi_rd32(entry + 8) };
}

/* [ACPI 5.2.12.5] polarity in bits 1:0, trigger in bits 3:2; 0 = the ISA bus: high, edge. */
static void override_add(struct walk *w, const uint8_t *entry)
{
    uint16_t flags = acpi_rd16(entry + 8);
    if (entry[2] == 0 && entry[3] < ISA_LINES)
        w->isa[entry[3]] = (struct acpi_isa){
            .gsi = acpi_rd32(entry + 4), .active_low = (flags & 3) == 3, .level = (flags >> 2 & 3) == 3 };
}

static void entry_read(struct walk *w, const uint8_t *entry)
{
    switch (entry[0]) {
    case ENTRY_LAPIC:
        if (entry[3] != 0xff)                /* 255 is the broadcast id: an empty socket */
            cpu_add(w, entry[3], acpi_rd32(entry + 4));
        break;
    case ENTRY_X2APIC:
        if (acpi_rd32(entry + 4) != 0xffffffff)
            cpu_add(w, acpi_rd32(entry + 4), acpi_rd32(entry + 8));
        break;
    case ENTRY_IOAPIC: ioapic_add(w, entry); break;
    case ENTRY_OVERRIDE: override_add(w, entry); break;
    default: break;                          /* NMI and power entries: nothing of ours */
    }
}

bool acpi_madt_read(struct bootinfo *info, const uint8_t *data, size_t size, struct acpi_isa isa[ISA_LINES])
{
    struct walk w = { .info = info, .isa = isa };
    uint32_t len = acpi_table_len(data, size, "APIC");
    for (uint32_t i = 0; i < ISA_LINES; i++)
        isa[i] = (struct acpi_isa){ .gsi = i };
    info->cpus = info->ioapics = 0;
    for (uint32_t off = MADT_ENTRIES; off < len; ) {
        uint32_t left = len - off;
        unsigned entry = left >= 2 ? data[off + 1] : 0;
        if (entry < 2 || entry > left) {
            w.damaged++;                     /* where the next one begins, nobody knows */
            break;
        }
        if (entry >= entry_min_len(data[off]))
            entry_read(&w, data + off);
        else
            w.damaged++;
        off += entry;
    }
    if (w.damaged != 0)
        loader_complain(info, "MADT: %u damaged entries, some CPU or I/O APIC may be missing", w.damaged);
    if (w.cpus_left_out + w.ioapics_left_out != 0)
        loader_complain(info, "MADT: %u CPUs and %u I/O APICs more than the kernel takes", w.cpus_left_out,
                        w.ioapics_left_out);
    return info->cpus != 0;
}
