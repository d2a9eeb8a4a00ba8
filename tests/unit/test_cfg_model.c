/* SPDX-License-Identifier: BSD-2-Clause */
/* link: vmm/vpci.c vmm/vpci_image.c vmm/vpci_bar.c vmm/vmsi.c vmm/hostbridge.c vmm/bus.c
   kernel/dev/dev.c kernel/dev/dev_bar.c kernel/irq/irq_route.c kernel/obj/obj.c kernel/lib/str.c
   drivers/pci/ecam.c drivers/pci/scan.c drivers/pci/cap.c drivers/pci/bar.c drivers/pci/group.c
   drivers/pci/reset.c drivers/pci/msix.c drivers/pci/cfgpolicy.c
   tests/unit/fake/hw.c tests/unit/fake/kmap.c tests/unit/fake/log.c tests/unit/fake/pci_model.c */
/*
 * FreeBSD bug 245392: config space whose meaning depends on the width of an access. Every capability, every width, every
 * offset, both ways into config space, against a reference model of single bits, written from the PCIe specification and
 * DESIGN section 6 and not from the code: what a guest reads, what reaches the device, which interrupts are routed.
 * Then what OpenBSD, Linux and FreeBSD do, and a million random writes under the same eyes.
 */
#include "tests/unit/fake/cfg_model.h"

/* ---- what must be equal ---- */
static unsigned bad;
static void wrong(const char *what, uint64_t at, uint64_t got, uint64_t want)
{
    if (bad++ < 20)
        printf("%s: %s at %lx: %lx, expected %lx\n", ref.form->name, what, (unsigned long)at, (unsigned long)got,
               (unsigned long)want);
}

static void same_read(unsigned way, unsigned off, unsigned size)
{
    uint64_t want = 0, got = guest_read(way, FN_A, off, size);
    for (unsigned i = 0; i < size; i++)
        want |= (uint64_t)(way == 0 && (off & 3) + i > 3 ? 0xff : seen(off + i)) << 8 * i;
    if (got != want)
        wrong(way ? "read by ECAM" : "read by CFC", (uint64_t)size << 16 | off, got, want);
}

static bool legal(uint64_t addr, uint32_t data)
{
    return addr >> 20 == 0xfee && ((data & 0x700) > 0x100 || (data & 0xff) >= 16);
}

/* The route of one interrupt, from what the guest wrote. */
static bool route(unsigned i, uint64_t *addr, uint32_t *data, bool *masked)
{
    unsigned msi = a->msi, at = msi + (ref.form->is64 ? 12u : 8u), control = image(msi + 2, 2);
    if (ref.form->msix) {
        control = image(a->msix + 2u, 2);
        *addr = (uint64_t)ref.table[i][1] << 32 | (ref.table[i][0] & ~3u);
        *data = ref.table[i][2];
        *masked = (control & 0x4000) || (ref.table[i][3] & 1);
        return (control & 0x8000) && legal(*addr, *data);
    }
    unsigned n = 1u << MIN(control >> 4 & 7, 5u);
    *addr = image(msi + 4, 4) | (ref.form->is64 ? (uint64_t)image(msi + 8, 4) << 32 : 0);
    *data = (image(at, 2) & ~(n - 1)) | i;
    *masked = ref.form->maskable && (image(at + 4, 4) >> i & 1);
    return (control & 1) && i < n && legal(*addr, *data);
}

