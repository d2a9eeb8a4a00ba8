/* SPDX-License-Identifier: BSD-2-Clause */
/* AML: values: what names, methods and operators give, as far as constants go [ACPI 19.6]. Pure. */
#include "monitor/aml_internal.h"

#define FIELD_READ   "depends on a hardware register or firmware's memory"

struct value aml_unknown(const char *why, uint16_t what)
{
    return (struct value){ .kind = V_UNKNOWN, .why = why, .node = what };
}

static struct value number(uint64_t n) { return (struct value){ .kind = V_INT, .n = n }; }

static struct aml_change *change_of(struct aml *a, uint16_t node)
{
    for (uint32_t i = 0; i < a->changes; i++)
        if (a->change[i].node == node)
            return &a->change[i];
    return NULL;
}

/* A method's result, in a call `calls` deep. */
static struct value call(struct aml *a, uint16_t node, const struct frame *from, const struct value *arg)
{
    const struct aml_name *m = &a->name[node];
    struct frame f = { .mode = from->mode == PIC ? PIC : STRICT, .scope = node, .calls = from->calls + 1,
                       .maybe = from->maybe };
    uint32_t mark = a->names;
    if (from->calls >= AML_CALLS)
        return aml_unknown("calls too many methods", node);
    for (unsigned i = 0; i < ARRAY_LEN(f.local); i++)
        f.local[i] = aml_unknown("is a local that nothing was stored in", node);
    for (unsigned i = 0; i < ARRAY_LEN(f.arg); i++)
        f.arg[i] = i < m->args && arg ? arg[i] : aml_unknown("is an argument that was not given", node);
    aml_run(a, &f, (struct span){ m->at, m->end });
    aml_forget(a, mark);
    if (f.result.kind == V_UNKNOWN && f.result.node >= mark)
        f.result.node = node;                    /* its own name is gone */
    return f.flow == LEAVE ? f.result : (struct value){ .kind = V_NONE };
}

struct value aml_value_in(struct aml *a, uint16_t node, const struct frame *f, const struct value *arg)
{
    if (node == AML_NONE)
        return aml_unknown(AML_NO_NAME, AML_NONE);
    const struct aml_name *name = &a->name[node];
    const struct aml_change *change = change_of(a, node);
    struct span c = { name->at, name->end };
    struct value v;
    if (name->flags & AML_DOUBT)
        return aml_unknown("is defined twice, and which counts depends on hardware", node);
    if (change)
        return change->known ? number(change->n) : aml_unknown("is set to what is not known", node);
    if (name->kind == AML_VALUE && name->flags & AML_STORED && node < a->fixed)
        return aml_unknown("is set by other code", node);
    switch ((enum aml_kind)name->kind) {
    case AML_VALUE: return aml_datum(a, name->parent, &c, &v) ? v : aml_unknown("is broken", node);
    case AML_METHOD: return call(a, node, f, arg);
    case AML_FIELD: return aml_unknown(FIELD_READ, node);
    case AML_EXTERN: return aml_unknown(AML_NO_NAME, node);
    case AML_SCOPE: case AML_DEVICE: case AML_OTHER: case AML_ALIAS: break;
    }
    return (struct value){ .kind = V_NAME, .node = node };
}

struct value aml_value(struct aml *a, uint16_t node)
{
    struct frame f = { .mode = STRICT };
    struct value v = aml_value_in(a, node, &f, NULL);
    for (unsigned i = 0; i < 4 && v.kind == V_NAME && v.node != node && a->name[v.node].kind == AML_VALUE; i++)
        v = aml_value_in(a, v.node, &f, NULL);       /* a name for a name */
    return v;
}

struct value aml_child_value(struct aml *a, uint16_t device, const char name[5])
{
    uint16_t child = aml_child(a, device, name);
    return child == AML_NONE ? (struct value){ .kind = V_NONE } : aml_value(a, child);
}

struct value aml_element(struct aml *a, const struct value *package, uint32_t i)
{
    struct span c = package->in;
    struct value v = { .kind = V_NONE };
    if (package->kind != V_PACKAGE || i >= package->count)
        return v;
    for (uint32_t k = 0; k <= i; k++) {
        if (c.at >= c.end)                       /* not filled */
            return (struct value){ .kind = V_NONE };
        if (!aml_datum(a, package->node, &c, &v))
            return aml_unknown("is broken", AML_NONE);
    }
    return v;
}

/* The same, with a name of a value standing for its value. */
static struct value element_value(struct aml *a, const struct value *package, uint32_t i)
{
    struct value v = aml_element(a, package, i);
    return v.kind == V_NAME && a->name[v.node].kind != AML_METHOD ? aml_value(a, v.node) : v;
}

void aml_give_up(struct frame *f, const struct value *v)
{
    f->flow = LEAVE;
    f->result = *v;
}

