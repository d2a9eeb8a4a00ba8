/* SPDX-License-Identifier: BSD-2-Clause */
/* Policy: the files that guests name, against the modules that were loaded. */
#include "monitor/policy_internal.h"

#include "kernel/lib/fmt.h"
#include "monitor/image.h"

/* Length of a module's name without arguments. */
static size_t name_len(const struct boot_module *m)
{
    size_t n = 0;
    while (n < sizeof m->name && m->name[n] && m->name[n] != ' ')
        n++;
    return n;
}

static size_t base_at(const char *s, size_t len)
{
    while (len > 0 && s[len - 1] != '/')
        len--;
    return len;
}

static bool name_ends(const char *name, size_t n, const char *path, size_t len)
{
    return n > len && name[n - len - 1] == '/' && memcmp(name + n - len, path, len) == 0;
}

uint32_t policy_find_module(const struct facts *f, const char *path)
{
    size_t len = str_len(path), base = base_at(path, len);
    for (uint32_t rung = 0; rung < 3; rung++)
        for (uint32_t i = 0; i < f->modules; i++) {
            const char *name = f->module[i].info.name;
            size_t n = name_len(&f->module[i].info), b = base_at(name, n);
            if (rung == 0 ? n == len && memcmp(name, path, len) == 0
                : rung == 1 ? name_ends(name, n, path, len)
                : n - b == len - base && memcmp(name + b, path + base, n - b) == 0)
                return i;
        }
    return POLICY_NONE;
}

/* Module index of a file, or POLICY_NONE after a refusal. */
static uint32_t find_file(struct check *c, uint32_t v, const struct span *at, const char *what)
{
    char path[MANIFEST_PATH];
    uint32_t i;
    manifest_text(c->m, at, path, sizeof path);
    i = policy_find_module(c->f, path);
    if (i == POLICY_NONE)
        policy_refuse(c, v, CODE_R410, at, NULL,
                      "%s %s: not among the %u files that were loaded -> the guest has nothing to boot"
                      " -> copy it to the stick under that path", what, path, c->f->modules);
    else if (c->f->module[i].info.len == 0)
        policy_refuse(c, v, CODE_R415, at, NULL,
                      "%s %s: the file is empty -> the guest has nothing to boot -> copy it again", what, path);
    else
        return i;
    return POLICY_NONE;
}

static void check_kernel(struct check *c, uint32_t v)
{
    const struct manifest_vm *vm = &c->m->vm[v];
    struct plan_vm *plan = &c->p->vm[v];
    const struct fact_module *mod = &c->f->module[plan->kernel];
    struct image_info info;
    char path[MANIFEST_PATH];
    if (!mod->head)
        return;
    manifest_text(c->m, &vm->kernel_at, path, sizeof path);
    switch (image_check(mod->head, mod->head_len, mod->info.len, vm->type, &info)) {
    case IMAGE_TRUNCATED:
        policy_refuse(c, v, CODE_R411, &vm->kernel_at, NULL,
                      "kernel %s: %lu bytes, but its header speaks of %lu -> it was cut when it was copied"
                      " -> copy it again", path, mod->info.len, info.file_need);
        break;
    case IMAGE_WRONG:
        policy_refuse(c, v, CODE_R412, &vm->kernel_at, vm->type_at.line ? &vm->type_at : NULL,
                      "kernel %s: it is %s -> the VMM cannot boot it -> use a 64-bit Linux bzImage"
                      " or a Multiboot 1 image and the type that fits", path, info.why);
        break;
    case IMAGE_OK:
        if (info.ram_need > vm->memory)
            policy_refuse(c, v, CODE_R413, &vm->memory_at, &vm->kernel_at,
                          "memory %luM: the kernel alone needs %luM -> it does not fit -> raise memory",
                          (unsigned long)(vm->memory >> 20), (unsigned long)((info.ram_need >> 20) + 1));
        break;
    case IMAGE_EMPTY:
    default:
        break;
    }
    plan->type = info.type;
}

