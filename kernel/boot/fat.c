/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT16 and FAT32, read only. [FAT: Microsoft FAT specification, 2005] */
#include "kernel/boot/fat.h"


#define ENTRY        32u
#define DIR_MAX      65536u                  /* entries of one directory that are looked at [FAT 6] */
#define ATTR_DIR     0x10u
#define ATTR_LABEL   0x08u
#define ATTR_LFN     0x0fu
#define LFN_LAST     0x40u
#define LFN_CHARS    13u
#define LFN_MAX      20u                     /* parts: 260 characters */

struct name {                                /* a long name as it is put together, from the last part to the first */
    uint16_t unit[LFN_MAX * LFN_CHARS];
    uint32_t next;                           /* the part that must come next; 0 = whole, ~0 = none */
    uint32_t parts;
    uint8_t  sum;
};

static uint16_t le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t le32(const uint8_t *p) { return le16(p) | (uint32_t)le16(p + 2) << 16; }

static MUST_USE status_t geometry(struct fat *fat, const uint8_t *b, uint64_t sectors)
{
    uint32_t reserved = le16(b + 14), fats = b[16], roots = le16(b + 17);
    uint64_t total = le16(b + 19) ? le16(b + 19) : le32(b + 32);
    fat->fat_sectors = le16(b + 22) ? le16(b + 22) : le32(b + 36);
    fat->per_cluster = b[13];
    fat->root_sectors = (roots * ENTRY + FAT_SECTOR - 1) / FAT_SECTOR;
    uint64_t before = reserved + (uint64_t)fats * fat->fat_sectors + fat->root_sectors;
    if (fat->per_cluster == 0 || (fat->per_cluster & (fat->per_cluster - 1)) != 0 || reserved == 0 || fats == 0 ||
        fat->fat_sectors == 0 || total > sectors || before >= total)
        return ST_CORRUPT;
    uint64_t clusters = (total - before) / fat->per_cluster;
    if (clusters < 4085 || clusters > 0x0ffffff4)    /* [FAT 3.5] the count alone decides the type; FAT12 is not read */
        return ST_UNSUPP;
    fat->clusters = (uint32_t)clusters;
    fat->is_32 = clusters >= 65525;
    if ((clusters + 2) * (fat->is_32 ? 4 : 2) > (uint64_t)fat->fat_sectors * FAT_SECTOR || fat->is_32 != (roots == 0))
        return ST_CORRUPT;
    fat->fat_lba = fat->start + reserved;
    fat->root_lba = fat->fat_lba + (uint64_t)fats * fat->fat_sectors;
    fat->data_lba = fat->root_lba + fat->root_sectors;
    fat->root_cluster = fat->is_32 ? le32(b + 44) : 0;
    return ST_OK;
}

status_t fat_mount(struct fat *fat, uint64_t start, uint64_t sectors)
{
    uint8_t boot[FAT_SECTOR];
    (void)memset(fat, 0, sizeof *fat);
    fat->start = start;
    fat->cached = ~UINT64_C(0);
    TRY(disk_read(start, 1, boot));
    if (boot[510] != 0x55 || boot[511] != 0xaa || le16(boot + 11) != FAT_SECTOR)
        return ST_UNSUPP;
    return geometry(fat, boot, sectors);
}

static bool is_cluster(const struct fat *fat, uint32_t c) { return c >= 2 && c - 2 < fat->clusters; }

/* The cluster behind c. NOTFOUND: c is the last. */
static MUST_USE status_t next_cluster(struct fat *fat, uint32_t c, uint32_t *next)
{
    uint32_t window = sizeof fat->cache / FAT_SECTOR;
    uint64_t at = (uint64_t)c * (fat->is_32 ? 4 : 2), first = at / sizeof fat->cache * window;
    if (fat->cached != first) {
        fat->cached = ~UINT64_C(0);
        TRY(disk_read(fat->fat_lba + first, (uint32_t)MIN(window, fat->fat_sectors - first), fat->cache));
        fat->cached = first;
    }
    const uint8_t *entry = fat->cache + at % sizeof fat->cache;
    *next = fat->is_32 ? le32(entry) & 0x0fffffff : le16(entry);
    if (*next >= (fat->is_32 ? 0x0ffffff8 : 0xfff8))
        return ST_NOTFOUND;
    return is_cluster(fat, *next) ? ST_OK : ST_CORRUPT;
}

static uint64_t lba_of(const struct fat *fat, uint32_t c) { return fat->data_lba + (uint64_t)(c - 2) * fat->per_cluster; }

/* Reads the clusters from file->cluster on that lie behind each other, as far as end. */
static MUST_USE status_t read_run(struct fat *fat, struct fat_file *file, uint64_t end, void *to)
{
    uint64_t bytes = (uint64_t)fat->per_cluster * FAT_SECTOR, want = (end - file->pos + bytes - 1) / bytes;
    uint32_t first = file->cluster, run = 1;
    if (!is_cluster(fat, first))
        return ST_CORRUPT;
    while (file->pos + run * bytes < file->len) {        /* the file goes on behind this run */
        status_t st = next_cluster(fat, file->cluster, &file->cluster);
        if (st != ST_OK)
            return st == ST_NOTFOUND ? ST_CORRUPT : st;
        if (run == want || file->cluster != first + run)
            break;
        run++;
    }
    uint64_t n = MIN(run * bytes, end - file->pos);
    TRY(disk_read(lba_of(fat, first), (uint32_t)((n + FAT_SECTOR - 1) / FAT_SECTOR), to));
    file->pos += n;
    return ST_OK;
}

