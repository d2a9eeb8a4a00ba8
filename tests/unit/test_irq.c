/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/irq/irq.c kernel/irq/irq_route.c kernel/irq/intx.c kernel/irq/ioapic.c
   drivers/pci/ecam.c drivers/pci/scan.c drivers/pci/cap.c drivers/pci/bar.c drivers/pci/group.c drivers/pci/msix.c
   tests/unit/fake/hw.c tests/unit/fake/kmap.c tests/unit/fake/log.c tests/unit/fake/pci_model.c */
/* Device interrupts to vCPUs, vectors, I/O APIC pins: over models of device, IOMMU and I/O APIC. */
#include "kernel/irq/irq.h"

#include <stdlib.h>

#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/pci_regs.h"
#include "kernel/abi/syscall.h"
#include "kernel/arch/hw.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/percpu.h"
#include "kernel/arch/upcall.h"
#include "kernel/config.h"
#include "kernel/log/console.h"
#include "kernel/mm/pmm.h"
#include "kernel/obj/obj.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pci_model.h"
#include "unit.h"

#define ENTRIES 256u

/* ---- fakes ---- */
static struct {
    bool ir;
    status_t set, block, free;
    struct { bool taken, on; uint32_t apic; uint8_t vector; struct bdf src; } entry[ENTRIES];
    unsigned sets, faults;
    uint32_t index;              /* that the last run was to begin with */
} io;
static struct { struct vm *vm; uint64_t addr; uint32_t data; unsigned count; } got;
static struct { struct event *event; uint64_t bits; unsigned count; } sig;
static unsigned eois, timers, live_objects;
static uint32_t target_cpu;
static bool console_bytes;
struct percpu fake_percpu;               /* the CPU that runs; blocks[] are what the kernel knows of all */
static struct percpu blocks[4];
struct percpu *cpu_block[MAX_CPUS] = { &blocks[0], &blocks[1], &blocks[2], &blocks[3] };
uint32_t cpu_count = 4;

bool iommu_has_ir(void) { return io.ir; }
uint32_t iommu_fault_irq(void) { return io.faults; }
status_t iommu_fault_route(uint32_t apic_id, uint8_t vector)
{
    CHECK_EQ(apic_id, 10);
    CHECK_EQ(vector, VEC_IOMMU_FAULT);
    return ST_OK;
}
status_t iommu_ioapic_source(uint8_t id, struct bdf *src)
{
    *src = bdf_make(0xf0, 31, 0);
    return id == 2 ? ST_OK : ST_NOTFOUND;
}
status_t iommu_irte_alloc(struct bdf src, uint32_t count, uint32_t index, struct irte_run *run)
{
    io.index = index;
    for (uint32_t i = 1; i + count <= ENTRIES; i += count) {
        bool is_free = true;
        for (uint32_t k = 0; k < count; k++)
            is_free = is_free && !io.entry[i + k].taken;
        for (uint32_t k = 0; is_free && k < count; k++) {
            io.entry[i + k].taken = true;
            io.entry[i + k].src = src;
        }
        if (is_free) {
            *run = (struct irte_run){ .src = src, .first = i, .count = count };
            return ST_OK;
        }
    }
    return ST_NOSPACE;
}
status_t iommu_irte_set(const struct irte_run *run, uint32_t i, uint32_t apic_id, uint8_t vector, bool level)
{
    const uint32_t at = run->first + i;
    CHECK(i < run->count && io.entry[at].taken && bdf_eq(io.entry[at].src, run->src));
    (void)level;
    io.sets++;
    if (io.set != ST_OK)
        return io.set;
    io.entry[at].on = true;
    io.entry[at].apic = apic_id;
    io.entry[at].vector = vector;
    return ST_OK;
}
status_t iommu_irte_block(const struct irte_run *run, uint32_t i)
{
    CHECK(i < run->count);
    if (io.block == ST_OK)
        io.entry[run->first + i].on = false;
    return io.block;
}
status_t iommu_irte_free(struct irte_run *run)
{
    for (; io.free == ST_OK && run->count > 0; run->count--, run->first++) {
        CHECK(io.entry[run->first].taken);
        io.entry[run->first].taken = io.entry[run->first].on = false;
    }
    return io.free;
}
void iommu_irte_msi(const struct irte_run *run, uint64_t *addr, uint32_t *data)
{
    *addr = 0xfee00010u | run->first << 5;
    *data = 0;
}
uint64_t iommu_irte_rte(const struct irte_run *run, uint64_t rte) { return rte | (uint64_t)run->first << 49 | 1ull << 48; }
void upcall_vm_msi(struct vm *vm, uint64_t addr, uint32_t data)
{
    got.vm = vm;
    got.addr = addr;
    got.data = data;
    got.count++;
}
uint32_t upcall_vm_msi_cpu(struct vm *vm, uint64_t addr, uint32_t data)
{
    (void)vm; (void)addr; (void)data;
    return target_cpu;
}
void event_signal(struct event *event, uint64_t bits) { sig.event = event; sig.bits = bits; sig.count++; }
void kobj_put(struct kobj *obj) { obj->refs--; }
void lapic_eoi(void) { eois++; }
void ktimer_irq(void) { timers++; }
bool console_poll(void) { return console_bytes; }
void *pmm_alloc(void) { live_objects++; return calloc(1, PAGE_SIZE); }
void pmm_free(void *page) { live_objects -= page != NULL; free(page); }