/* The kernel's routes are what the guest asked for; the device's registers hold the kernel's message alone. */
static void same_routes(void)
{
    const struct irq_set *set = rig_dev[0]->fn->irqs;
    uint32_t open = 0, top = 0, data, key = MESSAGE + 32 * set->run.first, low;
    unsigned at = a->msi + (ref.form->is64 ? 12u : 8u), control = pci_model_get(a, a->msi + 2u, 2);
    for (unsigned i = 0; i < set->count; i++) {
        uint64_t addr;
        bool masked, wanted = route(i, &addr, &data, &masked);
        if (set->irq[i].wanted != wanted || set->irq[i].on != (wanted && !masked))
            wrong("route", i, set->irq[i].wanted << 1 | set->irq[i].on, wanted << 1 | (wanted && !masked));
        if (wanted && set->irq[i].message != (addr << 32 | data))
            wrong("message", i, set->irq[i].message, addr << 32 | data);
        top = wanted ? i + 1 : top;
        open |= (uint32_t)(wanted && !masked) << i;
    }
    for (unsigned i = 0; ref.form->msix && i < IRQS_A; i++)
        for (unsigned w = 0; w < 4; w++) {
            uint32_t has = pci_model_msix_word(a, i, w), kernels = w == 0 ? key : w == 2 ? i : 0;
            if (w == 3 ? (has & 1) == (open >> i & 1) : has != kernels && has != 0)
                wrong("entry", i << 4 | w, has, kernels);
        }
    if (ref.form->msix || (control & 1)  != (top != 0))
        (control & 1) != (!ref.form->msix && top != 0) ? wrong("MSI control", 0, control, top) : (void)0;
    low = pci_model_get(a, a->msi + 4u, 4);
    data = pci_model_get(a, at, 2);
    if ((low != key && (low != 0 || top != 0)) || data != 0 || (ref.form->is64 && pci_model_get(a, a->msi + 8u, 4) != 0))
        ref.form->msix && low == 0 ? (void)0 : wrong("MSI registers", low, data, key);
    if (!ref.form->msix && top != 0 && ((1u << (control >> 4 & 7)) < top || (control >> 4 & 7) > ref.form->log2))
        wrong("MSI vectors", 0, control, top);
}

/* Everything but the registers that same_routes() looks at. */
static void same_device(void)
{
    unsigned end = a->msi + (ref.form->is64 ? 14u : 10u);
    memcpy(ref.dev + a->msi + 2, a->cfg + a->msi + 2, end - a->msi - 2u);
    if (ref.form->maskable)
        memcpy(ref.dev + a->msi + (ref.form->is64 ? 16 : 12), a->cfg + a->msi + (ref.form->is64 ? 16 : 12), 4);
    if (ref.form->msix)
        memcpy(ref.dev + a->msix + 2, a->cfg + a->msix + 2, 2);
    if (memcmp(ref.dev, a->cfg, sizeof ref.dev) == 0)
        return;
    for (unsigned i = 0; i < sizeof ref.dev; i++)
        if (ref.dev[i] != a->cfg[i])
            wrong("device", i, a->cfg[i], ref.dev[i]);
    memcpy(ref.dev, a->cfg, sizeof ref.dev);
}

static void same_all(void)
{
    for (unsigned off = 0; off < 256; off += 4)
        same_read(1, off, 4);
    same_device();
    same_routes();
}

static void begin(const struct form *form)
{
    rig_start(form);
    reference(form);
    for (unsigned i = 0x10; i < 0x28; i++) {                 /* start addresses are the VMM's choice */
        uint8_t v = (uint8_t)guest_read(1, FN_A, i, 1);
        CHECK_EQ(v & ~ref.rw[i], ref.image[i]);
        ref.image[i] = v;
    }
    same_all();
}

/* Errors and pending bits come up in the device. */
static void stir(uint8_t x)
{
    unsigned at = a->msi + (ref.form->is64 ? 20u : 16u);
    a->cfg[7] |= x & 0xf9;
    a->cfg[a->pcie + 10] = (uint8_t)((a->cfg[a->pcie + 10] & 0x0f) | (x & 0x2f));
    if (ref.form->maskable)
        a->cfg[at] = a->cfg[at + 3] = x;
    ref.dev[7] = a->cfg[7];
    ref.dev[a->pcie + 10] = a->cfg[a->pcie + 10];
    if (ref.form->maskable)
        ref.dev[at] = ref.dev[at + 3] = x;
}

static uint64_t seed = 0x245392;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- every capability, width and offset ---- */
static const struct form forms[] = {
    { "MSI 32", false, false, 0, 1, false, false }, { "MSI 64", true, false, 0, 2, false, true },
    { "MSI 32 masks, 8", false, true, 3, 2, false, false }, { "MSI 64 masks, 32", true, true, 5, 1, false, false },
    { "MSI 64, 4", true, false, 2, 2, false, false }, { "MSI 32, 16", false, false, 4, 1, false, true },
    { "MSI-X, v1", true, false, 0, 1, true, true }, { "MSI-X, v2", true, true, 1, 2, true, false },
};

static void sweep(unsigned way, unsigned size)
{
    for (unsigned n = 0; n < 6; n++)
        for (unsigned off = 0; off < 256 + 24; off++) {
            unsigned at = off < 256 ? off : way == 0 ? off - 256 : 0x100 + (unsigned)(rnd() % 0xef8);
            uint64_t v = n == 0 ? 0 : n == 1 ? ~0ull : n == 2 ? 0xa5a5a5a5a5a5a5a5 : rnd();
            stir((uint8_t)rnd());
            write_both(way, at, size, v);
            for (unsigned w = 1; w <= 8; w *= 2)
                same_read(w == 8 ? 1 : way, w == size ? at : at & ~(w - 1), w);
            same_device();
            same_routes();
            if (off % 16 == 0)
                same_all();
        }
}

