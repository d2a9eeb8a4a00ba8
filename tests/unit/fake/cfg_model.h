/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference for test_cfg_model: what a guest's config space holds, as single bits, and what becomes of each write.
 * Written from the PCIe specification and DESIGN section 6. Include it in one .c file only.
 */
#pragma once

#include "tests/unit/fake/cfg_rig.h"

static struct {
    uint8_t image[256], reset[256];  /* what the guest reads; after a function level reset */
    uint8_t rw[256];                 /* bits that keep what it writes */
    uint8_t live[256];               /* bits that are the device's at the moment */
    uint8_t w1c[256];                /* of these, those that a 1 clears there */
    uint8_t dev[4096];               /* what the device must hold */
    unsigned power;
    const struct form *form;
    uint32_t table[IRQS_A][4];       /* MSI-X, as the guest wrote it */
} ref;

static void reg(unsigned off, unsigned size, uint32_t value, uint32_t rw)
{
    for (unsigned i = 0; i < size; i++) {
        ref.reset[off + i] = (uint8_t)(value >> 8 * i);
        ref.rw[off + i] = (uint8_t)(rw >> 8 * i);
    }
}

static void live(unsigned off, uint8_t bits, uint8_t w1c)
{
    ref.live[off] = bits;
    ref.w1c[off] = w1c;
}

static uint32_t image(unsigned off, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, ref.image + off, size);
    return v;
}

static void reference_msi(const struct form *form)
{
    unsigned data = a->msi + (form->is64 ? 12u : 8u), vectors = 1u << form->log2;
    reg(a->msi + 2u, 2, form->log2 << 1 | (form->is64 ? 0x80 : 0) | (form->maskable ? 0x100 : 0), 0x71);
    reg(a->msi + 4u, 4, 0, ~3u);
    if (form->is64)
        reg(a->msi + 8u, 4, 0, ~0u);
    reg(data, 2, 0, 0xffff);
    if (!form->maskable)
        return;
    reg(data + 4, 4, 0, (uint32_t)MASK64(vectors - 1, 0));
    for (unsigned i = 0; i < 4; i++)
        live(data + 8 + i, (uint8_t)(MASK64(vectors - 1, 0) >> 8 * i), 0);
}

static void reference_pcie(const struct form *form)
{
    reg(a->pcie + 2u, 2, 0x90 | form->pcie, 0);              /* integrated endpoint: no link */
    reg(a->pcie + 4u, 4, 0x10008001, 0);
    reg(a->pcie + 8u, 2, 0x2830, 0xf8ff);
    live(a->pcie + 10u, 0x2f, 0x0f);
    if (form->pcie == 2)
        reg(a->pcie + 0x24u, 4, 0x1f, 0);
    if (form->pcie == 2)
        reg(a->pcie + 0x28u, 2, 0, 0x1f);
}

static void reference(const struct form *form)
{
    const unsigned shown[] = { a->pm, form->msix ? 0 : a->msi, a->pcie, form->msix ? a->msix : 0 };
    const uint8_t ids[] = { 1, 5, 0x10, 0x11 };
    memset(&ref, 0, sizeof ref);
    ref.form = form;
    reg(0, 4, 0x10d38086, 0);
    reg(4, 2, 0, 0x0547);
    reg(6, 1, 0x10, 0);
    live(7, 0xf9, 0xf9);
    reg(8, 4, 0x02000011, 0);
    reg(0xc, 1, 0, 0xff);
    reg(0x10, 4, 0, 0xfffe0000);
    reg(0x14, 4, 1, 0xffffffe0);
    reg(0x18, 4, 0, 0xffffc000);
    reg(0x20, 4, 0xc, 0xfff00000);
    reg(0x24, 4, 0, ~0u);
    reg(0x2c, 4, 0x00011af4, 0);
    reg(0x3c, 1, 0, 0xff);
    reg(a->pm, 4, 0x00030001, 0);                            /* the version; no D1, D2, PME */
    reg(a->pm + 4u, 4, 8, 3);
    reference_pcie(form);
    if (!form->msix)
        reference_msi(form);
    else
        reg(a->msix + 2u, 2, IRQS_A - 1, 0xc000);
    if (form->msix) {
        reg(a->msix + 4u, 4, 0x1002, 0);
        reg(a->msix + 8u, 4, 0x1802, 0);
    }
    for (unsigned i = 0, link = 0x34; i < 4; i++)
        if (shown[i] != 0) {
            ref.reset[link] = (uint8_t)shown[i];
            ref.reset[shown[i]] = ids[i];
            link = shown[i] + 1;
        }
    memcpy(ref.image, ref.reset, sizeof ref.image);
    for (unsigned i = 0; i < IRQS_A; i++)
        ref.table[i][3] = 1;
    memcpy(ref.dev, a->cfg, sizeof ref.dev);
}

static uint8_t seen(unsigned off)
{
    return off >= 256 ? 0 : (uint8_t)((ref.image[off] & ~ref.live[off]) | (ref.dev[off] & ref.live[off]));
}

static void dev16(unsigned off, uint32_t clear, uint32_t set)
{
    uint16_t v;
    memcpy(&v, ref.dev + off, 2);
    v = (uint16_t)((v & ~clear) | set);
    memcpy(ref.dev + off, &v, 2);
}

static bool in(unsigned off, unsigned size, unsigned at, unsigned len) { return off < at + len && at < off + size; }

/* Up to four lanes; `lanes` of them reach config space. */
static void ref_write(unsigned off, unsigned lanes, uint64_t v)
{
    for (unsigned i = off; i < off + lanes && i < 256; i++, v >>= 8) {
        ref.image[i] = (uint8_t)((ref.image[i] & ~ref.rw[i]) | (v & ref.rw[i]));
        ref.dev[i] &= (uint8_t)~(v & ref.w1c[i]);
    }
    uint8_t *state = &ref.image[a->pm + 4];
    if ((*state & 3) == 1 || (*state & 3) == 2)              /* D1, D2: not there */
        *state = (uint8_t)((*state & ~3) | ref.power);
    ref.power = *state & 3;
    if (image(a->pcie + 8u, 2) & 0x8000) {                   /* function level reset */
        memcpy(ref.image, ref.reset, sizeof ref.image);
        ref.power = 0;
        dev16(4, 0x547, 0x403);
        dev16(a->pcie + 8u, 0xffff, 0x2830);
        for (unsigned i = 0; i < IRQS_A; i++)
            memcpy(ref.table[i], (uint32_t[4]){ 0, 0, 0, 1 }, 16);
        return;
    }
    if (in(off, lanes, 4, 2))                                /* it always decodes, has no line; parity is the host's */
        dev16(4, 4, image(4, 2) & 4);
    if (in(off, lanes, a->pcie + 8u, 2))
        dev16(a->pcie + 8u, 0x7810, image(a->pcie + 8u, 2) & 0x7810);
}

static void write_both(unsigned way, unsigned off, unsigned size, uint64_t v)
{
    guest_write(way, FN_A, off, size, v);
    if (way == 0)
        ref_write(off, MIN(size, 4 - (off & 3)), v);
    else
        ref_write(off, MIN(size, 4u), v);
    if (size == 8)
        ref_write(off + 4, 4, v >> 32);
}
