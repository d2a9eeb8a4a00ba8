/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Config accesses of assigned functions: bytes go through image and write mask,
 * then whatever the touched registers mean is worked out from the image as it
 * stands. Also accesses to BARs that are not mapped: ports, MSI-X tables and what shares a page with them.
 */
#include "vmm/vpci.h"

#include "vmm/host.h"

#define CFG_STATUS_HIGH  0x07u
#define   STATUS_ERRORS    0xf9u        /* W1C: parity, aborts, system error */
#define CFG_HEADER_TYPE  0x0eu
#define   MULTI_FUNCTION   0x80u
#define PCIE_DEVCTL      0x08u
#define   DEVCTL_PASSED    0x7810u      /* ordering, snoop, read request size reach the device */
#define   DEVCTL_FLR       0x8000u
#define PCIE_DEVSTA      0x0au
#define   DEVSTA_SHOWN     0x2fu        /* errors (W1C), transactions pending */
#define   DEVSTA_W1C       0x0fu
#define PCIE_DEVCTL2     0x28u
#define   DEVCTL2_PASSED   0x001fu
#define PCIE_V2          2u
#define MSI_CONTROL      0x02u
#define   MSI_ENABLE       BIT32(0)
#define   MSI_MME          MASK32(6, 4)
#define MSI_CAP_LEN      24u
#define MSIX_CONTROL     0x02u
#define   MSIX_ENABLE      BIT32(15)
#define   MSIX_MASK_ALL    BIT32(14)
#define PMCSR            0x04u
#define   PMCSR_STATE      0x03u

static uint32_t image16(const struct vpci_fn *fn, unsigned off)
{
    return fn->image[off & 0xfeu] | (uint32_t)fn->image[(off & 0xfeu) + 1] << 8;
}

/* The device always decodes (the kernel writes its MSI-X table). A function whose guest uses MSI does not use INTx, whatever
 * of its MSI is on in the device [PCIe 7.7.1.2]. */
static void pass_command(const struct vpci_fn *fn)
{
    uint32_t value = image16(fn, CFG_COMMAND) & (COMMAND_MASTER | COMMAND_PARITY | COMMAND_SERR | COMMAND_NO_INTX);
    uint32_t ports = fn->wmask[CFG_COMMAND] & COMMAND_IO;
    uint32_t intx = fn->pin != 0 && !fn->vmsi.enable ? 0 : COMMAND_NO_INTX;

    host_dev_cfg_write(fn->dev, CFG_COMMAND, 2, value | ports | intx | COMMAND_MEM);
}

static status_t add(struct vpci *pci, const struct vmm_device *dev, unsigned index)
{
    struct vpci_fn *fn = &pci->fn[index];
    status_t st;

    if (dev->devfn == 0x00 || dev->devfn == 0xf8 || pci->by_devfn[dev->devfn])
        return ST_OVERLAP;
    if (dev->irqs && !range_ok(dev->first_irq, dev->irqs, VMM_MAX_IRQS))
        return ST_RANGE;
    if (dev->pin > 4 || dev->line >= VMM_INTX_LINES)
        return ST_RANGE;
    fn->devfn = dev->devfn;
    fn->pin = dev->pin;
    fn->line = dev->line;
    fn->dev = (uint8_t)index;
    st = host_dev_info(index, &fn->info);
    if (st != ST_OK)
        return st;
    st = vpci_image_build(fn, &pci->entry[dev->irqs ? dev->first_irq : 0], dev);
    if (st != ST_OK)
        return st;
    pci->by_devfn[dev->devfn] = (uint8_t)(index + 1);
    pci->count = index + 1;
    pass_command(fn);
    return ST_OK;
}

/* Guests look at functions 1 to 7 only if function 0 says so. */
static void mark_multifunction(struct vpci *pci)
{
    for (uint32_t i = 0; i < pci->count; i++) {
        unsigned head = pci->fn[i].devfn & 0xf8u, owner = pci->by_devfn[head];

        if ((pci->fn[i].devfn & 7u) == 0)
            continue;
        if (owner == 0) {
            host_log("slot %02x: function 0 is missing, guests will not find the others", head >> 3);
            continue;
        }
        pci->fn[owner - 1].image[CFG_HEADER_TYPE] = MULTI_FUNCTION;
        pci->fn[owner - 1].reset[CFG_HEADER_TYPE] = MULTI_FUNCTION;
    }
}

