/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cordon-acpi FILE...: what the product's own parsers understand of ACPI tables, one record per line.
 * DMAR and IVRS one by one; a DSDT and the SSDTs named behind it are one namespace. Exit code: 0 all
 * tables read, 1 one was refused (its record says so), 2 one could not be opened.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/iommu/amdvi/ivrs.h"
#include "drivers/iommu/vtd/dmar.h"
#include "monitor/aml.h"

#define TABLE_MAX  (16u << 20)

static int refused;
static uint8_t *aml_tables;              /* DSDT and SSDTs of one machine, each at a multiple of 16 */
static size_t aml_bytes;
static const char *aml_file;

static void refuse(const char *why)
{
    printf("refused= text=\"%s\"\n", why);
    refused = 1;
}

static void print_notes(const struct fw_notes *n)
{
    for (uint32_t i = 0; i < n->count && i < FW_NOTES; i++)
        printf("note= offset=%u type=%02x text=\"%s\"\n", n->at[i].offset, n->at[i].type, n->at[i].text);
    if (n->count > FW_NOTES)
        printf("note= more=%u\n", n->count - FW_NOTES);
}

/* A table that hides units is parsed and refused. */
static void check_lost(status_t lost)
{
    if (lost != ST_OK)
        refuse(lost == ST_UNSUPP ? "more units than this build drives" : "a unit may be hidden in what is broken");
}

static void print_hops(const uint8_t *path, unsigned hops)
{
    for (unsigned i = 0; i < hops; i++)
        printf("%s%02x.%x", i ? "/" : "", path[i] >> 3, path[i] & 7u);
}

static void print_scopes(const struct dmar *d, struct dmar_span span, const char *owner, uint32_t index)
{
    static const char *const type[] = { "?", "endpoint", "bridge", "ioapic", "hpet", "namespace" };
    for (uint32_t i = span.first; i < span.end; i++) {
        const struct dmar_scope *s = &d->scope[i];
        printf("scope=%u %s=%u type=%s id=%u segment=%04x bus=%02x path=", i, owner, index, type[s->type], s->id,
               s->fn.seg, s->start_bus);
        print_hops(s->path, s->hops);
        printf("\n");
    }
}

static void print_dmar(const uint8_t *table, size_t len)
{
    static struct dmar d;
    if (dmar_parse(table, len, &d) != ST_OK) {
        refuse("DMAR is too short or its length is wrong");
        return;
    }
    printf("dmar= flags=%02x units=%u scopes=%u reserved=%u notes=%u\n", d.flags, d.units, d.scopes, d.regions,
           d.notes.count);
    for (uint32_t i = 0; i < d.units; i++) {
        printf("unit=%u base=%llx segment=%04x flags=%02x all=%u broken=%u\n", i, (unsigned long long)d.unit[i].base,
               d.unit[i].seg, d.unit[i].include_all, d.unit[i].include_all, d.unit[i].broken);
        print_scopes(&d, d.unit[i].scopes, "unit", i);
    }
    for (uint32_t i = 0; i < d.regions; i++) {
        printf("reserved=%u base=%llx limit=%llx\n", i, (unsigned long long)d.region[i].base,
               (unsigned long long)(d.region[i].base + d.region[i].len - 1));
        print_scopes(&d, d.region[i].scopes, "reserved", i);
    }
    print_notes(&d.notes);
    check_lost(d.lost);
}

static const char *entry_type(const struct ivrs_entry *e)
{
    switch (e->type) {
    case IVHD_ALL: return "all";
    case IVHD_SELECT: return "select";
    case IVHD_START: return "range";
    case IVHD_ALIAS: return "alias-select";
    case IVHD_ALIAS_START: return "alias-range";
    case IVHD_EXT: return "extended-select";
    case IVHD_EXT_START: return "extended-range";
    case IVHD_SPECIAL: return e->variety == IVHD_IOAPIC ? "ioapic" : "hpet";
    default: return "named";
    }
}

/* Eight characters of a hardware id, as far as they are printable. */
static void print_hid(const uint8_t *at)
{
    printf(" hid=");
    for (unsigned i = 0; i < 8 && at[i] > 32 && at[i] < 127; i++)
        printf("%c", at[i]);
}

