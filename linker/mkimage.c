/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host tool, no other program needed:
 *   mkimage stick OUT [option...] path=file...   bootable stick: GPT, one FAT32 volume; options:
 *       -bios=file       boot code for machines without UEFI: its first sector into the MBR, the rest before the volume
 *       -fat16           a FAT16 volume
 *       -full -scatter   for tests: no free cluster, no two clusters of a file in a row
 *   mkimage cpio OUT item...         newc archive for an initramfs; items:
 *       path=file        a file, executable if the host's file is
 *       path=>target     a symbolic link
 *       path=c5:1        a character device (b8:0: block)
 *       path/            an empty directory
 *   mkimage fill OUT MiB             a disk full of reproducible bytes
 * Directories on the way are made. Same input, same bytes.
 */
#include "linker/mkimage.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define START_LBA 2048u

void die(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fputs("mkimage: ", stderr);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

void put16(uint8_t *p, unsigned v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
void put32(uint8_t *p, uint32_t v) { put16(p, v & 0xffff); put16(p + 2, v >> 16); }
void put64(uint8_t *p, uint64_t v) { put32(p, (uint32_t)v); put32(p + 4, (uint32_t)(v >> 32)); }

void write_at(FILE *f, uint64_t offset, const void *data, size_t len)
{
    if (fseeko(f, (off_t)offset, SEEK_SET) != 0 || fwrite(data, 1, len, f) != len)
        die("the image cannot be written");
}

struct node *tree_child(struct node *dir, const char *name, size_t len)
{
    struct node **at = &dir->child;
    for (; *at; at = &(*at)->next)
        if (strlen((*at)->name) == len && strncasecmp((*at)->name, name, len) == 0)
            return *at;
    struct node *n = calloc(1, sizeof *n);
    if (!n || !(n->name = strndup(name, len)))
        die("out of memory");
    n->parent = dir;
    return *at = n;
}

static void tree_add(struct node *root, const char *path, const char *host)
{
    struct node *n = root;
    struct stat st;
    if (stat(host, &st) != 0 || !S_ISREG(st.st_mode))
        die("%s: not a file that can be read", host);
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len == 0)
            die("%s: empty name in a path", host);
        if (n->host)
            die("%s: is a file and a directory", n->name);
        n = tree_child(n, path, len);
        path += len + (path[len] == '/');
    }
    if (n == root || n->host || n->child)
        die("%s: named twice, or also a directory", n == root ? host : n->name);
    n->host = strdup(host);
    n->size = (uint64_t)st.st_size;
}

static void tree_free(struct node *n)
{
    while (n) {
        struct node *next = n->next;
        tree_free(n->child);
        free(n->name);
        free(n->host);
        free(n);
        n = next;
    }
}

/* Boot code of at most the gap between the partition table and the volume; the rest of it zero. */
static uint8_t *read_boot(const char *host)
{
    size_t size = SECTOR + (START_LBA - GPT_FIRST_FREE) * SECTOR;
    uint8_t *boot = calloc(1, size + 1);
    FILE *in = host ? fopen(host, "rb") : NULL;
    if (!boot || (host && !in))
        die("%s: cannot be read", host ? host : "boot code");
    if (in && fread(boot, 1, size + 1, in) > size)
        die("%s: larger than the %zu bytes before the volume", host, size);
    if (in)
        fclose(in);
    return boot;
}

static bool take_option(const char *word, struct fat_options *how, const char **bios)
{
    if (strncmp(word, "-bios=", 6) == 0)
        *bios = word + 6;
    else if (strcmp(word, "-fat16") == 0)
        how->bits = 16;
    else if (strcmp(word, "-full") == 0)
        how->full = true;
    else if (strcmp(word, "-scatter") == 0)
        how->scatter = true;
    else
        return false;
    return true;
}

static void stick(FILE *f, int argc, char **argv)
{
    struct node *root = calloc(1, sizeof *root);
    struct fat_options how = { .bits = 32 };
    const char *bios = NULL;
    struct fat fat;
    for (int i = 0; i < argc; i++) {
        char *eq = strchr(argv[i], '=');
        if (take_option(argv[i], &how, &bios))
            continue;
        if (!root || !eq)
            die("%s: want path=file", argv[i]);
        *eq = 0;
        tree_add(root, argv[i], eq + 1);
    }
    uint8_t *boot = read_boot(bios);
    fat_plan(&fat, root, START_LBA, how);
    gpt_write(f, START_LBA, fat.sectors, boot);
    if (bios)
        write_at(f, GPT_FIRST_FREE * SECTOR, boot + SECTOR, (START_LBA - GPT_FIRST_FREE) * SECTOR);
    fat_write(f, &fat, root);
    free(boot);
    tree_free(root);
}