/* I/O APIC model. */
static struct { uint32_t index, reg[256]; unsigned unmasked_halves; } apic;
static uint64_t apic_read(void *model, uint64_t off, unsigned size)
{
    (void)model;
    CHECK_EQ(size, 4);
    return off == 0 ? apic.index : apic.index == 1 ? 0x00170020 : apic.reg[apic.index & 0xff];
}
static void apic_write(void *model, uint64_t off, unsigned size, uint64_t v)
{
    (void)model;
    CHECK_EQ(size, 4);
    if (off == 0) {
        apic.index = (uint32_t)v;
        return;
    }
    if (apic.index >= 0x10 && (apic.index & 1) && !(apic.reg[apic.index - 1] & 0x10000))
        apic.unmasked_halves++;
    apic.reg[apic.index & 0xff] = (uint32_t)v;
}

/* Two I/O APICs, of which the second does not answer; the console's line is level, high. */
static struct bootinfo boot = { .ioapics = 2, .ioapic = { { 0xfec00000, 2, 0 }, { 0xfec10000, 3, 24 } },
                                .console_gsi = 20, .console_level = 1 };

/* ---- set-up ---- */
static struct pci_model_fn *m;
static struct pci_fn *fn;
static struct vm *vm = (struct vm *)0x5000;

static void on_cpu(unsigned cpu) { fake_percpu.cpu = cpu; }

static void fresh(void)
{
    fake_hw_reset();
    fake_log_reset();
    pci_model_reset(true);
    memset(&io, 0, sizeof io);
    memset(&got, 0, sizeof got);
    io.ir = true;
    m = pci_model_nic(0, 6, 0, 0xfe800000);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    fn = pci_find(bdf_make(0, 6, 0));
    target_cpu = 1;
}

/* Remapping entry of a function's interrupt. */
static unsigned entry_of(unsigned i) { return fn->irqs->run.first + i; }

static void nothing_left(void)
{
    CHECK_EQ(live_objects, 0);
    CHECK(fn->irqs == NULL);
    for (unsigned i = 0; i < ENTRIES; i++)
        CHECK(!io.entry[i].taken);
}

static void fire(unsigned i)
{
    const unsigned at = entry_of(i);
    if (!io.entry[at].on)
        return;
    for (unsigned cpu = 0; cpu < 4; cpu++)
        if (blocks[cpu].apic_id == io.entry[at].apic) {
            on_cpu(cpu);
            upcall_irq(io.entry[at].vector);
        }
}

static status_t set(unsigned i, uint64_t addr, uint32_t data, uint32_t flags) { return irq_set(fn, i, addr, data, flags); }