static void print_ivrs(const uint8_t *table, size_t len)
{
    static struct ivrs v;
    if (ivrs_parse(table, len, &v) != ST_OK) {
        refuse("IVRS is too short or its length is wrong");
        return;
    }
    printf("ivrs= info=%08x units=%u entries=%u reserved=%u notes=%u\n", v.info, v.units, v.entries, v.regions,
           v.notes.count);
    for (uint32_t i = 0; i < v.units; i++) {
        const struct ivrs_unit *u = &v.unit[i];
        printf("ivhd=%u type=%02x base=%llx segment=%04x flags=%02x unit=" BDF_FMT " cap=%x features=%08x efr=%llx "
               "entries=%u broken=%u\n", i, u->type, (unsigned long long)u->base, u->fn.seg, u->flags,
               BDF_ARGS(u->fn), u->cap, u->features, (unsigned long long)u->efr, (unsigned)(u->end - u->entry), u->broken);
        for (uint32_t k = u->entry; k < u->end; k++) {
            const struct ivrs_entry *e = &v.entry[k];
            printf("entry=%u ivhd=%u type=%s first=%04x last=%04x setting=%02x", k, i, entry_type(e), e->first, e->last,
                   e->setting);
            if (e->type == IVHD_ALIAS || e->type == IVHD_ALIAS_START)
                printf(" alias=%04x", e->alias);
            if (e->type == IVHD_EXT || e->type == IVHD_EXT_START)
                printf(" extended=%08x", e->extended);
            if (e->type == IVHD_SPECIAL)
                printf(" id=%u", e->handle);
            if (e->type == IVHD_NAMED)
                print_hid(table + e->offset + 4);
            printf("\n");
        }
    }
    for (uint32_t i = 0; i < v.regions; i++) {
        const struct ivrs_region *r = &v.region[i];
        printf("reserved=%u base=%llx limit=%llx type=%02x flags=%02x segment=%04x first=%04x last=%04x\n", i,
               (unsigned long long)r->base, (unsigned long long)(r->base + r->len - 1), r->type, r->flags, r->seg,
               r->first, r->last);
    }
    print_notes(&v.notes);
    check_lost(v.lost);
}

/* why="\_SB.PCI0.LPC.PIRA depends on ..." */
static void print_reason(const struct aml *a, const struct aml_reason *reason)
{
    char name[128] = "";
    if (!reason->why)
        return;
    if (reason->what != AML_NONE)
        aml_path(a, reason->what, name, sizeof name);
    printf(" why=\"%s%s%s\"", name, *name ? " " : "", reason->why);
}

static void print_bridge(const struct aml *a, const struct aml_bridge *b)
{
    char name[128], link[128];
    char bus[64] = "?";
    size_t n = 0;
    if (b->rooted && b->seg != 0)
        n = (size_t)snprintf(bus, sizeof bus, "%04x:", b->seg);
    if (b->rooted)
        n += (size_t)snprintf(bus + n, sizeof bus - n, "%02x", b->bus);
    for (unsigned i = 0; i < b->hops; i++)
        n += (size_t)snprintf(bus + n, sizeof bus - n, "%c%02x.%x", i ? '/' : ':', b->path[i] >> 3, b->path[i] & 7u);
    if (b->rooted && !b->placed)
        snprintf(bus + n, sizeof bus - n, "%c?", b->hops ? '/' : ':');
    aml_path(a, b->node, name, sizeof name);
    printf("bridge=%u bus-path=%s name=%s routes=%u", (unsigned)(b - a->bridge), bus, name, (unsigned)(b->end - b->first));
    print_reason(a, &b->reason);
    printf("\n");
    for (uint32_t i = b->first; i < b->end; i++) {
        const struct aml_route *r = &a->route[i];
        printf("prt=%u bus-path=%s", i, bus);
        if (r->dev != 0xff)
            printf(" device=%02x", r->dev);
        if (r->pin < 4)
            printf(" pin=%c", "ABCD"[r->pin]);
        if (r->reason.why)
            printf(" gsi=?");
        else
            printf(" gsi=%u", r->gsi);
        if (r->link != AML_NONE) {
            aml_path(a, r->link, link, sizeof link);
            printf(" link=%s", link);
        }
        if (r->irqs) {
            const char *comma = " irqs=";
            for (unsigned k = 0; k < 16; k++)
                if (r->irqs & 1u << k) {
                    printf("%s%u", comma, k);
                    comma = ",";
                }
        }
        printf(" name=%s", name);
        print_reason(a, &r->reason);
        printf("\n");
    }
}

