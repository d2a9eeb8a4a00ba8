/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's tables: RSDP, RSDT or XSDT, the DSDT through the FADT; what is in them to struct bootinfo. Pure. */
#include "kernel/boot/acpi_bytes.h"
#include "kernel/boot/acpi_tables.h"

#define MAX_TABLES      96u
#define MAX_TABLE_LEN   (16u << 20)      /* the largest real DSDT is about 1 MiB */
#define LOW_END         0x100000u

/* [ACPI 5.2.5.3] */
#define RSDP_LEN_V1     20u
#define RSDP_LEN_V2     36u
#define RSDP_REVISION   15u
#define RSDP_RSDT       16u
#define RSDP_LENGTH     20u
#define RSDP_XSDT       24u

struct table { const uint8_t *data; uint32_t len; bool sum_ok; };
static struct table tables[MAX_TABLES];
static uint32_t count;
static const uint8_t *iommu;             /* the DMAR or, without one, the IVRS */

/* Memory that is there: firmware's pointers are not. NULL = not readable. */
static const uint8_t *look(const struct bootinfo *info, const struct phys *mem, uint64_t pa, uint64_t len)
{
    if (!range_ok(pa, len, mem->limit))
        return NULL;
    bool there = pa + len <= LOW_END;
    for (uint32_t i = 0; i < info->ranges && !there; i++)
        there = info->range[i].type != BOOT_BAD && range_contains(info->range[i].base, info->range[i].len, pa, len);
    return there ? mem->at + pa : NULL;
}

/* True when 20 or 36 bytes at data form a pointer whose sums are right. */
static bool rsdp_is_valid(const uint8_t *data, size_t size)
{
    if (!data || size < RSDP_LEN_V1 || memcmp(data, "RSD PTR ", 8) != 0 || acpi_sum(data, RSDP_LEN_V1) != 0)
        return false;
    if (data[RSDP_REVISION] < 2)
        return true;
    return size >= RSDP_LEN_V2 && acpi_rd32(data + RSDP_LENGTH) >= RSDP_LEN_V2 &&
           acpi_rd32(data + RSDP_LENGTH) <= size && acpi_sum(data, acpi_rd32(data + RSDP_LENGTH)) == 0;
}

static const uint8_t *rsdp_scan_range(const struct phys *mem, uint64_t base, uint64_t len)
{
    for (uint64_t off = 0; range_ok(base, len, mem->limit) && off + RSDP_LEN_V1 <= len; off += 16)
        if (rsdp_is_valid(mem->at + base + off, len - off))
            return mem->at + base + off;
    return NULL;
}

/* Where firmware without UEFI puts it [ACPI 5.2.5.1]: the first KiB of the EBDA, E0000h-FFFFFh. */
static const uint8_t *rsdp_scan(const struct phys *mem)
{
    uint64_t ebda = range_ok(0x40e, 2, mem->limit) ? (uint64_t)acpi_rd16(mem->at + 0x40e) << 4 : 0;
    const uint8_t *found = NULL;
    if (ebda >= 0x80000 && ebda < 0xa0000)
        found = rsdp_scan_range(mem, ebda, MIN(1024u, 0xa0000 - ebda));
    return found ? found : rsdp_scan_range(mem, 0xe0000, 0x20000);
}

static const uint8_t *rsdp_find(const struct bootinfo *info, const struct phys *mem, uint64_t rsdp)
{
    if (rsdp == 0)
        return rsdp_scan(mem);
    const uint8_t *at = look(info, mem, rsdp, RSDP_LEN_V2);
    size_t size = RSDP_LEN_V2;
    if (!at) {
        size = RSDP_LEN_V1;                  /* the first revision is shorter, and may end where its memory does */
        at = look(info, mem, rsdp, size);
    }
    return rsdp_is_valid(at, size) ? at : NULL;
}

/* A table by its own length; .data is NULL when address or length is impossible. */
static struct table table_at(const struct bootinfo *info, const struct phys *mem, uint64_t pa)
{
    const uint8_t *head = pa != 0 ? look(info, mem, pa, ACPI_HDR_LEN) : NULL;
    uint32_t len = head ? acpi_rd32(head + ACPI_HDR_LENGTH) : 0;
    if (len < ACPI_HDR_LEN || len > MAX_TABLE_LEN || !look(info, mem, pa, len))
        return (struct table){ 0 };
    return (struct table){ head, len, acpi_sum(head, len) == 0 };
}

/* A table that cannot be read is left out: whoever needs it finds none. */
static void table_add(struct bootinfo *info, const struct phys *mem, uint64_t pa)
{
    struct table t = table_at(info, mem, pa);
    if (t.data && count < MAX_TABLES)
        tables[count++] = t;
    else if (pa != 0)
        loader_complain(info, "the firmware's table at %lx is not read: %s", pa,
                        t.data ? "too many" : "no memory that it lists, or no length");
}