status_t vpci_init(struct vpci *pci, const struct vmm_start *start, unsigned *bad)
{
    memset(pci, 0, sizeof *pci);
    for (unsigned i = 0; i < start->devices && i < VMM_MAX_DEVICES; i++) {
        status_t st = add(pci, &start->device[i], i);

        if (st != ST_OK) {
            *bad = i;
            return st;
        }
    }
    mark_multifunction(pci);
    vpci_bar_assign(pci);
    return ST_OK;
}

/* Those of the pending bits whose interrupts the guest has. */
static uint64_t given(const struct vpci_fn *fn) { return fn->vmsi.count ? MASK64(MIN(fn->vmsi.count, 64u) - 1, 0) : 0; }

/* MSI's pending bits [PCIe 7.7.1.8]: what the device holds back. */
static bool is_msi_pending(const struct vpci_fn *fn, unsigned off)
{
    return fn->msi && fn->info.msi_maskable && off - (fn->msi + (fn->info.msi_64 ? 20u : 16u)) < 4;
}

static uint8_t read_byte(const struct vpci_fn *fn, unsigned off)
{
    uint8_t value = fn->image[off & (VPCI_CFG_SIZE - 1)];
    unsigned bit = 8 * (off & 3u);

    if (fn->pin && off == CFG_STATUS)
        return (uint8_t)(value | (host_dev_cfg_read(fn->dev, off, 1) & STATUS_INTX));
    if (off == CFG_STATUS_HIGH)
        return (uint8_t)(host_dev_cfg_read(fn->dev, off, 1) & STATUS_ERRORS);
    if (fn->pcie && off == fn->pcie + PCIE_DEVSTA)
        return (uint8_t)(host_dev_cfg_read(fn->dev, off, 1) & DEVSTA_SHOWN);
    if (is_msi_pending(fn, off))
        return (uint8_t)(host_dev_cfg_read(fn->dev, off, 1) & given(fn) >> bit);
    return value;
}

status_t vpci_intx_open(const struct vpci *pci, unsigned line)
{
    for (uint32_t i = 0; i < pci->count; i++)
        if (pci->fn[i].pin && pci->fn[i].line == line)
            return host_intx_open(pci->fn[i].dev);
    return ST_NOTFOUND;
}

uint32_t vpci_cfg_read(struct vpci *pci, uint8_t devfn, unsigned off, unsigned size)
{
    unsigned owner = pci->by_devfn[devfn];
    uint32_t value = 0;

    if (owner == 0)
        return ~UINT32_C(0);
    for (unsigned i = 0; i < size && i < 4; i++)
        if (off + i < VPCI_CFG_SIZE)
            value |= (uint32_t)read_byte(&pci->fn[owner - 1], off + i) << (8 * i);
    return value;
}

static void write_byte(struct vpci_fn *fn, unsigned off, uint8_t value)
{
    uint8_t mask = fn->wmask[off];

    fn->image[off] = (uint8_t)((fn->image[off] & ~mask) | (value & mask));
    if (off == CFG_STATUS_HIGH && (value & STATUS_ERRORS))
        host_dev_cfg_write(fn->dev, off, 1, value & STATUS_ERRORS);
    if (fn->pcie && off == fn->pcie + PCIE_DEVSTA && (value & DEVSTA_W1C))
        host_dev_cfg_write(fn->dev, off, 1, value & DEVSTA_W1C);
}

static void apply_power(struct vpci *pci, struct vpci_fn *fn)
{
    uint8_t *reg = &fn->image[fn->pm + PMCSR];
    uint8_t state = *reg & PMCSR_STATE;

    if (state == 1 || state == 2) {             /* not offered: the write has no effect */
        *reg = (uint8_t)((*reg & ~PMCSR_STATE) | fn->power);
        return;
    }
    fn->power = state;
    vpci_bar_sync(pci, fn);
}

