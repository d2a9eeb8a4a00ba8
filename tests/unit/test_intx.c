/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/irq/irq.c kernel/irq/intx.c kernel/irq/ioapic.c tests/unit/fake/hw.c tests/unit/fake/kmap.c tests/unit/fake/log.c */
/* INTx: lines of a model of the I/O APIC that has levels, remote IRR and the CPU's EOI. */
#include "kernel/irq/irq.h"

#include "drivers/pci/pci.h"
#include "kernel/abi/syscall.h"
#include "kernel/arch/hw.h"
#include "kernel/arch/percpu.h"
#include "kernel/arch/upcall.h"
#include "kernel/config.h"
#include "kernel/log/console.h"
#include "tests/unit/fake/log.h"
#include "unit.h"

#define PINS    24u
#define MASKED  0x10000u
#define REMOTE  0x4000u
#define LEVEL   0x8000u

/* ---- fakes ---- */
struct percpu fake_percpu;
static struct percpu blocks[4];
struct percpu *cpu_block[MAX_CPUS] = { &blocks[0], &blocks[1], &blocks[2], &blocks[3] };
uint32_t cpu_count = 4;

static struct { bool ir, taken[256], on[256]; uint8_t vector[256]; uint32_t apic[256]; status_t alloc, set, free; } io;
static struct { struct event *event; uint64_t bits; unsigned count; } sig;
static struct event bell, other_bell;
static struct { uint32_t index, low[PINS], high[PINS]; bool level[PINS], deaf; unsigned arrived, unmasked_at_eoi; } apic;
static int serving = -1;                                 /* the pin whose vector the CPU is in */

bool iommu_has_ir(void) { return io.ir; }
uint32_t iommu_fault_irq(void) { return 0; }
status_t iommu_fault_route(uint32_t apic_id, uint8_t vector) { (void)apic_id; (void)vector; return ST_OK; }
status_t iommu_ioapic_source(uint8_t id, struct bdf *src) { *src = bdf_make(0xf0, 31, 0); return id == 2 ? ST_OK : ST_NOTFOUND; }
status_t iommu_irte_alloc(struct bdf src, uint32_t count, uint32_t index, struct irte_run *run)
{
    *run = (struct irte_run){ .src = src };
    CHECK(count == 1 && index >= 16 && !io.taken[index]);        /* AMD-Vi: the pin's vector is its entry */
    if (io.alloc == ST_OK) {
        io.taken[index] = true;
        run->first = index;
        run->count = 1;
    }
    return io.alloc;
}
status_t iommu_irte_set(const struct irte_run *run, uint32_t i, uint32_t apic_id, uint8_t vector, bool level)
{
    CHECK(i == 0 && run->count == 1 && level);
    io.on[run->first] = io.set == ST_OK;
    io.vector[run->first] = vector;
    io.apic[run->first] = apic_id;
    return io.set;
}
status_t iommu_irte_free(struct irte_run *run)
{
    if (io.free == ST_OK && run->count != 0) {
        io.taken[run->first] = io.on[run->first] = false;
        run->count = 0;
    }
    return io.free;
}
uint64_t iommu_irte_rte(const struct irte_run *run, uint64_t rte) { return rte | (uint64_t)run->first << 49 | 1ull << 48; }
void irq_route_deliver(struct irq *irq) { (void)irq; CHECK(false); }
void event_signal(struct event *event, uint64_t bits) { sig.event = event; sig.bits = bits; sig.count++; }
void kobj_put(struct kobj *obj) { obj->refs--; }
void ktimer_irq(void) { }
bool console_poll(void) { return true; }