static void every_width(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(forms); i++) {
        begin(&forms[i]);
        for (unsigned way = 0; way < 2; way++)
            for (unsigned size = 1; size <= (way ? 8 : 4); size *= 2)
                sweep(way, size);
        same_all();
        CHECK_EQ(pci_model.off_size_errors, 0);
        CHECK(rig_resets > 0);
        rig_stop();
    }
}

/* ---- drivers ---- */
static void expect_route(unsigned i, uint64_t addr, uint32_t data, bool on)
{
    const struct irq *irq = &rig_dev[0]->fn->irqs->irq[i];
    CHECK(irq->wanted);
    CHECK_EQ(irq->message, addr << 32 | data);
    CHECK_EQ(irq->on, on);
}

/* OpenBSD: 32 bits at a time; the capability list is found by a 32-bit read at 04h, MSI is switched by a write to the
 * capability's first dword, data is written as a dword. Address and data alone follow later, MSI being on. */
static void openbsd(const struct form *form)
{
    begin(form);
    unsigned cap = a->msi, data = cap + (form->is64 ? 12u : 8u);
    CHECK_EQ(guest_read(0, FN_A, 4, 4) >> 20 & 1, 1);
    write_both(0, cap + 4, 4, 0xfee01000);
    if (form->is64)
        write_both(0, cap + 8, 4, 0);
    write_both(0, data, 4, 0x00000061);
    write_both(0, cap, 4, guest_read(0, FN_A, cap, 4) | 0x10000);
    expect_route(0, 0xfee01000, 0x61, true);
    CHECK_EQ(guest_read(0, FN_A, cap, 1), 5);
    write_both(0, cap + 4, 4, 0xfee02000);
    expect_route(0, 0xfee02000, 0x61, true);
    write_both(0, data, 4, 0xffff0072);
    expect_route(0, 0xfee02000, 0x72, true);
    write_both(0, data, 2, 0x83);
    expect_route(0, 0xfee02000, 0x83, true);
    write_both(0, data, 1, 0x94);
    expect_route(0, 0xfee02000, 0x94, true);
    write_both(0, cap + 6, 2, 0xfee1);
    expect_route(0, 0xfee12000, 0x94, true);
    same_all();
    write_both(0, cap, 4, guest_read(0, FN_A, cap, 4) & ~0x10000ull);
    CHECK(!rig_dev[0]->fn->irqs->irq[0].wanted);
    same_all();
    rig_stop();
}

/* Linux: masks, address, data, MSI on by 16 bits, unmasks one; FreeBSD: off, rewritten, on. */
static void linux_and_freebsd(const struct form *form)
{
    begin(form);
    unsigned cap = a->msi, data = cap + (form->is64 ? 12u : 8u);
    if (form->maskable)
        write_both(1, data + 4, 4, ~0u);
    write_both(1, cap + 2, 2, (guest_read(1, FN_A, cap + 2, 2) & ~0x71ull) | form->log2 << 4);
    write_both(1, cap + 4, 4, 0xfee00000);
    if (form->is64)
        write_both(1, cap + 8, 4, 0);
    write_both(1, data, 2, 0x4060);
    write_both(1, cap + 2, 2, guest_read(1, FN_A, cap + 2, 2) | 1);
    for (unsigned i = 0; i < 1u << form->log2; i++)
        expect_route(i, 0xfee00000, 0x4060 | i, !form->maskable);
    for (unsigned i = 0; form->maskable && i < 1u << form->log2; i++) {
        write_both(1, data + 4, 4, ~0u << i << 1);
        expect_route(i, 0xfee00000, 0x4060 | i, true);
    }
    write_both(1, cap + 4, 4, 0xfee03000);                   /* another CPU, MSI being on */
    expect_route(0, 0xfee03000, 0x4060, true);
    write_both(1, cap + 2, 2, guest_read(1, FN_A, cap + 2, 2) & ~1ull);
    write_both(1, cap + 4, 4, 0xfee04000);
    write_both(1, data, 2, 0x4080);
    CHECK(!rig_dev[0]->fn->irqs->irq[0].wanted);
    write_both(1, cap + 2, 2, guest_read(1, FN_A, cap + 2, 2) | 1);
    expect_route(0, 0xfee04000, 0x4080, true);
    same_all();
    rig_stop();
}

