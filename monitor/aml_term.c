/* SPDX-License-Identifier: BSD-2-Clause */
/* AML: terms [ACPI 20.2.5]: each is read whole, whatever becomes of it. Pure. */
#include "monitor/aml_internal.h"

const char *const aml_operands[0x200] = {
    [0x00] = "z", [0x01] = "z", [0x06] = "nN", [0x08] = "N", [0x0a] = "1", [0x0b] = "2", [0x0c] = "4", [0x0e] = "8",
    [0x15] = "N11", [0x70] = "tT", [0x71] = "r", [0x72] = "ttT", [0x73] = "ttT", [0x74] = "ttT", [0x75] = "T",
    [0x76] = "T", [0x77] = "ttT", [0x78] = "ttTT", [0x79] = "ttT", [0x7a] = "ttT", [0x7b] = "ttT", [0x7c] = "ttT",
    [0x7d] = "ttT", [0x7e] = "ttT", [0x7f] = "ttT", [0x80] = "tT", [0x81] = "tT", [0x82] = "tT", [0x83] = "t",
    [0x84] = "ttT", [0x85] = "ttT", [0x86] = "rt", [0x87] = "r", [0x88] = "ttT", [0x89] = "t1t1tt", [0x8a] = "ttN",
    [0x8b] = "ttN", [0x8c] = "ttN", [0x8d] = "ttN", [0x8e] = "r", [0x8f] = "ttN", [0x90] = "tt", [0x91] = "tt",
    [0x92] = "t", [0x93] = "tt", [0x94] = "tt", [0x95] = "tt", [0x96] = "tT", [0x97] = "tT", [0x98] = "tT",
    [0x99] = "tT", [0x9c] = "ttT", [0x9d] = "tT", [0x9e] = "tttT", [0x9f] = "z", [0xa3] = "z", [0xa4] = "t",
    [0xa5] = "z", [0xcc] = "z", [0xff] = "z",
    [0x101] = "N1", [0x102] = "N", [0x112] = "rT", [0x113] = "tttN", [0x11f] = "tttttt", [0x120] = "nT", [0x121] = "t",
    [0x122] = "t", [0x123] = "r2", [0x124] = "r", [0x125] = "rt", [0x126] = "r", [0x127] = "r", [0x128] = "tT",
    [0x129] = "tT", [0x12a] = "r", [0x130] = "z", [0x131] = "z", [0x132] = "14t", [0x133] = "z", [0x180] = "N1tt",
    [0x188] = "Nttt",
};

/* One datum: what Name () or a package holds, where names stand for themselves. */
bool aml_datum(struct aml *a, uint16_t scope, struct span *c, struct value *v)
{
    struct frame f = { .mode = STRICT, .scope = scope };
    struct name n;
    uint8_t byte;
    if (!aml_peek(a, c, &byte) || !aml_is_name(byte)) {
        uint32_t mark = a->names;
        bool ok = aml_term(a, &f, c, v);
        aml_forget(a, mark);                     /* a datum declares nothing */
        return ok;
    }
    if (!aml_name_read(a, c, &n))
        return false;
    *v = (struct value){ .kind = V_NAME, .node = aml_lookup(a, scope, &n) };
    if (v->node == AML_NONE)
        *v = aml_unknown(AML_NO_NAME, AML_NONE);
    return true;
}

/* Where a store goes. Never a call: a method's name there is a reference to it. */
static bool target(struct aml *a, struct frame *f, struct span *c, struct value *v)
{
    uint8_t byte;
    struct name n;
    if (!aml_peek(a, c, &byte))
        return false;
    *v = (struct value){ .kind = V_NOWHERE };
    if (byte == OP_ZERO || (byte >= OP_LOCAL0 && byte < OP_LOCAL0 + 8) || (byte >= OP_ARG0 && byte < OP_ARG0 + 7)) {
        c->at++;
        if (byte >= OP_ARG0)
            *v = (struct value){ .kind = V_ARG, .index = (uint8_t)(byte - OP_ARG0) };
        else if (byte >= OP_LOCAL0)
            *v = (struct value){ .kind = V_LOCAL, .index = (uint8_t)(byte - OP_LOCAL0) };
        return true;
    }
    if (aml_is_name(byte)) {
        if (!aml_name_read(a, c, &n))
            return false;
        *v = (struct value){ .kind = V_NAME, .node = aml_lookup(a, f->scope, &n) };
        if (v->node == AML_NONE)
            *v = aml_unknown(AML_NO_NAME, AML_NONE);
        return true;
    }
    bool marking = f->marking;
    f->marking = true;
    bool ok = aml_term(a, f, c, v);              /* Index (), DerefOf (), Debug */
    f->marking = marking;
    if (!ok)
        return false;
    if (v->kind != V_NOWHERE)
        *v = aml_unknown("changes what is not a name", AML_NONE);
    return true;
}

