/* SPDX-License-Identifier: BSD-2-Clause */
/* The body of the PCI models. */
#include "tests/unit/fake/pci_model.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/pci/pci_regs.h"
#include "kernel/arch/hw.h"

struct pci_model pci_model;
static uint32_t port_address;

void pci_model_put16(struct pci_model_fn *f, unsigned off, uint16_t v) { memcpy(f->cfg + off, &v, 2); }
void pci_model_put32(struct pci_model_fn *f, unsigned off, uint32_t v) { memcpy(f->cfg + off, &v, 4); }
uint32_t pci_model_get(const struct pci_model_fn *f, unsigned off, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, f->cfg + off, size);
    return v;
}
static void writable(struct pci_model_fn *f, unsigned off, unsigned size, uint32_t mask) { memcpy(f->wmask + off, &mask, size); }

static struct pci_model_fn *find(unsigned bus, unsigned devfn)
{
    for (unsigned i = 0; i < pci_model.count; i++)
        if (pci_model.fn[i]->bdf.bus == bus && pci_model.fn[i]->bdf.devfn == devfn)
            return pci_model.fn[i];
    return NULL;
}

/* ---- resets ---- */
static void clear_registers(struct pci_model_fn *f)
{
    f->resets++;
    pci_model_put16(f, CFG_COMMAND, 0);
    for (unsigned i = 0; i < 6; i++)
        for (unsigned b = 0; b < 4; b++)
            f->cfg[CFG_BAR0 + 4 * i + b] &= (uint8_t)~f->wmask[CFG_BAR0 + 4 * i + b];
    if (f->pcie)
        pci_model_put16(f, f->pcie + PCIE_DEVCTL, 0x2810);
    if (f->msi)
        f->cfg[f->msi + MSI_CTL] &= 0xfe;
    if (f->msix && !f->msix_stuck)
        f->cfg[f->msix + MSIX_CTL + 1] &= 0x3f;
    for (uint64_t i = 0; f->msix_mem && i < f->msix_mem_len; i += 16)
        f->msix_mem[i + 12] |= 1;
    if (f->acs)
        pci_model_put16(f, f->acs + ACS_CTL, 0);
    f->cfg[CFG_INTERRUPT] = 0;
    if (f->loses_identity)
        pci_model_put16(f, 2, 0xdead);
    f->back_at = fake_hw.now_us + f->reset_us;
}

static void function_reset(struct pci_model_fn *f)
{
    clear_registers(f);
    f->quiet_until = fake_hw.now_us + 100000;
}

static bool answers(struct pci_model_fn *f)
{
    if (f->quiet_until > fake_hw.now_us)
        f->early_accesses++;
    if (f->resets && f->dies_in_reset)
        f->gone = true;
    if (f->gone)
        return false;
    return !(f->resets && f->hang_in_reset) && fake_hw.now_us >= f->back_at;
}

/* ---- config accesses ---- */
static uint32_t cfg_read(struct pci_model_fn *f, unsigned off, unsigned size)
{
    if (off % size != 0)
        pci_model.off_size_errors++;
    if (f == NULL)
        return ~0u;
    if (!answers(f))
        return !f->gone && off == 0 ? 0xffff0001 : ~0u;
    uint32_t v = pci_model_get(f, off, size);
    if (f->pcie && off <= f->pcie + PCIE_LNKSTA && f->pcie + PCIE_LNKSTA + 2 <= off + size && fake_hw.now_us >= f->link_at)
        v |= LNKSTA_ACTIVE << 8 * (f->pcie + PCIE_LNKSTA - off);
    if (f->pcie && f->pending_forever && off <= f->pcie + PCIE_DEVSTA && f->pcie + PCIE_DEVSTA < off + size)
        v |= DEVSTA_PENDING << 8 * (f->pcie + PCIE_DEVSTA - off);
    return v;
}

