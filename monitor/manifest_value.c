/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of manifest keys: numbers, sizes, lists, paths, words. */
#include "monitor/manifest_value.h"

#include "kernel/lib/fmt.h"

void value_error(struct value_ctx *c, enum code code, const struct span *at, const struct span *also,
                 const char *format, ...)
{
    char text[DIAG_TEXT];
    va_list ap;
    va_start(ap, format);
    fmt_v(text, sizeof text, format, ap);
    va_end(ap);
    diag_add(&c->m->errors, code, DIAG_ERROR, c->vm, at, also, "%s", text);
    if (c->vm < MANIFEST_VMS)
        c->m->vm[c->vm].refused = true;
}

struct span value_sub(const struct manifest *m, const struct span *s, uint32_t off, uint32_t len)
{
    struct span out = { s->off + off, len, s->line, s->col };
    for (uint32_t i = 0; i < off; i++)
        out.col += ((unsigned char)m->text[s->off + i] & 0xc0) != 0x80;
    return out;
}

static struct manifest_vm *vm_of(struct value_ctx *c)
{
    KASSERT(c->vm < MANIFEST_VMS);
    return &c->m->vm[c->vm];
}

/* Decimal digits from *at; false when there are none or the value passes limit. */
static bool take_decimal(const char *s, uint32_t len, uint32_t *at, uint64_t limit, uint64_t *out)
{
    uint64_t v = 0;
    uint32_t first = *at;
    while (*at < len && s[*at] >= '0' && s[*at] <= '9') {
        v = v * 10 + (uint64_t)(s[*at] - '0');
        if (v > limit)
            return false;
        (*at)++;
    }
    *out = v;
    return *at > first;
}

void value_version(struct value_ctx *c)
{
    uint64_t v;
    uint32_t at = 0;
    if (!take_decimal(c->m->text + c->value.off, c->value.len, &at, 1000000, &v) || at != c->value.len)
        value_error(c, CODE_M014, &c->value, NULL,
                    "version: not a number -> the format's version is a plain number -> write version = 1");
    else if (v != 1)
        value_error(c, CODE_M020, &c->value, NULL,
                    "version %lu: this Cordon reads version 1 -> the file may mean something else"
                    " -> no guest starts; write version = 1 after checking the file", v);
    else
        return;
    c->m->all_refused = true;
}

void value_console(struct value_ctx *c)
{
    const struct manifest *m = c->m;
    char text[64];
    static const char *const known[] = { "com2", "com3", "com4", "none", "efi", "vga" };
    if (manifest_span_is(m, &c->value, "com1") || manifest_span_is(m, &c->value, "com1,115200"))
        return;
    manifest_text(m, &c->value, text, sizeof text);
    for (uint32_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_starts(text, known[i])) {
            value_error(c, CODE_M027, &c->value, NULL,
                        "console: %s is not supported yet -> the console stays on com1 at 115200"
                        " -> write console = com1,115200 or remove the line", known[i]);
            return;
        }
    if (str_starts(text, "com1,")) {
        value_error(c, CODE_M027, &c->value, NULL,
                    "console: another speed than 115200 is not supported yet -> the console stays at 115200"
                    " -> write console = com1,115200");
        return;
    }
    value_error(c, CODE_M018, &c->value, NULL,
                "console: not a console -> it takes com1,115200 -> correct or remove the line");
}

/* One of n words; false after an error. */
static bool take_word(struct value_ctx *c, const char *const *word, uint32_t n, uint32_t *out)
{
    char all[96];
    size_t used = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (manifest_span_is(c->m, &c->value, word[i])) {
            *out = i;
            return true;
        }
        used += fmt(all + used, sizeof all - used, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", word[i]);
    }
    value_error(c, CODE_M018, &c->value, NULL,
                "%.*s: not a word that it takes -> it takes %s -> use one of these",
                (int)c->key.len, c->m->text + c->key.off, all);
    return false;
}

static const char *const yes_no[] = { "no", "yes" };
static const char *const types[] = { "auto", "linux", "multiboot" };
static const char *const restarts[] = { "never", "on-crash", "always" };

void value_lock(struct value_ctx *c)
{
    uint32_t i = 1;                 /* a mistake here locks: the safe side */
    if (!take_word(c, yes_no, 2, &i))
        i = 1;
    c->m->lock = i == 1;
}

void value_autostart(struct value_ctx *c)
{
    uint32_t i;
    if (take_word(c, yes_no, 2, &i))
        vm_of(c)->autostart = i == 1;
}