/* Names that the new one's block belongs to. `in` is what is left of a package, or nothing. */
static void declare(struct aml *a, struct frame *f, const struct name *n, enum aml_kind kind, uint8_t args,
                    struct span in, bool is_block)
{
    if (f->mode == SKIM) {
        if (is_block)
            aml_run(a, f, in);
        return;
    }
    uint16_t node = aml_enter(a, f->scope, n, kind, f->maybe ? AML_MAYBE : 0), scope = f->scope;
    if (node == AML_NONE)
        return;
    struct aml_name *name = &a->name[node];
    if (!is_block && name->end == 0 && name->kind == kind) {
        name->at = in.at;
        name->end = in.end;
        name->args = args;
    }
    if (is_block) {
        f->scope = node;
        aml_run(a, f, in);
        f->scope = scope;
    }
}

/* Field elements [ACPI 20.2.5.2]: offsets, access changes, connections, names. */
static bool fields(struct aml *a, struct frame *f, struct span c)
{
    uint64_t byte, skip;
    uint32_t bits;
    struct value v;
    while (c.at < c.end) {
        uint32_t at = c.at;
        if (!aml_get(a, &c, 1, &byte))
            return false;
        switch (byte) {
        case 0: if (!aml_length(a, &c, &bits)) return false; break;
        case 1: if (!aml_get(a, &c, 2, &skip)) return false; break;
        case 2: if (!aml_datum(a, f->scope, &c, &v)) return false; break;
        case 3: if (!aml_get(a, &c, 3, &skip)) return false; break;
        default:
            if (!aml_is_lead((uint8_t)byte) || !aml_get(a, &c, 3, &skip) || !aml_length(a, &c, &bits))
                return false;
            if (f->mode == SKIM)
                break;
            uint16_t node = aml_enter_seg(a, f->scope, (uint32_t)(byte | skip << 8), AML_FIELD,
                                          f->maybe ? AML_MAYBE : 0, at);
            if (node != AML_NONE && a->name[node].end == 0)
                a->name[node].at = a->name[node].end = at + 1;
        }
    }
    return true;
}

/* Those of the opcodes with a package whose contents are terms, names or fields. `in` is that package. */
static bool declaration(struct aml *a, struct frame *f, uint64_t op, struct span in)
{
    struct name n, second;
    struct value v;
    uint64_t byte = 0;
    if (!aml_name_read(a, &in, &n))
        return false;
    switch (op) {
    case OP_SCOPE: {
        if (f->mode == SKIM) {
            aml_run(a, f, in);
            return true;
        }
        uint16_t node = aml_lookup(a, f->scope, &n), scope = f->scope;
        if (n.segs == 0)
            node = aml_enter(a, f->scope, &n, AML_SCOPE, 0);
        if (node == AML_NONE || a->name[node].kind == AML_EXTERN) {
            aml_note(a, n.at, "scope is in no table, what it holds is lost");
            return true;
        }
        f->scope = node;
        aml_run(a, f, in);
        f->scope = scope;
        return true;
    }
    case OP_METHOD:
        if (!aml_get(a, &in, 1, &byte))
            return false;
        declare(a, f, &n, AML_METHOD, (uint8_t)(byte & 7), in, false);
        return true;
    case OP_PROCESSOR: if (!aml_get(a, &in, 6, &byte)) return false; break;
    case OP_POWER: if (!aml_get(a, &in, 3, &byte)) return false; break;
    case OP_INDEX_FIELD: return aml_name_read(a, &in, &second) && aml_get(a, &in, 1, &byte) && fields(a, f, in);
    case OP_BANK_FIELD:
        return aml_name_read(a, &in, &second) && aml_term(a, f, &in, &v) && aml_get(a, &in, 1, &byte) && fields(a, f, in);
    case OP_FIELD: return aml_get(a, &in, 1, &byte) && fields(a, f, in);
    default: break;
    }
    declare(a, f, &n, op == OP_DEVICE ? AML_DEVICE : AML_OTHER, 0, in, true);
    return true;
}

/* A buffer or package: its size, then what fills it. */
static bool aggregate(struct aml *a, struct frame *f, uint64_t op, struct span *c, struct value *v)
{
    struct value size;
    struct span in;
    uint64_t count;
    if (!aml_package(a, c, &in))
        return false;
    if (op == OP_PACKAGE) {
        if (!aml_get(a, &in, 1, &count))
            return false;
        size = (struct value){ .kind = V_INT, .n = count };
    } else if (!aml_term(a, f, &in, &size)) {
        return false;
    }
    *v = (struct value){ .kind = op == OP_BUFFER ? V_BUFFER : V_PACKAGE, .node = f->scope, .in = in,
                         .count = size.kind == V_INT && size.n < 0xffff ? (uint32_t)size.n : 0xffff };
    return true;
}