status_t fat_read(struct fat *fat, struct fat_file *file, uint64_t len, void *to)
{
    uint64_t from = file->pos;
    if (len > file->len - from || (len % FAT_STEP != 0 && from + len != file->len))
        return ST_RANGE;
    while (file->pos < from + len)
        TRY(read_run(fat, file, from + len, (uint8_t *)to + (file->pos - from)));
    return ST_OK;
}

/* ---- directories ---- */
struct dir { uint32_t cluster, sector, seen; uint8_t data[FAT_SECTOR]; };   /* cluster 0: FAT16's root */

/* The directory's next sector. NOTFOUND: its end. */
static MUST_USE status_t dir_sector(struct fat *fat, struct dir *dir)
{
    if (dir->cluster == 0) {
        if (dir->sector >= fat->root_sectors)
            return ST_NOTFOUND;
        return disk_read(fat->root_lba + dir->sector++, 1, dir->data);
    }
    if (dir->sector == fat->per_cluster) {
        TRY(next_cluster(fat, dir->cluster, &dir->cluster));
        dir->sector = 0;
    }
    if (!is_cluster(fat, dir->cluster) || dir->seen++ > DIR_MAX * ENTRY / FAT_SECTOR)     /* a loop in the table */
        return ST_CORRUPT;
    return disk_read(lba_of(fat, dir->cluster) + dir->sector++, 1, dir->data);
}

/* The next character of a path part, UTF-8; 0 at its end; ~0 for what no name on the volume can hold. */
static uint32_t path_char(const char **path)
{
    uint8_t c = (uint8_t)**path;
    unsigned more = c < 0x80 ? 0 : (c & 0xe0) == 0xc0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : 3;
    uint32_t v = more == 0 ? c : more == 1 ? c & 0x1fu : c & 0x0fu;
    if (c == 0 || c == '/')
        return 0;
    ++*path;
    for (unsigned i = 0; i < more; i++, ++*path) {
        if (more == 3 || ((uint8_t)**path & 0xc0) != 0x80)
            return ~0u;
        v = v << 6 | ((uint8_t)**path & 0x3fu);
    }
    return v;
}

static uint32_t fold(uint32_t c) { return c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c; }

static bool name_is(const struct name *name, const char *part)
{
    uint32_t max = name->parts * LFN_CHARS, i = 0, c;
    while ((c = path_char(&part)) != 0 && i < max && fold(c) == fold(name->unit[i]))
        i++;
    return c == 0 && i != 0 && (i == max || name->unit[i] == 0);
}

/* "NAME    EXT" as NAME.EXT [FAT 6.1] */
static bool short_is(const uint8_t *entry, const char *part)
{
    struct name name = { .parts = 1 };
    uint32_t n = 0;
    for (uint32_t i = 0; i < 8 && entry[i] != ' '; i++)
        name.unit[n++] = entry[i];
    for (uint32_t i = 8; i < 11 && entry[i] != ' '; i++) {
        if (i == 8)
            name.unit[n++] = '.';
        name.unit[n++] = entry[i];
    }
    return name_is(&name, part);
}

static uint8_t short_sum(const uint8_t *entry)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum << 7 | sum >> 1) + entry[i]);
    return sum;
}

/* One part of a long name; parts come from the last to the first [FAT 7] */
static void name_part(struct name *name, const uint8_t *entry)
{
    static const uint8_t at[LFN_CHARS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    uint32_t part = entry[0] & ~LFN_LAST;
    if ((entry[0] & LFN_LAST) != 0 && part != 0 && part <= LFN_MAX)
        *name = (struct name){ .parts = part, .next = part, .sum = entry[13] };
    if (part == 0 || part != name->next || entry[13] != name->sum) {
        name->next = ~0u;
        return;
    }
    name->next = part - 1;
    for (unsigned i = 0; i < LFN_CHARS; i++)
        name->unit[(part - 1) * LFN_CHARS + i] = le16(entry + at[i]);
}

/* Looks for a path's first part in the directory that file->cluster begins. */
static MUST_USE status_t find(struct fat *fat, struct fat_file *file, const char *part, bool *is_dir)
{
    static struct dir dir;                           /* too large for the stack; there is one thread */
    static struct name name;
    dir = (struct dir){ .cluster = file->cluster };
    name.next = ~0u;
    for (;;) {
        TRY(dir_sector(fat, &dir));
        for (const uint8_t *e = dir.data; e < dir.data + FAT_SECTOR; e += ENTRY) {
            if (e[0] == 0)
                return ST_NOTFOUND;
            if (e[0] != 0xe5 && (e[11] & 0x3f) == ATTR_LFN) {
                name_part(&name, e);
                continue;
            }
            bool long_ok = name.next == 0 && name.sum == short_sum(e) && name_is(&name, part);
            name.next = ~0u;
            if (e[0] == 0xe5 || (e[11] & ATTR_LABEL) != 0 || (!long_ok && !short_is(e, part)))
                continue;
            *is_dir = (e[11] & ATTR_DIR) != 0;
            *file = (struct fat_file){ .len = le32(e + 28), .cluster = (fat->is_32 ? (uint32_t)le16(e + 20) << 16 : 0) | le16(e + 26) };
            return ST_OK;
        }
    }
}

status_t fat_open(struct fat *fat, const char *path, struct fat_file *file)
{
    bool is_dir = true;
    *file = (struct fat_file){ .cluster = fat->root_cluster };
    while (*path == '/')
        path++;
    while (*path) {
        if (!is_dir)
            return ST_NOTFOUND;
        TRY(find(fat, file, path, &is_dir));
        while (*path && *path != '/')
            path++;
        while (*path == '/')
            path++;
    }
    return is_dir ? ST_NOTFOUND : ST_OK;
}