/* ---- tests ---- */
static void test_msix(void)
{
    fresh();
    CHECK_EQ(set(0, 0xfee01000, 0x41, 0), ST_RANGE);             /* none yet */
    CHECK_EQ(irq_open(fn, vm, 6, IRQ_KIND_MSIX, 6), ST_RANGE);
    CHECK_EQ(irq_open(fn, vm, 6, IRQ_KIND_MSIX, 0), ST_RANGE);
    CHECK_EQ(irq_open(fn, vm, 6, IRQ_KIND_MSIX, 3), ST_OK);
    CHECK_EQ(irq_open(fn, vm, 6, IRQ_KIND_MSIX, 2), ST_BUSY);
    CHECK(fn->irqs->count == 3 && fn->irqs->run.count == 3);
    for (unsigned i = 0; i < 3; i++)
        CHECK(!io.entry[entry_of(i)].on);
    CHECK_EQ(pci_model_get(m, m->msix + MSIX_CTL, 2), 4);        /* nothing on yet */
    CHECK_EQ(set(3, 0xfee01000, 0x4041, 0), ST_RANGE);
    CHECK_EQ(irq_set(fn, ~UINT64_C(0), 0xfee01000, 0x4041, 0), ST_RANGE);
    CHECK_EQ(set(0, 0, 0, IRQ_LINE), ST_UNSUPP);                 /* it has none: test_intx */
    CHECK_EQ(set(0, 0, 0, IRQ_LINE | IRQ_MASKED), ST_INVAL);

    CHECK_EQ(set(2, 0xfee01000, 0x4041, 0), ST_OK);
    CHECK(io.entry[entry_of(2)].on && !io.entry[entry_of(1)].on);
    CHECK_EQ(io.entry[entry_of(2)].apic, blocks[1].apic_id);
    CHECK_EQ(pci_model_get(m, m->msix + MSIX_CTL, 2), 0x8004);
    CHECK_EQ(pci_model_msix_word(m, 2, 0), 0xfee00010u | entry_of(0) << 5);     /* never the guest's */
    CHECK_EQ(pci_model_msix_word(m, 2, 2), 2);                   /* which of the run */
    CHECK_EQ(pci_model_msix_word(m, 2, 3), 0);
    CHECK_EQ(pci_model_msix_word(m, 1, 3), 1);
    unsigned before = eois;
    fire(2);
    CHECK_EQ(got.count, 1);
    CHECK(got.vm == vm);
    CHECK_EQ(got.addr, 0xfee01000);
    CHECK_EQ(got.data, 0x4041);
    CHECK_EQ(eois, before + 1);

    unsigned sets = io.sets;
    CHECK_EQ(set(2, 0xfee01000, 0x42, 0), ST_OK);                /* vector only: the entry stays */
    CHECK_EQ(io.sets, sets);
    target_cpu = 2;
    CHECK_EQ(set(2, 0xfee02000, 0x42, 0), ST_OK);
    CHECK_EQ(io.entry[entry_of(2)].apic, blocks[2].apic_id);
    on_cpu(1);
    upcall_irq(fn->irqs->irq[2].vector);                         /* one that was on its way to the old CPU */
    CHECK_EQ(got.addr, 0xfee02000);
    target_cpu = 3;                                              /* not one of the VM's */
    CHECK_EQ(set(2, 0xfee03000, 0x42, 0), ST_OK);
    CHECK_EQ(io.entry[entry_of(2)].apic, blocks[1].apic_id);

    irq_close(fn);
    nothing_left();
    irq_close(fn);                                               /* none: nothing to do */
}

static void test_masking(void)
{
    fresh();
    CHECK_EQ(irq_open(fn, vm, 6, IRQ_KIND_MSIX, 3), ST_OK);
    CHECK(fn->irqs->irq[0].vector != fn->irqs->irq[2].vector);
    CHECK_EQ(set(2, 0xfee03000, 0x42, 0), ST_OK);
    /* masked: the device holds it; one in flight is kept and given on unmasking, once */
    got.count = 0;
    CHECK_EQ(set(2, 0xfee03000, 0x43, IRQ_MASKED), ST_OK);
    CHECK_EQ(pci_model_msix_word(m, 2, 3), 1);
    fire(2);
    fire(2);
    CHECK_EQ(got.count, 0);
    CHECK_EQ(set(2, 0xfee03000, 0x44, 0), ST_OK);
    CHECK_EQ(got.count, 1);
    CHECK_EQ(got.data, 0x44);
    CHECK_EQ(pci_model_msix_word(m, 2, 3), 0);
    CHECK_EQ(set(2, 0, 0, IRQ_OFF), ST_OK);
    CHECK(!io.entry[entry_of(2)].on);
    CHECK_EQ(pci_model_msix_word(m, 2, 3), 1);
    CHECK_EQ(set(2, 0x1fee03000ull, 0x45, 0), ST_OK);            /* no message of a local APIC */
    fire(2);
    CHECK_EQ(got.addr, 0);

    uint8_t vector = fn->irqs->irq[2].vector;
    CHECK_EQ(pci_model_get(m, m->msix + MSIX_CTL, 2), 0x8004);
    irq_close(fn);
    CHECK_EQ(pci_model_get(m, m->msix + MSIX_CTL, 2), 4);
    got.count = 0;
    on_cpu(1);
    unsigned before = eois;
    upcall_irq(vector);                                          /* late: nobody's */
    CHECK_EQ(got.count, 0);
    CHECK_EQ(eois, before + 1);
    nothing_left();
}