/* ---- cpio, "newc": 110 bytes of hexadecimal fields, name, data, both padded to 4 ---- */
struct item { const char *path; unsigned mode, major, minor; const char *data; size_t len; };

static void cpio_pad(FILE *f)
{
    while (ftello(f) % 4)
        fputc(0, f);
}

static void cpio_put(FILE *f, const struct item *it)
{
    static unsigned ino;
    fprintf(f, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", ++ino, it->mode, 0u, 0u,
            (it->mode & 0170000) == 0040000 ? 2u : 1u, 0u, (unsigned)it->len, 0u, 0u, it->major, it->minor,
            (unsigned)strlen(it->path) + 1, 0u);
    fwrite(it->path, 1, strlen(it->path) + 1, f);
    cpio_pad(f);
    fwrite(it->data ? it->data : "", 1, it->len, f);
    cpio_pad(f);
}

/* Puts the directories above path that are not yet in seen (a list of NUL-ended names). */
static void cpio_parents(FILE *f, const char *path, char *seen, size_t size)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        char dir[256];
        size_t len = (size_t)(slash - path), at = 0;
        if (len >= sizeof dir)
            die("%s: path too long", path);
        memcpy(dir, path, len);
        dir[len] = 0;
        while (seen[at] && strcmp(seen + at, dir) != 0)
            at += strlen(seen + at) + 1;
        if (seen[at])
            continue;
        if (at + len + 2 > size)
            die("too many directories");
        memcpy(seen + at, dir, len + 1);
        cpio_put(f, &(struct item){ .path = dir, .mode = 0040755 });
    }
}

static void cpio_file(FILE *f, const char *path, const char *host)
{
    struct stat st;
    FILE *in = fopen(host, "rb");
    if (!in || fstat(fileno(in), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > 0x7fffffff)
        die("%s: not a file that can be read", host);
    char *data = malloc((size_t)st.st_size + 1);
    if (!data || fread(data, 1, (size_t)st.st_size, in) != (size_t)st.st_size)
        die("%s: cannot be read", host);
    fclose(in);
    cpio_put(f, &(struct item){ .path = path, .mode = st.st_mode & 0111 ? 0100755 : 0100644,
                                .data = data, .len = (size_t)st.st_size });
    free(data);
}

static void cpio(FILE *f, int argc, char **argv)
{
    static char seen[8192];
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < argc; i++) {
        char *path = argv[i], *eq = strchr(path, '=');
        unsigned major, minor;
        if (eq)
            *eq++ = 0;
        cpio_parents(f, path, seen, sizeof seen);
        if (!eq && path[strlen(path) - 1] == '/')
            continue;
        if (!eq)
            die("%s: want path=something", path);
        if (*eq == '>')
            cpio_put(f, &(struct item){ .path = path, .mode = 0120777, .data = eq + 1, .len = strlen(eq + 1) });
        else if ((*eq == 'c' || *eq == 'b') && sscanf(eq + 1, "%u:%u", &major, &minor) == 2)
            cpio_put(f, &(struct item){ .path = path, .mode = *eq == 'c' ? 0020600 : 0060600, .major = major, .minor = minor });
        else
            cpio_file(f, path, eq);
    }
    fprintf(f, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 0u, 0u, 0u, 0u, 1u, 0u, 0u, 0u, 0u, 0u, 0u, 11u, 0u);
    fwrite("TRAILER!!!", 1, 11, f);
    while (ftello(f) % 512)
        fputc(0, f);
}

/* xorshift64: bytes that nobody mistakes for another disk's. */
static void fill(FILE *f, unsigned mib)
{
    static uint64_t buf[1u << 17];
    uint64_t x = 0x2545f4914f6cdd1dull;
    for (unsigned m = 0; m < mib; m++) {
        for (size_t i = 0; i < sizeof buf / sizeof *buf; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            buf[i] = x;
        }
        if (fwrite(buf, 1, sizeof buf, f) != sizeof buf)
            die("the disk cannot be written");
    }
}

int mkimage_main(int argc, char **argv)
{
    if (argc < 4)
        die("usage: mkimage stick|cpio|fill OUT ...");
    FILE *f = fopen(argv[2], "w+b");
    if (!f)
        die("%s: cannot be written", argv[2]);
    if (strcmp(argv[1], "stick") == 0)
        stick(f, argc - 3, argv + 3);
    else if (strcmp(argv[1], "cpio") == 0)
        cpio(f, argc - 3, argv + 3);
    else if (strcmp(argv[1], "fill") == 0)
        fill(f, (unsigned)atoi(argv[3]));
    else
        die("%s: not one of stick, cpio, fill", argv[1]);
    if (fclose(f) != 0)
        die("%s: cannot be written", argv[2]);
    return 0;
}

#ifndef CORDON_HOST
int main(int argc, char **argv)
{
    return mkimage_main(argc, argv);
}
#endif