static void apply_msi(struct vpci_fn *fn)
{
    uint32_t control = image16(fn, fn->msi + MSI_CONTROL);
    unsigned data = fn->info.msi_64 ? 12 : 8;
    struct vmsi_msi regs = {
        .enable = control & MSI_ENABLE,
        .log2 = (uint32_t)FIELD_GET(MSI_MME, control),
        .addr = vpci_image32(fn, fn->msi + 4u),
        .data = image16(fn, fn->msi + data),
    };

    if (fn->info.msi_64)
        regs.addr |= (uint64_t)vpci_image32(fn, fn->msi + 8u) << 32;
    if (fn->info.msi_maskable)
        regs.mask = vpci_image32(fn, fn->msi + data + 4);
    vmsi_msi_set(&fn->vmsi, &regs);
}

static void apply_msix(struct vpci_fn *fn)
{
    uint32_t control = image16(fn, fn->msix + MSIX_CONTROL);

    vmsi_msix_control(&fn->vmsi, control & MSIX_ENABLE, control & MSIX_MASK_ALL);
}

/* Carries the bits that an owner may choose into a real control register. */
static void pass_bits(const struct vpci_fn *fn, unsigned off, uint32_t passed)
{
    uint32_t now = host_dev_cfg_read(fn->dev, off, 2) & 0xffffu;
    uint32_t new = (now & ~passed) | (image16(fn, off) & passed);

    if (new != now)
        host_dev_cfg_write(fn->dev, off, 2, new & ~DEVCTL_FLR);
}

/* Function level reset [PCIe 6.6.2]: quiet first, then the device, then the image. */
static void reset(struct vpci *pci, struct vpci_fn *fn)
{
    status_t st;

    memcpy(fn->image, fn->reset, sizeof fn->image);
    fn->power = 0;
    vpci_bar_sync(pci, fn);
    vmsi_reset(&fn->vmsi);
    pass_command(fn);
    st = host_dev_reset(fn->dev);
    if (st != ST_OK)
        host_log("device %u: function level reset: %s", fn->dev, status_text(st));
    pass_command(fn);
}

static void apply_devctl(struct vpci *pci, struct vpci_fn *fn)
{
    if (image16(fn, fn->pcie + PCIE_DEVCTL) & DEVCTL_FLR) {
        reset(pci, fn);
        return;
    }
    pass_bits(fn, fn->pcie + PCIE_DEVCTL, DEVCTL_PASSED);
}

static bool touches(unsigned off, unsigned size, unsigned reg, unsigned len)
{
    return off < reg + len && reg < off + size;
}

static void apply(struct vpci *pci, struct vpci_fn *fn, unsigned off, unsigned size)
{
    if (touches(off, size, CFG_COMMAND, 2))
        pass_command(fn);
    if (touches(off, size, CFG_COMMAND, 2) || touches(off, size, CFG_BAR, 4 * VPCI_BARS))
        vpci_bar_sync(pci, fn);
    if (fn->pm && touches(off, size, fn->pm + PMCSR, 1))
        apply_power(pci, fn);
    bool uses_msi = fn->vmsi.enable;
    if (fn->msi && touches(off, size, fn->msi, MSI_CAP_LEN))
        apply_msi(fn);
    if (fn->msix && touches(off, size, fn->msix + MSIX_CONTROL, 2))
        apply_msix(fn);
    if (fn->pin && fn->vmsi.enable != uses_msi)
        pass_command(fn);
    if (fn->pcie && touches(off, size, fn->pcie + PCIE_DEVCTL2, 2) && (fn->image[fn->pcie + 2u] & 15u) == PCIE_V2)
        pass_bits(fn, fn->pcie + PCIE_DEVCTL2, DEVCTL2_PASSED);
    if (fn->pcie && touches(off, size, fn->pcie + PCIE_DEVCTL, 2))
        apply_devctl(pci, fn);
}

void vpci_cfg_write(struct vpci *pci, uint8_t devfn, unsigned off, unsigned size, uint32_t value)
{
    unsigned owner = pci->by_devfn[devfn];

    if (owner == 0 || size > 4 || off >= VPCI_CFG_SIZE)
        return;
    size = MIN(size, VPCI_CFG_SIZE - off);
    for (unsigned i = 0; i < size; i++)
        write_byte(&pci->fn[owner - 1], off + i, (uint8_t)(value >> (8 * i)));
    apply(pci, &pci->fn[owner - 1], off, size);
}

/* ---- accesses to BARs that are not mapped ---- */

