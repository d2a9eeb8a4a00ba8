/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Function reset with proof. One step machine for all methods: silence the function, wait for
 * its requests to end, trigger, leave it alone as long as the specification says, wait until
 * it answers, restore what firmware had set, compare. A method that fails is followed by the
 * next one; the function counts as reset only when one of them is proven.
 */
#include "drivers/pci/bar.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/pci_regs.h"

#define PENDING_US    1000000u       /* [PCIe 6.6.2] completions may take so long; then go on */
#define FLR_QUIET_US   100000u       /* [PCIe 6.6.2] no access before */
#define PM_STEP_US      10000u       /* [PCIe 5.3.1.4] D3hot in and out */
#define READY_US      1000000u       /* [PCIe 6.6.1] at most one second of retry status */

enum reset_step { STEP_PICK, STEP_PENDING, STEP_D3, STEP_QUIET, STEP_READY, STEP_DONE };

void pci_reset_begin(struct pci_reset *reset) { *reset = (struct pci_reset){ .step = STEP_PICK, .worst = ST_NORESET }; }

static uint32_t rd16(const struct pci_fn *fn, unsigned off) { return pci_cfg_read(fn->bdf, off, 2); }

static bool is_absent(const struct pci_fn *fn) { return pci_cfg_read(fn->bdf, CFG_VENDOR, 4) == ~0u; }

static void power_state(const struct pci_fn *fn, uint32_t state)
{
    uint32_t csr = rd16(fn, fn->info.pm_off + PM_CSR) & ~PM_STATE;
    pci_cfg_write(fn->bdf, fn->info.pm_off + PM_CSR, 2, csr | state);
}

static bool has_pending(const struct pci_fn *fn, uint32_t method)
{
    if (method == PCI_RESET_AF)
        return (pci_cfg_read(fn->bdf, fn->af_off + AF_STATUS, 1) & AF_STATUS_PENDING) != 0;
    return fn->info.pcie_off != 0 && (rd16(fn, fn->info.pcie_off + PCIE_DEVSTA) & DEVSTA_PENDING) != 0;
}

/* What a reset clears and the fabric or the kernel needs. Decode and bus mastering stay off. */
static void image_restore(const struct pci_fn *fn)
{
    bar_restore(fn);
    if (fn->info.pcie_off != 0)
        pci_cfg_write(fn->bdf, fn->info.pcie_off + PCIE_DEVCTL, 2, fn->devctl);
    if (fn->pcie_version >= 2)
        pci_cfg_write(fn->bdf, fn->info.pcie_off + PCIE_DEVCTL2, 2, fn->devctl2);
    pci_cfg_write(fn->bdf, CFG_INTERRUPT, 1, fn->info.line);
    pci_cfg_write(fn->bdf, CFG_COMMAND, 2, CMD_INTX_OFF);
}

static bool caps_match(const struct pci_fn *fn)
{
    for (unsigned i = 0; i < ARRAY_LEN(fn->cap_at); i++)
        if (fn->cap_at[i] != 0 && pci_cfg_read(fn->bdf, 4 * i, 1) != fn->cap_at[i])
            return false;
    return true;
}

static bool is_silent(const struct pci_fn *fn)
{
    const struct dev_info *info = &fn->info;
    if ((rd16(fn, CFG_COMMAND) & (CMD_BUS_MASTER | CMD_MEMORY | CMD_IO)) != 0)
        return false;
    if (info->msi_off != 0 && (rd16(fn, info->msi_off + MSI_CTL) & MSI_ENABLE) != 0)
        return false;
    return info->msix_off == 0 || (rd16(fn, info->msix_off + MSIX_CTL) & MSIX_ENABLE) == 0;
}

/* The proof: the same function, the same BARs, nothing on. */
static MUST_USE status_t image_compare(const struct pci_fn *fn)
{
    const struct dev_info *info = &fn->info;
    if (is_absent(fn))
        return ST_ABSENT;
    if (pci_cfg_read(fn->bdf, CFG_VENDOR, 4) != (info->vendor | (uint32_t)info->device << 16) ||
        pci_cfg_read(fn->bdf, CFG_CLASS_REV, 4) != info->class_rev ||
        pci_cfg_read(fn->bdf, CFG_SUBSYSTEM, 4) != (info->subvendor | (uint32_t)info->subdevice << 16))
        return ST_CORRUPT;
    return bar_matches(fn) && caps_match(fn) && is_silent(fn) ? ST_OK : ST_CORRUPT;
}