/* All below begins anew when the reset ends, and is left alone for 100 ms from the link on, or 1 s on a conventional bus. */
static void bus_reset(struct pci_model_fn *bridge)
{
    uint32_t type = bridge->pcie ? pci_model_get(bridge, bridge->pcie + PCIE_FLAGS, 2) >> 4 & 15 : 0;
    bool link = type == PCIE_T_ROOT_PORT || type == PCIE_T_DOWNSTREAM;
    bridge->bus_resets++;
    bridge->short_resets += fake_hw.now_us - bridge->bus_reset_at < 1000;
    bridge->link_at = fake_hw.now_us + bridge->link_us;
    for (unsigned i = 0; i < pci_model.count; i++)
        if (pci_model.fn[i]->bdf.bus == bridge->cfg[0x19]) {
            clear_registers(pci_model.fn[i]);
            pci_model.fn[i]->quiet_until = bridge->link_at + (link ? 100000 : 1000000);
            pci_model.fn[i]->back_at += bridge->link_us;
        }
}

static void side_effects(struct pci_model_fn *f, unsigned off, unsigned size, uint8_t old_pm)
{
    if (f->keeps_bus_master)
        f->cfg[CFG_COMMAND] |= CMD_BUS_MASTER;
    if (f->pcie && (pci_model_get(f, f->pcie + PCIE_DEVCTL, 2) & DEVCTL_FLR)) {
        f->cfg[f->pcie + PCIE_DEVCTL + 1] &= 0x7f;
        if (pci_model_get(f, f->pcie + PCIE_DEVCAP, 4) & DEVCAP_FLR)
            function_reset(f);
    }
    if (f->af && (f->cfg[f->af + AF_CTL] & 1)) {
        f->cfg[f->af + AF_CTL] = 0;
        function_reset(f);
    }
    if (f->pm && off <= f->pm + PM_CSR && f->pm + PM_CSR < off + size) {
        uint8_t now = f->cfg[f->pm + PM_CSR];
        if ((old_pm & 3) == 3 && (now & 3) == 0 && !(now & PM_NO_SOFT_RESET))
            clear_registers(f);
    }
}

static void cfg_write(struct pci_model_fn *f, unsigned off, unsigned size, uint32_t v)
{
    if (off % size != 0)
        pci_model.off_size_errors++;
    if (f == NULL || !answers(f))
        return;
    uint8_t old_pm = f->pm ? f->cfg[f->pm + PM_CSR] : 0;
    bool is_bridge = (f->cfg[CFG_HEADER] & 0x7f) == 1, held = is_bridge && f->cfg[CFG_BRIDGE_CTL] & BRIDGE_BUS_RESET;
    f->writes++;
    for (unsigned i = 0; i < size; i++) {
        uint8_t b = (uint8_t)(v >> 8 * i), m = f->wmask[off + i];
        f->cfg[off + i] = (uint8_t)((f->cfg[off + i] & ~m) | (b & m));
        f->cfg[off + i] &= (uint8_t)~(b & f->clear[off + i]);
    }
    side_effects(f, off, size, old_pm);
    if (is_bridge && !held && (f->cfg[CFG_BRIDGE_CTL] & BRIDGE_BUS_RESET))
        f->bus_reset_at = fake_hw.now_us;
    if (is_bridge && held && !(f->cfg[CFG_BRIDGE_CTL] & BRIDGE_BUS_RESET))
        bus_reset(f);
}

static uint64_t ecam_read(void *model, uint64_t off, unsigned size)
{
    (void)model;
    if (pci_model.ecam_lies)
        return 0x12341234;
    return cfg_read(find((unsigned)(off >> 20), off >> 12 & 0xff), off & 0xfff, size);
}
static void ecam_write(void *model, uint64_t off, unsigned size, uint64_t v)
{
    (void)model;
    cfg_write(find((unsigned)(off >> 20), off >> 12 & 0xff), off & 0xfff, size, (uint32_t)v);
}
static uint32_t port_in(uint16_t port, unsigned size)
{
    pci_model.port_accesses++;
    if (port < 0xcfc || port > 0xcff || !(port_address >> 31))
        return ~0u;
    return cfg_read(find(port_address >> 16 & 0xff, port_address >> 8 & 0xff), (port_address & 0xfc) + (port & 3u), size);
}
static void port_out(uint16_t port, unsigned size, uint32_t v)
{
    pci_model.port_accesses++;
    if (port == 0xcf8 && size == 4)
        port_address = v;
    else if (port >= 0xcfc && port <= 0xcff && port_address >> 31)
        cfg_write(find(port_address >> 16 & 0xff, port_address >> 8 & 0xff), (port_address & 0xfc) + (port & 3u), size, v);
}