/* The function whose BAR holds the whole access. */
static struct vpci_fn *find(struct vpci *pci, bool is_io, uint64_t at, unsigned size, unsigned *index)
{
    for (uint32_t f = 0; f < pci->count; f++)
        for (unsigned i = 0; i < VPCI_BARS; i++) {
            const struct vpci_bar *bar = &pci->fn[f].bar[i];

            *index = i;
            if (bar->is_io == is_io && bar->placed && range_contains(bar->at, bar->size, at, size))
                return &pci->fn[f];
        }
    return NULL;
}

/* An access that leaves a BAR is split, as bridges do. */
uint32_t vpci_port_in(struct vpci *pci, uint16_t port, unsigned size)
{
    unsigned index;
    const struct vpci_fn *fn = find(pci, true, port, size, &index);
    uint32_t value = 0;

    if (fn)
        return (uint32_t)host_dev_bar_read(fn->dev, index, port - fn->bar[index].at, size);
    if (size == 1)
        return 0xff;
    for (unsigned i = 0; i < size; i++)
        value |= (vpci_port_in(pci, (uint16_t)(port + i), 1) & 0xffu) << (8 * i);
    return value;
}

void vpci_port_out(struct vpci *pci, uint16_t port, unsigned size, uint32_t value)
{
    unsigned index;
    const struct vpci_fn *fn = find(pci, true, port, size, &index);

    if (fn)
        host_dev_bar_write(fn->dev, index, port - fn->bar[index].at, size, value);
    for (unsigned i = 0; i < size && size > 1 && !fn; i++)
        vpci_port_out(pci, (uint16_t)(port + i), 1, value >> (8 * i) & 0xffu);
}

/* The real one, of which the guest may have been given a part or nothing. */
static bool is_table(const struct vpci_fn *fn, unsigned bar, uint64_t off)
{
    return fn->info.msix_off && bar == fn->info.msix_bar && off >= fn->info.msix_table_off &&
           off - fn->info.msix_table_off < (uint64_t)fn->info.msix_count * 16;
}

static bool is_pba(const struct vpci_fn *fn, unsigned bar, uint64_t off)
{
    return fn->msix && bar == fn->info.pba_bar && off >= fn->info.pba_off &&
           off - fn->info.pba_off < vpci_pba_len(&fn->info);
}

/* Aligned, so it is all table, all pending bits or all something else. */
static uint64_t bar_read(const struct vpci_fn *fn, unsigned bar, uint64_t off, unsigned size)
{
    uint64_t value, bit;

    if (is_table(fn, bar, off))
        return vmsi_table_read(&fn->vmsi, off - fn->info.msix_table_off, size);
    value = host_dev_bar_read(fn->dev, bar, off, size);
    if (!is_pba(fn, bar, off))
        return value;
    bit = 8 * (off - fn->info.pba_off);
    return bit < 64 ? value & given(fn) >> bit : 0;
}

static void bar_write(struct vpci_fn *fn, unsigned bar, uint64_t off, unsigned size, uint64_t value)
{
    if (is_table(fn, bar, off))
        vmsi_table_write(&fn->vmsi, off - fn->info.msix_table_off, size, value);
    else if (!is_pba(fn, bar, off))          /* software must not write there, and cannot */
        host_dev_bar_write(fn->dev, bar, off, size, value);
}

bool vpci_mmio_read(struct vpci *pci, uint64_t gpa, unsigned size, uint64_t *value)
{
    unsigned index, step = gpa & (size - 1) ? 1 : size;
    const struct vpci_fn *fn = find(pci, false, gpa, size, &index);

    if (!fn)
        return false;
    *value = 0;
    for (unsigned i = 0; i < size; i += step) {
        uint64_t part = bar_read(fn, index, gpa + i - fn->bar[index].at, step);

        *value |= (step == 1 ? part & 0xff : part) << (8 * i);
    }
    return true;
}

bool vpci_mmio_write(struct vpci *pci, uint64_t gpa, unsigned size, uint64_t value)
{
    unsigned index, step = gpa & (size - 1) ? 1 : size;
    struct vpci_fn *fn = find(pci, false, gpa, size, &index);

    if (!fn)
        return false;
    for (unsigned i = 0; i < size; i += step)
        bar_write(fn, index, gpa + i - fn->bar[index].at, step, step == 1 ? value >> (8 * i) & 0xff : value);
    return true;
}
