/* SPDX-License-Identifier: BSD-2-Clause */
/* Manifest parser: lines, sections, keys. */
#include "monitor/manifest.h"

#include "kernel/lib/fmt.h"
#include "monitor/manifest_value.h"

enum section { IN_NONE = 1, IN_CORDON = 2, IN_VM = 4, IN_UNKNOWN = 8 };

#define KEYS(X) \
    /*name       section    repeats */ \
    X(version,   IN_CORDON, false) \
    X(console,   IN_CORDON, false) \
    X(lock,      IN_CORDON, false) \
    X(cpus,      IN_VM,     false) \
    X(memory,    IN_VM,     false) \
    X(kernel,    IN_VM,     false) \
    X(initrd,    IN_VM,     false) \
    X(module,    IN_VM,     true) \
    X(cmdline,   IN_VM,     false) \
    X(pci,       IN_VM,     true) \
    X(restart,   IN_VM,     false) \
    X(type,      IN_VM,     false) \
    X(autostart, IN_VM,     false) \
    X(dma,       IN_VM,     false) \
    X(tsc,       IN_VM,     false)

enum key {
#define X(n, s, r) KEY_##n,
    KEYS(X)
#undef X
    KEY_COUNT
};

static const struct { const char *name; enum section section; bool repeats; } key_table[KEY_COUNT] = {
#define X(n, s, r) { #n, s, r },
    KEYS(X)
#undef X
};

struct parser {
    struct value_ctx c;                 /* c.vm: the guest that lines belong to */
    enum section section;
    struct span seen[KEY_COUNT];        /* of the current section */
    size_t at;                          /* next line */
    uint32_t line;
};

size_t manifest_text(const struct manifest *m, const struct span *s, char *buf, size_t size)
{
    size_t n = s->len < size ? s->len : size - 1;
    memcpy(buf, m->text + s->off, n);
    buf[n] = 0;
    return n;
}

bool manifest_span_is(const struct manifest *m, const struct span *s, const char *word)
{
    size_t n = str_len(word);
    return s->len == n && memcmp(m->text + s->off, word, n) == 0;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Shortens a span by the blanks at both ends. */
static struct span trim(const struct manifest *m, struct span s)
{
    uint32_t skip = 0;
    while (skip < s.len && is_blank(m->text[s.off + skip]))
        skip++;
    s = value_sub(m, &s, skip, s.len - skip);
    while (s.len > 0 && is_blank(m->text[s.off + s.len - 1]))
        s.len--;
    return s;
}

/* Number of changes that turn the word into the key; 3 means 3 or more. */
static unsigned distance(const char *word, size_t len, const char *key)
{
    unsigned row[32], diagonal, above;
    size_t n = str_len(key);
    if (len > 24 || n > 24)
        return 3;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= len; i++) {
        char c = (char)(word[i - 1] >= 'A' && word[i - 1] <= 'Z' ? word[i - 1] + 32 : word[i - 1]);
        diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            above = row[j];
            unsigned best = diagonal + (c != key[j - 1]);
            best = MIN(best, above + 1);
            row[j] = MIN(best, row[j - 1] + 1);
            diagonal = above;
        }
    }
    return MIN(row[n], 3u);
}

static const char *nearest_key(const struct manifest *m, const struct span *word, enum section section)
{
    unsigned best = 3;
    const char *name = NULL;
    for (unsigned k = 0; k < KEY_COUNT; k++) {
        unsigned d = distance(m->text + word->off, word->len, key_table[k].name);
        if (key_table[k].section == section && d < best) {
            best = d;
            name = key_table[k].name;
        }
    }
    return name;
}

/* Later checks point at these values. Paths are noted only when they are good. */
static void note_place(struct value_ctx *c, enum key key)
{
    struct manifest_vm *vm = c->vm < MANIFEST_VMS ? &c->m->vm[c->vm] : NULL;
    struct span *at = !vm ? NULL : key == KEY_cpus ? &vm->cpus_at : key == KEY_memory ? &vm->memory_at
                    : key == KEY_restart ? &vm->restart_at : key == KEY_type ? &vm->type_at
                    : key == KEY_autostart ? &vm->autostart_at : key == KEY_dma ? &vm->dma_at
                    : key == KEY_tsc ? &vm->tsc_at : NULL;
    if (at)
        *at = c->value;
}

