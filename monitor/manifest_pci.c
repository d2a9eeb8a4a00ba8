/* SPDX-License-Identifier: BSD-2-Clause */
/* The pci line of a manifest: a function's name and words beside it. */
#include "monitor/manifest_value.h"

#define GSI_DIGITS 4u
#define NAME_FORMS "path=00:1c.0/00.0, 0000:03:00.0, 03:00.0, 3/0/0 or id=8086:10d3"

/* A word "key=value" or a bare one, and where its value begins. */
struct word {
    struct span at, value;
};

static bool begins(const struct value_ctx *c, const struct span *s, const char *prefix)
{
    size_t n = str_len(prefix);
    return s->len >= n && memcmp(c->m->text + s->off, prefix, n) == 0;
}

static void malformed(struct value_ctx *c, const struct span *s, size_t at, const char *what, const char *form)
{
    uint32_t off = at < s->len ? (uint32_t)at : s->len ? s->len - 1 : 0;
    struct span bad = value_sub(c->m, s, off, 1);
    value_error(c, CODE_M023, &bad, NULL, "pci: %s is malformed here -> no function can be meant by it"
                " -> write it like %s", what, form);
}

static bool set_name(struct value_ctx *c, struct manifest_pci *p, const struct word *w, const struct fn_name *name)
{
    if (p->name.kind != NAME_NONE) {
        value_error(c, CODE_M026, &w->at, &p->name_at,
                    "pci: a second function in one line -> one line names one function"
                    " -> put it on a pci line of its own");
        return false;
    }
    p->name = *name;
    p->name_at = w->at;
    return true;
}

static bool word_path(struct value_ctx *c, struct manifest_pci *p, const struct word *w)
{
    struct fn_name name;
    size_t at = 0;
    if (!name_parse_path(c->m->text + w->value.off, w->value.len, &name, &at)) {
        malformed(c, &w->value, at, "the path", "path=00:1c.0/00.0 (root bus, then device.function of each hop)");
        return false;
    }
    return set_name(c, p, w, &name);
}

static bool word_address(struct value_ctx *c, struct manifest_pci *p, const struct word *w)
{
    struct fn_name name;
    size_t at = 0;
    if (!name_parse_address(c->m->text + w->at.off, w->at.len, &name, &at)) {
        malformed(c, &w->at, at, "the address", NAME_FORMS);
        return false;
    }
    return set_name(c, p, w, &name);
}

static bool word_id(struct value_ctx *c, struct manifest_pci *p, const struct word *w)
{
    size_t at = 0;
    if (p->has_guard) {
        value_error(c, CODE_M026, &w->at, &p->guard_at,
                    "pci: id= twice in one line -> one function has one id -> remove one");
        return false;
    }
    if (!name_parse_id(c->m->text + w->value.off, w->value.len, &p->guard_vendor, &p->guard_device, &at)) {
        malformed(c, &w->value, at, "the id", "id=8086:10d3 (vendor:device, four hexadecimal digits each)");
        return false;
    }
    p->has_guard = true;
    p->guard_at = w->at;
    return true;
}

static bool word_slot(struct value_ctx *c, struct manifest_pci *p, const struct word *w)
{
    size_t at = 0;
    if (p->has_slot) {
        value_error(c, CODE_M026, &w->at, &p->slot_at,
                    "pci: slot= twice in one line -> a function has one slot -> remove one");
        return false;
    }
    if (!name_parse_slot(c->m->text + w->value.off, w->value.len, &p->slot, &at)) {
        struct span bad = value_sub(c->m, &w->value, at < w->value.len ? (uint32_t)at : 0, 1);
        value_error(c, CODE_M025, &bad, NULL,
                    "pci: the slot is malformed here -> a slot is device.function with the device in hexadecimal"
                    " -> write it like slot=05.0");
        return false;
    }
    p->has_slot = true;
    p->slot_at = w->at;
    return true;
}

static bool word_flag(struct value_ctx *c, const struct word *w, const char *only, bool *flag, struct span *at)
{
    if (*flag) {
        value_error(c, CODE_M026, &w->at, at, "pci: a word twice in one line -> once is enough -> remove one");
        return false;
    }
    if (!manifest_span_is(c->m, &w->value, only)) {
        value_error(c, CODE_M018, &w->value, NULL,
                    "pci: not a value of this word -> the only one is %s -> write that or remove the word", only);
        return false;
    }
    *flag = true;
    *at = w->at;
    return true;
}

static bool word_irq(struct value_ctx *c, struct manifest_pci *p, const struct word *w)
{
    if (p->irq_none || p->irq_intx) {
        value_error(c, CODE_M026, &w->at, &p->irq_at, "pci: irq= twice in one line -> once is enough -> remove one");
        return false;
    }
    p->irq_none = manifest_span_is(c->m, &w->value, "none");
    p->irq_intx = manifest_span_is(c->m, &w->value, "intx");
    p->irq_at = w->at;
    if (!p->irq_none && !p->irq_intx)
        value_error(c, CODE_M018, &w->value, NULL, "pci: not a value of irq= -> it says which interrupts the guest gets"
                    " -> write irq=none or irq=intx, or remove the word");
    return p->irq_none || p->irq_intx;
}