static void check_sizes(struct check *c, uint32_t v)
{
    const struct plan_vm *plan = &c->p->vm[v];
    const struct manifest_vm *vm = &c->m->vm[v];
    uint64_t sum = c->f->module[plan->kernel].info.len;
    if (plan->initrd != POLICY_NONE)
        sum += c->f->module[plan->initrd].info.len;
    for (uint32_t i = 0; i < vm->modules; i++)
        sum += c->f->module[plan->module[i]].info.len;
    if (sum > vm->memory)
        policy_refuse(c, v, CODE_R413, &vm->memory_at, NULL,
                      "memory %luM: its files are %luM -> they do not fit -> raise memory",
                      (unsigned long)(vm->memory >> 20), (unsigned long)((sum >> 20) + 1));
}

static void check_vm(struct check *c, uint32_t v)
{
    const struct manifest_vm *vm = &c->m->vm[v];
    struct plan_vm *plan = &c->p->vm[v];
    bool complete = true;
    plan->kernel = find_file(c, v, &vm->kernel_at, "kernel");
    complete = plan->kernel != POLICY_NONE;
    if (vm->initrd_at.line != 0) {
        plan->initrd = find_file(c, v, &vm->initrd_at, "initrd");
        complete = complete && plan->initrd != POLICY_NONE;
    }
    for (uint32_t i = 0; i < vm->modules; i++) {
        plan->module[i] = find_file(c, v, &vm->module[i].path, "module");
        complete = complete && plan->module[i] != POLICY_NONE;
    }
    plan->type = vm->type;
    if (plan->kernel != POLICY_NONE)
        check_kernel(c, v);
    if (complete)
        check_sizes(c, v);
    if (plan->type == TYPE_LINUX && vm->modules > 0)
        policy_refuse(c, v, CODE_R414, &vm->module[0].at, NULL,
                      "module: the kernel is a Linux kernel -> it takes no Multiboot modules"
                      " -> use initrd = or remove the line");
    if (plan->type == TYPE_MULTIBOOT && vm->initrd_at.line != 0)
        policy_refuse(c, v, CODE_R414, &vm->initrd_at, NULL,
                      "initrd: the kernel is a Multiboot image -> it takes modules, not an initrd"
                      " -> use module = instead");
}

static bool is_own_file(const struct boot_module *m)
{
    static const char *const own[] = { "cordon.conf", "vmm.elf", "monitor.elf", "kernel.elf", "cordon.elf", BOOT_ACPI_MODULE };
    size_t n = name_len(m), b = base_at(m->name, n);
    for (uint32_t i = 0; i < ARRAY_LEN(own); i++)
        if (str_len(own[i]) == n - b && memcmp(m->name + b, own[i], n - b) == 0)
            return true;
    return false;
}

static void warn_unused(struct check *c)
{
    uint64_t used = 0;
    struct manifest_file file;
    for (uint32_t v = 0; v < c->m->vms; v++)      /* refused guests too: their files are no surprise */
        for (uint32_t i = 0; i < c->m->vm[v].modules + 2; i++) {
            const struct manifest_vm *vm = &c->m->vm[v];
            uint32_t found;
            file.at = i == 0 ? vm->kernel_at : i == 1 ? vm->initrd_at : vm->module[i - 2].path;
            if (file.at.line == 0)
                continue;
            manifest_text(c->m, &file.at, file.path, sizeof file.path);
            found = policy_find_module(c->f, file.path);
            if (found != POLICY_NONE)
                used |= 1ull << found;
        }
    for (uint32_t i = 0; i < c->f->modules; i++)
        if (!(used >> i & 1) && !is_own_file(&c->f->module[i].info))
            policy_warn(c, DIAG_ALL, CODE_M031, NULL,
                        "file %.*s: loaded, but no guest names it -> it only costs memory (%lu KiB)"
                        " -> name it or leave it out", (int)name_len(&c->f->module[i].info),
                        c->f->module[i].info.name, (unsigned long)(c->f->module[i].info.len >> 10));
}

void policy_files(struct check *c)
{
    bool have_vmm = policy_find_module(c->f, "vmm.elf") != POLICY_NONE;
    for (uint32_t v = 0; v < c->m->vms; v++) {
        if (c->m->vm[v].refused || c->m->all_refused)
            continue;
        if (!have_vmm)
            policy_refuse(c, v, CODE_R416, NULL, NULL,
                          "guest \"%s\": vmm.elf was not loaded -> there is no VMM to run a guest"
                          " -> use a complete boot image", c->m->vm[v].name);
        check_vm(c, v);
    }
    warn_unused(c);
}