static void set_value(struct value_ctx *c, enum key key)
{
    note_place(c, key);
    switch (key) {
#define X(n, s, r) case KEY_##n: value_##n(c); break;
    KEYS(X)
#undef X
    case KEY_COUNT:
    default:
        break;
    }
}

static void unknown_key(struct parser *p, const struct span *key)
{
    const struct manifest *m = p->c.m;
    const char *near = nearest_key(m, key, p->section);
    for (unsigned k = 0; k < KEY_COUNT; k++)
        if (manifest_span_is(m, key, key_table[k].name)) {
            value_error(&p->c, CODE_M011, key, NULL,
                        "%s: not a key of this section -> it belongs in %s -> move the line there",
                        key_table[k].name, key_table[k].section == IN_VM ? "[vm NAME]" : "[cordon]");
            return;
        }
    if (near)
        value_error(&p->c, CODE_M010, key, NULL,
                    "unknown key \"%.*s\" -> nothing is accepted and ignored -> did you mean \"%s\"?",
                    (int)MIN(key->len, 40u), m->text + key->off, near);
    else
        value_error(&p->c, CODE_M010, key, NULL,
                    "unknown key \"%.*s\" -> nothing is accepted and ignored -> keys here are %s",
                    (int)MIN(key->len, 40u), m->text + key->off, p->section == IN_VM
                    ? "cpus memory kernel initrd module cmdline pci restart type autostart dma tsc"
                    : "version console lock");
}

static void take_key(struct parser *p, const struct span *line, uint32_t eq)
{
    const struct manifest *m = p->c.m;
    struct span key = trim(m, value_sub(m, line, 0, eq));
    struct span value = trim(m, value_sub(m, line, eq + 1, line->len - eq - 1));
    unsigned k;
    if (key.len == 0) {
        value_error(&p->c, CODE_M003, line, NULL,
                    "'=' without a key -> a line is key = value -> write the key before '='");
        return;
    }
    if (p->section == IN_UNKNOWN)
        return;                          /* the section itself was reported */
    if (p->section == IN_NONE) {
        value_error(&p->c, CODE_M009, &key, NULL,
                    "a key before the first section -> it belongs to nothing -> put [cordon] or [vm NAME] above it");
        return;
    }
    for (k = 0; k < KEY_COUNT; k++)
        if (key_table[k].section == p->section && manifest_span_is(m, &key, key_table[k].name))
            break;
    p->c.key = key;
    p->c.value = value;
    if (k == KEY_COUNT) {
        unknown_key(p, &key);
    } else if (p->seen[k].line != 0 && !key_table[k].repeats) {
        value_error(&p->c, CODE_M012, &key, &p->seen[k],
                    "%s: given twice -> only one of the two can hold -> remove one of the lines", key_table[k].name);
    } else if (value.len == 0) {
        p->seen[k] = key;
        value_error(&p->c, CODE_M013, &key, NULL,
                    "%s: no value -> the key has no effect without one -> write one after '=' or remove the line",
                    key_table[k].name);
    } else {
        p->seen[k] = key;
        set_value(&p->c, (enum key)k);
    }
}

/* At the end of a section: keys that must be there. */
static void end_section(struct parser *p)
{
    static const enum key needed[] = { KEY_cpus, KEY_memory, KEY_kernel };
    if (p->section == IN_VM && p->c.vm < MANIFEST_VMS)
        for (unsigned i = 0; i < ARRAY_LEN(needed); i++)
            if (p->seen[needed[i]].line == 0)
                value_error(&p->c, CODE_M019, &p->c.m->vm[p->c.vm].at, NULL,
                            "guest \"%s\" has no %s -> it cannot be built without -> add a line like %s",
                            p->c.m->vm[p->c.vm].name, key_table[needed[i]].name,
                            i == 0 ? "cpus = 1" : i == 1 ? "memory = 512M" : "kernel = guests/vmlinuz");
    if (p->section == IN_CORDON) {
        p->c.m->version_at = p->seen[KEY_version];
        p->c.m->console_at = p->seen[KEY_console];
        p->c.m->lock_at = p->seen[KEY_lock];
    }
    memset(p->seen, 0, sizeof p->seen);
}

static bool name_is_good(const char *s, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9');
        if (!letter && (i == 0 || (s[i] != '-' && s[i] != '_' && s[i] != '.')))
            return false;
    }
    return len > 0 && len < MANIFEST_NAME;
}

