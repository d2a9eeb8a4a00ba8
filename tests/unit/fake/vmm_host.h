/* SPDX-License-Identifier: BSD-2-Clause */
/* A model of vmm/host.h for unit tests of devices; include it in one .c file only. */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/abi/syscall.h"
#include "vmm/host.h"
#include "vmm/start_page.h"

#define FAKE_MAPS 128
#define FAKE_BAR  0x4000u

struct fake_map { unsigned dev, bar; uint64_t off, gpa, len; };
struct fake_irq { uint64_t addr; uint32_t data, flags; };

static struct {
    uint64_t now, timer;
    unsigned timer_calls;
    bool extint;
    unsigned extint_calls;
    unsigned msis;                   /* sent */
    uint64_t msi_addr;               /* the last one */
    uint32_t msi_data;
    uint8_t out[4096], in[4096];
    unsigned out_len, in_len, in_at;
    struct dev_info info[VMM_MAX_DEVICES];
    uint8_t cfg[VMM_MAX_DEVICES][256];
    unsigned cfg_writes, resets, logs, map_calls, irq_calls;
    struct fake_map map[FAKE_MAPS];
    unsigned maps, bad;              /* live mappings; calls against the contract */
    struct fake_irq irq[VMM_MAX_IRQS];
    uint8_t mem[VMM_MAX_DEVICES][6][FAKE_BAR];   /* what is behind the BARs */
    unsigned bar_reads, bar_writes, bar_size;
    bool page_shared;                /* BARs below a page are not alone in theirs */
    unsigned intx_opens[VMM_MAX_DEVICES];
    status_t map_status, irq_status, info_status, reset_status;
    char log[256];
} fake;

void host_msi(uint64_t addr, uint32_t data) { fake.msis++; fake.msi_addr = addr; fake.msi_data = data; }
void host_extint(bool level)
{
    fake.bad += fake.extint == level;
    fake.extint = level;
    fake.extint_calls++;
}
uint64_t host_now_tsc(void) { return fake.now; }
void host_timer(uint64_t deadline_tsc) { fake.timer = deadline_tsc; fake.timer_calls++; }

void host_console_put(const uint8_t *bytes, unsigned count)
{
    for (unsigned i = 0; i < count && fake.out_len < sizeof fake.out; i++)
        fake.out[fake.out_len++] = bytes[i];
}

unsigned host_console_get(uint8_t *bytes, unsigned max)
{
    unsigned n = 0;

    while (n < max && fake.in_at < fake.in_len)
        bytes[n++] = fake.in[fake.in_at++];
    return n;
}

void host_log(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(fake.log, sizeof fake.log, format, ap);
    va_end(ap);
    fake.logs++;
}

status_t host_dev_info(unsigned dev, struct dev_info *info)
{
    if (dev >= VMM_MAX_DEVICES)
        return ST_RANGE;
    *info = fake.info[dev];
    return fake.info_status;
}

static bool fake_cfg_ok(unsigned dev, unsigned off, unsigned size)
{
    bool ok = dev < VMM_MAX_DEVICES && (size == 1 || size == 2 || size == 4) && off % size == 0 && off + size <= 256;

    fake.bad += !ok;
    return ok;
}

uint32_t host_dev_cfg_read(unsigned dev, unsigned off, unsigned size)
{
    uint32_t v = 0;

    if (!fake_cfg_ok(dev, off, size))
        return ~0u;
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)fake.cfg[dev][off + i] << (8 * i);
    return v;
}

void host_dev_cfg_write(unsigned dev, unsigned off, unsigned size, uint32_t value)
{
    fake.cfg_writes++;
    if (!fake_cfg_ok(dev, off, size))
        return;
    for (unsigned i = 0; i < size; i++)
        fake.cfg[dev][off + i] = (uint8_t)(value >> (8 * i));
}