const struct bootinfo *pci_model_boot(void)
{
    static struct bootinfo bi;
    bi.ecams = pci_model.ecam;
    bi.ranges = 4;
    bi.range[0] = (struct boot_range){ .base = 0, .len = pci_model.ram_end, .type = BOOT_RAM };
    bi.range[1] = pci_model.reserved;
    bi.range[2] = (struct boot_range){ .base = 0xd0000000, .len = 0x20000000, .type = BOOT_MMIO };
    bi.range[3] = (struct boot_range){ .base = 0xf0000000, .len = 0x10000000, .type = BOOT_RESERVED };
    bi.ecam[0] = (struct boot_ecam){ .base = PCI_MODEL_ECAM, .last_bus = 255 };
    return &bi;
}

/* ---- builders ---- */
void pci_model_reset(bool ecam)
{
    for (unsigned i = 0; i < pci_model.count; i++) {
        free(pci_model.fn[i]->msix_mem);
        free(pci_model.fn[i]);
    }
    memset(&pci_model, 0, sizeof pci_model);
    pci_model.ecam = ecam;
    fake_hw.in = port_in;
    fake_hw.out = port_out;
    fake_mmio_register(PCI_MODEL_ECAM, 256ull << 20, NULL, ecam_read, ecam_write);
}

struct pci_model_fn *pci_model_add(unsigned bus, unsigned dev, unsigned fn, uint16_t vendor, uint16_t device,
                                   uint32_t class_code)
{
    struct pci_model_fn *f = calloc(1, sizeof *f);
    pci_model.fn[pci_model.count++] = f;
    f->bdf = bdf_make(bus, dev, fn);
    f->next_cap = 0x40;
    f->next_ext = 0x100;
    f->reset_us = 50;
    pci_model_put16(f, 0, vendor);
    pci_model_put16(f, 2, device);
    pci_model_put32(f, 8, class_code << 8 | 0x11);
    pci_model_put32(f, CFG_SUBSYSTEM, 0x00011af4);
    pci_model_put16(f, CFG_COMMAND, 7);
    writable(f, CFG_COMMAND, 2, 0x547);
    writable(f, 0x0c, 1, 0xff);
    writable(f, CFG_INTERRUPT, 1, 0xff);
    f->clear[CFG_STATUS + 1] = 0xf9;
    f->cfg[CFG_INTERRUPT] = 11;
    f->cfg[CFG_INTERRUPT + 1] = 1;
    return f;
}

struct pci_model_fn *pci_model_bridge(unsigned bus, unsigned dev, unsigned fn, unsigned second, unsigned sub)
{
    struct pci_model_fn *f = pci_model_add(bus, dev, fn, 0x1b36, 0x000c, 0x060400);
    f->cfg[CFG_HEADER] = 1;
    writable(f, CFG_BRIDGE_CTL, 2, 0x7f);
    f->cfg[0x18] = (uint8_t)bus;
    f->cfg[0x19] = (uint8_t)second;
    f->cfg[0x1a] = (uint8_t)sub;
    pci_model_put32(f, CFG_SUBSYSTEM, 0);
    return f;
}

void pci_model_bar(struct pci_model_fn *f, unsigned i, unsigned kind, uint64_t base, uint64_t size)
{
    unsigned off = CFG_BAR0 + 4 * i;
    uint32_t flags = (kind & 1) ? 1 : ((kind & 6) ? 4 : 0) | ((kind & 8) ? 8 : 0);
    f->bar_size[i] = size;
    f->bar_is64[i] = (kind & 6) != 0;
    pci_model_put32(f, off, (uint32_t)base | flags);
    writable(f, off, 4, (uint32_t)~(size - 1) & ~((kind & 1) ? 3u : 15u));
    if (f->bar_is64[i]) {
        pci_model_put32(f, off + 4, (uint32_t)(base >> 32));
        writable(f, off + 4, 4, (kind & 4) ? 0 : (uint32_t)(~(size - 1) >> 32));
    }
}

