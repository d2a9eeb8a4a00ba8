/* link: linker/mkimage.c linker/fat.c linker/gpt.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The image tool, read back by a reader of its own: GPT sums, FAT chains, long names, file contents, cpio. */
#include "linker/mkimage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define DIR "build/test/mkimage/"

static uint8_t *img;
static size_t img_len;

static uint32_t rd16(size_t o) { return o + 2 <= img_len ? (uint32_t)img[o] | (uint32_t)img[o + 1] << 8 : 0; }
static uint32_t rd32(size_t o) { return rd16(o) | rd16(o + 2) << 16; }
static uint64_t rd64(size_t o) { return rd32(o) | (uint64_t)rd32(o + 4) << 32; }

static void make_file(const char *name, size_t len, unsigned seed)
{
    FILE *f = fopen(name, "wb");
    for (size_t i = 0; f && i < len; i++)
        fputc((int)((i * 31 + seed + (i >> 9)) & 0xff), f);
    if (f)
        fclose(f);
}

static void load(const char *name)
{
    struct stat st = { 0 };
    int fd = open(name, O_RDONLY);
    if (img)
        munmap(img, img_len);
    img = NULL;
    img_len = 0;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        img = at == MAP_FAILED ? NULL : at;
        img_len = img ? (size_t)st.st_size : 0;
    }
    close(fd);
}

static int tool(int argc, const char *const *argv)
{
    char *copy[16];
    for (int i = 0; i < argc; i++)
        copy[i] = strdup(argv[i]);
    int rc = mkimage_main(argc, copy);
    for (int i = 0; i < argc; i++)
        free(copy[i]);
    return rc;
}

/* Runs the tool where it should refuse: in a child, because it ends the process. */
static bool refuses(int argc, const char *const *argv)
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(3);
        _exit(tool(argc, argv));
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

/* ---- an independent reader ---- */
struct vol { size_t base, fat, data; uint32_t cluster, fat_bytes, clusters; };

static struct vol open_volume(void)
{
    struct vol v = { .base = rd64(2 * 512 + 32) * 512 };
    uint32_t reserved = rd16(v.base + 14), fat_sectors = rd32(v.base + 36);
    v.cluster = img[v.base + 13] * 512u;
    v.fat = v.base + reserved * 512ul;
    v.fat_bytes = fat_sectors * 512;
    v.data = v.fat + 2ul * v.fat_bytes;
    v.clusters = (rd32(v.base + 32) - reserved - 2 * fat_sectors) / img[v.base + 13];
    return v;
}

static uint32_t next_cluster(const struct vol *v, uint32_t c) { return rd32(v->fat + 4ul * c) & 0x0fffffff; }
static size_t cluster_at(const struct vol *v, uint32_t c) { return v->data + (size_t)(c - 2) * v->cluster; }

/* Long name of the entry at e, from the slots in front of it; checks their sums. */
static void long_name(size_t e, char *out)
{
    static const uint8_t at[13] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    uint8_t sum = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + img[e + i]);
    out[0] = 0;
    for (size_t s = e - 32, slot = 1; img[s + 11] == 0x0f; s -= 32, slot++) {
        CHECK_EQ(img[s] & 0x3f, slot);
        CHECK_EQ(img[s + 13], sum);
        for (unsigned i = 0; i < 13; i++) {
            uint32_t u = rd16(s + at[i]);
            if (u == 0 || u == 0xffff)
                break;
            if (u < 0x80) {
                out[n++] = (char)u;
            } else {
                out[n++] = (char)(0xc0 | u >> 6);
                out[n++] = (char)(0x80 | (u & 0x3f));
            }
        }
        out[n] = 0;
        if (img[s] & 0x40)
            break;
    }
}

/* Entry of a name in a folder: its offset, or 0. */
static size_t lookup(const struct vol *v, uint32_t dir, const char *name)
{
    char found[512], plain[16];
    for (uint32_t c = dir; c >= 2 && c < 0x0ffffff8; c = next_cluster(v, c))
        for (size_t e = cluster_at(v, c); e < cluster_at(v, c) + v->cluster && img[e]; e += 32) {
            unsigned n = 0;
            if (img[e + 11] == 0x0f || img[e + 11] == 0x08)
                continue;
            long_name(e, found);
            for (unsigned i = 0; i < 11; i++) {
                if (i == 8 && img[e + 8] != ' ')
                    plain[n++] = '.';
                if (img[e + i] != ' ')
                    plain[n++] = (char)img[e + i];
            }
            plain[n] = 0;
            if (strcmp(found[0] ? found : plain, name) == 0)
                return e;
        }
    return 0;
}

static uint32_t first_cluster(size_t e) { return rd16(e + 20) << 16 | rd16(e + 26); }

