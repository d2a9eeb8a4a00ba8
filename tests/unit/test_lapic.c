/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/arch/lapic.c tests/unit/fake/hw.c tests/unit/fake/kmap.c */
/* The host's local APIC over a model of its registers, as page and as MSRs. */
#include "kernel/arch/cpu.h"

#include "tests/unit/unit.h"

#define PAGE      0xfee00000ull
#define HZ_MHZ    100u                    /* the timer's; the TSC runs at 1000 */
#define REGS      0x400u

struct percpu fake_percpu;
struct cpu_features cpu_features;
struct percpu *cpu_block[MAX_CPUS];
uint64_t tsc_hz(void) { return 1000000000; }
NORETURN void panic(const char *format, ...) { fake_die(format, 0); }

static struct {
    uint32_t reg[REGS / 16];
    uint64_t base, deadline, icr;
    uint64_t count_at;                    /* when the initial count was written, us */
    unsigned eois, icr_writes, icr_pending, counts, jump_at;
} apic;

static uint32_t reg_read(uint32_t off)
{
    if (off == 0x390)
        return apic.reg[0x38] - (uint32_t)((fake_hw.now_us - apic.count_at) * HZ_MHZ);
    if (off == 0x300 && apic.icr_pending > 0) {
        apic.icr_pending--;
        return 0x1000;
    }
    return apic.reg[off / 16];
}

static void reg_write(uint32_t off, uint32_t v)
{
    apic.reg[off / 16] = v;
    apic.eois += off == 0xb0;
    if (off == 0x380) {
        apic.count_at = fake_hw.now_us;
        if (v == ~0u && ++apic.counts == apic.jump_at)
            fake_hw.now_us += 1000;       /* something comes between the two readings */
    }
    if (off == 0x300) {
        apic.icr = (uint64_t)apic.reg[0x31] << 32 | v;
        apic.icr_writes++;
    }
}

static uint64_t page_read(void *model, uint64_t off, unsigned size)
{
    (void)model;
    CHECK(size == 4 && off % 16 == 0 && off < REGS);
    return reg_read((uint32_t)off);
}

static void page_write(void *model, uint64_t off, unsigned size, uint64_t v)
{
    (void)model;
    CHECK(size == 4 && off % 16 == 0 && off < REGS);
    reg_write((uint32_t)off, (uint32_t)v);
}

static uint64_t rdmsr(uint32_t msr)
{
    if (msr == MSR_APIC_BASE)
        return apic.base;
    CHECK((apic.base & (APIC_BASE_X2 | APIC_BASE_ENABLE)) == (APIC_BASE_X2 | APIC_BASE_ENABLE));
    return reg_read((msr - MSR_X2APIC) * 16);
}

static void wrmsr(uint32_t msr, uint64_t v)
{
    if (msr == MSR_APIC_BASE) {           /* straight from off to x2APIC is #GP, and so is back to xAPIC */
        CHECK((v & APIC_BASE_ENABLE) && !((v & APIC_BASE_X2) && !(apic.base & APIC_BASE_ENABLE)));
        CHECK((v & APIC_BASE_X2) || !(apic.base & APIC_BASE_X2));
        apic.base = v;
    } else if (msr == MSR_TSC_DEADLINE) {
        apic.deadline = v;
    } else if (msr == MSR_X2APIC + 0x30) {
        apic.icr = v;
        apic.icr_writes++;
    } else {
        CHECK(msr != MSR_X2APIC + 0x31);  /* not there in x2APIC mode */
        reg_write((msr - MSR_X2APIC) * 16, (uint32_t)v);
    }
}

static uint8_t pic_mask[2];
static void pic_out(uint16_t p, unsigned size, uint32_t v)
{
    CHECK(size == 1 && (p == 0x21 || p == 0xa1));
    pic_mask[p == 0xa1] = (uint8_t)v;
}

static void start(bool x2apic, bool deadline, uint64_t base, uint32_t id, uint32_t lvts)
{
    fake_hw_reset();
    fake_hw.rdmsr = rdmsr;
    fake_hw.wrmsr = wrmsr;
    memset(&apic, 0, sizeof apic);
    memset(pic_mask, 0, sizeof pic_mask);
    fake_hw.out = pic_out;
    for (unsigned i = 0x33; i <= 0x37; i++)
        apic.reg[i] = 0x5a;
    apic.base = PAGE | base;
    apic.reg[2] = id;
    apic.reg[3] = lvts << 16 | 0x14;
    cpu_features.x2apic = x2apic;
    cpu_features.tsc_deadline = deadline;
    if (!x2apic && !(base & APIC_BASE_X2))
        fake_mmio_register(PAGE, 4096, &apic, page_read, page_write);
}

