/* SPDX-License-Identifier: BSD-2-Clause */
/* cordon.conf and the files that it names, as modules of struct bootinfo. What fails is reported and left out:
 * the monitor then refuses just the guests that need it, and without a manifest it runs in survey mode. */
#include "kernel/boot/uefi.h"

#include "monitor/manifest.h"

#define MANIFEST_NAME_ON_STICK "cordon.conf"

static struct manifest manifest;

static bool add_module(struct bootinfo *info, const char *name, uint64_t base, uint64_t len)
{
    if (info->modules >= BOOT_MAX_MODULES) {
        loader_complain(info, "%s: more files than the loader can hand over (%u)", name, BOOT_MAX_MODULES);
        return false;
    }
    struct boot_module *m = &info->module[info->modules++];
    m->base = base;
    m->len = len;
    (void)str_copy(m->name, sizeof m->name, name);
    return true;
}

static void complain_file(struct bootinfo *info, const char *path, efi_status st, uint64_t len)
{
    if (st == EFI_OUT_OF_RESOURCES)
        loader_complain(info, "%s: not enough memory for its %lu KiB", path, (len + 1023) / 1024);
    else if (st == EFI_NOT_FOUND)
        loader_complain(info, "%s: no such file on the stick", path);
    else
        loader_complain(info, "%s: %s (status %lx)", path, uefi_status_text(st), st);
}

static void show_errors(struct bootinfo *info)
{
    char text[600];
    if (manifest.errors.count == 0)
        return;
    for (uint32_t i = 0; i < manifest.errors.count; i++) {
        (void)diag_format(&manifest.error[i], manifest.text, manifest.len, text, sizeof text);
        loader_print("%s", text);
    }
    loader_complain(info, "%s: %u message%s, see above", MANIFEST_NAME_ON_STICK, manifest.errors.count,
                  manifest.errors.count == 1 ? "" : "s");
}

static void load_named(struct loader *l)
{
    struct manifest_file file;
    uint32_t cursor = 0;
    while (manifest_files(&manifest, &cursor, &file)) {
        uint64_t base = 0, len = 0;
        efi_status st = uefi_file_load(l, file.path, &base, &len);
        if (st != EFI_OK)
            complain_file(l->info, file.path, st, len);
        else if (!add_module(l->info, file.path, base, len))
            return;
    }
}

void uefi_modules_load(struct loader *l)
{
    uint64_t base = 0, len = 0;
    efi_status st = uefi_file_load(l, MANIFEST_NAME_ON_STICK, &base, &len);
    if (st != EFI_OK) {
        complain_file(l->info, MANIFEST_NAME_ON_STICK, st, len);
        loader_print("no manifest: survey mode\n");
        return;
    }
    if (!add_module(l->info, MANIFEST_NAME_ON_STICK, base, len))
        return;
    manifest_parse(&manifest, (const char *)(uintptr_t)base, len);
    show_errors(l->info);
    load_named(l);
}