void value_type(struct value_ctx *c)
{
    uint32_t i;
    if (take_word(c, types, 3, &i))
        vm_of(c)->type = (enum manifest_type)i;
}

void value_restart(struct value_ctx *c)
{
    uint32_t i;
    if (take_word(c, restarts, 3, &i))
        vm_of(c)->restart = (enum manifest_restart)i;
}

const char *manifest_type_word(enum manifest_type type) { return types[(uint32_t)type < 3 ? type : 0]; }

const char *manifest_restart_word(enum manifest_restart restart)
{
    return restarts[(uint32_t)restart < 3 ? restart : 0];
}

void value_dma(struct value_ctx *c)
{
    vm_of(c)->unprotected = manifest_span_is(c->m, &c->value, "unprotected");
    if (!vm_of(c)->unprotected)
        value_error(c, CODE_M018, &c->value, NULL,
                    "dma: not a word that it takes -> functions are behind the IOMMU unless it says unprotected"
                    " -> remove the line");
}

void value_memory(struct value_ctx *c)
{
    const char *s = c->m->text + c->value.off;
    uint32_t at = 0, shift = 0;
    uint64_t v;
    bool ok = take_decimal(s, c->value.len, &at, 1ull << 40, &v);
    if (ok && at < c->value.len) {
        char unit = (char)(s[at] | 0x20);
        shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
        at += shift != 0;
    }
    if (!ok || at != c->value.len) {
        struct span bad = value_sub(c->m, &c->value, at < c->value.len ? at : 0, 1);
        value_error(c, CODE_M015, &bad, NULL,
                    "memory: not a size -> a size is a number with K, M or G -> write it like 512M");
        return;
    }
    v = v > (1ull << 40) >> shift ? 1ull << 40 : v << shift;
    if (v < MANIFEST_MEM_MIN || v > MANIFEST_MEM_MAX)
        value_error(c, CODE_R403, &c->value, NULL,
                    "memory: %s -> a guest takes from 2M to 256G -> use a value in that range",
                    v < MANIFEST_MEM_MIN ? shift == 0 ? "that many bytes are under 2M" : "under 2M" : "over 256G");
    else if (v % PAGE_2M != 0)
        value_error(c, CODE_M015, &c->value, NULL,
                    "memory: not a multiple of 2M -> guest memory is mapped in pieces of 2M -> use %luM",
                    (uint64_t)((v / PAGE_2M + 1) * 2));
    else
        vm_of(c)->memory = v;
}

static bool add_cpus(struct value_ctx *c, uint64_t first, uint64_t last, const struct span *at)
{
    struct manifest_vm *vm = vm_of(c);
    for (uint64_t cpu = first; cpu <= last; cpu++) {
        for (uint32_t i = 0; i < vm->cpus; i++)
            if (vm->cpu[i] == cpu) {
                value_error(c, CODE_M016, at, NULL,
                            "cpus: CPU %lu is named twice -> a guest has one vCPU on a CPU -> name it once", cpu);
                return false;
            }
        if (vm->cpus == MANIFEST_CPUS) {
            value_error(c, CODE_M016, at, NULL,
                        "cpus: more than %u -> a guest has at most %u vCPUs -> shorten the list",
                        MANIFEST_CPUS, MANIFEST_CPUS);
            return false;
        }
        vm->cpu[vm->cpus++] = (uint16_t)cpu;
    }
    return true;
}

void value_cpus(struct value_ctx *c)
{
    const char *s = c->m->text + c->value.off;
    uint32_t len = c->value.len, at = 0, first_at;
    uint64_t first, last;
    struct span bad;
    for (;;) {
        while (at < len && s[at] == ' ')
            at++;
        first_at = at;
        if (!take_decimal(s, len, &at, 4095, &first))
            break;
        last = first;
        if (at < len && s[at] == '-') {
            at++;
            if (!take_decimal(s, len, &at, 4095, &last) || last < first)
                break;
        }
        bad = value_sub(c->m, &c->value, first_at, at - first_at);
        if (!add_cpus(c, first, last, &bad))
            return;
        while (at < len && s[at] == ' ')
            at++;
        if (at == len)
            return;
        if (s[at] != ',')
            break;
        at++;
    }
    bad = value_sub(c->m, &c->value, at < len ? at : len - 1, 1);
    value_error(c, CODE_M016, &bad, NULL,
                "cpus: not a CPU list -> it takes numbers and rising ranges -> write it like 1,3-5");
}