static size_t walk(const struct vol *v, const char *path)
{
    char part[512];
    size_t e = 0;
    for (uint32_t dir = 2; *path;) {
        size_t n = strcspn(path, "/");
        memcpy(part, path, n);
        part[n] = 0;
        e = lookup(v, dir, part);
        if (e == 0)
            return 0;
        dir = first_cluster(e);
        path += n + (path[n] == '/');
    }
    return e;
}

static void check_file(const struct vol *v, const char *path, size_t len, unsigned seed)
{
    size_t e = walk(v, path), done = 0, bad = 0;
    CHECK(e != 0);
    if (e == 0)
        return;
    CHECK_EQ(rd32(e + 28), len);
    uint32_t c = first_cluster(e);
    CHECK((len == 0) == (c == 0));
    for (; done < len && c >= 2 && c < 0x0ffffff8; c = next_cluster(v, c))
        for (uint32_t i = 0; i < v->cluster && done < len; i++, done++)
            bad += img[cluster_at(v, c) + i] != (uint8_t)(done * 31 + seed + (done >> 9));
    CHECK_EQ(done, len);
    CHECK_EQ(bad, 0);
    CHECK(len == 0 || c >= 0x0ffffff8);
}

static void check_gpt_header(size_t at, uint64_t self, uint64_t other)
{
    uint8_t h[92];
    memcpy(h, img + at, 92);
    CHECK(memcmp(h, "EFI PART", 8) == 0);
    memset(h + 16, 0, 4);
    CHECK_EQ(gpt_crc32(h, 92), rd32(at + 16));
    CHECK_EQ(rd64(at + 24), self);
    CHECK_EQ(rd64(at + 32), other);
    CHECK_EQ(gpt_crc32(img + rd64(at + 72) * 512, 128 * 128), rd32(at + 88));
}

static void test_stick(void)
{
    static const char *const args[] = { "mkimage", "stick", DIR "a.img", "EFI/BOOT/BOOTX64.EFI=" DIR "f1", "cordon.conf=" DIR "f2",
        "guests/a long name that needs slots.image=" DIR "f3", "guests/empty=" DIR "f4", "guests/Longname1.txt=" DIR "f5",
        "guests/Longname2.txt=" DIR "f6", "gr\xc3\xbc\xc3\x9f" "e.txt=" DIR "f2" };
    make_file(DIR "f1", 3000000, 1);
    make_file(DIR "f2", 511, 2);
    make_file(DIR "f3", 512 * 700, 3);
    make_file(DIR "f4", 0, 4);
    make_file(DIR "f5", 513, 5);
    make_file(DIR "f6", 1, 6);
    CHECK_EQ(tool(10, args), 0);
    load(DIR "a.img");
    uint64_t last = img_len / 512 - 1;
    CHECK_EQ(img_len % (1u << 20), 0);
    CHECK_EQ(rd16(510), 0xaa55);
    CHECK_EQ(img[450], 0xee);
    CHECK_EQ(rd32(458), last);
    check_gpt_header(512, 1, last);
    check_gpt_header(last * 512, last, 1);
    CHECK(rd64(2 * 512 + 40) <= rd64(512 + 48));
    CHECK_EQ(gpt_crc32("123456789", 9), 0xcbf43926u);
    struct vol v = open_volume();
    CHECK(v.clusters >= 65525);
    CHECK(v.fat_bytes / 4 >= v.clusters + 2);
    CHECK(memcmp(img + v.fat, img + v.fat + v.fat_bytes, v.fat_bytes) == 0);
    CHECK(memcmp(img + v.base, img + v.base + 6 * 512, 1024) == 0);
    uint32_t used = 0;
    for (uint32_t c = 2; c < v.clusters + 2; c++)
        used += next_cluster(&v, c) != 0;
    CHECK_EQ(rd32(v.base + 512 + 488), v.clusters - used);
    check_file(&v, "EFI/BOOT/BOOTX64.EFI", 3000000, 1);
    check_file(&v, "cordon.conf", 511, 2);
    check_file(&v, "guests/a long name that needs slots.image", 512 * 700, 3);
    check_file(&v, "guests/empty", 0, 4);
    check_file(&v, "guests/Longname1.txt", 513, 5);
    check_file(&v, "guests/Longname2.txt", 1, 6);
    check_file(&v, "gr\xc3\xbc\xc3\x9f" "e.txt", 511, 2);
    CHECK(memcmp(img + walk(&v, "guests/Longname1.txt"), img + walk(&v, "guests/Longname2.txt"), 11) != 0);
    CHECK_EQ(walk(&v, "guests/none"), 0);
    /* ".." of a folder in the root names cluster 0, of a deeper one its parent. */
    CHECK_EQ(first_cluster(cluster_at(&v, first_cluster(walk(&v, "EFI"))) + 32), 0);
    CHECK_EQ(first_cluster(cluster_at(&v, first_cluster(walk(&v, "EFI/BOOT"))) + 32), first_cluster(walk(&v, "EFI")));
}