static bool both(struct aml *a, struct frame *f, struct span one, struct span two)
{
    bool maybe = f->maybe, left;
    f->maybe = true;
    aml_run(a, f, one);
    left = f->flow == LEAVE;
    f->flow = GO;
    aml_run(a, f, two);
    left |= f->flow == LEAVE;
    f->flow = GO;
    f->maybe = maybe || left;                    /* what follows may not be reached */
    return true;
}

/* If with its Else, and While. */
static bool branch(struct aml *a, struct frame *f, uint64_t op, struct span *c)
{
    struct span in, body, otherwise = { c->end, c->end };
    struct value cond;
    uint8_t byte;
    if (!aml_package(a, c, &in))
        return false;
    if (op == OP_IF && aml_peek(a, c, &byte) && byte == OP_ELSE) {
        c->at++;
        if (!aml_package(a, c, &otherwise))
            return false;
    }
    do {
        body = in;
        if (!aml_term(a, f, &body, &cond))
            return false;
        if (f->mode == SKIM) {
            aml_run(a, f, body);
            aml_run(a, f, otherwise);
            return true;
        }
        if (cond.kind != V_INT) {
            if (cond.kind != V_UNKNOWN)
                cond = aml_unknown("is no number to decide by", AML_NONE);
            if (f->mode == STRICT)
                aml_give_up(f, &cond);
            else
                return both(a, f, body, otherwise);
            return true;
        }
        aml_run(a, f, cond.n ? body : otherwise);
        if (f->flow == LEAVE || op == OP_IF)
            return true;
        bool out = f->flow == BREAK;
        f->flow = GO;
        if (out)
            return true;
    } while (cond.n != 0 && aml_step(a));
    return true;
}

static void mark(struct aml *a, const struct value *v)
{
    if (v->kind == V_NAME)
        a->name[v->node].flags |= AML_STORED;
}

/* An opcode with simple operands: reads them all, then does it. */
static bool simple(struct aml *a, struct frame *f, uint64_t op, struct span *c, struct value *out)
{
    struct value v[AML_OPERANDS] = { { .kind = V_NONE } };
    struct name n, old = { .root = false };
    const char *want = aml_operands[op];
    unsigned count = 0;
    bool new_name = false;
    uint32_t start = c->at;
    for (const char *k = want; *k && *k != 'z'; k++, count++) {
        bool ok;
        switch (*k) {
        case 't': ok = aml_term(a, f, c, &v[count]); break;
        case 'T': case 'r': ok = target(a, f, c, &v[count]); break;
        case 'n': start = c->at; ok = aml_name_read(a, c, &old); break;
        case 'N': new_name = true; ok = aml_name_read(a, c, &n); break;
        default:
            v[count].kind = V_INT;
            ok = aml_get(a, c, (unsigned)(*k - '0'), &v[count].n);
        }
        if (!ok)
            return false;
    }
    if (want[0] == 't' && want[1] == 't' && new_name)          /* a field in a buffer: that may change */
        mark(a, &v[0]);
    *out = (struct value){ .kind = V_NONE };
    if (f->mode == SKIM) {
        for (unsigned i = 0; i < count; i++)
            if (want[i] == 'T')
                mark(a, &v[i]);
        return true;
    }
    if (!new_name) {
        *out = aml_result(a, f, op, v, count);
    } else if (op == OP_NAME) {
        start = c->at;
        if (!aml_datum(a, f->scope, c, out))
            return false;
        declare(a, f, &n, AML_VALUE, 0, (struct span){ start, c->at }, false);
        *out = (struct value){ .kind = V_NONE };
    } else if (op == OP_ALIAS) {
        declare(a, f, &n, AML_ALIAS, 0, (struct span){ start, c->at }, false);
    } else if (op == OP_EXTERNAL) {
        declare(a, f, &n, AML_EXTERN, (uint8_t)(v[1].n == 8 ? v[2].n & 7 : 0), (struct span){ start, c->at }, false);
    } else {
        declare(a, f, &n, op == OP_MUTEX || op == OP_EVENT || op == OP_REGION || op == OP_DATA_REGION ? AML_OTHER
                          : AML_FIELD, 0, (struct span){ start, c->at }, false);
    }
    return true;
}