static void open_vm(struct parser *p, const struct span *name)
{
    struct manifest *m = p->c.m;
    struct manifest_vm *vm;
    p->section = IN_UNKNOWN;
    p->c.vm = DIAG_ALL;
    if (m->vms == MANIFEST_VMS) {
        value_error(&p->c, CODE_M008, name, NULL,
                    "one guest too many -> Cordon runs %u -> remove sections", MANIFEST_VMS);
        return;
    }
    p->section = IN_VM;
    p->c.vm = m->vms++;
    vm = &m->vm[p->c.vm];
    *vm = (struct manifest_vm){ .at = *name, .autostart = true };
    manifest_text(m, name, vm->name, sizeof vm->name);
    if (!name_is_good(m->text + name->off, name->len)) {
        fmt(vm->name, sizeof vm->name, "line-%u", name->line);
        value_error(&p->c, CODE_M006, name, NULL,
                    "the guest's name is not usable -> commands could not name it -> use up to %u letters,"
                    " digits, '-', '_', '.'", MANIFEST_NAME - 1);
        return;
    }
    for (uint32_t i = 0; i < p->c.vm; i++)
        if (str_eq(m->vm[i].name, vm->name)) {
            value_error(&p->c, CODE_M007, name, &m->vm[i].at,
                        "a second guest \"%s\" -> commands could not tell them apart -> rename one;"
                        " the first keeps the name", vm->name);
            return;
        }
}

static void open_cordon(struct parser *p, const struct span *at)
{
    struct manifest *m = p->c.m;
    p->c.vm = DIAG_ALL;
    p->section = IN_CORDON;
    if (m->cordon_at.line != 0) {
        p->section = IN_UNKNOWN;
        value_error(&p->c, CODE_M029, at, &m->cordon_at,
                    "a second [cordon] section -> its keys could contradict the first -> keep one");
    }
    m->cordon_at = *at;
}

static void take_section(struct parser *p, const struct span *line)
{
    const struct manifest *m = p->c.m;
    struct span inner;
    end_section(p);
    p->section = IN_UNKNOWN;
    p->c.vm = DIAG_ALL;
    if (m->text[line->off + line->len - 1] != ']') {
        value_error(&p->c, CODE_M005, line, NULL,
                    "no ']' at the end of the section line -> the lines below it belong to nothing -> add ']'");
        return;
    }
    inner = trim(m, value_sub(m, line, 1, line->len - 2));
    if (manifest_span_is(m, &inner, "cordon")) {
        open_cordon(p, &inner);
    } else if (inner.len > 2 && memcmp(m->text + inner.off, "vm", 2) == 0 && is_blank(m->text[inner.off + 2])) {
        struct span name = trim(m, value_sub(m, &inner, 2, inner.len - 2));
        open_vm(p, &name);
    } else {
        bool bare = manifest_span_is(m, &inner, "vm");
        value_error(&p->c, bare ? CODE_M006 : CODE_M004, inner.len ? &inner : line, NULL, "%s",
                    bare ? "a guest without a name -> commands could not name it -> write [vm NAME]"
                         : "unknown section -> its lines would have no effect -> sections are [cordon] and [vm NAME]");
    }
}

/* Length of the line without its comment: # at the start or after a blank. */
static uint32_t strip_comment(const char *s, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (s[i] == '#' && (i == 0 || is_blank(s[i - 1])))
            return i;
    return len;
}

