/* SPDX-License-Identifier: BSD-2-Clause */
/* First-bytes checks: Linux bzImage and Multiboot 1. */
#include "monitor/image.h"

/* Linux boot protocol: offsets in the setup header. */
#define BZ_SETUP_SECTS  0x1f1u
#define BZ_SYSSIZE      0x1f4u
#define BZ_BOOT_FLAG    0x1feu
#define BZ_MAGIC        0x202u
#define BZ_VERSION      0x206u
#define BZ_XLOADFLAGS   0x236u
#define BZ_INIT_SIZE    0x260u

#define MB_MAGIC        0x1badb002u
#define MB_ADDRESSES    0x10000u     /* flag: address fields are valid */

static uint32_t get16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }

static uint32_t get32(const uint8_t *p) { return get16(p) | get16(p + 2) << 16; }

static uint64_t get64(const uint8_t *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

static bool is_linux(const uint8_t *h, size_t len)
{
    return len >= 0x264 && get16(h + BZ_BOOT_FLAG) == 0xaa55 && memcmp(h + BZ_MAGIC, "HdrS", 4) == 0;
}

static enum image_verdict check_linux(const uint8_t *h, uint64_t size, struct image_info *info)
{
    uint64_t sects = h[BZ_SETUP_SECTS] ? h[BZ_SETUP_SECTS] : 4;
    info->type = TYPE_LINUX;
    info->file_need = (sects + 1) * 512 + (uint64_t)get32(h + BZ_SYSSIZE) * 16;
    info->ram_need = (uint64_t)get32(h + BZ_INIT_SIZE) + (1u << 20);
    if (get16(h + BZ_VERSION) < 0x20c || !(h[BZ_XLOADFLAGS] & 1u)) {
        info->why = "a Linux kernel without the 64-bit entry (boot protocol before 2.12 or a 32-bit kernel)";
        return IMAGE_WRONG;
    }
    /* The last paragraph may be cut where the build rounds the size up. */
    return size + 16 < info->file_need ? IMAGE_TRUNCATED : IMAGE_OK;
}

/* Largest file offset that the program headers in reach speak of. */
static void elf_extent(const uint8_t *h, size_t len, struct image_info *info)
{
    bool wide = h[4] == 2;
    uint64_t phoff = wide ? get64(h + 32) : get32(h + 28);
    uint32_t size = get16(h + (wide ? 54 : 42)), count = get16(h + (wide ? 56 : 44));
    uint64_t off, filesz, memsz, end;
    for (uint32_t i = 0; i < count && i < 64; i++) {
        uint64_t at = phoff + (uint64_t)i * size;
        if (phoff > len || at + (wide ? 56 : 32) > len)
            return;
        const uint8_t *p = h + at;
        if (get32(p) != 1)
            continue;
        off = wide ? get64(p + 8) : get32(p + 4);
        filesz = wide ? get64(p + 32) : get32(p + 16);
        memsz = wide ? get64(p + 40) : get32(p + 20);
        if (__builtin_add_overflow(off, filesz, &end))
            end = ~0ull;
        info->file_need = MAX(info->file_need, end);
        if (__builtin_add_overflow(info->ram_need, memsz, &info->ram_need))
            info->ram_need = ~0ull;
    }
}

static enum image_verdict check_multiboot(const uint8_t *h, size_t len, uint64_t size, size_t at,
                                          struct image_info *info)
{
    bool elf = len >= 64 && memcmp(h, "\177ELF", 4) == 0;
    info->type = TYPE_MULTIBOOT;
    if (get32(h + at + 4) & MB_ADDRESSES) {
        uint32_t header = get32(h + at + 12), load = get32(h + at + 16), end = get32(h + at + 20);
        if (load <= header && end > load && header - load <= at)
            info->file_need = at - (header - load) + (end - load);
        info->ram_need = end > load ? end - load : 0;
    } else if (elf) {
        elf_extent(h, len, info);
    } else {
        info->why = "a Multiboot header without load addresses in a file that is not ELF";
        return IMAGE_WRONG;
    }
    return size < info->file_need ? IMAGE_TRUNCATED : IMAGE_OK;
}

/* Offset of a Multiboot 1 header in the first 8 KiB, or len. */
static size_t find_multiboot(const uint8_t *h, size_t len)
{
    for (size_t at = 0; at + 32 <= len; at += 4)
        if (get32(h + at) == MB_MAGIC && get32(h + at) + get32(h + at + 4) + get32(h + at + 8) == 0)
            return at;
    return len;
}

enum image_verdict image_check(const uint8_t *head, size_t head_len, uint64_t size, enum manifest_type want,
                               struct image_info *info)
{
    enum image_verdict verdict;
    size_t at = find_multiboot(head, head_len);
    *info = (struct image_info){ .type = TYPE_AUTO, .why = "" };
    if (size == 0)
        return IMAGE_EMPTY;
    if (is_linux(head, head_len)) {
        verdict = check_linux(head, size, info);
    } else if (at < head_len) {
        verdict = check_multiboot(head, head_len, size, at, info);
    } else {
        verdict = IMAGE_WRONG;
        info->why = head_len >= 20 && memcmp(head, "\177ELF", 4) == 0
                    ? "an ELF file without a Multiboot 1 header (a vmlinux? the bzImage is needed)"
                    : head_len >= 2 && head[0] == 0x1f && head[1] == 0x8b
                    ? "a gzip file (an initramfs? a compressed image? the bzImage itself is needed)"
                    : "neither a Linux bzImage nor a Multiboot 1 image";
    }
    if (verdict == IMAGE_OK && want != TYPE_AUTO && want != info->type) {
        info->why = info->type == TYPE_LINUX ? "a Linux bzImage, but type = multiboot"
                                             : "a Multiboot 1 image, but type = linux";
        return IMAGE_WRONG;
    }
    if (verdict == IMAGE_TRUNCATED)
        info->why = "shorter than its header says";
    return verdict;
}