static void test_after_reset(void)
{
    fresh();
    CHECK_EQ(irq_open(fn, vm, 2, IRQ_KIND_MSIX, 1), ST_OK);
    CHECK_EQ(set(0, 0xfee00000, 0x50, 0), ST_OK);
    m->cfg[m->msix + MSIX_CTL + 1] = 0;                          /* what an FLR does */
    memset(m->msix_mem, 0, 0x50);
    m->msix_mem[12] = 1;
    CHECK_EQ(set(0, 0xfee00000, 0x50, 0), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msix + MSIX_CTL, 2), 0x8004);
    CHECK_EQ(pci_model_msix_word(m, 0, 0), 0xfee00010u | entry_of(0) << 5);
    CHECK_EQ(pci_model_msix_word(m, 0, 3), 0);
    CHECK_EQ(pci_model_msix_word(m, 3, 3), 1);
    irq_close(fn);
    nothing_left();
}

static void test_msi(void)
{
    fresh();
    m = pci_model_add(0, 7, 0, 0x1234, 0x11e8, 0x00ff00);
    pci_model_msi(m, 2, true, true);
    struct pci_model_fn *none = pci_model_add(0, 8, 0, 0x1234, 1, 0x00ff00);
    (void)none;
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    fn = pci_find(bdf_make(0, 8, 0));
    CHECK_EQ(irq_open(fn, vm, 2, IRQ_KIND_MSI, 1), ST_UNSUPP);
    fn = pci_find(bdf_make(0, 7, 0));
    CHECK_EQ(irq_open(fn, vm, 2, IRQ_KIND_MSI, 5), ST_RANGE);
    CHECK_EQ(irq_open(fn, vm, 2, IRQ_KIND_MSI, 3), ST_OK);
    CHECK_EQ(fn->irqs->run.count, 4);                            /* all that the function could send */
    CHECK_EQ(set(0, 0xfee01000, 0x60, 0), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + MSI_CTL, 2), 0x185);      /* on, one vector */
    CHECK_EQ(pci_model_get(m, m->msi + MSI_ADDR, 4), 0xfee00010u | entry_of(0) << 5);
    CHECK_EQ(pci_model_get(m, m->msi + MSI_MASK_64, 4), 0xe);
    CHECK_EQ(set(2, 0xfee01000, 0x62, 0), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + MSI_CTL, 2), 0x1a5);      /* four */
    CHECK_EQ(pci_model_get(m, m->msi + MSI_MASK_64, 4), 0xa);
    fire(2);
    CHECK_EQ(got.data, 0x62);
    fire(1);
    fire(3);
    CHECK_EQ(got.count, 1);
    CHECK_EQ(set(2, 0xfee01000, 0x62, IRQ_MASKED), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + MSI_MASK_64, 4), 0xe);
    CHECK_EQ(set(2, 0, 0, IRQ_OFF), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + MSI_CTL, 2), 0x185);
    CHECK_EQ(set(0, 0, 0, IRQ_OFF), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + MSI_CTL, 2), 0x184);
    irq_close(fn);
    nothing_left();
}

static void test_faults(void)
{
    fresh();
    CHECK_EQ(irq_open(fn, vm, 2, IRQ_KIND_MSIX, 2), ST_OK);
    io.set = ST_TIMEOUT;
    CHECK_EQ(set(0, 0xfee00000, 0x50, 0), ST_TIMEOUT);
    CHECK_EQ(pci_model_msix_word(m, 0, 3), 1);                   /* the device was not opened */
    io.set = ST_OK;
    CHECK_EQ(set(0, 0xfee00000, 0x50, 0), ST_OK);
    uint8_t vector[] = { fn->irqs->irq[0].vector, fn->irqs->irq[1].vector };
    io.block = ST_TIMEOUT;
    CHECK_EQ(set(0, 0, 0, IRQ_OFF), ST_TIMEOUT);
    CHECK_EQ(pci_model_msix_word(m, 0, 3), 1);
    io.free = ST_TIMEOUT;                                        /* entries may be live: vectors are given up */
    irq_close(fn);
    CHECK(fake_log_has("remapping entries stay taken"));
    CHECK_EQ(live_objects, 0);
    io.block = io.free = ST_OK;
    for (unsigned i = 0; i < 400; i++) {
        struct irq v = { .cpus = 2 };
        CHECK_EQ(irq_vector_alloc(&v), ST_OK);
        CHECK(v.vector != vector[0] && v.vector != vector[1]);
        irq_vector_release(&v, true);
    }
    on_cpu(1);
    got.count = 0;
    upcall_irq(vector[0]);
    CHECK_EQ(got.count, 0);
}

