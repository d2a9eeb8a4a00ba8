/* SPDX-License-Identifier: BSD-2-Clause */
/* A FAT32 (or FAT16) volume with long names. [FAT 3, 4, 5, 6, 7] */
#include "linker/mkimage.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DIR_ENTRY   32u
#define ATTR_DIR    0x10u
#define ATTR_FILE   0x20u
#define ATTR_LABEL  0x08u
#define ATTR_LFN    0x0fu
#define DOS_DATE    0x5821u              /* 2024-01-01, the same for ever */
#define FAT16_MIN   4085u                /* the number of clusters alone decides the type [FAT 3.5] */
#define FAT32_MIN   65525u
#define FAT16_ROOT  512u                 /* entries of its root directory, which is no chain */
#define LFN_CHARS   13u

static bool short_char(char c)
{
    return isupper((unsigned char)c) || isdigit((unsigned char)c) || (c && strchr("!#$%&'()-@^_`{}~", c));
}

/* Fills out as 8.3 if the name is one as it stands. */
static bool plain_short(const char *name, uint8_t out[11])
{
    const char *dot = strrchr(name, '.');
    size_t base = dot ? (size_t)(dot - name) : strlen(name), ext = dot ? strlen(dot + 1) : 0;
    if (base == 0 || base > 8 || ext > 3 || (dot && ext == 0))
        return false;
    memset(out, ' ', 11);
    for (size_t i = 0; i < base; i++) {
        if (!short_char(name[i]))
            return false;
        out[i] = (uint8_t)name[i];
    }
    for (size_t i = 0; i < ext; i++) {
        if (!short_char(dot[1 + i]))
            return false;
        out[8 + i] = (uint8_t)dot[1 + i];
    }
    return true;
}

static bool short_taken(const struct node *n)
{
    for (const struct node *s = n->parent->child; s && s != n; s = s->next)
        if (memcmp(s->short_name, n->short_name, 11) == 0)
            return true;
    return false;
}

/* NAMEBA~1.EXT, the first number that is free in the directory. */
static void make_short(struct node *n)
{
    char base[9] = "", ext[4] = "", tail[8];
    const char *dot = strrchr(n->name, '.');
    size_t b = 0, e = 0;
    for (const char *p = n->name; *p && p != dot && b < 8; p++)
        if (*p != '.' && *p != ' ')
            base[b++] = short_char((char)toupper((unsigned char)*p)) ? (char)toupper((unsigned char)*p) : '_';
    for (const char *p = dot ? dot + 1 : ""; *p && e < 3; p++)
        ext[e++] = short_char((char)toupper((unsigned char)*p)) ? (char)toupper((unsigned char)*p) : '_';
    for (unsigned i = 1; i < 100000; i++) {
        size_t t = (size_t)snprintf(tail, sizeof tail, "~%u", i), keep = b < 8 - t ? b : 8 - t;
        memset(n->short_name, ' ', 11);
        memcpy(n->short_name, base, keep);
        memcpy(n->short_name + keep, tail, t);
        memcpy(n->short_name + 8, ext, e);
        if (!short_taken(n))
            return;
    }
    die("%s: no short name left", n->name);
}

/* UTF-8 to UTF-16, the basic plane only; returns the number of units. */
static unsigned utf16(const char *s, uint16_t out[256])
{
    unsigned n = 0;
    for (const char *at = s; *s; n++) {
        uint8_t c = (uint8_t)*s++;
        unsigned more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : 9;
        uint32_t v = more == 0 ? c : more == 1 ? c & 0x1fu : c & 0x0fu;
        for (unsigned i = 0; i < more; i++) {
            if (more == 9 || ((uint8_t)*s & 0xc0) != 0x80)
                die("%s: not a name that FAT can hold", at);
            v = v << 6 | ((uint8_t)*s++ & 0x3fu);
        }
        if (v < 0x20 || (v < 0x80 && strchr("\"*/:<>?\\|", (int)v)) || n >= 255)
            die("%s: not a name that FAT can hold", at);
        out[n] = (uint16_t)v;
    }
    return n;
}

static uint32_t entry_count(const struct node *n)
{
    uint16_t u[256];
    return n->lfn ? 1 + (utf16(n->name, u) + LFN_CHARS - 1) / LFN_CHARS : 1;
}

