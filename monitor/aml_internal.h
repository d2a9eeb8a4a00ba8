/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the AML reader: bytes, names, values, calls. */
#pragma once

#include "monitor/aml.h"

#define AML_STEPS   (8u << 20)   /* bytes, comparisons and statements: well below a second */
#define AML_DEPTH   48u          /* terms inside terms */
#define AML_CALLS   8u           /* methods inside methods */

enum aml_kind { AML_SCOPE, AML_DEVICE, AML_VALUE, AML_METHOD, AML_ALIAS, AML_FIELD, AML_OTHER, AML_EXTERN };
#define AML_MAYBE   0x1u         /* under a condition that is not known */
#define AML_DOUBT   0x2u         /* and defined again: which of them counts is not known */
#define AML_STORED  0x4u         /* some method may change it */

struct span { uint32_t at, end; };

/* Bytes of the tables. False: cut, or the budget is spent. */
bool aml_get(struct aml *a, struct span *c, unsigned bytes, uint64_t *v);
bool aml_peek(const struct aml *a, const struct span *c, uint8_t *byte);
/* A package length [ACPI 20.2.4] as a number, and as the bytes that it spans: c goes behind them. */
bool aml_length(struct aml *a, struct span *c, uint32_t *n);
bool aml_package(struct aml *a, struct span *c, struct span *in);
bool aml_step(struct aml *a);
void aml_note(struct aml *a, uint32_t offset, const char *text);

/* A name string [ACPI 20.2.2]: its segments lie in the tables. */
struct name { bool root; uint32_t up, segs, at; };
bool aml_is_lead(uint8_t byte);  /* of a segment; is_name: of a name string */
bool aml_is_name(uint8_t byte);
bool aml_name_read(struct aml *a, struct span *c, struct name *n);
/* AML_NONE: there is none. Aliases are followed. */
uint16_t aml_lookup(struct aml *a, uint16_t scope, const struct name *n);
uint16_t aml_child(struct aml *a, uint16_t parent, const char name[5]);
/* Makes a name, or gives the one that is there. AML_NONE: no place for it; a note says so. */
uint16_t aml_enter(struct aml *a, uint16_t scope, const struct name *n, enum aml_kind kind, uint8_t flags);
uint16_t aml_enter_seg(struct aml *a, uint16_t parent, uint32_t seg, enum aml_kind kind, uint8_t flags, uint32_t at);
/* Names beyond the first `names` go, the newest first. */
void aml_forget(struct aml *a, uint32_t names);

enum value_kind { V_NONE, V_UNKNOWN, V_INT, V_STRING, V_BUFFER, V_PACKAGE, V_NAME, V_LOCAL, V_ARG, V_NOWHERE };
struct value {
    uint8_t kind, index;         /* V_LOCAL, V_ARG: which */
    uint16_t node;               /* V_NAME; V_PACKAGE: scope of its elements; V_UNKNOWN: what it depends on */
    uint32_t count;              /* V_PACKAGE */
    struct span in;              /* V_STRING, V_BUFFER, V_PACKAGE: bytes in the tables */
    uint64_t n;
    const char *why;             /* V_UNKNOWN */
};
struct value aml_unknown(const char *why, uint16_t what);
#define AML_NO_NAME  "depends on a name that is in no table"
/* The value of a name, of element i of a package, of the child of a device (V_NONE: it has none). */
struct value aml_value(struct aml *a, uint16_t node);
struct value aml_element(struct aml *a, const struct value *package, uint32_t i);
struct value aml_child_value(struct aml *a, uint16_t device, const char name[5]);

/* Ways to run code. LOAD: that of tables, which makes names. SKIM: nothing is done, but names that some
 * method stores in are marked. PIC: \_PIC (1), where statements that are not known are passed over.
 * STRICT: a method whose result is wanted, given up at the first statement that is not known. */
enum mode { LOAD, SKIM, PIC, STRICT };
enum flow { GO, LEAVE, BREAK, CONTINUE };
#define AML_OPERANDS  6u
struct frame {
    enum mode mode;
    enum flow flow;
    uint16_t scope;
    uint32_t calls;
    bool maybe;                  /* under a condition that is not known: so is what is stored */
    bool marking;                /* SKIM: names read here are parts of what is stored in */
    struct value result;         /* LEAVE */
    struct value local[8], arg[7];
};

enum op {                        /* those that have code of their own; the second byte of an extended one is | 100h */
    OP_ZERO = 0x00, OP_ONE = 0x01, OP_ALIAS = 0x06, OP_NAME = 0x08, OP_STRING = 0x0d, OP_SCOPE = 0x10, OP_BUFFER,
    OP_PACKAGE, OP_VARPACKAGE, OP_METHOD, OP_EXTERNAL, OP_LOCAL0 = 0x60, OP_ARG0 = 0x68, OP_STORE = 0x70, OP_REFOF,
    OP_INCREMENT = 0x75, OP_DECREMENT, OP_DEREFOF = 0x83, OP_SIZEOF = 0x87, OP_INDEX, OP_NOTIFY = 0x86,
    OP_CREATE_DWORD = 0x8a, OP_CREATE_WORD, OP_CREATE_BYTE, OP_CREATE_BIT, OP_CREATE_QWORD = 0x8f, OP_LNOT = 0x92,
    OP_TO_INTEGER = 0x99, OP_COPY = 0x9d, OP_CONTINUE = 0x9f, OP_IF, OP_ELSE, OP_WHILE, OP_NOOP, OP_RETURN, OP_BREAK,
    OP_ONES = 0xff, OP_EXT = 0x5b, OP_MUTEX = 0x101, OP_EVENT, OP_CONDREFOF = 0x112, OP_CREATE_FIELD, OP_REVISION = 0x130,
    OP_DEBUG, OP_REGION = 0x180, OP_FIELD, OP_DEVICE, OP_PROCESSOR, OP_POWER, OP_THERMAL, OP_INDEX_FIELD, OP_BANK_FIELD,
    OP_DATA_REGION
};


/* What follows an opcode: t a term, T a target, r a reference, N a new name, n an old one, 1 2 4 8 constants of
 * that many bytes, z nothing. NULL: not an opcode, or one with a package. */
extern const char *const aml_operands[0x200];
/* aml_term.c: one term, read whole and evaluated as far as constants go; false: it is broken or too deep.
 * A list of terms, until one leaves it. */
bool aml_term(struct aml *a, struct frame *f, struct span *c, struct value *v);
void aml_run(struct aml *a, struct frame *f, struct span code);
/* One datum: what Name () or a package holds, where names stand for themselves. */
bool aml_datum(struct aml *a, uint16_t scope, struct span *c, struct value *v);
/* Runs the code of a table: names are made for good. Reads all methods, to see what they store in. */
void aml_load(struct aml *a, struct span code);
void aml_skim(struct aml *a);
/* \_PIC (1): only what it stores in names counts, and only what is known of that. */
void aml_choose_apic(struct aml *a);

/* aml_eval.c: what a name stands for, methods called with arg; what an opcode with simple operands gives, and
 * does; the end of a method with this result. */
struct value aml_value_in(struct aml *a, uint16_t node, const struct frame *f, const struct value *arg);
struct value aml_result(struct aml *a, struct frame *f, uint64_t op, struct value v[AML_OPERANDS], unsigned count);
void aml_give_up(struct frame *f, const struct value *v);
/* Two integers and an operation of opcode op; false: not one that is known here. */
bool aml_arith(uint64_t op, uint64_t x, uint64_t y, uint64_t *out);
/* Fills bridge[] and route[]. */
void aml_find_routes(struct aml *a);