/* 1 to 32 vectors, in each of the four layouts, and a guest that enables more than there are. */
static void vectors(void)
{
    for (unsigned n = 0; n < 6 * 4; n++) {
        struct form form = { "vectors", n & 1, n & 2, n / 4, 2, false, false };
        openbsd(&form);
        linux_and_freebsd(&form);
        begin(&form);
        unsigned cap = a->msi;
        write_both(1, cap + 4, 4, 0xfee00000);
        write_both(1, cap + (form.is64 ? 12u : 8u), 2, 0x60);
        for (unsigned mme = 0; mme < 8; mme++) {
            write_both(1, cap + 2, 2, 1 | mme << 4);
            same_all();
        }
        rig_stop();
    }
}

/* ---- the kernel alone: a VMM that writes what it likes ---- */
static void kernel_expects(const struct form *form, uint32_t *read, uint32_t *write, uint32_t *clear)
{
    const unsigned at[] = { 0, 4, 8, 12, 0x2c, 0x3c };
    const uint32_t header[] = { ~0u, ~0u, ~0u, 0x00ff00ff, ~0u, 0xffffff00 };
    memset(read, 0, 4096);
    memset(write, 0, 4096);
    memset(clear, 0, 4096);
    for (unsigned i = 0; i < 6; i++)
        read[at[i] / 4] = header[i];
    write[1] = 0x7;                                          /* decode, bus master; no line: INTx stays off */
    clear[1] = 0xf9000000;
    read[a->pm / 4] = 0x002700ff;
    read[a->pm / 4 + 1] = 0xb;
    write[a->pm / 4 + 1] = form->keeps ? 3 : 0;
    read[a->msi / 4] = read[a->msix / 4] = read[a->pcie / 4] = 0xffff00ff;
    read[a->msix / 4 + 1] = read[a->msix / 4 + 2] = ~0u;
    if (form->maskable)
        read[a->msi / 4 + (form->is64 ? 5 : 4)] = ~0u;
    for (unsigned i = 1; i < 5; i++)
        read[a->pcie / 4 + i] = ~0u;
    write[a->pcie / 4 + 2] = 0x7810;
    clear[a->pcie / 4 + 2] = 0xf0000;
    if (form->pcie == 2)
        read[a->pcie / 4 + 9] = 0xffd3f7ff;
    for (unsigned i = 10; form->pcie == 2 && i < 13; i++)
        read[a->pcie / 4 + i] = ~0u;
    read[0x140 / 4] = 0x000fffff;                            /* the serial number, behind what is hidden */
    read[0x144 / 4] = read[0x148 / 4] = ~0u;
}

static uint32_t kernel_link(unsigned off)
{
    if (off == 0x34)
        return a->pm;
    if (off == 0x100)
        return 0x140u << 20;
    return off == a->pm ? (uint32_t)a->msi << 8 : off == a->msi ? (uint32_t)a->pcie << 8 : off == a->pcie ? (uint32_t)a->msix << 8 : 0;
}

static void kernel_alone(const struct form *form)
{
    static uint32_t read[1024], write[1024], clear[1024];
    begin(form);
    kernel_expects(form, read, write, clear);
    for (unsigned n = 0; n < 60000; n++) {
        unsigned size = 1u << rnd() % 3, off = (unsigned)(n & 1 ? rnd() % 4096 : rnd() % 0x108), got = 0;
        uint32_t v = n % 5 ? (uint32_t)rnd() : ~0u, want = 0;
        if (off + size > 4096)
            continue;
        for (unsigned i = 0; i < size; i++) {
            unsigned at = off + i, shift = 8 * (at & 3);
            uint8_t byte = (uint8_t)(v >> 8 * i), w = (uint8_t)(write[at / 4] >> shift);
            ref.dev[at] = (uint8_t)((ref.dev[at] & ~w) | (byte & w));
            ref.dev[at] &= (uint8_t)~(byte & clear[at / 4] >> shift);
        }
        CHECK_EQ(dev_cfg_access(rig_dev[0], off, size, true, &v), ST_OK);
        if (memcmp(ref.dev, a->cfg, sizeof ref.dev) != 0)
            wrong("the owner's write", off, size, v);
        memcpy(ref.dev, a->cfg, sizeof ref.dev);
        for (unsigned i = 0; i < size; i++) {
            unsigned at = off + i;
            uint32_t dword = (pci_model_get(a, at & ~3u, 4) & read[at / 4]) | kernel_link(at & ~3u);
            if ((at & ~3u) == a->pcie + 0x10u)
                dword |= LNKSTA_ACTIVE << 16;                    /* that the model has only when it is asked */
            want |= (dword >> 8 * (at & 3) & 0xff) << 8 * i;
        }
        CHECK_EQ(dev_cfg_access(rig_dev[0], off, size, false, &got), ST_OK);
        if (got != want)
            wrong("the owner's read", off, got, want);
    }
    rig_stop();
}