/* The namespace collected so far. */
static void finish_aml(void)
{
    static struct aml a;
    uint8_t typ_a, typ_b;
    if (aml_bytes == 0)
        return;
    printf("file=%s tables=AML\n", aml_file);
    status_t st = aml_read(&a, aml_tables, aml_bytes);
    if (st != ST_OK)
        refuse(st == ST_NOTFOUND ? "SSDTs without a DSDT" : "more than one DSDT, or lengths that do not add up");
    printf("aml= names=%u bridges=%u routes=%u notes=%u\n", a.names - 1, a.bridges, a.routes, a.notes);
    if (aml_s5(&a, &typ_a, &typ_b) == ST_OK)
        printf("s5= a=%u b=%u\n", typ_a, typ_b);
    for (uint32_t i = 0; i < a.bridges; i++)
        print_bridge(&a, &a.bridge[i]);
    for (uint32_t i = 0; i < a.notes && i < AML_NOTES; i++)
        printf("note= offset=%u text=\"%s\"\n", a.note[i].offset, a.note[i].text);
    if (a.notes > AML_NOTES)
        printf("note= more=%u\n", a.notes - AML_NOTES);
    aml_bytes = 0;
}

static void add_aml(const char *file, const uint8_t *table, size_t len)
{
    uint32_t said = get32(table + 4);
    if (said < 36 || said > len) {
        printf("file=%s table=%.4s bytes=%zu\n", file, (const char *)table, len);
        refuse("its length is wrong");
        return;
    }
    if (aml_bytes == 0)
        aml_file = file;
    size_t rounded = ((size_t)said + 15) & ~(size_t)15;
    aml_tables = realloc(aml_tables, aml_bytes + rounded);
    memset(aml_tables + aml_bytes, 0, rounded);
    memcpy(aml_tables + aml_bytes, table, said);
    aml_bytes += rounded;
}

static void print_table(const char *file, const uint8_t *table, size_t len)
{
    bool dsdt = len >= 36 && memcmp(table, "DSDT", 4) == 0;
    if (!dsdt && !(len >= 36 && memcmp(table, "SSDT", 4) == 0)) {
        finish_aml();
        uint8_t sum = 0;
        for (size_t i = 0; len >= 36 && i < get32(table + 4) && i < len; i++)
            sum = (uint8_t)(sum + table[i]);
        printf("file=%s table=%.4s bytes=%zu sum=%s\n", file, len >= 4 ? (const char *)table : "none", len,
               sum ? "wrong" : "right");
        if (len >= 4 && memcmp(table, "DMAR", 4) == 0)
            print_dmar(table, len);
        else if (len >= 4 && memcmp(table, "IVRS", 4) == 0)
            print_ivrs(table, len);
        else
            refuse("not a DMAR, IVRS, DSDT or SSDT");
        return;
    }
    if (dsdt)
        finish_aml();
    add_aml(file, table, len);
}

int main(int argc, char **argv)
{
    static uint8_t file[TABLE_MAX];
    int failed = 0;
    if (argc < 2) {
        fprintf(stderr, "cordon-acpi FILE...: what Cordon understands of DMAR, IVRS, DSDT and SSDTs\n");
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        if (!f) {
            fprintf(stderr, "cordon-acpi: %s: %s\n", argv[i], strerror(errno));
            failed = 1;
            continue;
        }
        size_t len = fread(file, 1, sizeof file, f);
        fclose(f);
        print_table(argv[i], file, len);
    }
    finish_aml();
    free(aml_tables);
    return failed ? 2 : refused;
}