static bool word_gsi(struct value_ctx *c, struct manifest_pci *p, const struct word *w)
{
    if (p->has_gsi) {
        value_error(c, CODE_M026, &w->at, &p->gsi_at,
                    "pci: gsi= twice in one line -> a function has one interrupt line -> remove one");
        return false;
    }
    for (uint32_t i = 0; i < w->value.len; i++) {
        const char digit = c->m->text[w->value.off + i];
        if (digit < '0' || digit > '9' || i == GSI_DIGITS) {
            struct span bad = value_sub(c->m, &w->value, i, 1);
            value_error(c, CODE_M014, &bad, NULL, "pci: gsi= is a number of at most %u digits -> it names an input of"
                        " the machine's I/O APICs -> write it like gsi=17", GSI_DIGITS);
            return false;
        }
        p->gsi = p->gsi * 10 + (uint32_t)(digit - '0');
    }
    p->has_gsi = true;
    p->gsi_at = w->at;
    return true;
}

/* gsi= names the line of one function that has it: nothing is ignored. */
static bool gsi_fits(struct value_ctx *c, const struct manifest_pci *p, const struct span *functions_at)
{
    if (p->has_gsi && (p->irq_none || p->all_functions))
        value_error(c, CODE_M026, &p->gsi_at, p->irq_none ? &p->irq_at : functions_at,
                    "pci: gsi= beside %s -> it is the interrupt line of one function -> remove one of the two",
                    p->irq_none ? "irq=none" : "functions=all");
    return !p->has_gsi || (!p->irq_none && !p->all_functions);
}

static bool take_word(struct value_ctx *c, struct manifest_pci *p, const struct word *w, struct span *functions_at)
{
    char first = c->m->text[w->at.off];
    if (begins(c, &w->at, "path="))
        return word_path(c, p, w);
    if (begins(c, &w->at, "id="))
        return word_id(c, p, w);
    if (begins(c, &w->at, "slot="))
        return word_slot(c, p, w);
    if (begins(c, &w->at, "functions="))
        return word_flag(c, w, "all", &p->all_functions, functions_at);
    if (begins(c, &w->at, "reset="))
        return word_flag(c, w, "none", &p->reset_none, &p->reset_at);
    if (begins(c, &w->at, "reserved="))
        return word_flag(c, w, "map", &p->reserved_map, &p->reserved_at);
    if (begins(c, &w->at, "irq="))
        return word_irq(c, p, w);
    if (begins(c, &w->at, "gsi="))
        return word_gsi(c, p, w);
    if (begins(c, &w->at, "group=")) {
        value_error(c, CODE_M027, &w->at, NULL,
                    "pci: this word is not supported yet -> functions=all takes the siblings -> remove it");
        return false;
    }
    if ((first >= '0' && first <= '9') || begins(c, &w->at, "a") || begins(c, &w->at, "b") ||
        begins(c, &w->at, "c") || begins(c, &w->at, "d") || begins(c, &w->at, "e"))
        for (uint32_t i = 0; i < w->at.len; i++)
            if (c->m->text[w->at.off + i] == ':' || c->m->text[w->at.off + i] == '/')
                return word_address(c, p, w);
    value_error(c, CODE_M024, &w->at, NULL,
                "pci: no such word -> words are a name, id=, slot=, functions=all, reset=none, reserved=map,"
                " irq=none, irq=intx, gsi= -> a name is " NAME_FORMS);
    return false;
}

void value_pci(struct value_ctx *c)
{
    struct manifest_vm *vm = &c->m->vm[c->vm];
    const char *s = c->m->text + c->value.off;
    struct manifest_pci p = { .at = c->value };
    struct span functions_at = { 0 };
    for (uint32_t i = 0; i < c->value.len;) {
        uint32_t start, eq;
        while (i < c->value.len && (s[i] == ' ' || s[i] == '\t'))
            i++;
        for (start = i, eq = 0; i < c->value.len && s[i] != ' ' && s[i] != '\t'; i++)
            if (s[i] == '=' && eq == 0)
                eq = i + 1;
        if (i == start)
            break;
        struct word w = { value_sub(c->m, &c->value, start, i - start), { 0 } };
        w.value = eq ? value_sub(c->m, &c->value, eq, i - eq) : w.at;
        if (w.value.len == 0) {
            value_error(c, CODE_M013, &w.at, NULL, "pci: nothing after '=' -> the word needs a value"
                        " -> write one or remove the word");
            return;
        }
        if (!take_word(c, &p, &w, &functions_at))
            return;
    }
    if (p.name.kind == NAME_NONE && p.has_guard) {     /* id= alone is the name */
        p.name = (struct fn_name){ .kind = NAME_ID, .vendor = p.guard_vendor, .device = p.guard_device };
        p.name_at = p.guard_at;
        p.has_guard = false;
    }
    if (!gsi_fits(c, &p, &functions_at))
        return;
    if (p.name.kind == NAME_NONE)
        value_error(c, CODE_M023, &c->value, NULL,
                    "pci: no function is named -> the line gives nothing to the guest -> name one: " NAME_FORMS);
    else if (vm->pcis == MANIFEST_PCI)
        value_error(c, CODE_M021, &c->value, NULL,
                    "pci: one line too many -> a guest takes %u functions -> remove one", MANIFEST_PCI);
    else
        vm->pci[vm->pcis++] = p;
}