/* ---- BARs ---- */
static bool maps_bar(unsigned f, unsigned bar)
{
    for (unsigned i = 0; i < nmaps; i++)
        if (maps[i].dev == f && maps[i].bar == bar)
            return true;
    return false;
}

static uint64_t bar_at(uint8_t fn, unsigned bar, bool wide)
{
    uint64_t v = guest_read(1, fn, 0x10 + 4 * bar, 4) & ~15ull;
    return v | (wide ? guest_read(1, fn, 0x14 + 4 * bar, 4) << 32 : 0);
}

static const struct { unsigned f, bar; bool wide; uint64_t size, hpa; } memory[] = {
    { 0, 0, false, 0x20000, 0xfe800000 }, { 0, 2, false, 0x4000, 0xfe840000 }, { 0, 4, true, 0x100000, 0xe000000000 },
    { 1, 1, false, 0x1000, 0xfe900000 }, { 1, 2, true, 0x200000, 0xe000200000 },
};

static bool wants(unsigned m, uint64_t *at)
{
    uint8_t fn = memory[m].f ? FN_B : FN_A;
    *at = bar_at(fn, memory[m].bar, memory[m].wide);
    bool d0 = (guest_read(1, fn, (memory[m].f ? b->pm : a->pm) + 4u, 1) & 3) == 0;
    return d0 && (guest_read(1, fn, 4, 2) & 2) &&
           (range_contains(GUEST_MMIO32_BASE, GUEST_MMIO32_END - GUEST_MMIO32_BASE, *at, memory[m].size) ||
            range_contains(GUEST_MMIO64_BASE, GUEST_MMIO64_END - GUEST_MMIO64_BASE, *at, memory[m].size));
}

/* What is mapped is the BAR, where its register says, in a window, without the table's page; what decodes and is not
 * there has another one in its place. */
static void same_maps(void)
{
    uint64_t at[ARRAY_LEN(memory)];
    bool want[ARRAY_LEN(memory)], has[ARRAY_LEN(memory)];
    for (unsigned m = 0; m < ARRAY_LEN(memory); m++) {
        want[m] = wants(m, &at[m]);
        has[m] = maps_bar(memory[m].f, memory[m].bar);
        if (has[m] && !want[m])
            wrong("a mapping that the guest does not ask for", at[m], m, 0);
    }
    for (unsigned m = 0; m < ARRAY_LEN(memory); m++) {
        bool taken = false;
        for (unsigned k = 0; k < ARRAY_LEN(memory); k++)
            taken |= k != m && has[k] && range_overlaps(at[m], memory[m].size, at[k], memory[k].size);
        if (want[m] && has[m] == taken)
            wrong("a BAR in the place of another", at[m], m, has[m]);
    }
    for (unsigned i = 0; i < nmaps; i++)
        for (unsigned m = 0; m < ARRAY_LEN(memory); m++) {
            if (maps[i].dev != memory[m].f || maps[i].bar != memory[m].bar)
                continue;
            if (maps[i].gpa != at[m] + maps[i].off || maps[i].hpa != memory[m].hpa + maps[i].off ||
                maps[i].off + maps[i].len > memory[m].size ||
                (m == 1 && range_overlaps(maps[i].off, maps[i].len, 0x1000, 0x1000)))
                wrong("a mapping of something else", maps[i].gpa, maps[i].hpa, at[m]);
        }
}

