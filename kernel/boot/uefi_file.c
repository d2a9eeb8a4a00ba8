/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole files from the volume that the loader was started from, with progress for large ones. */
#include "kernel/boot/uefi.h"

#define CHUNK        (2ull << 20)
#define MIB(x)       ((x) >> 20)
#define SHOW_FROM    (4ull << 20)    /* smaller files load before one could read a line */
#define FILE_READ    1ull
#define PATH_MAX_LEN 256u

static const struct efi_guid loaded_image_guid =
    { 0x5b1b31a1, 0x9562, 0x11d2, { 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b } };
static const struct efi_guid file_system_guid =
    { 0x964e5b22, 0x6459, 0x11d2, { 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b } };

efi_status uefi_volume_open(struct loader *l, efi_handle image)
{
    struct efi_loaded_image *self = NULL;
    struct efi_file_system *volume = NULL;
    void *found = NULL;
    efi_status st = l->boot->handle_protocol(image, &loaded_image_guid, &found);
    if (st != EFI_OK)
        return st;
    self = found;
    st = l->boot->handle_protocol(self->device, &file_system_guid, &found);
    if (st != EFI_OK)
        return st;
    volume = found;
    return volume->open_volume(volume, &l->root);
}

/* "guests/a.img" to UTF-16 with backslashes; false when it is too long or not UTF-8 of the basic plane. */
static bool widen(const char *path, uint16_t out[PATH_MAX_LEN])
{
    unsigned n = 0;
    while (*path) {
        uint8_t c = (uint8_t)*path++;
        unsigned more = c < 0x80 ? 0 : (c & 0xe0) == 0xc0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : 3;
        uint32_t v = more == 0 ? c : more == 1 ? c & 0x1fu : c & 0x0fu;
        if (more == 3 || n + 1 >= PATH_MAX_LEN)
            return false;
        for (unsigned i = 0; i < more; i++) {
            if (((uint8_t)*path & 0xc0) != 0x80)
                return false;
            v = v << 6 | ((uint8_t)*path++ & 0x3fu);
        }
        out[n++] = v == '/' ? '\\' : (uint16_t)v;
    }
    out[n] = 0;
    return n > 0;
}

static efi_status file_size(struct efi_file *file, uint64_t *len)
{
    efi_status st = file->set_position(file, ~0ull);
    if (st == EFI_OK)
        st = file->get_position(file, len);
    return st == EFI_OK ? file->set_position(file, 0) : st;
}

static efi_status read_all(struct efi_file *file, const char *path, uint64_t base, uint64_t len)
{
    for (uint64_t done = 0; done < len;) {
        uint64_t n = MIN(CHUNK, len - done);
        efi_status st = file->read(file, &n, (void *)(uintptr_t)(base + done));
        if (st != EFI_OK || n == 0)
            return st != EFI_OK ? st : EFI_LOAD_ERROR;
        done += n;
        if (len >= SHOW_FROM)
            loader_print("\r  %s  %lu of %lu MiB  %lu%%%s", path, MIB(done + (1u << 20) - 1), MIB(len + (1u << 20) - 1), done * 100 / len,
                       done == len ? "\n" : "");
    }
    if (len < SHOW_FROM)
        loader_print("  %s  %lu KiB\n", path, (len + 1023) / 1024);
    return EFI_OK;
}

static efi_status load_open(struct loader *l, struct efi_file *file, const char *path, uint64_t *base, uint64_t *len)
{
    efi_status st = file_size(file, len);
    if (st != EFI_OK)
        return st;
    uint64_t pages = PAGE_UP(*len) / PAGE_SIZE + 1;      /* at least one; the last byte + 1 is ours: a NUL */
    st = l->boot->allocate_pages(EFI_ALLOCATE_ANY, EFI_LOADER_DATA, pages, base);
    if (st != EFI_OK)
        return EFI_OUT_OF_RESOURCES;
    st = read_all(file, path, *base, *len);
    if (st == EFI_OK)
        *((char *)(uintptr_t)*base + *len) = 0;
    else
        (void)l->boot->free_pages(*base, pages);
    return st;
}

efi_status uefi_file_load(struct loader *l, const char *path, uint64_t *base, uint64_t *len)
{
    uint16_t name[PATH_MAX_LEN];
    struct efi_file *file = NULL;
    *len = 0;
    if (!l->root)
        return EFI_NOT_FOUND;
    if (!widen(path, name))
        return EFI_INVALID_PARAMETER;
    efi_status st = l->root->open(l->root, &file, name, FILE_READ, 0);
    if (st != EFI_OK)
        return st;
    st = load_open(l, file, path, base, len);
    (void)file->close(file);
    return st;
}