/* Bytes of the character at s, 0 when it is no text. */
static uint32_t utf8_len(const unsigned char *s, uint32_t left)
{
    uint32_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
    if (n == 0 || n > left || (n == 1 && ((s[0] < 32 && s[0] != '\t') || s[0] == 127)))
        return 0;
    for (uint32_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

static bool check_text(struct parser *p, const struct span *line)
{
    const unsigned char *s = (const unsigned char *)p->c.m->text + line->off;
    uint32_t n;
    for (uint32_t i = 0; i < line->len; i += n) {
        n = utf8_len(s + i, line->len - i);
        if (n == 0) {
            struct span bad = value_sub(p->c.m, line, i, 1);
            value_error(&p->c, CODE_M001, &bad, NULL,
                        "byte %02xh is not UTF-8 text -> the line cannot be read -> retype it and save as UTF-8",
                        s[i]);
            return false;
        }
    }
    return true;
}

static void take_line(struct parser *p, struct span line)
{
    struct manifest *m = p->c.m;
    if (!check_text(p, &line))
        return;
    line.len = strip_comment(m->text + line.off, line.len);
    line = trim(m, line);
    if (line.len == 0)
        return;
    if (m->text[line.off] == '[') {
        take_section(p, &line);
        return;
    }
    for (uint32_t i = 0; i < line.len; i++)
        if (m->text[line.off + i] == '=') {
            take_key(p, &line, i);
            return;
        }
    value_error(&p->c, CODE_M003, &line, NULL,
                "neither [section], key = value nor # comment -> the line has no meaning"
                " -> write key = value or put # in front");
}

static bool check_file(struct parser *p)
{
    struct manifest *m = p->c.m;
    const unsigned char *s = (const unsigned char *)m->text;
    struct span start = { 0, 0, 1, 1 };
    if (m->len >= 2 && ((s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff))) {
        m->len = 0;
        value_error(&p->c, CODE_M032, &start, NULL,
                    "the file is UTF-16 text -> Cordon reads UTF-8 -> save it again with the encoding UTF-8");
    } else if (m->len > MANIFEST_MAX_BYTES) {
        value_error(&p->c, CODE_M002, NULL, NULL,
                    "%lu bytes -> at most %u are read -> shorten the file", (unsigned long)m->len,
                    MANIFEST_MAX_BYTES);
        m->len = 0;
    } else {
        return true;
    }
    m->all_refused = true;
    return false;
}

void manifest_parse(struct manifest *m, const char *text, size_t len)
{
    struct parser p = { .c = { .m = m, .vm = DIAG_ALL }, .section = IN_NONE };
    memset(m, 0, sizeof *m);
    m->text = text;
    m->len = len;
    m->errors = (struct diag_list){ m->error, 0, MANIFEST_ERRORS, 0 };
    if (!check_file(&p))
        return;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        p.at = 3;                        /* byte order mark */
    while (p.at < len) {
        size_t end = p.at;
        uint32_t n;
        while (end < len && text[end] != '\n')
            end++;
        n = (uint32_t)(end - p.at);
        if (n > 0 && text[end - 1] == '\r')
            n--;
        take_line(&p, (struct span){ (uint32_t)p.at, n, ++p.line, 1 });
        p.at = end + 1;
    }
    end_section(&p);
    if (m->vms == 0)
        diag_add(&m->errors, CODE_M030, DIAG_WARNING, DIAG_ALL, NULL, NULL,
                 "no [vm NAME] section -> nothing is started -> add one; 'devices' lists what can be given to it");
    if (m->errors.lost != 0 && m->errors.count == m->errors.max) {
        m->errors.count--;               /* makes room for the last word */
        diag_add(&m->errors, CODE_M033, DIAG_ERROR, DIAG_ALL, NULL, NULL,
                 "%u more mistakes are not listed -> guests with one are refused -> correct those above first",
                 m->errors.lost + 1);
    }
}

/* The i-th file of a guest: kernel, initrd, modules. */
static bool vm_file(const struct manifest_vm *vm, uint32_t i, struct manifest_file *out)
{
    if (i == 0) {
        out->kind = FILE_KERNEL;
        out->at = vm->kernel_at;
    } else if (i == 1) {
        out->kind = FILE_INITRD;
        out->at = vm->initrd_at;
    } else if (i - 2 < vm->modules) {
        out->kind = FILE_MODULE;
        out->at = vm->module[i - 2].path;
    } else {
        return false;
    }
    return out->at.line != 0;
}

#define FILES_VM (2u + MANIFEST_MODULES)

/* An earlier guest or key names the same path. */
static bool named_before(const struct manifest *m, uint32_t cursor, const char *path)
{
    struct manifest_file f;
    for (uint32_t i = 0; i < cursor; i++) {
        const struct manifest_vm *vm = &m->vm[i / FILES_VM];
        if (!vm->refused && vm_file(vm, i % FILES_VM, &f) && manifest_span_is(m, &f.at, path))
            return true;
    }
    return false;
}

bool manifest_files(const struct manifest *m, uint32_t *cursor, struct manifest_file *out)
{
    if (m->all_refused)
        return false;
    while (*cursor < m->vms * FILES_VM) {
        uint32_t i = (*cursor)++;
        const struct manifest_vm *vm = &m->vm[i / FILES_VM];
        out->vm = i / FILES_VM;
        if (vm->refused || !vm_file(vm, i % FILES_VM, out))
            continue;
        manifest_text(m, &out->at, out->path, sizeof out->path);
        if (!named_before(m, i, out->path))
            return true;
    }
    return false;
}