/* In memory: aligned, in the pages of table or pending bits or in a BAR below a page, never in the table. */
static bool fake_bar_ok(unsigned dev, unsigned bar, uint64_t off, unsigned size)
{
    const struct dev_info *info = &fake.info[dev % VMM_MAX_DEVICES];
    const struct dev_bar *b = &info->bar[bar % 6];
    uint64_t table = info->msix_table_off, end = table + 16u * info->msix_count, page = off & ~0xfffull;
    uint64_t pba_end = info->pba_off + (info->msix_count + 63u) / 64 * 8;
    bool kept = b->size < 4096 || (info->msix_off && bar == info->msix_bar && page < end && table < page + 4096) ||
                (info->msix_off && bar == info->pba_bar && page < pba_end && info->pba_off < page + 4096);

    fake.bar_size = size;
    fake.bad += dev >= VMM_MAX_DEVICES || bar > 5 || (size != 1 && size != 2 && size != 4 && size != 8) || !b->size;
    if (b->flags & BAR_IO)
        fake.bad += size == 8 || off + size > b->size;
    else
        fake.bad += off % size != 0 ||
                    (info->msix_off && bar == info->msix_bar && off < end && table < off + size);
    return off + size <= b->size && off + size <= FAKE_BAR && (kept || (b->flags & BAR_IO));
}

uint64_t host_dev_bar_read(unsigned dev, unsigned bar, uint64_t off, unsigned size)
{
    uint64_t v = 0;

    fake.bar_reads++;
    if (!fake_bar_ok(dev, bar, off, size))
        return ~0ull;
    memcpy(&v, &fake.mem[dev][bar][off], size);
    return v;
}

void host_dev_bar_write(unsigned dev, unsigned bar, uint64_t off, unsigned size, uint64_t value)
{
    fake.bar_writes++;
    if (fake_bar_ok(dev, bar, off, size))
        memcpy(&fake.mem[dev][bar][off], &value, size);
}

status_t host_dev_reset(unsigned dev)
{
    fake.bad += dev >= VMM_MAX_DEVICES;
    fake.resets++;
    return fake.reset_status;
}

/* Refuses what the kernel would: not in a window, over another mapping, over the MSI-X table. */
status_t host_map_bar(unsigned dev, unsigned bar, uint64_t offset, uint64_t gpa, uint64_t len)
{
    fake.map_calls++;
    if (fake.map_status != ST_OK)
        return fake.map_status;
    if (((offset | gpa | len) & 0xfff) || len == 0 || dev >= VMM_MAX_DEVICES || bar > 5 || fake.maps == FAKE_MAPS ||
        !((gpa >= GUEST_MMIO32_BASE && gpa + len <= GUEST_MMIO32_END) ||
          (gpa >= GUEST_MMIO64_BASE && gpa + len <= GUEST_MMIO64_END))) {
        fake.bad++;
        return ST_INVAL;
    }
    for (unsigned i = 0; i < fake.maps; i++)
        if (gpa < fake.map[i].gpa + fake.map[i].len && fake.map[i].gpa < gpa + len) {
            fake.bad++;
            return ST_OVERLAP;
        }
    if (fake.info[dev].bar[bar].size < 4096 && fake.page_shared)
        return ST_UNSUPP;
    if (fake.info[dev].msix_off && fake.info[dev].msix_bar == bar) {
        uint64_t t = fake.info[dev].msix_table_off & ~0xfffull;

        if (offset <= t && t < offset + len)
            fake.bad++;
    }
    fake.map[fake.maps++] = (struct fake_map){ dev, bar, offset, gpa, len };
    return ST_OK;
}

status_t host_unmap_bar(unsigned dev, uint64_t gpa, uint64_t len)
{
    for (unsigned i = 0; i < fake.maps; i++)
        if (fake.map[i].dev == dev && fake.map[i].gpa == gpa && fake.map[i].len == len) {
            fake.map[i] = fake.map[--fake.maps];
            return ST_OK;
        }
    fake.bad++;
    return ST_NOTFOUND;
}

status_t host_irq_set(unsigned irq, uint64_t addr, uint32_t data, unsigned flags)
{
    fake.irq_calls++;
    if (irq >= VMM_MAX_IRQS) {
        fake.bad++;
        return ST_RANGE;
    }
    if (fake.irq_status == ST_OK)
        fake.irq[irq] = (struct fake_irq){ addr, data, flags };
    return fake.irq_status;
}

status_t host_intx_open(unsigned dev)
{
    fake.bad += dev >= VMM_MAX_DEVICES;
    fake.intx_opens[dev % VMM_MAX_DEVICES]++;
    return fake.irq_status;
}

/* The mapping that covers gpa, NULL if none. */
static inline const struct fake_map *fake_mapped(uint64_t gpa)
{
    for (unsigned i = 0; i < fake.maps; i++)
        if (gpa >= fake.map[i].gpa && gpa < fake.map[i].gpa + fake.map[i].len)
            return &fake.map[i];
    return NULL;
}