/* The next method of the ladder that was not tried, 0 when none is left. */
static uint32_t method_next(const struct pci_fn *fn, uint32_t tried)
{
    uint32_t left = fn->info.flr & ~tried & (PCI_RESET_FLR | PCI_RESET_AF | PCI_RESET_PM);
    return left & (0u - left);
}

static MUST_USE status_t finish(struct pci_reset *reset, status_t st)
{
    reset->step = STEP_DONE;
    reset->worst = st;
    return st;
}

/* The method failed: the next one, if there is one. */
static MUST_USE status_t fall(struct pci_reset *reset, status_t st)
{
    reset->worst = st;
    reset->step = STEP_PICK;
    return ST_AGAIN;
}

static void trigger(struct pci_fn *fn, struct pci_reset *reset)
{
    uint64_t now = hw_now_us();
    reset->step = STEP_QUIET;
    reset->not_before = now + FLR_QUIET_US;
    if (reset->method == PCI_RESET_FLR) {
        unsigned off = fn->info.pcie_off + PCIE_DEVCTL;
        pci_cfg_write(fn->bdf, off, 2, rd16(fn, off) | DEVCTL_FLR);
    } else if (reset->method == PCI_RESET_AF) {
        pci_cfg_write(fn->bdf, fn->af_off + AF_CTL, 1, AF_CTL_FLR);
    } else {
        power_state(fn, 3);
        reset->step = STEP_D3;
        reset->not_before = now + PM_STEP_US;
    }
}

static MUST_USE status_t pick(struct pci_fn *fn, struct pci_reset *reset)
{
    if (is_absent(fn))
        return finish(reset, ST_ABSENT);
    reset->method = method_next(fn, reset->tried);
    if (reset->method == 0)
        return finish(reset, reset->worst);
    reset->tried |= reset->method;
    if (fn->info.pm_off != 0 && (rd16(fn, fn->info.pm_off + PM_CSR) & PM_STATE) != 0) {
        power_state(fn, 0);
        reset->not_before = hw_now_us() + PM_STEP_US;
    }
    status_t st = pci_quiesce(fn);
    if (st != ST_OK && st != ST_HW)      /* the proof decides what a stuck bit means */
        return finish(reset, st);
    reset->step = STEP_PENDING;
    reset->end_us = hw_now_us() + PENDING_US;
    return ST_AGAIN;
}

/* Retry status reads as vendor 0001h or as all ones: both may pass. */
static MUST_USE status_t ready(struct pci_fn *fn, struct pci_reset *reset)
{
    uint32_t vendor = rd16(fn, CFG_VENDOR);
    if (vendor == 0xffff || vendor == 0x0001) {
        if (hw_now_us() < reset->end_us)
            return ST_AGAIN;
        return vendor == 0xffff ? finish(reset, ST_ABSENT) : finish(reset, ST_TIMEOUT);
    }
    if (reset->method == PCI_RESET_FLR && has_pending(fn, PCI_RESET_FLR) && hw_now_us() < reset->end_us)
        return ST_AGAIN;
    image_restore(fn);
    status_t st = image_compare(fn);
    return st == ST_OK || st == ST_ABSENT ? finish(reset, st) : fall(reset, st);
}

status_t pci_reset_poll(struct pci_fn *fn, struct pci_reset *reset)
{
    if (hw_now_us() < reset->not_before)
        return ST_AGAIN;
    switch ((enum reset_step)reset->step) {
    case STEP_PICK: return pick(fn, reset);
    case STEP_PENDING:
        if (!has_pending(fn, reset->method) || hw_now_us() >= reset->end_us)
            trigger(fn, reset);
        return ST_AGAIN;
    case STEP_D3:
        power_state(fn, 0);
        reset->not_before = hw_now_us() + PM_STEP_US;
        reset->step = STEP_QUIET;
        return ST_AGAIN;
    case STEP_QUIET:
        reset->end_us = hw_now_us() + READY_US;
        reset->step = STEP_READY;
        return ST_AGAIN;
    case STEP_READY: return ready(fn, reset);
    case STEP_DONE:
        break;
    }
    return reset->worst;
}

status_t pci_reset(struct pci_fn *fn)
{
    struct pci_reset reset;
    status_t st;
    pci_reset_begin(&reset);
    while ((st = pci_reset_poll(fn, &reset)) == ST_AGAIN)
        hw_pause();                      /* every step of the machine has its own deadline */
    return st;
}
