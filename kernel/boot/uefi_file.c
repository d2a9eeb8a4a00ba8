/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole files from the volume that the loader was started from, with progress for large ones. */
#include "kernel/boot/uefi.h"

#define FILE_READ    1ull
#define PATH_MAX_LEN 256u

static const struct efi_guid loaded_image_guid =
    { 0x5b1b31a1, 0x9562, 0x11d2, { 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b } };
static const struct efi_guid file_system_guid =
    { 0x964e5b22, 0x6459, 0x11d2, { 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b } };

static struct loader *loader;                /* the one that opened the volume */
static struct efi_file *open_file;

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
    st = volume->open_volume(volume, &l->root);
    if (st == EFI_OK)
        loader = l;
    return st;
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

static status_t status_of(efi_status st)
{
    return st == EFI_OK ? ST_OK : st == EFI_NOT_FOUND ? ST_NOTFOUND : st == EFI_OUT_OF_RESOURCES ? ST_NOSPACE : ST_HW;
}

status_t loader_open(const char *path, uint64_t *len)
{
    uint16_t name[PATH_MAX_LEN];
    if (!loader)
        return ST_NOTFOUND;
    if (!widen(path, name))
        return ST_INVAL;
    efi_status st = loader->root->open(loader->root, &open_file, name, FILE_READ, 0);
    if (st != EFI_OK)
        return status_of(st);
    st = file_size(open_file, len);
    if (st != EFI_OK)
        loader_close();
    return status_of(st);
}

status_t loader_read(uint64_t n, void *to)
{
    for (uint64_t got; n != 0; n -= got, to = (char *)to + got) {
        got = n;
        efi_status st = open_file->read(open_file, &got, to);
        if (st != EFI_OK || got == 0 || got > n)
            return ST_HW;
    }
    return ST_OK;
}

void loader_close(void) { (void)open_file->close(open_file); }

status_t loader_pages(struct bootinfo *info, uint64_t pages, uint64_t *base)
{
    (void)info;
    return loader->boot->allocate_pages(EFI_ALLOCATE_ANY, EFI_LOADER_DATA, pages, base) == EFI_OK ? ST_OK : ST_NOSPACE;
}
