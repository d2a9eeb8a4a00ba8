/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions: real ones stay the guest's, emulated instructions trap as the CPU would, NMIs nest rightly. */
#include "tests/guest/lib/rt.h"

#define VECTOR(v)  ((uint64_t)(v) + 1)     /* what rt_catch says */
#define RFLAGS_TF  0x100ull
#define DR6_BS     0x4000ull
#define NMI        2u

static void ud(void *p) { (void)p; __asm__ volatile ("ud2"); }
static void de(void *p) { (void)p; __asm__ volatile ("xor %%ecx, %%ecx; div %%ecx" : : "a"(1), "d"(0) : "rcx"); }
static void bp(void *p) { (void)p; __asm__ volatile ("int3"); }
static void gp_canonical(void *p) { (void)p; (void)*(volatile uint64_t *)0x8000000000000000ull; }
static void pf_read(void *p) { (void)p; (void)*(volatile uint64_t *)0x7000123450ull; }
static void pf_write(void *p) { (void)p; *(volatile uint64_t *)0x7000123458ull = 1; }
static void int_n(void *p) { (void)p; __asm__ volatile ("int $0x81"); }
static void selector(void *p) { (void)p; __asm__ volatile ("mov %0, %%fs" : : "r"(0x1234)); }

static void real_ones(void)
{
    rt_equal("ud", (uint64_t)rt_catch(ud, 0), VECTOR(6));
    rt_equal("ud-at-0f-0b", *(const uint16_t *)(uintptr_t)rt_trapped.rip, 0x0b0f);
    rt_equal("de", (uint64_t)rt_catch(de, 0), VECTOR(0));
    rt_equal("bp", (uint64_t)rt_catch(bp, 0), VECTOR(3));
    rt_equal("bp-behind-int3", *(const uint8_t *)(uintptr_t)(rt_trapped.rip - 1), 0xcc);
    rt_equal("gp-non-canonical", (uint64_t)rt_catch(gp_canonical, 0), VECTOR(13));
    rt_equal("gp-error", rt_trapped.error, 0);
    rt_equal("pf-read", (uint64_t)rt_catch(pf_read, 0), VECTOR(14));
    rt_equal("pf-read-error", rt_trapped.error, 0);
    rt_equal("pf-read-cr2", rt_trapped_cr2, 0x7000123450ull);
    rt_equal("pf-write", (uint64_t)rt_catch(pf_write, 0), VECTOR(14));
    rt_equal("pf-write-error", rt_trapped.error, 2);
    rt_equal("pf-write-cr2", rt_trapped_cr2, 0x7000123458ull);
    rt_equal("int-81", (uint64_t)rt_catch(int_n, 0), VECTOR(0x81));
    rt_equal("gp-selector", (uint64_t)rt_catch(selector, 0), VECTOR(13));
    rt_equal("gp-selector-error", rt_trapped.error, 0x1234);
}

/* ---- instructions that SVM intercepts ---- */
static void vmrun(void *p) { (void)p; __asm__ volatile (".byte 0x0f, 0x01, 0xd8" : : "a"(0)); }
static void vmload(void *p) { (void)p; __asm__ volatile (".byte 0x0f, 0x01, 0xda" : : "a"(0)); }
static void stgi(void *p) { (void)p; __asm__ volatile (".byte 0x0f, 0x01, 0xdc"); }
static void clgi(void *p) { (void)p; __asm__ volatile (".byte 0x0f, 0x01, 0xdd"); }
static void skinit(void *p) { (void)p; __asm__ volatile (".byte 0x0f, 0x01, 0xde" : : "a"(0)); }
static void monitor(void *p) { __asm__ volatile (".byte 0x0f, 0x01, 0xc8" : : "a"(p), "c"(0), "d"(0)); }
static void mwait(void *p) { (void)p; __asm__ volatile (".byte 0x0f, 0x01, 0xc9" : : "a"(0), "c"(0)); }
static void rdpmc(void *p) { (void)p; __asm__ volatile ("rdpmc" : : "c"(0) : "rax", "rdx"); }
static void rsm(void *p) { (void)p; __asm__ volatile (".byte 0x0f, 0xaa"); }
static void wbinvd(void *p) { (void)p; __asm__ volatile ("wbinvd"); }
static void invd(void *p) { (void)p; __asm__ volatile ("invd"); }
static void xsetbv_bad(void *p) { (void)p; __asm__ volatile ("xsetbv" : : "a"(0), "d"(0), "c"(0)); }
static void cr4_reserved(void *p) { write_cr4(read_cr4() | (uintptr_t)p); }
static void cr4_pae(void *p) { (void)p; write_cr4(read_cr4() & ~0x20ull); }