/* No vector, no remapping entry: everything goes back. */
static void test_full(void)
{
    static struct irq all[256];
    unsigned n = 0;
    fresh();
    for (all[0].cpus = 1u << 2; n < 174 && irq_vector_alloc(&all[n]) == ST_OK; all[n].cpus = 1u << 2)
        n++;
    CHECK_EQ(n, 174);                                            /* two are left there */
    CHECK_EQ(irq_open(fn, vm, 6, IRQ_KIND_MSIX, 3), ST_NOSPACE);
    nothing_left();
    CHECK_EQ(irq_open(fn, vm, 6, IRQ_KIND_MSIX, 2), ST_OK);
    irq_close(fn);
    for (unsigned i = 0; i < n; i++)
        irq_vector_release(&all[i], true);
    for (unsigned i = 0; i < ENTRIES; i++)
        io.entry[i].taken = true;
    CHECK_EQ(irq_open(fn, vm, 6, IRQ_KIND_MSIX, 1), ST_NOSPACE);
    CHECK(live_objects == 0 && fn->irqs == NULL);
}

static void test_vectors(void)
{
    static struct irq all[256];
    struct irq both = { .cpus = 1u << 3 | 1u << 0 }, one = { .cpus = 1u << 0 };
    uint8_t used[256] = { 0 };
    unsigned n = 0;
    for (all[0].cpus = 1u << 3; irq_vector_alloc(&all[n]) == ST_OK; all[n].cpus = 1u << 3) {     /* to the end */
        uint8_t v = all[n++].vector;
        CHECK(v >= VEC_DEVICE_FIRST && v <= VEC_DEVICE_LAST && !used[v]);
        used[v] = 1;
    }
    CHECK_EQ(n, VEC_DEVICE_LAST - VEC_DEVICE_FIRST + 1);
    CHECK_EQ(irq_vector_alloc(&both), ST_NOSPACE);               /* free on CPU 0 only */
    CHECK_EQ(irq_vector_alloc(&one), ST_OK);
    irq_vector_release(&one, true);
    struct irq *freed = &all[5];
    irq_vector_release(freed, false);                                    /* retired is not free */
    CHECK_EQ(irq_vector_alloc(&both), ST_NOSPACE);
    irq_vector_release(freed, true);
    CHECK_EQ(irq_vector_alloc(&both), ST_OK);
    CHECK_EQ(both.vector, freed->vector);
    irq_vector_release(&both, true);
    for (unsigned i = 0; i < n; i++)
        if (&all[i] != freed)
            irq_vector_release(&all[i], true);
}

static void test_dispatch(void)
{
    struct event *event = (struct event *)0x77000;
    fresh();
    on_cpu(0);
    unsigned before = eois;
    upcall_irq(VEC_TIMER);
    CHECK_EQ(timers, 1);
    upcall_irq(VEC_RESCHED);
    CHECK_EQ(fake_percpu.ipis, 1);
    upcall_irq(0xee);                                            /* nobody's */
    CHECK_EQ(eois, before + 3);
    CHECK_EQ(irq_iommu_faults(event), ST_OK);
    upcall_irq(VEC_IOMMU_FAULT);
    CHECK_EQ(sig.count, 0);
    io.faults = 3;
    upcall_irq(VEC_IOMMU_FAULT);
    CHECK_EQ(sig.count, 1);
    CHECK_EQ(sig.bits, SYSEV_DEV_FAULT);
}

/* The console's line as at another boot. */
static status_t again(struct event *event)
{
    ioapic_init(&boot);
    return irq_console(&boot, event);
}