static void plan_names(struct node *dir)
{
    for (struct node *n = dir->child; n; n = n->next) {
        n->lfn = !plain_short(n->name, n->short_name);
        if (n->lfn)
            make_short(n);
        else if (short_taken(n))
            die("%s: two names that differ only in form", n->name);
        if (!n->host)
            plan_names(n);
    }
}

static uint32_t dir_entries(const struct node *dir)
{
    uint32_t entries = dir->parent ? 2 : 1;
    for (const struct node *c = dir->child; c; c = c->next)
        entries += entry_count(c);
    return entries;
}

static bool is_fixed_root(const struct fat *fat, const struct node *n) { return fat->how.bits == 16 && !n->parent; }

/* Clusters in depth-first order; returns the next free one. */
static uint32_t plan_clusters(const struct fat *fat, struct node *n, uint32_t next)
{
    uint64_t size = n->host ? n->size : dir_entries(n) * (uint64_t)DIR_ENTRY, bytes = fat->per_cluster * SECTOR;
    if (n->host && size > 0xffffffffu)
        die("%s: larger than a FAT file can be (4 GiB)", n->host);
    if (is_fixed_root(fat, n)) {
        if (dir_entries(n) > FAT16_ROOT)
            die("more names than FAT16's root directory holds");
        size = 0;
    }
    n->clusters = (uint32_t)((size + bytes - 1) / bytes);
    n->cluster = n->clusters ? next : 0;
    next += n->clusters;
    for (struct node *c = n->child; c; c = c->next)
        next = plan_clusters(fat, c, next);
    return next;
}

static uint64_t total_bytes(const struct node *n)
{
    uint64_t sum = n->size + 4096;
    for (const struct node *c = n->child; c; c = c->next)
        sum += total_bytes(c);
    return sum;
}

static uint32_t tables(const struct fat *fat) { return fat->reserved + 2 * fat->fat_sectors + fat->root_sectors; }

static void plan_size(struct fat *fat, uint64_t bytes)
{
    unsigned width = fat->how.bits / 8;
    bytes += bytes / 4;
    if (bytes < (64u << 20))
        bytes = 64u << 20;
    if (bytes > (fat->how.bits == 16 ? 1ull << 30 : 8ull << 30))
        die("more files than such a volume holds");
    fat->sectors = (uint32_t)((bytes + (1u << 20) - 1) >> 20) * 2048;
    fat->per_cluster = bytes < (300u << 20) ? 1 : 8;
    while (fat->how.bits == 16 && fat->sectors / fat->per_cluster >= FAT32_MIN)
        fat->per_cluster *= 2;
    fat->fat_sectors = 1;
    for (uint32_t need = 1;; fat->fat_sectors = need) {      /* grows to a fixed point */
        fat->clusters = (fat->sectors - tables(fat)) / fat->per_cluster;
        need = ((fat->clusters + 2) * width + SECTOR - 1) / SECTOR;
        if (need <= fat->fat_sectors)
            break;
    }
}

static uint32_t common_divisor(uint32_t a, uint32_t b) { return b ? common_divisor(b, a % b) : a; }

/* One file takes all that is left. It is the root's last: so are its clusters. */
static void fill_up(struct fat *fat, struct node *filler)
{
    uint64_t size = (uint64_t)(fat->clusters - fat->used + 1) * fat->per_cluster * SECTOR;
    if (size > 0xffffffffu)
        die("more left than one file can fill");
    filler->clusters += fat->clusters - fat->used;
    filler->size = size;
    fat->used = fat->clusters;
}

void fat_plan(struct fat *fat, struct node *root, uint32_t start_lba, struct fat_options how)
{
    struct node *filler = how.full ? tree_child(root, "filler", 6) : NULL;
    *fat = (struct fat){ .how = how, .reserved = how.bits == 16 ? 8 : 32, .start_lba = start_lba,
                         .root_sectors = how.bits == 16 ? FAT16_ROOT * DIR_ENTRY / SECTOR : 0 };
    if (filler) {
        filler->host = strdup("/dev/zero");
        filler->size = 1;
    }
    plan_size(fat, total_bytes(root));
    plan_names(root);
    fat->used = plan_clusters(fat, root, 2) - 2;
    if (fat->clusters < (how.bits == 16 ? FAT16_MIN : FAT32_MIN) || fat->used > fat->clusters)
        die("volume layout does not fit");
    if (filler)
        fill_up(fat, filler);
    for (fat->stride = how.scatter ? fat->used / 5 * 3 : 1; common_divisor(fat->stride, fat->used) != 1; fat->stride++)
        ;
}