static void intercepted(void)
{
    static const struct { const char *name; void (*fn)(void *); unsigned vector; } rows[] = {
        { "vmrun-ud", vmrun, 6 }, { "vmload-ud", vmload, 6 }, { "stgi-ud", stgi, 6 }, { "clgi-ud", clgi, 6 },
        { "skinit-ud", skinit, 6 }, { "monitor-ud", monitor, 6 }, { "mwait-ud", mwait, 6 }, { "rdpmc-gp", rdpmc, 13 },
        { "rsm-ud", rsm, 6 },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        rt_equal(rows[i].name, (uint64_t)rt_catch(rows[i].fn, (void *)0x1000ul), VECTOR(rows[i].vector));
    rt_equal("wbinvd-passes", (uint64_t)rt_catch(wbinvd, 0), 0);
    rt_equal("invd-passes", (uint64_t)rt_catch(invd, 0), 0);
    rt_equal("xsetbv-without-osxsave-ud", (uint64_t)rt_catch(xsetbv_bad, 0), VECTOR(6));
    rt_equal("cr4-bit-13-gp", (uint64_t)rt_catch(cr4_reserved, (void *)0x2000ul), VECTOR(13));
    rt_equal("cr4-gp-error", rt_trapped.error, 0);
    rt_equal("cr4-bit-31-gp", (uint64_t)rt_catch(cr4_reserved, (void *)0x80000000ul), VECTOR(13));
    rt_equal("cr4-bit-40-gp", (uint64_t)rt_catch(cr4_reserved, (void *)(1ul << 40)), VECTOR(13));
    rt_equal("cr4-pae-off-in-long-mode-gp", (uint64_t)rt_catch(cr4_pae, 0), VECTOR(13));
    uint64_t cr4 = read_cr4();
    write_cr4(cr4 | 0x80);
    rt_equal("cr4-pge-on", read_cr4(), cr4 | 0x80);
    write_cr4(cr4);
    rt_equal("cr4-back", read_cr4(), cr4);
}

/* ---- debug: single steps over emulated instructions, breakpoints ---- */
static volatile uint64_t step_rip[24], step_dr6;
static volatile unsigned steps;

static void on_step(struct rt_frame *f)
{
    if (steps < 24)
        step_rip[steps] = f->rip;
    steps++;
    step_dr6 = read_dr6();
    write_dr6(0xffff0ff0);
}

extern uint8_t step_cpuid[], step_rdmsr[], step_out[], step_mmio[], step_cr8[], step_sti[], step_nop[], step_end[];
/* Once in the image: the labels are global. */
static __attribute__((noinline)) void step_through(void)
{
    __asm__ volatile ("xor %%eax, %%eax; mov $0xc0000080, %%ecx\n\t"
                      "pushf; orl $0x100, (%%rsp); popf\n"
                      "step_cpuid: cpuid\n"
                      "mov $0xc0000080, %%ecx\n"
                      "step_rdmsr: rdmsr\n"
                      "step_out: outb %%al, $0x80\n"
                      "step_mmio: mov (%0), %%eax\n"
                      "step_cr8: mov %%rdx, %%cr8\n"
                      "step_sti: sti\n"
                      "step_nop: nop\n"
                      "pushf; andl $~0x100, (%%rsp); popf\n"
                      "cli\n"
                      "step_end:" : : "D"(0xfec00000ul) : "rax", "rbx", "rcx", "rdx", "memory");
}

/* The step behind STI is in its shadow; QEMU forgets it, and it comes behind the NOP. */
static void single_step(void)
{
    rt_on(1, on_step);
    for (unsigned round = 0; round < 2; round++) {
        steps = 0;
        step_through();
        rt_check(steps >= 10 && steps <= 12, round ? "steps-counted-again" : "steps-counted");
        bool cpuid_ok = false, msr_ok = false, out_ok = false, mmio_ok = false, cr8_ok = false;
        for (unsigned i = 0; i < 24 && i < steps; i++) {
            cpuid_ok |= step_rip[i] == (uintptr_t)step_cpuid + 2;
            msr_ok |= step_rip[i] == (uintptr_t)step_out;
            out_ok |= step_rip[i] == (uintptr_t)step_mmio;
            mmio_ok |= step_rip[i] == (uintptr_t)step_cr8;
            cr8_ok |= step_rip[i] == (uintptr_t)step_sti;
        }
        rt_check(cpuid_ok, "step-behind-cpuid");
        rt_check(msr_ok, "step-behind-rdmsr");
        rt_check(out_ok, "step-behind-out");
        rt_check(mmio_ok, "step-behind-emulated-memory");
        rt_check(cr8_ok, "step-behind-cr8");
        rt_check((step_dr6 & DR6_BS) != 0, "dr6-bs");
    }
    rt_on(1, 0);
}

static volatile uint64_t watched;
static void breakpoints(void)
{
    rt_on(1, on_step);
    steps = 0;
    write_dr0((uintptr_t)&watched);
    write_dr1(0x1111);
    write_dr2(0x2222);
    write_dr3(0x3333);
    write_dr7(0x000d0402);          /* G0: writes to 4 bytes */
    outb(0x80, 0);
    watched = 5;
    __asm__ volatile ("nop");
    rt_equal("data-breakpoint", steps, 1);
    rt_equal("dr6-b0", step_dr6 & 0xf, 1);
    sti_nop_cli();
    cpuid(0, 0);
    rt_equal("dr1-kept", read_dr1(), 0x1111);
    rt_equal("dr2-kept", read_dr2(), 0x2222);
    rt_equal("dr3-kept", read_dr3(), 0x3333);
    rt_equal("dr7-kept", read_dr7(), 0x000d0402);
    write_dr7(0x400);
    watched = 6;
    rt_equal("data-breakpoint-off", steps, 1);
    rt_on(1, 0);
}

/* ---- NMI ---- */
static volatile unsigned nmis, nmi_depth, nmi_deepest;
static void send_nmi(void) { lapic_icr(0, 0x400); }
static void on_nmi(struct rt_frame *f)
{
    (void)f;
    nmis++;
    if (++nmi_depth > nmi_deepest)
        nmi_deepest = nmi_depth;
    if (nmis == 1) {
        send_nmi();                 /* waits for this handler's IRET */
        outb(0x80, 3);
        for (unsigned i = 0; i < 1000; i++)
            pause();
    }
    nmi_depth--;
}

static void nmi(void)
{
    rt_on(NMI, on_nmi);
    lapic_wr(0xf, 0x1ff);
    cli();
    send_nmi();
    for (unsigned i = 0; i < 100000 && nmis < 2; i++)
        pause();
    rt_equal("nmi-and-the-one-behind-it", nmis, 2);
    rt_equal("nmi-does-not-nest", nmi_deepest, 1);
    send_nmi();
    for (unsigned i = 0; i < 100000 && nmis < 3; i++)
        pause();
    rt_equal("nmi-open-after-iret", nmis, 3);
}

/* ---- STI and its shadow ---- */
static volatile unsigned ticks;
static volatile uint64_t tick_rip;
static void on_tick(struct rt_frame *f)
{
    ticks++;
    tick_rip = f->rip;
    lapic_eoi();
}

extern uint8_t shadow_end[], halt_end[];
static void shadow(void)
{
    rt_on(0x60, on_tick);
    cli();
    lapic_icr(0, 0x40060);
    __asm__ volatile ("xor %%eax, %%eax; sti; cpuid\n shadow_end: nop; nop; cli" : : : "rax", "rbx", "rcx", "rdx", "memory");
    rt_equal("pending-taken-after-sti", ticks, 1);
    rt_equal("not-before-the-next-instruction", tick_rip, (uintptr_t)shadow_end);
    lapic_icr(0, 0x40060);
    __asm__ volatile ("sti; hlt\n halt_end: nop; cli" : : : "memory");
    rt_equal("sti-hlt-wakes", ticks, 2);
    rt_equal("hlt-done-before", tick_rip, (uintptr_t)halt_end);
    ticks = 0;
    for (unsigned i = 0; i < 500; i++) {
        unsigned before = ticks;
        lapic_wr(0x3e, 0xb);
        lapic_wr(0x32, 0x60);
        lapic_wr(0x38, 1000 + i * 37);
        while (ticks == before)
            sti_hlt();
    }
    rt_equal("no-wake-up-lost", ticks, 500);
}

void guest_main(void)
{
    real_ones();
    intercepted();
    single_step();
    breakpoints();
    if (lapic_x2_on()) {
        nmi();
        shadow();
    }
}