/* ---- the I/O APIC: sends what is asserted, unmasked and not in service, when the kernel opens interrupts ---- */
static void evaluate(void)
{
    for (unsigned pin = 0; pin < PINS && apic.arrived < 100; pin++) {
        if (!apic.level[pin] || (apic.low[pin] & (MASKED | REMOTE | LEVEL)) != LEVEL)
            continue;
        const unsigned entry = apic.high[pin] >> 17;
        const uint8_t vector = io.ir ? io.vector[entry] : apic.low[pin] & 0xff;
        const uint32_t to = io.ir ? io.apic[entry] : apic.high[pin] >> 24;
        CHECK(!io.ir || io.on[entry]);
        for (unsigned cpu = 0; cpu < 4; cpu++)
            if (blocks[cpu].apic_id == to)
                fake_percpu.cpu = cpu;
        apic.low[pin] |= REMOTE;
        serving = (int)pin;
        apic.arrived++;
        upcall_irq(vector);
        pin = ~0u;                                       /* once more from the first */
    }
}

void lapic_eoi(void)
{
    if (serving < 0)
        return;
    apic.unmasked_at_eoi += (apic.low[serving] & MASKED) == 0;
    apic.low[serving] &= apic.deaf ? ~0u : ~REMOTE;
    serving = -1;
}

static uint64_t apic_read(void *model, uint64_t off, unsigned size)
{
    (void)model; (void)size;
    const unsigned pin = (apic.index - 0x10) / 2 % PINS;
    if (off == 0 || apic.index == 1)
        return off == 0 ? apic.index : (PINS - 1) << 16 | 0x20;
    return apic.index & 1 ? apic.high[pin] : apic.low[pin];
}

static void apic_write(void *model, uint64_t off, unsigned size, uint64_t v)
{
    (void)model; (void)size;
    const unsigned pin = (apic.index - 0x10) / 2 % PINS;
    if (off == 0)
        apic.index = (uint32_t)v;
    else if (apic.index & 1)
        apic.high[pin] = (uint32_t)v;
    else
        apic.low[pin] = ((uint32_t)v & ~REMOTE) | (v & LEVEL ? apic.low[pin] & REMOTE : 0);
}

static void assert_pin(unsigned pin, bool level)
{
    apic.level[pin] = level;
    evaluate();
}

/* ---- set-up ---- */
static const struct bootinfo boot = { .ioapics = 1, .ioapic = { { 0xfec00000, 2, 0 } }, .console_gsi = 4, .console_level = 1 };
static struct pci_fn fns[4];
static struct vm *vm = (struct vm *)0x5000, *other = (struct vm *)0x6000;

static void fresh(bool ir)
{
    fake_hw_reset();
    fake_log_reset();
    memset(&io, 0, sizeof io);
    memset(&apic, 0, sizeof apic);
    memset(&sig, 0, sizeof sig);
    io.ir = ir;
    for (unsigned i = 0; i < 4; i++)
        fns[i] = (struct pci_fn){ .bdf = bdf_make(0, (uint8_t)(i + 1), 0), .info.pin = 1 };
    fake_mmio_register(0xfec00000, 0x20, NULL, apic_read, apic_write);
    ioapic_init(&boot);
}

static status_t open_line(unsigned i, uint32_t gsi) { return intx_open(&fns[i], vm, 2, gsi, true, &bell, 0x100); }
static status_t unmask(unsigned i)
{
    status_t st = intx_unmask(&fns[i]);
    evaluate();
    return st;
}
static bool is_free(unsigned pin) { return (apic.low[pin] & ~REMOTE) == MASKED; }

static void nothing_left(void)
{
    for (unsigned i = 0; i < 4; i++)
        intx_close(&fns[i]);
    for (unsigned i = 0; i < 256; i++)
        CHECK(!io.taken[i]);
    for (unsigned pin = 0; pin < PINS; pin++)
        CHECK(is_free(pin));
    CHECK(bell.obj.refs == 0 && other_bell.obj.refs == 0);
    for (unsigned n = 0; n < 200; n++) {                         /* and all vectors are back */
        struct irq v = { .cpus = 0xf };
        CHECK_EQ(irq_vector_alloc(&v), ST_OK);
        irq_vector_release(&v, true);
    }
}

