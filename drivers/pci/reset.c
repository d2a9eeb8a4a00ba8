/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Function reset with proof, and the command register: silence the function, wait for its
 * requests to end, trigger, leave it alone as long as the specification says, wait until
 * it answers, restore what firmware had set, compare. A method that fails is followed by the
 * next one; the function counts as reset only when one of them is proven.
 */
#include "drivers/pci/scan.h"

#include "kernel/arch/upcall.h"

#define PENDING_US    1000000u       /* [PCIe 6.6.2] completions may take so long; then go on */
#define FLR_QUIET_US   100000u       /* [PCIe 6.6.2] no access before */
#define PM_STEP_US      10000u       /* [PCIe 5.3.1.4] D3hot in and out */
#define READY_US      1000000u       /* [PCIe 6.6.1] at most one second of retry status */
#define BUS_RESET_US     2000u       /* [PCIe 7.5.1.3.13] at least 1 ms */
#define BUS_QUIET_US   100000u       /* [PCIe 6.6.1] no access before, since the link is up */
#define PCI_QUIET_US  1000000u       /* [PCI 4.3.2] a conventional bus: 2^25 clocks */

/* Header registers that must read as at hand-over: ids, class, BARs, subsystem. Bit = dword. */
#define HEADER_SAME   (BIT32(CFG_VENDOR / 4) | BIT32(CFG_CLASS_REV / 4) | MASK32(CFG_BAR0 / 4 + 5, CFG_BAR0 / 4) | \
                       BIT32(CFG_SUBSYSTEM / 4))

/* Clears and sets bits and proves it, but for INTx off, which may be hardwired to zero. */
static MUST_USE status_t command_change(struct pci_fn *fn, uint32_t clear, uint32_t set)
{
    spin_lock(&fn->lock);
    uint32_t command = pci_rd(fn, CFG_COMMAND, 2);
    if (command != 0xffff) {
        pci_wr(fn, CFG_COMMAND, 2, (command & ~clear) | set);
        command = pci_rd(fn, CFG_COMMAND, 2);
        fn->info.intx_off = (command & CMD_INTX_OFF) != 0;
    }
    spin_unlock(&fn->lock);
    if (command == 0xffff)
        return ST_ABSENT;
    return ((command ^ set) & (clear | set) & ~CMD_INTX_OFF) == 0 ? ST_OK : ST_HW;
}

status_t pci_bus_master_off(struct pci_fn *fn)
{
    return command_change(fn, CMD_BUS_MASTER, fn->info.class_rev >> 16 == CLASS_SERIAL ? 0 : CMD_INTX_OFF);
}

/* Nor its ROM, which nobody gets: its place is checked against nothing. */
status_t pci_quiesce(struct pci_fn *fn)
{
    pci_wr(fn, CFG_ROM, 4, 0);
    return command_change(fn, CMD_BUS_MASTER | CMD_MEMORY | CMD_IO, CMD_INTX_OFF);
}

/* Port decode stays as firmware left it: a window that nobody set could cover the board's own ports. */
status_t pci_open_path(struct pci_fn *fn)
{
    while (fn->info.up != 0) {
        fn -= fn->info.up;
        TRY(command_change(fn, 0, CMD_MEMORY | CMD_BUS_MASTER));
    }
    return ST_OK;
}

static void pause_us(uint64_t us)
{
    for (uint64_t end = hw_now_us() + us; hw_now_us() < end; )
        upcall_preempt_point();
}

static void power_state(const struct pci_fn *fn, uint32_t state)
{
    unsigned at = fn->info.pm_off + PM_CSR;
    pci_wr(fn, at, 2, (pci_rd(fn, at, 2) & ~PM_STATE) | state);
    pause_us(PM_STEP_US);
}

static bool has_pending(const struct pci_fn *fn, uint32_t method)
{
    if (method == PCI_RESET_AF)
        return (pci_rd(fn, fn->af_off + AF_STATUS, 1) & AF_STATUS_PENDING) != 0;
    return fn->info.pcie_off != 0 && (pci_rd(fn, fn->info.pcie_off + PCIE_DEVSTA, 2) & DEVSTA_PENDING) != 0;
}

static void trigger(const struct pci_fn *fn, uint32_t method)
{
    unsigned devctl = fn->info.pcie_off + PCIE_DEVCTL;
    if (method == PCI_RESET_PM) {
        power_state(fn, 3);
        power_state(fn, 0);
        return;
    }
    if (method == PCI_RESET_FLR)
        pci_wr(fn, devctl, 2, pci_rd(fn, devctl, 2) | DEVCTL_FLR);
    else
        pci_wr(fn, fn->af_off + AF_CTL, 1, AF_CTL_FLR);
    pause_us(FLR_QUIET_US);
}

/* What a reset clears and the fabric or the kernel needs. Decode and bus mastering stay off. */
static void image_restore(const struct pci_fn *fn)
{
    for (unsigned off = CFG_BAR0; off < CFG_BAR0 + 4 * 6; off += 4)
        pci_wr(fn, off, 4, fn->header[off / 4]);
    if (fn->info.pcie_off != 0)
        pci_wr(fn, fn->info.pcie_off + PCIE_DEVCTL, 2, fn->devctl);
    if (fn->pcie_version >= 2)
        pci_wr(fn, fn->info.pcie_off + PCIE_DEVCTL2, 2, fn->devctl2);
    if (fn->acs_off != 0)
        pci_wr(fn, fn->acs_off + ACS_CTL, 2, fn->acs_on);
    pci_wr(fn, CFG_INTERRUPT, 1, fn->info.line);
    pci_wr(fn, CFG_COMMAND, 2, CMD_INTX_OFF);
}