/* Where a cluster of the plan lies. */
static uint32_t place(const struct fat *fat, uint32_t cluster)
{
    return cluster < 2 ? cluster : 2 + (uint32_t)((uint64_t)(cluster - 2) * fat->stride % fat->used);
}

static uint64_t byte_of(const struct fat *fat, uint32_t cluster)
{
    uint64_t lba = fat->start_lba + tables(fat) + (uint64_t)(place(fat, cluster) - 2) * fat->per_cluster;
    return lba * SECTOR;
}

static void write_info(FILE *f, const struct fat *fat, uint64_t at)
{
    uint8_t info[SECTOR] = { 0 };
    put32(info, 0x41615252);
    put32(info + 484, 0x61417272);
    put32(info + 488, fat->clusters - fat->used);
    put32(info + 492, fat->used < fat->clusters ? fat->used + 2 : 0xffffffff);
    put16(info + 510, 0xaa55);
    write_at(f, at, info, sizeof info);
}

/* What FAT16 and FAT32 have at different places. */
static void put_extended(uint8_t *b, const char *type)
{
    b[0] = 0x80;
    b[2] = 0x29;
    put32(b + 3, 0xc02d0001);
    memcpy(b + 7, "CORDON     ", 11);
    memcpy(b + 18, type, 8);
    put16(b + 26, 0xfeeb);               /* run as boot code: stay here */
}

static void write_boot(FILE *f, const struct fat *fat)
{
    bool is_32 = fat->how.bits == 32;
    uint8_t b[SECTOR] = { 0xeb, is_32 ? 0x58 : 0x3c, 0x90 };
    uint64_t at = (uint64_t)fat->start_lba * SECTOR;
    memcpy(b + 3, "CORDON  ", 8);
    put16(b + 11, SECTOR);
    b[13] = (uint8_t)fat->per_cluster;
    put16(b + 14, fat->reserved);
    b[16] = 2;
    put16(b + 17, is_32 ? 0 : FAT16_ROOT);
    b[21] = 0xf8;
    put16(b + 24, 63);
    put16(b + 26, 255);
    put32(b + 28, fat->start_lba);
    put32(b + 32, fat->sectors);
    put16(b + 510, 0xaa55);
    if (!is_32) {
        put16(b + 22, fat->fat_sectors);
        put_extended(b + 36, "FAT16   ");
        write_at(f, at, b, sizeof b);
        return;
    }
    put32(b + 36, fat->fat_sectors);
    put32(b + 44, place(fat, 2));        /* root cluster, FSInfo, backup boot sector */
    put16(b + 48, 1);
    put16(b + 50, 6);
    put_extended(b + 64, "FAT32   ");
    for (unsigned copy = 0; copy <= 6; copy += 6) {
        write_at(f, at + copy * SECTOR, b, sizeof b);
        write_info(f, fat, at + (copy + 1) * SECTOR);
    }
}

static void put_link(uint8_t *table, const struct fat *fat, uint32_t cluster, uint32_t next)
{
    if (fat->how.bits == 16)
        put16(table + 2ul * cluster, next & 0xffff);
    else
        put32(table + 4ul * cluster, next);
}

static void chain(uint8_t *table, const struct fat *fat, const struct node *n)
{
    for (uint32_t i = 0; i < n->clusters; i++)
        put_link(table, fat, place(fat, n->cluster + i), i + 1 < n->clusters ? place(fat, n->cluster + i + 1) : 0x0fffffff);
    for (const struct node *c = n->child; c; c = c->next)
        chain(table, fat, c);
}

static void entry(uint8_t *e, const uint8_t name[11], unsigned attr, uint32_t cluster, uint32_t size)
{
    memcpy(e, name, 11);
    e[11] = (uint8_t)attr;
    put16(e + 16, DOS_DATE);
    put16(e + 18, DOS_DATE);
    put16(e + 24, DOS_DATE);
    put16(e + 20, cluster >> 16);
    put16(e + 26, cluster & 0xffff);
    put32(e + 28, size);
}