/* A name in the place of a value: what it stands for; a method is called with the terms behind it. */
static bool named(struct aml *a, struct frame *f, struct span *c, struct value *v)
{
    struct value arg[7];
    struct name n;
    if (!aml_name_read(a, c, &n))
        return false;
    uint16_t node = aml_lookup(a, f->scope, &n);
    unsigned args = node != AML_NONE && (a->name[node].kind == AML_METHOD || a->name[node].kind == AML_EXTERN)
                    ? a->name[node].args : 0;
    for (unsigned i = 0; i < args; i++)
        if (!aml_term(a, f, c, &arg[i]))
            return false;
    *v = (struct value){ .kind = node != AML_NONE ? V_NAME : V_NONE, .node = node };
    if (f->marking)
        mark(a, v);
    if (f->mode != SKIM)
        *v = aml_value_in(a, node, f, arg);
    return true;
}

static bool opcode(struct aml *a, struct frame *f, struct span *c, struct value *v)
{
    struct span in;
    uint64_t op, ext;
    if (!aml_get(a, c, 1, &op) || (op == OP_EXT && !aml_get(a, c, 1, &ext)))
        return false;
    if (op == OP_EXT)
        op = ext | 0x100;
    if (op >= OP_LOCAL0 && op < OP_LOCAL0 + 8) {
        *v = f->local[op - OP_LOCAL0];
        return true;
    }
    if (op >= OP_ARG0 && op < OP_ARG0 + 7) {
        *v = f->arg[op - OP_ARG0];
        return true;
    }
    switch (op) {
    case OP_STRING:
        *v = (struct value){ .kind = V_STRING, .in = { c->at, c->at } };
        while (aml_get(a, c, 1, &ext) && ext != 0)
            v->in.end = c->at;
        return a->steps != 0 && ext == 0;
    case OP_BUFFER: case OP_PACKAGE: case OP_VARPACKAGE: return aggregate(a, f, op, c, v);
    case OP_IF: case OP_WHILE: *v = (struct value){ .kind = V_NONE }; return branch(a, f, op, c);
    case OP_ELSE: return aml_package(a, c, &in);              /* without an If */
    case OP_SCOPE: case OP_METHOD: case OP_FIELD: case OP_DEVICE: case OP_PROCESSOR: case OP_POWER: case OP_THERMAL:
    case OP_INDEX_FIELD: case OP_BANK_FIELD: {
        uint32_t at = c->at;
        if (!aml_package(a, c, &in))
            return false;
        if (!declaration(a, f, op, in))
            aml_note(a, at, "definition is broken, it is lost");
        return true;
    }
    default: return aml_operands[op] && simple(a, f, op, c, v);
    }
}

bool aml_term(struct aml *a, struct frame *f, struct span *c, struct value *v)
{
    uint8_t byte;
    *v = (struct value){ .kind = V_NONE };
    if (!aml_peek(a, c, &byte) || !aml_step(a))
        return false;
    if (a->depth == AML_DEPTH) {
        aml_note(a, c->at, "terms are nested too deep");
        return false;
    }
    a->depth++;
    bool ok = aml_is_name(byte) ? named(a, f, c, v) : opcode(a, f, c, v);
    a->depth--;
    return ok;
}

/* A list of terms, until one leaves it. */
void aml_run(struct aml *a, struct frame *f, struct span code)
{
    struct value v;
    while (code.at < code.end && f->flow == GO) {
        uint32_t at = code.at;
        if (!aml_term(a, f, &code, &v)) {
            v = aml_unknown("is broken or too deep", AML_NONE);
            if (f->mode <= SKIM)
                aml_note(a, at, "is not understood, the rest of its block is lost");
            else
                aml_give_up(f, &v);
            return;
        }
        if (f->mode == STRICT && f->flow == GO && v.kind == V_UNKNOWN)
            aml_give_up(f, &v);
    }
}

void aml_load(struct aml *a, struct span code)
{
    struct frame f = { .mode = LOAD };
    for (unsigned i = 0; i < ARRAY_LEN(f.local); i++)
        f.local[i] = aml_unknown("is a local of a table", AML_NONE);
    for (unsigned i = 0; i < ARRAY_LEN(f.arg); i++)
        f.arg[i] = f.local[0];
    aml_run(a, &f, code);
    if (f.flow != GO)
        aml_note(a, code.at, "table's code ends before its end");
}

void aml_skim(struct aml *a)
{
    for (uint32_t i = 1; i < a->fixed; i++) {
        struct frame f = { .mode = SKIM, .scope = (uint16_t)i };
        if (a->name[i].kind == AML_METHOD)
            aml_run(a, &f, (struct span){ a->name[i].at, a->name[i].end });
    }
}