/* ---- a million ---- */
static uint32_t driver_value(unsigned off, uint64_t x)
{
    static const uint32_t places[] = { 0, 0x100000, 0xc0000000, 0xc0000000, 0xc0100000, 0xd0000000, 0xdff00000, 0xe0000000,
                                       0xfec00000, 0xfee00000, 0x80, 0x80, 0xff, 0xffffffff, 0xc0004000, 0x7ff00000 };
    if (off >= 0x10 && off < 0x28)
        return places[x & 15];
    if (off == 4)
        return x & 7 ? 6 : (uint32_t)x & 0x547;
    if (off == a->pm + 4u)
        return x & 3 ? 0 : 3;
    if (off == a->pcie + 8u)
        return (uint32_t)x & (x >> 20 & 31 ? 0x7fff : 0xffff);
    if (off == a->msi + 4u)
        return 0xfee00000 | ((uint32_t)x & 0xff000);
    if (off == a->msi + 8u && ref.form->is64)
        return 0;
    return (uint32_t)x;
}

static void entry_write(uint64_t x)
{
    uint64_t at = bar_at(FN_A, 2, false) + 0x1000;
    unsigned i = x % IRQS_A, w = x >> 8 & 3;
    uint32_t v = w == 0 ? 0xfee00000 | ((uint32_t)(x >> 16) & 0xfffff) : w == 1 ? x >> 16 % 8 == 0 : (uint32_t)(x >> 20);
    if (vpci_mmio_write(&vpci, at + 16 * i + 4 * w, 4, v) && maps_bar(0, 2))     /* else another BAR is there */
        ref.table[i][w] = w == 3 ? v & 1 : v;
}

static void step(uint64_t x)
{
    static const uint16_t driven[] = { 4, 4, 0x10, 0x14, 0x18, 0x20, 0x24 };
    unsigned way = x & 1, size = 1u << (x >> 1 & 3), off = (unsigned)(x >> 3 & 0xff);
    size = size == 8 && way == 0 ? 4 : size;
    if ((x >> 11 & 31) == 0)
        off = way ? (unsigned)(x >> 16 & 0xfff) % 0xff8 : off;
    uint64_t v = rnd();
    if (x >> 40 & 1) {
        const unsigned more[] = { a->pm + 4u, a->pcie + 8u, a->msi, a->msi + 4u, a->msi + 8u, a->msix };
        unsigned k = (unsigned)(x >> 41 & 0xff) % (ARRAY_LEN(driven) + ARRAY_LEN(more));
        off = k < ARRAY_LEN(driven) ? driven[k] : more[k - ARRAY_LEN(driven)];
        size = x >> 50 & 3 ? 4 : size;
        v = driver_value(off, v);
    }
    if ((off <= a->pcie + 9u && off + size > a->pcie + 9u) && (x >> 52 & 15))
        v &= ~(0x80ull << 8 * (a->pcie + 9u - off));         /* a reset is what ends everything: now and then */
    if (x >> 60 == 0)
        guest_write(way, FN_B, driven[x >> 56 & 3] + 4u * (x >> 58 & 1), 4, driver_value(off & 0x1c, v));
    else if (x >> 60 == 1 && ref.form->msix)
        entry_write(v);
    else
        write_both(way, off, size, v);
}

static void million(unsigned total)
{
    unsigned placed = 0, routed = 0, empty = 0;
    for (unsigned f = 0; f < ARRAY_LEN(forms); f++) {
        begin(&forms[f]);
        uint8_t bars[0x18];
        memcpy(bars, a->cfg + 0x10, sizeof bars);
        for (unsigned n = 0; n < total / ARRAY_LEN(forms); n++) {
            uint64_t x = rnd();
            if ((x & 0xfff) == 0)
                stir((uint8_t)(x >> 12));
            step(x);
            same_device();
            same_routes();
            same_maps();
            if (n % 64 == 0)
                same_all();
            if (memcmp(bars, a->cfg + 0x10, sizeof bars) != 0 || (pci_model_get(a, 4, 2) & 0x403) != 0x403)
                wrong("BARs or command of the device", n, pci_model_get(a, 4, 2), 0x403);
            placed += nmaps > 3;
            empty += nmaps == 0;
            routed += rig_dev[0]->fn->irqs->irq[0].wanted;
        }
        rig_stop();
    }
    printf("mapped %u, nothing mapped %u, routed %u, resets %u\n", placed, empty, routed, rig_resets);
    CHECK(placed > total / 200 && empty > total / 100 && routed > total / 100 && rig_resets > 100);
}

int main(void)
{
    every_width();
    CHECK_EQ(bad, 0);
    vectors();
    CHECK_EQ(bad, 0);
    for (unsigned i = 0; i < ARRAY_LEN(forms); i++)
        kernel_alone(&forms[i]);
    CHECK_EQ(bad, 0);
    million(1000000);
    CHECK_EQ(bad, 0);
    return unit_done();
}