/* V_NONE, or V_UNKNOWN when the store is none that we keep. */
static struct value store(struct aml *a, struct frame *f, const struct value *to, const struct value *what)
{
    struct value v = f->maybe ? aml_unknown("is set under a condition that is not known", AML_NONE) : *what;
    struct value done = { .kind = V_NONE };
    if (to->kind == V_NOWHERE)
        return done;
    if (to->kind == V_LOCAL) {
        f->local[to->index] = v;
        return done;
    }
    if (to->kind == V_ARG) {
        f->arg[to->index] = v;
        return done;
    }
    if (to->kind != V_NAME)
        return *to;
    if (f->mode == STRICT && to->node < a->fixed)
        return aml_unknown("changes a name that others see", to->node);
    if (a->name[to->node].kind != AML_VALUE && (f->mode == STRICT || a->name[to->node].kind != AML_FIELD))
        return aml_unknown("changes what is not a plain value", to->node);
    struct aml_change *change = change_of(a, to->node);
    if (!change && a->changes == AML_CHANGES)
        return aml_unknown("is one of too many names that change", to->node);
    if (!change)
        change = &a->change[a->changes++];
    *change = (struct aml_change){ to->node, v.kind == V_INT, v.n };
    return done;
}

/* What an opcode with simple operands gives. */
struct value aml_result(struct aml *a, struct frame *f, uint64_t op, struct value v[AML_OPERANDS], unsigned count)
{
    struct value out = { .kind = V_UNKNOWN, .why = "does what this reader does not", .node = AML_NONE };
    uint64_t n;
    switch (op) {
    case OP_ZERO: return number(0);
    case OP_ONE: return number(1);
    case OP_ONES: return number(a->narrow ? 0xffffffffu : ~0ull);
    case OP_REVISION: return number(2);
    case OP_DEBUG: return (struct value){ .kind = V_NOWHERE };
    case OP_NOOP: case 0xcc: return (struct value){ .kind = V_NONE };
    case 0x0a: case 0x0b: case 0x0c: case 0x0e: return v[0];
    case OP_RETURN: aml_give_up(f, &v[0]); return (struct value){ .kind = V_NONE };
    case OP_BREAK: f->flow = BREAK; return (struct value){ .kind = V_NONE };
    case OP_CONTINUE: f->flow = CONTINUE; return (struct value){ .kind = V_NONE };
    case OP_STORE: case OP_COPY: case OP_TO_INTEGER:
        out = store(a, f, &v[1], &v[0]);
        return out.kind == V_NONE ? v[0] : out;
    case OP_DEREFOF: return v[0];
    case OP_INDEX:
        if (v[0].kind == V_PACKAGE && v[1].kind == V_INT && v[1].n < 0xffff)
            return element_value(a, &v[0], (uint32_t)v[1].n);
        break;
    case OP_SIZEOF:
        if (v[0].kind == V_NAME)
            v[0] = aml_value_in(a, v[0].node, f, NULL);
        if (v[0].kind == V_PACKAGE)
            return number(v[0].count);
        break;
    case OP_CONDREFOF:
        if (v[0].kind == V_UNKNOWN && f->mode != LOAD)
            return number(0);
        if (v[0].kind != V_NAME || a->name[v[0].node].kind == AML_EXTERN || a->name[v[0].node].flags & AML_MAYBE)
            return aml_unknown("depends on whether a name is there", v[0].kind == V_NAME ? v[0].node : AML_NONE);
        out = store(a, f, &v[1], &v[0]);
        return out.kind == V_NONE ? number(1) : out;
    default: break;
    }
    for (unsigned i = 0; i < count; i++)
        if (v[i].kind == V_UNKNOWN)
            return v[i];
    if (op == OP_INCREMENT || op == OP_DECREMENT) {           /* x becomes x + 1 */
        v[1] = v[0];
        v[0] = v[0].kind == V_LOCAL ? f->local[v[0].index] : v[0].kind == V_ARG ? f->arg[v[0].index] : out;
        if (v[0].kind != V_INT)
            return v[0].kind == V_UNKNOWN ? v[0] : out;
        v[0].n += op == OP_INCREMENT ? 1 : ~0ull;
        return store(a, f, &v[1], &v[0]);
    }
    if (v[0].kind != V_INT || (count > 1 && v[1].kind != V_INT && aml_operands[op][1] == 't') ||
        !aml_arith(op, v[0].n, v[1].n, &n))
        return out;
    struct value made = number(a->narrow ? (uint32_t)n : n);
    if (aml_operands[op][count - 1] == 'T')
        out = store(a, f, &v[count - 1], &made);
    return aml_operands[op][count - 1] == 'T' && out.kind == V_UNKNOWN ? out : made;
}

void aml_choose_apic(struct aml *a)
{
    struct frame f = { .mode = PIC };
    struct value one = { .kind = V_INT, .n = 1 };
    uint16_t pic = aml_child(a, 0, "_PIC");
    if (pic != AML_NONE && a->name[pic].kind == AML_METHOD && a->name[pic].args == 1)
        (void)call(a, pic, &f, &one);
}