uint16_t pci_model_cap(struct pci_model_fn *f, uint8_t id, unsigned len)
{
    uint16_t off = f->next_cap;
    f->cfg[off] = id;
    f->cfg[f->last_cap ? f->last_cap + 1u : CFG_CAP_PTR] = (uint8_t)off;
    f->last_cap = off;
    f->next_cap = (uint16_t)((off + len + 3) & ~3u);
    f->cfg[CFG_STATUS] |= STATUS_CAPS;
    return off;
}

uint16_t pci_model_ext(struct pci_model_fn *f, uint16_t id, unsigned len)
{
    uint16_t off = f->next_ext;
    pci_model_put32(f, off, id | 1u << 16);
    if (f->last_ext)
        pci_model_put32(f, f->last_ext, (pci_model_get(f, f->last_ext, 4) & 0xfffff) | (uint32_t)off << 20);
    f->last_ext = off;
    f->next_ext = (uint16_t)((off + len + 3) & ~3u);
    return off;
}

void pci_model_pm(struct pci_model_fn *f, bool keeps_state)
{
    f->pm = pci_model_cap(f, CAP_PM, 8);
    pci_model_put16(f, f->pm + 2, 0xfe03);
    pci_model_put16(f, f->pm + PM_CSR, keeps_state ? 8 : 0);
    writable(f, f->pm + PM_CSR, 2, 0x103);
}

void pci_model_pcie(struct pci_model_fn *f, unsigned type, bool flr)
{
    f->pcie = pci_model_cap(f, CAP_PCIE, 0x3c);
    pci_model_put16(f, f->pcie + PCIE_FLAGS, (uint16_t)(2 | type << 4));
    pci_model_put32(f, f->pcie + PCIE_DEVCAP, 0x8001 | (flr ? DEVCAP_FLR : 0));
    pci_model_put16(f, f->pcie + PCIE_DEVCTL, 0x2830);
    writable(f, f->pcie + PCIE_DEVCTL, 2, 0xffff);
    f->clear[f->pcie + PCIE_DEVSTA] = 0x0f;
    pci_model_put32(f, f->pcie + 0x0c, 0x00012c11);
    writable(f, f->pcie + 0x10, 2, 0x0fff);
    pci_model_put32(f, f->pcie + 0x24, 0x0006081f);
    writable(f, f->pcie + PCIE_DEVCTL2, 2, 0xffff);
}

void pci_model_af(struct pci_model_fn *f)
{
    f->af = pci_model_cap(f, CAP_AF, 6);
    f->cfg[f->af + 2] = 6;
    f->cfg[f->af + AF_CAP] = 3;
    writable(f, f->af + AF_CTL, 1, 1);
}

void pci_model_msi(struct pci_model_fn *f, unsigned log2, bool is64, bool maskable)
{
    f->msi = pci_model_cap(f, CAP_MSI, 10u + (is64 ? 4u : 0u) + (maskable ? 10u : 0u));
    pci_model_put16(f, f->msi + MSI_CTL, (uint16_t)(log2 << 1 | (is64 ? 0x80u : 0) | (maskable ? 0x100u : 0)));
    writable(f, f->msi + MSI_CTL, 2, 0x71);
    writable(f, f->msi + MSI_ADDR, 4, ~3u);
    if (is64)
        writable(f, f->msi + MSI_ADDR_HIGH, 4, ~0u);
    writable(f, f->msi + (is64 ? MSI_DATA_64 : MSI_DATA_32), 2, 0xffff);
    if (maskable)
        writable(f, f->msi + (is64 ? MSI_MASK_64 : MSI_MASK_32), 4, ~0u);
}

