/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds firmware tables: RSDP, RSDT or XSDT, and the DSDT through the FADT. Each
 * table is mapped once, at init, and kept. Boot CPU only until init returns, then const.
 */
#include "kernel/acpi/acpi.h"

#include "kernel/acpi/acpi_bytes.h"
#include "kernel/acpi/acpi_fadt.h"
#include "kernel/mm/kmap.h"

#define MAX_TABLES      96u
#define MAX_TABLE_LEN   (16u << 20)      /* the largest real DSDT is about 1 MiB */
#define PA_LIMIT        (1ull << 52)

/* [ACPI 5.2.5.3] */
#define RSDP_LEN_V1     20u
#define RSDP_LEN_V2     36u
#define RSDP_REVISION   15u
#define RSDP_RSDT       16u
#define RSDP_LENGTH     20u
#define RSDP_XSDT       24u

struct slot { struct acpi_table table; bool sum_ok; };
static struct slot slots[MAX_TABLES];    /* const after init */
static uint32_t slot_count;

/* True when 20 or 36 bytes at data form a pointer whose sums are right. */
static bool rsdp_is_valid(const uint8_t *data, size_t mapped)
{
    if (mapped < RSDP_LEN_V1 || memcmp(data, "RSD PTR ", 8) != 0 || acpi_sum(data, RSDP_LEN_V1) != 0)
        return false;
    if (data[RSDP_REVISION] < 2)
        return true;
    return mapped >= RSDP_LEN_V2 && acpi_rd32(data + RSDP_LENGTH) >= RSDP_LEN_V2 &&
           acpi_rd32(data + RSDP_LENGTH) <= mapped && acpi_sum(data, acpi_rd32(data + RSDP_LENGTH)) == 0;
}

static const uint8_t *rsdp_scan_range(uint64_t base, uint64_t len)
{
    const uint8_t *area = kmap_ro((hpa_t){ base }, len);
    if (area == NULL)
        return NULL;
    for (uint64_t off = 0; off + RSDP_LEN_V1 <= len; off += 16)
        if (rsdp_is_valid(area + off, len - off))
            return area + off;
    return NULL;
}

/* Where firmware without UEFI puts it [ACPI 5.2.5.1]: the first KiB of the EBDA, E0000h-FFFFFh. */
static const uint8_t *rsdp_scan(void)
{
    const uint8_t *bda = kmap_ro((hpa_t){ 0x400 }, 0x100);
    const uint8_t *found = NULL;
    if (bda != NULL) {
        uint64_t ebda = (uint64_t)acpi_rd16(bda + 0x0e) << 4;
        if (ebda >= 0x80000 && ebda < 0xa0000)
            found = rsdp_scan_range(ebda, MIN(1024u, 0xa0000 - ebda));
    }
    return found != NULL ? found : rsdp_scan_range(0xe0000, 0x20000);
}

static const uint8_t *rsdp_map(hpa_t rsdp)
{
    if (rsdp.v == 0)
        return rsdp_scan();
    if (!range_ok(rsdp.v, RSDP_LEN_V2, PA_LIMIT))
        return NULL;
    const uint8_t *data = kmap_ro(rsdp, RSDP_LEN_V2);
    return data != NULL && rsdp_is_valid(data, RSDP_LEN_V2) ? data : NULL;
}

/* Maps a table by its own length. ST_RANGE: the address or the length is impossible. */
static MUST_USE status_t table_map(hpa_t pa, struct acpi_table *out)
{
    if (!range_ok(pa.v, ACPI_HDR_LEN, PA_LIMIT) || pa.v == 0)
        return ST_RANGE;
    const uint8_t *head = kmap_ro(pa, ACPI_HDR_LEN);
    if (head == NULL)
        return ST_NOSPACE;
    uint32_t len = acpi_rd32(head + ACPI_HDR_LENGTH);
    if (len < ACPI_HDR_LEN || len > MAX_TABLE_LEN || !range_ok(pa.v, len, PA_LIMIT))
        return ST_RANGE;
    const uint8_t *data = kmap_ro(pa, len);
    if (data == NULL)
        return ST_NOSPACE;
    *out = (struct acpi_table){ .data = data, .len = len, .pa = pa };
    return ST_OK;
}

/* A table that cannot be mapped is left out: whoever needs it hears ST_NOTFOUND. */
static void slot_add(hpa_t pa)
{
    struct acpi_table table;
    if (slot_count >= MAX_TABLES || table_map(pa, &table) != ST_OK)
        return;
    slots[slot_count++] = (struct slot){ .table = table, .sum_ok = acpi_sum(table.data, table.len) == 0 };
}

static MUST_USE status_t root_read(hpa_t pa, const char sig[4], uint32_t entry)
{
    struct acpi_table root;
    status_t st = table_map(pa, &root);
    if (st != ST_OK)
        return ST_CORRUPT;
    if (!acpi_sig_is(root.data, sig) || acpi_sum(root.data, root.len) != 0)
        return ST_CORRUPT;
    for (uint32_t off = ACPI_HDR_LEN; entry <= root.len - off; off += entry)
        slot_add((hpa_t){ entry == 8 ? acpi_rd64(root.data + off) : acpi_rd32(root.data + off) });
    return slot_count != 0 ? ST_OK : ST_CORRUPT;
}

static void dsdt_add(void)
{
    struct acpi_table table;
    struct acpi_fadt fadt;
    if (acpi_find("FACP", 0, &table) == ST_OK && acpi_fadt_parse(table.data, table.len, &fadt) == ST_OK)
        slot_add(fadt.dsdt);
}

status_t acpi_init(hpa_t rsdp_pa)
{
    slot_count = 0;
    const uint8_t *rsdp = rsdp_map(rsdp_pa);
    if (rsdp == NULL)
        return rsdp_pa.v == 0 ? ST_NOTFOUND : ST_CORRUPT;
    status_t st = ST_CORRUPT;
    if (rsdp[RSDP_REVISION] >= 2 && acpi_rd64(rsdp + RSDP_XSDT) != 0)
        st = root_read((hpa_t){ acpi_rd64(rsdp + RSDP_XSDT) }, "XSDT", 8);
    if (st != ST_OK && acpi_rd32(rsdp + RSDP_RSDT) != 0)
        st = root_read((hpa_t){ acpi_rd32(rsdp + RSDP_RSDT) }, "RSDT", 4);
    if (st == ST_OK)
        dsdt_add();
    return st;
}

status_t acpi_find(const char sig[4], unsigned index, struct acpi_table *out)
{
    for (uint32_t i = 0; i < slot_count; i++) {
        if (!acpi_sig_is(slots[i].table.data, sig) || index-- != 0)
            continue;
        if (!slots[i].sum_ok)
            return ST_CORRUPT;
        *out = slots[i].table;
        return ST_OK;
    }
    return ST_NOTFOUND;
}