/* A path of a file on the stick; false after an error. */
static bool check_path(struct value_ctx *c, const struct span *path)
{
    const char *s = c->m->text + path->off;
    uint32_t start = 0;
    struct span bad;
    if (path->len >= MANIFEST_PATH) {
        value_error(c, CODE_M022, path, NULL, "path: %u bytes -> at most %u fit -> use a shorter path",
                    path->len, MANIFEST_PATH - 1);
        return false;
    }
    for (uint32_t i = 0; i <= path->len; i++) {
        uint32_t part = i - start;
        if (i < path->len && s[i] == '\\') {
            bad = value_sub(c->m, path, i, 1);
            value_error(c, CODE_M017, &bad, NULL,
                        "path: '\\' between names -> paths on the stick are written with '/' -> use '/'");
            return false;
        }
        if (i < path->len && s[i] != '/')
            continue;
        if (part == 0 || (part <= 2 && s[start] == '.' && s[i - 1] == '.')) {
            bad = value_sub(c->m, path, start < path->len ? start : path->len - 1, part ? part : 1);
            value_error(c, CODE_M017, &bad, NULL,
                        "path: an empty name, '.' or '..' in it -> paths begin at the stick's root without '/'"
                        " -> write it like guests/vmlinuz");
            return false;
        }
        start = i + 1;
    }
    return true;
}

static void set_file(struct value_ctx *c, struct span *out)
{
    const char *s = c->m->text + c->value.off;
    for (uint32_t i = 0; i < c->value.len; i++)
        if (s[i] == ' ' || s[i] == '\t') {
            struct span bad = value_sub(c->m, &c->value, i, 1);
            value_error(c, CODE_M017, &bad, NULL,
                        "path: a blank in it -> file names with blanks are not supported -> rename the file%s",
                        c->m->text[c->key.off] == 'k' ? "; arguments go to cmdline =" : "");
            return;
        }
    if (check_path(c, &c->value))
        *out = c->value;
}

void value_kernel(struct value_ctx *c) { set_file(c, &vm_of(c)->kernel_at); }

void value_initrd(struct value_ctx *c) { set_file(c, &vm_of(c)->initrd_at); }

void value_module(struct value_ctx *c)
{
    struct manifest_vm *vm = vm_of(c);
    const char *s = c->m->text + c->value.off;
    uint32_t n = 0;
    struct span path;
    while (n < c->value.len && s[n] != ' ' && s[n] != '\t')
        n++;
    path = value_sub(c->m, &c->value, 0, n);
    if (vm->modules + 1 >= MANIFEST_MODULES) {
        value_error(c, CODE_M021, &c->value, NULL,
                    "module: one too many -> kernel and modules together are at most %u files -> remove one",
                    MANIFEST_MODULES);
        return;
    }
    if (c->value.len >= MANIFEST_PATH) {
        value_error(c, CODE_M022, &c->value, NULL,
                    "module: %u bytes -> path and arguments are at most %u bytes -> shorten them",
                    c->value.len, MANIFEST_PATH - 1);
        return;
    }
    if (check_path(c, &path))
        vm->module[vm->modules++] = (struct manifest_module){ c->value, path };
}

void value_cmdline(struct value_ctx *c)
{
    if (c->value.len >= MANIFEST_CMDLINE)
        value_error(c, CODE_M022, &c->value, NULL,
                    "cmdline: %u bytes -> at most %u reach the kernel -> shorten it", c->value.len,
                    MANIFEST_CMDLINE - 1);
    else
        vm_of(c)->cmdline_at = c->value;
}

void value_tsc(struct value_ctx *c)
{
    const char *s = c->m->text + c->value.off;
    uint32_t at = 0;
    uint64_t v, khz = 0;
    if (take_decimal(s, c->value.len, &at, MANIFEST_TSC_MAX, &v) && at + 1 == c->value.len) {
        const char unit = (char)(s[at] | 0x20);
        khz = v * (unit == 'k' ? 1u : unit == 'm' ? 1000u : unit == 'g' ? 1000000u : 0u);
    }
    if (khz < MANIFEST_TSC_MIN || khz > MANIFEST_TSC_MAX)
        value_error(c, CODE_M014, &c->value, NULL,
                    "tsc: not a rate -> a rate is Hz with K, M or G, by thousands, from 1M to 16G -> write it like 2400M");
    else
        vm_of(c)->tsc_khz = (uint32_t)khz;
}