static void set_up(uint32_t lvts)
{
    CHECK_EQ(apic.reg[0xf], 0x1ff);
    CHECK_EQ(apic.reg[0x33], lvts >= 5 ? 0x10000 : 0x5a);
    CHECK_EQ(apic.reg[0x34], lvts >= 4 ? 0x10000 : 0x5a);
    CHECK_EQ(apic.reg[0x35], 0x10000);
    CHECK_EQ(apic.reg[0x36], 0x400);
    CHECK_EQ(apic.reg[0x37], 0x10000);
    CHECK_EQ(apic.reg[0x38], 0);          /* nothing runs before the first deadline */
    CHECK_EQ(apic.eois, 8);
    CHECK(pic_mask[0] == 0xff && pic_mask[1] == 0xff);
}

/* Within a part in 1000 of what is wanted. */
static bool near(uint64_t v, uint64_t want) { return v + want / 1000 >= want && v <= want + want / 1000; }

static void page_mode(void)
{
    start(false, false, 0, 3u << 24, 3);  /* firmware left it off */
    apic.jump_at = 1;                     /* a first span that is no good */
    lapic_init_cpu();
    CHECK(!lapic_is_x2apic);
    CHECK_EQ(apic.base, PAGE | APIC_BASE_ENABLE);
    CHECK_EQ(fake_percpu.apic_id, 3);
    set_up(3);
    CHECK_EQ(apic.counts, 2);
    CHECK_EQ(apic.reg[0x32], VEC_TIMER);
    lapic_timer_set(hw_rdtsc() + 1000000);
    CHECK(near(apic.reg[0x38], 100000));
    lapic_timer_set(1);                   /* past: at once */
    CHECK_EQ(apic.reg[0x38], 1);
    lapic_timer_set(~0ull);               /* beyond the counter: early */
    CHECK_EQ(apic.reg[0x38], 0xffffffff);
    struct percpu other = { .apic_id = 7, .online = 1 };
    cpu_block[1] = &other;
    apic.icr_pending = 3;
    lapic_ipi(1, 0xf1);
    CHECK_EQ(apic.icr, 7ull << 56 | 0x40f1);
    CHECK_EQ(apic.icr_pending, 0);
    lapic_send(9, IPI_STARTUP | 8);
    CHECK_EQ(apic.icr, 9ull << 56 | 0x4608);
    apic.counts = 0;
    lapic_init_cpu();                     /* another CPU: the rate is known */
    CHECK_EQ(apic.counts, 0);
}

static void msr_mode(void)
{
    start(true, true, APIC_BASE_ENABLE, 0x1234, 5);
    lapic_init_cpu();
    CHECK(lapic_is_x2apic);
    CHECK_EQ(apic.base, PAGE | APIC_BASE_ENABLE | APIC_BASE_X2);
    CHECK_EQ(fake_percpu.apic_id, 0x1234);
    set_up(5);
    CHECK_EQ(apic.reg[0x32], VEC_TIMER | 0x40000);
    lapic_timer_set(123456789);
    CHECK_EQ(apic.deadline, 123456789);
    struct percpu up = { .apic_id = 5, .online = 1 }, starting = { .apic_id = 6 };
    cpu_block[0] = &fake_percpu;
    cpu_block[1] = &up;
    cpu_block[2] = &starting;
    fake_percpu.online = 1;
    apic.icr_writes = 0;
    lapic_nmi_others();                   /* not itself, not one that is not up */
    CHECK_EQ(apic.icr_writes, 1);
    CHECK_EQ(apic.icr, 5ull << 32 | 0x4400);
}

static void firmware_x2apic(void)
{
    start(false, false, APIC_BASE_ENABLE | APIC_BASE_X2, 2, 4);
    lapic_init_cpu();
    CHECK(lapic_is_x2apic);
    CHECK_EQ(fake_percpu.apic_id, 2);
    set_up(4);
}

int main(void)
{
    page_mode();
    msr_mode();
    firmware_x2apic();
    return unit_done();
}