/* Long-name slots, last part first, then nothing: the caller adds the short entry. [FAT 7.2] */
static unsigned lfn_entries(uint8_t *e, const struct node *n)
{
    static const uint8_t at[LFN_CHARS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    uint16_t u[256];
    unsigned len = utf16(n->name, u), slots = (len + LFN_CHARS - 1) / LFN_CHARS;
    uint8_t sum = 0;
    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum & 1 ? 0x80 : 0) + (sum >> 1) + n->short_name[i]);
    for (unsigned s = slots; s > 0; s--, e += DIR_ENTRY) {
        e[0] = (uint8_t)(s | (s == slots ? 0x40 : 0));
        e[11] = ATTR_LFN;
        e[13] = sum;
        for (unsigned i = 0; i < LFN_CHARS; i++) {
            unsigned c = (s - 1) * LFN_CHARS + i;
            put16(e + at[i], c < len ? u[c] : c == len ? 0 : 0xffff);
        }
    }
    return slots;
}

static void write_clusters(FILE *f, const struct fat *fat, uint32_t first, const uint8_t *data, size_t len)
{
    size_t bytes = fat->per_cluster * SECTOR;
    for (size_t done = 0, n; done < len; done += n, first++) {
        n = len - done < bytes ? len - done : bytes;
        write_at(f, byte_of(fat, first), data + done, n);
    }
}

static void write_dir(FILE *f, const struct fat *fat, const struct node *dir)
{
    bool fixed = is_fixed_root(fat, dir);
    size_t bytes = (fixed ? fat->root_sectors : (size_t)dir->clusters * fat->per_cluster) * SECTOR;
    uint8_t *data = calloc(1, bytes), *e = data;
    if (!data)
        die("out of memory");
    if (dir->parent) {
        entry(e, (const uint8_t *)".          ", ATTR_DIR, place(fat, dir->cluster), 0);
        entry(e + DIR_ENTRY, (const uint8_t *)"..         ", ATTR_DIR, dir->parent->parent ? place(fat, dir->parent->cluster) : 0, 0);
        e += 2 * DIR_ENTRY;
    } else {
        entry(e, (const uint8_t *)"CORDON     ", ATTR_LABEL, 0, 0);
        e += DIR_ENTRY;
    }
    for (const struct node *n = dir->child; n; n = n->next) {
        if (n->lfn)
            e += lfn_entries(e, n) * DIR_ENTRY;
        entry(e, n->short_name, n->host ? ATTR_FILE : ATTR_DIR, place(fat, n->cluster), n->host ? (uint32_t)n->size : 0);
        e += DIR_ENTRY;
    }
    if (fixed)
        write_at(f, ((uint64_t)fat->start_lba + tables(fat) - fat->root_sectors) * SECTOR, data, bytes);
    else
        write_clusters(f, fat, dir->cluster, data, bytes);
    free(data);
}

static void write_file(FILE *f, const struct fat *fat, const struct node *n)
{
    static uint8_t buf[1u << 20];
    static const uint8_t zero[sizeof buf];
    FILE *in = fopen(n->host, "rb");
    uint64_t done = 0;
    if (!in)
        die("%s: cannot be read", n->host);
    while (done < n->size) {
        size_t want = n->size - done < sizeof buf ? (size_t)(n->size - done) : sizeof buf;
        if (fread(buf, 1, want, in) != want)
            die("%s: shorter than it was", n->host);
        if (memcmp(buf, zero, want) != 0)    /* a hole reads as zero: the image stays sparse */
            write_clusters(f, fat, n->cluster + (uint32_t)(done / (fat->per_cluster * SECTOR)), buf, want);
        done += want;
    }
    fclose(in);
}

static void write_tree(FILE *f, const struct fat *fat, const struct node *n)
{
    if (n->host) {
        write_file(f, fat, n);
        return;
    }
    write_dir(f, fat, n);
    for (const struct node *c = n->child; c; c = c->next)
        write_tree(f, fat, c);
}

void fat_write(FILE *f, const struct fat *fat, const struct node *root)
{
    size_t bytes = (size_t)fat->fat_sectors * SECTOR;
    uint8_t *table = calloc(1, bytes);
    uint64_t at = ((uint64_t)fat->start_lba + fat->reserved) * SECTOR;
    if (!table)
        die("out of memory");
    put_link(table, fat, 0, 0x0ffffff8);
    put_link(table, fat, 1, 0x0fffffff);
    chain(table, fat, root);
    write_boot(f, fat);
    write_at(f, at, table, bytes);
    write_at(f, at + bytes, table, bytes);
    free(table);
    write_tree(f, fat, root);
}
