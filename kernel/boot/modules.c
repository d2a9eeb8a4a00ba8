/* SPDX-License-Identifier: BSD-2-Clause */
/* cordon.conf and the files that it names, as modules of struct bootinfo. What fails is reported and left out:
 * the monitor then refuses just the guests that need it, and without a manifest it runs in survey mode. */
#include "kernel/boot/loader.h"

#include "monitor/manifest.h"

#define MANIFEST_NAME_ON_STICK "cordon.conf"
#define MIB(x)    (((x) + (1u << 20) - 1) >> 20)
#define SHOW_FROM (4ull << 20)               /* smaller files load before one could read a line */

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

static void complain_file(struct bootinfo *info, const char *path, status_t st, uint64_t len)
{
    if (st == ST_NOSPACE)
        loader_complain(info, "%s: not enough memory for its %lu KiB", path, (len + 1023) / 1024);
    else if (st == ST_NOTFOUND)
        loader_complain(info, "%s: no such file on the stick", path);
    else if (st == ST_INVAL)
        loader_complain(info, "%s: not a valid name", path);
    else
        loader_complain(info, "%s: the file cannot be read: %s", path, status_text(st));
}

static MUST_USE status_t read_all(const char *path, uint64_t base, uint64_t len)
{
    for (uint64_t done = 0, n; done < len; done += n) {
        n = MIN(LOADER_CHUNK, len - done);
        TRY(loader_read(n, (void *)(uintptr_t)(base + done)));
        if (len >= SHOW_FROM)
            loader_print("\r  %s  %lu of %lu MiB  %lu%%%s", path, MIB(done + n), MIB(len), (done + n) * 100 / len,
                         done + n == len ? "\n" : "");
    }
    if (len < SHOW_FROM)
        loader_print("  %s  %lu KiB\n", path, (len + 1023) / 1024);
    return ST_OK;
}

/* At least one page; the byte behind the file is a NUL. *len is right also when there is no room. */
static MUST_USE status_t load(struct bootinfo *info, const char *path, uint64_t *base, uint64_t *len)
{
    *len = 0;
    TRY(loader_open(path, len));
    status_t st = loader_pages(info, *len / PAGE_SIZE + 1, base);
    if (st == ST_OK)
        st = read_all(path, *base, *len);
    if (st == ST_OK)
        *((char *)(uintptr_t)*base + *len) = 0;
    loader_close();
    return st;
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

static void load_named(struct bootinfo *info)
{
    struct manifest_file file;
    uint32_t cursor = 0;
    while (manifest_files(&manifest, &cursor, &file)) {
        uint64_t base, len;
        status_t st = load(info, file.path, &base, &len);
        if (st != ST_OK)
            complain_file(info, file.path, st, len);
        else if (!add_module(info, file.path, base, len))
            return;
    }
}

void modules_load(struct bootinfo *info)
{
    uint64_t base, len;
    status_t st = load(info, MANIFEST_NAME_ON_STICK, &base, &len);
    if (st != ST_OK) {
        complain_file(info, MANIFEST_NAME_ON_STICK, st, len);
        loader_print("no manifest: survey mode\n");
        return;
    }
    if (!add_module(info, MANIFEST_NAME_ON_STICK, base, len))
        return;
    manifest_parse(&manifest, (const char *)(uintptr_t)base, len);
    show_errors(info);
    load_named(info);
}