/* ---- tests ---- */
static void test_level(bool ir)
{
    fresh(ir);
    CHECK_EQ(unmask(0), ST_UNSUPP);
    CHECK_EQ(open_line(0, 16), ST_OK);
    CHECK_EQ(apic.low[16] & 0x1ff00, MASKED | LEVEL | 0x2000);   /* masked, level, active low */
    assert_pin(16, true);
    CHECK_EQ(apic.arrived, 0);                                   /* nobody listens yet */
    CHECK_EQ(unmask(0), ST_OK);
    CHECK_EQ(apic.arrived, 1);
    CHECK(sig.event == &bell && sig.bits == 0x100 && sig.count == 1);
    CHECK_EQ(fake_percpu.cpu, 2);
    CHECK_EQ(apic.unmasked_at_eoi, 0);                           /* masked before the CPU's EOI: no second one */
    assert_pin(16, false);
    assert_pin(16, true);
    CHECK_EQ(apic.arrived, 1);                                   /* whatever it does meanwhile */
    CHECK_EQ(unmask(0), ST_OK);
    CHECK_EQ(apic.arrived, 2);                                   /* still asserted: again */
    CHECK_EQ(unmask(0), ST_OK);
    CHECK_EQ(apic.arrived, 3);
    assert_pin(16, false);
    CHECK_EQ(unmask(0), ST_OK);
    CHECK_EQ(unmask(0), ST_OK);                       /* an EOI without an interrupt */
    CHECK_EQ(apic.arrived, 3);
    assert_pin(16, true);
    CHECK_EQ(apic.arrived, 4);
    const uint8_t vector = ir ? io.vector[apic.high[16] >> 17] : apic.low[16] & 0xff;
    CHECK(!ir || vector == (apic.low[16] & 0xff));               /* what the CPU's EOI must say */
    intx_close(&fns[0]);                                         /* asserted and masked */
    CHECK(is_free(16));
    CHECK_EQ(unmask(0), ST_UNSUPP);
    fake_percpu.cpu = 2;
    upcall_irq(vector);                                          /* late: nobody's */
    CHECK_EQ(sig.count, 4);
    nothing_left();
}

/* The CPU's EOI does not reach the I/O APIC: QEMU's amd-iommu makes edges of all messages. */
static void test_no_eoi(void)
{
    fresh(true);
    apic.deaf = true;
    CHECK_EQ(open_line(0, 16), ST_OK);
    assert_pin(16, true);
    for (unsigned i = 1; i <= 3; i++) {
        CHECK_EQ(unmask(0), ST_OK);
        CHECK_EQ(apic.arrived, i);
    }
    assert_pin(16, false);
    CHECK_EQ(unmask(0), ST_OK);
    CHECK_EQ(apic.arrived, 3);
    nothing_left();
}

static void test_shared(void)
{
    fresh(true);
    CHECK_EQ(open_line(0, 17), ST_OK);
    CHECK_EQ(open_line(0, 17), ST_BUSY);                         /* it has one */
    CHECK_EQ(open_line(1, 17), ST_OK);
    CHECK_EQ(bell.obj.refs, 1);
    CHECK_EQ(intx_open(&fns[2], other, 1, 17, true, &other_bell, 0x100), ST_BUSY);      /* another guest's */
    CHECK_EQ(intx_open(&fns[2], vm, 2, 17, true, &bell, 0x200), ST_BUSY);
    CHECK_EQ(intx_open(&fns[2], vm, 2, 17, false, &bell, 0x100), ST_BUSY);
    CHECK(fns[2].intx == NULL);
    CHECK_EQ(intx_open(&fns[2], other, 1, 18, true, &other_bell, 0x100), ST_OK);
    CHECK_EQ(unmask(1), ST_OK);                       /* either opens it */
    assert_pin(17, true);
    CHECK_EQ(apic.arrived, 1);
    CHECK_EQ(unmask(0), ST_OK);
    CHECK_EQ(apic.arrived, 2);
    intx_close(&fns[0]);
    CHECK_EQ(unmask(1), ST_OK);                       /* the other still has it */
    CHECK_EQ(apic.arrived, 3);
    CHECK_EQ(unmask(2), ST_OK);
    assert_pin(18, true);
    CHECK(sig.event == &other_bell && fake_percpu.cpu == 1);
    intx_close(&fns[1]);
    assert_pin(17, false);
    assert_pin(18, false);
    CHECK_EQ(intx_open(&fns[0], other, 1, 17, true, &other_bell, 0x200), ST_OK);        /* free for others now */
    nothing_left();
}