/* The proof: the same function, the same BARs, nothing on. */
static MUST_USE status_t image_compare(const struct pci_fn *fn)
{
    if (pci_rd(fn, CFG_VENDOR, 4) == ~0u)
        return ST_ABSENT;
    for (unsigned i = 0; i < ARRAY_LEN(fn->header); i++)
        if ((HEADER_SAME & BIT32(i)) != 0 && pci_rd(fn, 4 * i, 4) != fn->header[i])
            return ST_CORRUPT;
    for (unsigned i = 0; i < ARRAY_LEN(fn->cap_at); i++)
        if (fn->cap_at[i] != 0 && pci_rd(fn, 4 * i, 1) != fn->cap_at[i])
            return ST_CORRUPT;
    if (fn->acs_off != 0 && pci_rd(fn, fn->acs_off + ACS_CTL, 2) != fn->acs_on)
        return ST_CORRUPT;
    bool is_silent = (pci_rd(fn, CFG_COMMAND, 2) & (CMD_BUS_MASTER | CMD_MEMORY | CMD_IO)) == 0 && msi_is_off(fn);
    return is_silent ? ST_OK : ST_CORRUPT;
}

/* Awake, silent, and its requests ended. */
static MUST_USE status_t settle(struct pci_fn *fn, uint32_t method)
{
    if (pci_rd(fn, CFG_VENDOR, 4) == ~0u)
        return ST_ABSENT;
    if (fn->info.pm_off != 0 && (pci_rd(fn, fn->info.pm_off + PM_CSR, 2) & PM_STATE) != 0)
        power_state(fn, 0);
    if (pci_quiesce(fn) == ST_ABSENT)    /* the proof decides what a stuck bit means */
        return ST_ABSENT;
    for (uint64_t end = hw_now_us() + PENDING_US; has_pending(fn, method) && hw_now_us() < end; )
        upcall_preempt_point();
    return ST_OK;
}

static MUST_USE status_t prove(const struct pci_fn *fn, uint32_t method)
{
    /* Retry status reads as vendor 0001h or as all ones: both may pass. */
    uint64_t end = hw_now_us() + READY_US;
    uint32_t vendor = pci_rd(fn, CFG_VENDOR, 2);
    for (; hw_now_us() < end && (vendor == 0xffff || vendor == 0x0001 ||
                                 (method == PCI_RESET_FLR && has_pending(fn, method)));
         vendor = pci_rd(fn, CFG_VENDOR, 2))
        upcall_preempt_point();
    if (vendor == 0xffff || vendor == 0x0001)
        return vendor == 0xffff ? ST_ABSENT : ST_TIMEOUT;
    image_restore(fn);
    return image_compare(fn);
}

/* ST_HW: the bridge does not take it. */
static MUST_USE status_t bus_trigger(const struct pci_fn *bridge)
{
    const unsigned type = bridge->info.pcie_type, pcie = bridge->info.pcie_off;
    const bool link = type == PCIE_T_ROOT_PORT || type == PCIE_T_DOWNSTREAM;
    const uint32_t control = pci_rd(bridge, CFG_BRIDGE_CTL, 2) & ~BRIDGE_BUS_RESET;
    pci_wr(bridge, CFG_BRIDGE_CTL, 2, control | BRIDGE_BUS_RESET);
    pause_us(BUS_RESET_US);
    const bool taken = pci_rd(bridge, CFG_BRIDGE_CTL, 2) == (control | BRIDGE_BUS_RESET);
    pci_wr(bridge, CFG_BRIDGE_CTL, 2, control);
    const bool reports = link && (pci_rd(bridge, pcie + PCIE_LNKCAP, 4) & LNKCAP_REPORTS) != 0;
    for (uint64_t end = hw_now_us() + READY_US;
         reports && (pci_rd(bridge, pcie + PCIE_LNKSTA, 2) & LNKSTA_ACTIVE) == 0 && hw_now_us() < end; )
        upcall_preempt_point();
    pause_us(link ? BUS_QUIET_US : PCI_QUIET_US);
    return taken && pci_rd(bridge, CFG_BRIDGE_CTL, 2) == control ? ST_OK : ST_HW;
}

/* One rung of the ladder. Every wait has its own deadline. Of a bus all functions have to be as they were. */
static MUST_USE status_t attempt(struct pci_fn *fn, uint32_t method)
{
    if (method != PCI_RESET_BUS) {
        TRY(settle(fn, method));
        trigger(fn, method);
        return prove(fn, method);
    }
    for (uint32_t i = 0; i < pci_count(); i++)
        if (pci_at(i)->bdf.bus == fn->bdf.bus && settle(pci_at(i), method) != ST_OK)
            continue;                    /* the proof decides */
    status_t st = bus_trigger(fn - fn->info.up);
    for (uint32_t i = 0; i < pci_count(); i++) {
        status_t one = pci_at(i)->bdf.bus == fn->bdf.bus ? prove(pci_at(i), method) : ST_OK;
        st = st == ST_OK ? one : st;
    }
    return st;
}

/* What stops answering is reset by its bus or not at all. */
status_t pci_reset(struct pci_fn *fn, bool bus_too)
{
    const uint32_t last = bus_too ? PCI_RESET_BUS : PCI_RESET_PM;
    status_t st = ST_NORESET;
    for (uint32_t method = PCI_RESET_FLR; method <= last && st != ST_OK; method <<= 1)
        if ((fn->info.flr & method) != 0 && (st == ST_NORESET || st == ST_CORRUPT || method == PCI_RESET_BUS))
            st = attempt(fn, method);
    return st;
}
