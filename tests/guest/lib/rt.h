/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runtime of the test guests: long mode, one address space one to one, COM1 for
 * report lines. A suite defines guest_main; each check prints `PASS name` or
 * `FAIL name detail`, the last line is `DONE passed failed`, then the guest turns
 * itself off.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void guest_main(void);

/* ---- reports ---- */
void rt_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void rt_pass(const char *name);
void rt_fail(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rt_check(bool ok, const char *name);
void rt_equal(const char *name, uint64_t got, uint64_t want);
__attribute__((noreturn)) void rt_done(void);
__attribute__((noreturn)) void rt_power_off(void);
/* True when the Multiboot command line has this word. */
bool rt_option(const char *word);

/* ---- traps ---- */
struct rt_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
typedef void rt_handler(struct rt_frame *frame);
void rt_on(unsigned vector, rt_handler *handler);          /* NULL takes it away */
/* Runs fn(arg); 0, or vector + 1 of the exception that ended it: rt_trapped has its frame. */
int rt_catch(void (*fn)(void *), void *arg);
extern struct rt_frame rt_trapped;
extern uint64_t rt_trapped_cr2;
void rt_gate(unsigned vector, uint64_t handler, unsigned dpl);

/* ---- further CPUs, by INIT and SIPI in xAPIC or x2APIC mode ---- */
typedef void rt_ap_fn(void *arg);
/* false: the CPU did not come up. */
bool rt_ap_run(uint32_t apic_id, rt_ap_fn *fn, void *arg);

/* ---- local APIC in its present mode ---- */
#define LAPIC_PAGE  0xfee00000u
bool lapic_x2_on(void);          /* false: no x2APIC */
uint32_t lapic_rd(unsigned reg);
void lapic_wr(unsigned reg, uint32_t value);
void lapic_icr(uint32_t dest, uint32_t low);
static inline void lapic_eoi(void) { lapic_wr(0xb, 0); }

/* Pages above 4 GiB, uncached, one to one; 2 MiB steps. */
void rt_map(uint64_t pa, uint64_t len);

#include "tests/guest/lib/hw.h"