/* The BAR's memory: there only while the function decodes it where the test put it. */
static bool bar_decodes(struct pci_model_fn *f)
{
    unsigned off = CFG_BAR0 + 4 * (f->cfg[f->msix + MSIX_TABLE] & 7u);
    return answers(f) && (f->cfg[CFG_COMMAND] & CMD_MEMORY) != 0 &&
           (pci_model_get(f, off, 4) & ~15u) == (uint32_t)f->msix_mem_base;
}
static uint64_t bar_read(void *model, uint64_t off, unsigned size)
{
    struct pci_model_fn *f = model;
    uint64_t v = 0;
    if (!bar_decodes(f))
        return ~0ull;
    memcpy(&v, f->msix_mem + off, size);
    return v;
}
static void bar_write(void *model, uint64_t off, unsigned size, uint64_t v)
{
    struct pci_model_fn *f = model;
    if (bar_decodes(f))
        memcpy(f->msix_mem + off, &v, size);
}

void pci_model_msix(struct pci_model_fn *f, unsigned bar, uint32_t table, uint32_t pba, unsigned count)
{
    f->msix = pci_model_cap(f, CAP_MSIX, 12);
    pci_model_put16(f, f->msix + MSIX_CTL, (uint16_t)(count - 1));
    writable(f, f->msix + MSIX_CTL, 2, 0xc000);
    pci_model_put32(f, f->msix + MSIX_TABLE, table | bar);
    pci_model_put32(f, f->msix + MSIX_PBA, pba | bar);
    if (bar > 5 || !f->bar_size[bar] || table + 16 * count > f->bar_size[bar])
        return;
    f->msix_mem_base = pci_model_get(f, CFG_BAR0 + 4 * bar, 4) & ~15u;
    if (f->bar_is64[bar])
        f->msix_mem_base |= (uint64_t)pci_model_get(f, CFG_BAR0 + 4 * bar + 4, 4) << 32;
    f->msix_mem_len = f->bar_size[bar];
    f->msix_mem = calloc(1, f->msix_mem_len);
    for (unsigned i = 0; i < count; i++)
        f->msix_mem[table + 16 * i + 12] = 1;
    fake_mmio_register(f->msix_mem_base, f->msix_mem_len, f, bar_read, bar_write);
}

uint32_t pci_model_msix_word(const struct pci_model_fn *f, unsigned index, unsigned word)
{
    uint32_t v;
    memcpy(&v, f->msix_mem + (pci_model_get(f, f->msix + MSIX_TABLE, 4) & ~7u) + 16 * index + 4 * word, 4);
    return v;
}

void pci_model_acs(struct pci_model_fn *f, uint16_t cap)
{
    uint16_t off = f->acs = pci_model_ext(f, EXT_ACS, 8);
    pci_model_put16(f, off + ACS_CAP, cap);
    writable(f, off + ACS_CTL, 2, cap);
}

struct pci_model_fn *pci_model_nic(unsigned bus, unsigned dev, unsigned fn, uint64_t mmio)
{
    struct pci_model_fn *f = pci_model_add(bus, dev, fn, 0x8086, 0x10d3, 0x020000);
    pci_model_bar(f, 0, 0, mmio, 0x20000);
    pci_model_bar(f, 1, 0, mmio + 0x20000, 0x20000);
    pci_model_bar(f, 2, 1, 0x6000 + 0x2000 * (bus & 3) + 0x400 * fn + 0x20 * dev, 0x20);
    pci_model_bar(f, 3, 0, mmio + 0x40000, 0x4000);
    pci_model_pm(f, false);
    pci_model_msi(f, 0, true, false);
    pci_model_pcie(f, 0, true);
    pci_model_msix(f, 3, 0, 0x2000, 5);
    pci_model_put32(f, pci_model_ext(f, 0x0001, 0x40) + 0x10, 0x2000);   /* AER */
    uint16_t dsn = pci_model_ext(f, EXT_DSN, 12);
    pci_model_put32(f, dsn + 4, 0x00123456);
    pci_model_put32(f, dsn + 8, 0x52540000);
    return f;
}