static bool root_read(struct bootinfo *info, const struct phys *mem, uint64_t pa, const char sig[4], uint32_t entry)
{
    struct table root = table_at(info, mem, pa);
    count = 0;
    if (!root.data || !acpi_sig_is(root.data, sig) || !root.sum_ok)
        return false;
    for (uint32_t off = ACPI_HDR_LEN; entry <= root.len - off; off += entry)
        table_add(info, mem, entry == 8 ? acpi_rd64(root.data + off) : acpi_rd32(root.data + off));
    return count != 0;
}

/* The first table with this signature; .data is NULL when there is none. */
static struct table find(const char sig[4])
{
    for (uint32_t i = 0; i < count; i++)
        if (acpi_sig_is(tables[i].data, sig))
            return tables[i];
    return (struct table){ 0 };
}

/* The same for a reader: one with a wrong sum is complained about and none. */
static struct table find_good(struct bootinfo *info, const char sig[5])
{
    struct table t = find(sig);
    if (!t.data || t.sum_ok)
        return t;
    loader_complain(info, "the firmware's %s table is damaged: not used", sig);
    return (struct table){ 0 };
}

static void read_facts(struct bootinfo *info, const struct phys *mem)
{
    struct acpi_isa isa[ISA_LINES];
    uint64_t dsdt = 0;
    struct table t = find_good(info, "APIC");
    if (!acpi_madt_read(info, t.data, t.len, isa))
        loader_complain(info, "the firmware lists no CPUs (MADT): one CPU, no interrupt lines");
    t = find_good(info, "SPCR");
    if (acpi_spcr_read(info, t.data, t.len, isa))
        loader_print("serial console at port %x, as the SPCR says\n", info->console_port);
    t = find_good(info, "MCFG");
    (void)acpi_mcfg_read(info, t.data, t.len);
    t = find_good(info, "FACP");
    if (!acpi_fadt_read(info, t.data, t.len, &dsdt))
        loader_complain(info, "the firmware has no usable FADT: power off will not work");
    table_add(info, mem, dsdt);
    (void)find_good(info, "DSDT");
}

/* Tables that others interpret: DSDT and SSDTs the monitor, one more the kernel's IOMMU driver. */
static bool is_kept(const struct table *t)
{
    return t->sum_ok && (acpi_sig_is(t->data, "DSDT") || acpi_sig_is(t->data, "SSDT") || t->data == iommu);
}

static uint64_t rounded(uint32_t len) { return ((uint64_t)len + 15) & ~15ull; }

uint64_t acpi_read(struct bootinfo *info, const struct phys *mem, uint64_t rsdp)
{
    const uint8_t *root = rsdp_find(info, mem, rsdp);
    bool found = false;
    uint64_t bytes = 0;
    count = 0;
    if (root && root[RSDP_REVISION] >= 2)
        found = root_read(info, mem, acpi_rd64(root + RSDP_XSDT), "XSDT", 8);
    if (root && !found)
        found = root_read(info, mem, acpi_rd32(root + RSDP_RSDT), "RSDT", 4);
    if (!found)
        loader_complain(info, root ? "the firmware's ACPI root table is damaged" : "the firmware has no ACPI tables");
    read_facts(info, mem);
    iommu = find("DMAR").data ? find("DMAR").data : find("IVRS").data;
    info->iommu = iommu ? BOOT_IOMMU_BAD : BOOT_IOMMU_NONE;      /* until acpi_keep */
    for (uint32_t i = 0; i < count; i++)
        bytes += is_kept(&tables[i]) ? rounded(tables[i].len) : 0;
    return bytes;
}

void acpi_keep(struct bootinfo *info, uint8_t *to, uint64_t pa)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct table *t = &tables[i];
        if (!is_kept(t))
            continue;
        memset(to + at, 0, rounded(t->len));
        memcpy(to + at, t->data, t->len);
        if (t->data == iommu) {
            info->iommu = acpi_sig_is(t->data, "DMAR") ? BOOT_IOMMU_DMAR : BOOT_IOMMU_IVRS;
            info->iommu_table = pa + at;
            info->iommu_len = t->len;
        }
        at += rounded(t->len);
    }
    if (info->modules == BOOT_MAX_MODULES) {
        loader_complain(info, "too many files: the monitor will not see the firmware's tables");
        return;
    }
    struct boot_module *m = &info->module[info->modules++];
    m->base = pa;
    m->len = at;
    (void)str_copy(m->name, sizeof m->name, BOOT_ACPI_MODULE);
}