static void test_lines(void)
{
    struct event *event = (struct event *)0x77000;
    fresh();
    memset(apic.reg, 0, sizeof apic.reg);
    fake_mmio_register(0xfec00000, 0x20, NULL, apic_read, apic_write);
    ioapic_init(&boot);
    for (unsigned pin = 0; pin < 24; pin++)
        CHECK_EQ(apic.reg[0x10 + 2 * pin], 0x10000);
    CHECK(fake_log_has("I/O APIC 3"));                           /* the second one does not answer */
    CHECK_EQ(irq_console(&boot, event), ST_OK);
    CHECK_EQ(io.index, VEC_CONSOLE);                             /* AMD-Vi: a pin's vector is its index */
    CHECK_EQ(apic.unmasked_halves, 0);
    CHECK_EQ(irq_console(&boot, event), ST_BUSY);                /* the pin is taken, and stays as it is */
    uint64_t rte = (uint64_t)apic.reg[0x10 + 41] << 32 | apic.reg[0x10 + 40];   /* COM1 goes to pin 20 here */
    unsigned index = (unsigned)(rte >> 49);
    CHECK_EQ(rte & 0x1ffff, 0x8000 | VEC_CONSOLE);               /* level, high, as the override says */
    CHECK_EQ(rte >> 48 & 1, 1);
    CHECK(io.entry[index].on);
    CHECK_EQ(io.entry[index].vector, VEC_CONSOLE);
    CHECK_EQ(io.entry[index].apic, 10);
    CHECK(bdf_eq(io.entry[index].src, bdf_make(0xf0, 31, 0)));
    io.set = ST_TIMEOUT;                                         /* the unit died: the pin stays masked */
    CHECK_EQ(again(event), ST_TIMEOUT);
    CHECK_EQ(apic.reg[0x10 + 40], 0x10000);
    io.set = ST_OK;
    sig.count = 0;
    upcall_irq(VEC_CONSOLE);
    CHECK_EQ(sig.count, 0);
    console_bytes = true;
    upcall_irq(VEC_CONSOLE);
    CHECK_EQ(sig.count, 1);

    io.ir = false;                                               /* no remapping: a plain entry */
    CHECK_EQ(again(event), ST_OK);
    CHECK_EQ(io.index, VEC_CONSOLE);                             /* AMD-Vi: a pin's vector is its index */
    CHECK_EQ(apic.reg[0x10 + 40], VEC_CONSOLE | 0x8000);
    CHECK_EQ(apic.reg[0x10 + 41], 10u << 24);
    boot.console_gsi = 3;
    boot.console_level = 0;
    CHECK_EQ(again(event), ST_OK);
    CHECK_EQ(io.index, VEC_CONSOLE);                             /* AMD-Vi: a pin's vector is its index */
    CHECK_EQ(apic.reg[0x10 + 6], VEC_CONSOLE);
    boot.console_gsi = 17;                                       /* a card */
    boot.console_level = boot.console_low = 1;
    CHECK_EQ(again(event), ST_OK);
    CHECK_EQ(io.index, VEC_CONSOLE);                             /* AMD-Vi: a pin's vector is its index */
    CHECK_EQ(apic.reg[0x10 + 34], VEC_CONSOLE | 0xa000);
    boot.console_gsi = ~0u;                                      /* nobody says which line */
    CHECK_EQ(again(event), ST_NOTFOUND);
    boot.console_gsi = 99;
    CHECK_EQ(again(event), ST_NOTFOUND);
    boot.console_gsi = 17;
    struct ioapic_pin pin;
    CHECK_EQ(ioapic_pin_open(24, false, false, 10, 0xe0, &pin), ST_NOTFOUND);
    CHECK_EQ(ioapic_pin_open(1, false, false, 0x1ff, 0xe0, &pin), ST_UNSUPP);

    fake_mmio_remove(0xfec00000);
    ioapic_init(&boot);                                                  /* no I/O APIC at all */
    CHECK_EQ(again(event), ST_NOTFOUND);
}

int main(void)
{
    for (unsigned i = 0; i < 4; i++)
        blocks[i] = (struct percpu){ .self = &blocks[i], .cpu = i, .apic_id = 10 + 2 * i };
    on_cpu(0);
    test_msix();
    test_masking();
    test_after_reset();
    test_msi();
    test_faults();
    test_full();
    test_vectors();
    test_dispatch();
    test_lines();
    fake_hw_reset();
    pci_model_reset(false);
    return unit_done();
}