static void test_refused(void)
{
    fresh(true);
    fns[3].info.pin = 0;
    CHECK_EQ(open_line(3, 16), ST_UNSUPP);
    CHECK_EQ(open_line(0, 24), ST_NOTFOUND);
    CHECK_EQ(open_line(0, ~IRQ_GSI_LOW), ST_NOTFOUND);
    CHECK_EQ(irq_console(&boot, &bell), ST_OK);
    const uint32_t console = apic.low[4];
    CHECK_EQ(open_line(0, 4), ST_BUSY);                          /* the console's, which goes on */
    CHECK_EQ(apic.low[4], console);
    CHECK((console & MASKED) == 0);
    io.alloc = ST_NOSPACE;
    CHECK_EQ(open_line(0, 16), ST_NOSPACE);
    CHECK(is_free(16) && fns[0].intx == NULL);
    io.alloc = ST_OK;
    io.set = ST_TIMEOUT;                                         /* the unit does not confirm the entry */
    CHECK_EQ(open_line(0, 16), ST_TIMEOUT);
    CHECK(is_free(16) && fns[0].intx == NULL && bell.obj.refs == 0);
    assert_pin(16, true);
    CHECK_EQ(apic.arrived, 0);
    io.set = ST_OK;
    CHECK_EQ(open_line(0, 16), ST_OK);
    io.free = ST_TIMEOUT;                                        /* nor its end: entry and vector stay taken */
    intx_close(&fns[0]);
    CHECK(fake_log_has("its remapping entry stays taken"));
    CHECK(is_free(16));
    io.free = ST_OK;
    unsigned gone = 0;
    for (unsigned i = 16; i < 256; i++)
        gone += io.taken[i] && i != (console & 0xff);
    CHECK_EQ(gone, 1);
    for (unsigned n = 0; n < 400; n++) {
        struct irq v = { .cpus = 1 };
        CHECK_EQ(irq_vector_alloc(&v), ST_OK);
        CHECK(!io.taken[v.vector]);
        irq_vector_release(&v, true);
    }
    for (unsigned i = 0; i < 4; i++)
        CHECK(fns[i].intx == NULL);
}

static void test_unremapped(void)
{
    fresh(false);
    CHECK_EQ(open_line(0, 19), ST_OK);
    CHECK_EQ(apic.high[19], blocks[2].apic_id << 24);
    blocks[2].apic_id = 0x100;                                   /* no plain entry reaches it */
    CHECK_EQ(open_line(1, 20), ST_UNSUPP);
    blocks[2].apic_id = 14;
    CHECK(is_free(20));
    nothing_left();
}

static void test_full(void)
{
    static struct pci_fn many[PINS];
    unsigned n = 0;
    fresh(true);
    for (; n < PINS; n++) {
        many[n].info.pin = 4;
        CHECK_EQ(intx_open(&many[n], vm, 0, n, true, &bell, 1ull << n), ST_OK);
    }
    while (n-- > 0)
        intx_close(&many[n]);
    nothing_left();
}

int main(void)
{
    for (unsigned i = 0; i < 4; i++)
        blocks[i] = (struct percpu){ .self = &blocks[i], .cpu = i, .apic_id = 10 + 2 * i };
    test_level(true);
    test_level(false);
    test_no_eoi();
    test_shared();
    test_unremapped();
    test_full();
    test_refused();
    fake_hw_reset();
    return unit_done();
}