static void test_same_bytes(void)
{
    static const char *const one[] = { "mkimage", "stick", DIR "b.img", "x=" DIR "f3" };
    CHECK_EQ(tool(4, one), 0);
    load(DIR "b.img");
    uint32_t crc = gpt_crc32(img, img_len);
    CHECK_EQ(tool(4, one), 0);
    load(DIR "b.img");
    CHECK_EQ(gpt_crc32(img, img_len), crc);
}

/* A large file takes 4 KiB clusters; it is a hole, so that the test stays fast. */
static void test_large(void)
{
    static const char *const args[] = { "mkimage", "stick", DIR "c.img", "big=" DIR "hole", "small=" DIR "f5" };
    make_file(DIR "hole", 100, 9);
    CHECK_EQ(truncate(DIR "hole", 242l << 20), 0);
    CHECK_EQ(tool(5, args), 0);
    load(DIR "c.img");
    struct vol v = open_volume();
    CHECK_EQ(v.cluster, 4096);
    CHECK(v.clusters >= 65525);
    check_file(&v, "small", 513, 5);
    CHECK_EQ(rd32(walk(&v, "big") + 28), 242u << 20);
    unlink(DIR "c.img");
    unlink(DIR "hole");
}

static void test_refusals(void)
{
    static const char *const missing[] = { "mkimage", "stick", DIR "d.img", "x=" DIR "not-there" };
    static const char *const twice[] = { "mkimage", "stick", DIR "d.img", "x=" DIR "f2", "x=" DIR "f3" };
    static const char *const folded[] = { "mkimage", "stick", DIR "d.img", "x=" DIR "f2", "X=" DIR "f3" };
    static const char *const under[] = { "mkimage", "stick", DIR "d.img", "x=" DIR "f2", "x/y=" DIR "f3" };
    static const char *const name[] = { "mkimage", "stick", DIR "d.img", "a:b=" DIR "f2" };
    static const char *const none[] = { "mkimage", "stick", DIR "d.img", "abc" };
    static const char *const verb[] = { "mkimage", "stack", DIR "d.img", "abc" };
    CHECK(refuses(4, missing));
    CHECK(refuses(5, twice));
    CHECK(refuses(5, folded));
    CHECK(refuses(5, under));
    CHECK(refuses(4, name));
    CHECK(refuses(4, none));
    CHECK(refuses(4, verb));
    CHECK(refuses(3, verb));
}

static unsigned long hex8(size_t at)
{
    char text[9] = "";
    memcpy(text, img + at, 8);
    return strtoul(text, NULL, 16);
}

static void test_cpio(void)
{
    static const char *const args[] = { "mkimage", "cpio", DIR "a.cpio", "init=" DIR "f5", "bin/sh=>busybox", "dev/console=c5:1", "proc/",
                                        "bin/two=" DIR "f2" };
    static const char *const names[] = { "init", "bin", "bin/sh", "dev", "dev/console", "proc", "bin/two", "TRAILER!!!" };
    static const unsigned long modes[] = { 0100755, 0040755, 0120777, 0040755, 0020600, 0040755, 0100644, 0 };
    size_t at = 0;
    CHECK_EQ(chmod(DIR "f5", 0755), 0);
    CHECK_EQ(tool(8, args), 0);
    load(DIR "a.cpio");
    CHECK_EQ(img_len % 512, 0);
    for (size_t i = 0; i < 8 && at + 110 < img_len; i++) {
        unsigned long size = hex8(at + 54), name_len = hex8(at + 94);
        CHECK(memcmp(img + at, "070701", 6) == 0);
        CHECK_EQ(hex8(at + 14), modes[i]);
        CHECK_STR((const char *)img + at + 110, names[i]);
        CHECK_EQ(name_len, strlen(names[i]) + 1);
        if (i == 2)
            CHECK(size == 7 && memcmp(img + ((at + 110 + name_len + 3) & ~3ul), "busybox", 7) == 0);
        if (i == 4)
            CHECK(hex8(at + 78) == 5 && hex8(at + 86) == 1);
        at = ((at + 110 + name_len + 3) & ~3ul) + ((size + 3) & ~3ul);
    }
    CHECK(at <= img_len && at + 512 > img_len);
}

int main(void)
{
    mkdir("build", 0777);
    mkdir("build/test", 0777);
    mkdir(DIR, 0777);
    test_stick();
    test_same_bytes();
    test_large();
    test_refusals();
    test_cpio();
    return unit_done();
}
