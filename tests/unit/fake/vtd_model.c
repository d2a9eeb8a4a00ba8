/* SPDX-License-Identifier: BSD-2-Clause */
/* The VT-d model: register file, command state machine, queue, caches, walks. */
#include "tests/unit/fake/vtd_model.h"

#include <string.h>

#include "kernel/arch/hw.h"
#include "tests/unit/fake/pmm.h"

#define TE    0x80000000u
#define SRTP  0x40000000u
#define WBF   0x08000000u
#define QIE   0x04000000u
#define IRE   0x02000000u
#define SIRTP 0x01000000u
#define CFI   0x00800000u
#define ADDR  0x000ffffffffff000ull
#define IQE   0x10u
#define ICE   0x20u
#define ITE   0x40u

static bool snoops(const struct vtd_model *m) { return (m->ecap & 1) != 0 && !(m->cap & VM_CAP_RWBF); }
static uint64_t table_read(const struct vtd_model *m, uint64_t pa) { return fake_mem_read(pa, snoops(m)); }
static unsigned frcds(const struct vtd_model *m) { return (unsigned)(m->cap >> 40 & 0xff) + 1; }
static uint64_t fro(const struct vtd_model *m) { return (m->cap >> 24 & 0x3ff) * 16; }

/* ---- faults ---- */
void vtd_model_fault(struct vtd_model *m, uint16_t rid, unsigned reason, uint64_t info, bool write)
{
    unsigned n = frcds(m), at = m->frcd_next % n;
    if (n > VM_FRCD)
        fake_die("model has fewer fault records than CAP.NFR says", n);
    if (m->fsts & 1)
        return;                                   /* overflow: nothing is recorded until PFO is cleared */
    if (m->frcd[at][1] >> 63) {
        m->fsts |= 1;
        return;
    }
    m->frcd[at][0] = info;
    m->frcd[at][1] = 1ull << 63 | (write ? 0 : 1ull << 62) | (uint64_t)reason << 32 | rid;
    m->frcd_next = (at + 1) % n;
    if (!(m->fsts & 2)) {
        m->fsts = (m->fsts & ~0xff00u) | 2 | at << 8;
        if (!(m->fectl >> 31))
            m->events++;
    }
}

static void fault_cleared(struct vtd_model *m)
{
    unsigned n = frcds(m);
    m->fsts &= ~2u;
    for (unsigned i = 0; i < n; i++) {
        unsigned at = (m->frcd_next + i) % n;     /* oldest first */
        if (m->frcd[at][1] >> 63) {
            m->fsts = (m->fsts & ~0xff00u) | 2 | at << 8;
            return;
        }
    }
}

/* ---- invalidation ---- */
static void forget_ctx(struct vtd_model *m, unsigned g, uint16_t did, uint16_t rid)
{
    for (unsigned i = 0; i < 65536; i++) {
        uint16_t tag = m->ctx[i].lo & 1 ? (uint16_t)(m->ctx[i].hi >> 8) : 0;
        if (g == 1 || (g == 2 && tag == did) || (g == 3 && tag == did && i == rid))
            m->ctx[i].state = 0;
    }
}

static void forget_tlb(struct vtd_model *m, unsigned g, uint16_t did, uint64_t addr, unsigned am)
{
    uint64_t span = 0x1000ull << am;
    for (unsigned i = 0; i < VM_TLB; i++) {
        struct vm_tlb *t = &m->tlb[i];
        bool hit = g == 1 || (t->did == did && (g == 2 || (t->iova < (addr & ~(span - 1)) + span &&
                                                           (addr & ~(span - 1)) < t->iova + t->span)));
        if (hit)
            t->valid = false;
    }
}

static void forget_iec(struct vtd_model *m, bool one, uint32_t index, unsigned im)
{
    uint32_t count = one ? 1u << im : VM_IEC, first = one ? index & ~(count - 1) : 0;
    for (uint32_t i = first; i < first + count && i < VM_IEC; i++)
        m->iec[i].valid = false;
}

void vtd_model_forget(struct vtd_model *m)
{
    forget_ctx(m, 1, 0, 0);
    forget_tlb(m, 1, 0, 0, 0);
    forget_iec(m, false, 0, 0);
}

enum run { RUN_OK, RUN_BAD, RUN_ERROR };

static enum run run_wait(struct vtd_model *m, uint64_t lo, uint64_t hi)
{
    if ((lo & 0xffffff80ull) != 0 || (hi & 3) != 0)
        return RUN_BAD;
    if ((lo & 0x30) == 0x30) {
        m->aborts++;
        return RUN_BAD;
    }
    if (!(lo & 0x30))
        return RUN_BAD;
    if (m->ice_next || m->ite_next) {
        m->fsts |= m->ice_next ? ICE : ITE;
        *(m->ice_next ? &m->ice_next : &m->ite_next) -= 1;
        return RUN_ERROR;                         /* passed over, nothing stored */
    }
    if (lo & 0x20 && !m->deaf_wait)
        fake_mem_write(hi, lo >> 32, 4);
    return RUN_OK;
}

static enum run run_one(struct vtd_model *m, uint64_t lo, uint64_t hi)
{
    unsigned g = lo >> 4 & 3;
    if (m->refuse_type && (lo & 0xf) == m->refuse_type)
        return RUN_BAD;
    switch (lo & 0xf) {
    case 1:
        if (g == 0 || hi != 0 || (lo & 0xfffc00000000ffc0ull) != 0)
            return RUN_BAD;
        forget_ctx(m, g, (uint16_t)(lo >> 16), (uint16_t)(lo >> 32));
        return RUN_OK;
    case 2:
        if (g == 0 || (lo & 0xffffffff0000ff00ull) != 0 || (hi & 0xf80) != 0)
            return RUN_BAD;
        if (((lo & 0x40) && !(m->cap >> 54 & 1)) || ((lo & 0x80) && !(m->cap >> 55 & 1)))
            return RUN_BAD;
        m->drains += (lo & 0xc0) == 0xc0;
        forget_tlb(m, g, (uint16_t)(lo >> 16), hi & ~0xfffull, hi & 0x3f);
        return RUN_OK;
    case 4:
        if (hi != 0 || (lo & 0xffff000007ffffe0ull) != 0)
            return RUN_BAD;
        forget_iec(m, lo & 0x10, lo >> 32 & 0xffff, lo >> 27 & 0x1f);
        return RUN_OK;
    case 5: return run_wait(m, lo, hi);
    default: return RUN_BAD;
    }
}

static void run_queue(struct vtd_model *m)
{
    if (!(m->gsts & QIE) || m->dead_queue || m->gone || fake_hw.now_us < m->queue_at)
        return;
    while (m->iqh != m->iqt && !m->halted) {
        uint64_t at = (m->iqa & ADDR) + m->iqh;
        bool snoop = (m->ecap & 1) != 0 || (m->cap & VM_CAP_RWBF) != 0;
        enum run r = RUN_BAD;
        if (m->iqe_next)
            m->iqe_next--;
        else if (!m->iqe_forever)
            r = run_one(m, fake_mem_read(at, snoop), fake_mem_read(at + 8, snoop));
        if (r == RUN_BAD) {
            m->fsts |= IQE;
            m->halted = true;
            return;
        }
        m->descriptors++;
        m->iqh = (m->iqh + 16) % 4096;
        m->halted = r == RUN_ERROR && (m->fsts & ITE);
    }
}

/* ---- commands ---- */
static void toggle(struct vtd_model *m, uint32_t want, uint32_t bit)
{
    if ((m->gsts & bit) && !(want & bit)) {
        m->windows += bit == TE;
        m->ir_ended += bit == IRE;
    }
    if (bit == QIE && (m->gsts & QIE) && !(want & QIE) && m->iqh != m->iqt)
        return;                                   /* refused: not empty */
    if (bit == QIE && !(m->gsts & QIE) && (want & QIE))
        m->iqh = 0;
    m->gsts = (m->gsts & ~bit) | (want & bit);
}

static void apply_command(struct vtd_model *m, uint32_t v)
{
    if (v & SRTP) {
        m->root = m->rtaddr;
        m->gsts |= SRTP;
    }
    if (v & SIRTP) {
        m->irt = m->irta;
        m->gsts |= SIRTP;
    }
    if (v & WBF) {
        m->wbf++;
        fake_pmm_sync();
        m->gsts &= ~WBF;
    }
    toggle(m, v, TE);
    toggle(m, v, QIE);
    toggle(m, v, IRE);
    toggle(m, v, CFI);
    run_queue(m);
}

static void advance(struct vtd_model *m)
{
    if (m->gcmd_waiting && !m->dead && fake_hw.now_us >= m->gcmd_at) {
        m->gcmd_waiting = false;
        apply_command(m, m->gcmd_pending);
    }
    run_queue(m);
}

static void command(struct vtd_model *m, uint32_t v)
{
    advance(m);
    m->gone |= (v & m->gone_on) != 0;
    if (m->gcmd_waiting && !m->dead)
        m->bad_writes++;                          /* a new command before the old one was done */
    m->gsts &= ~(v & (SRTP | SIRTP));             /* 0 until done */
    if (v & WBF)
        m->gsts |= WBF;
    m->gcmd_pending = v;
    m->gcmd_waiting = true;
    m->gcmd_at = fake_hw.now_us + m->slow_us;
    advance(m);
}

/* ---- registers ---- */
static uint64_t frcd_read(struct vtd_model *m, uint64_t off)
{
    uint64_t i = (off - fro(m)) / 16;
    return i < frcds(m) && i < VM_FRCD ? m->frcd[i][off >> 3 & 1] : 0;
}

static uint64_t read64(struct vtd_model *m, uint64_t off)
{
    switch (off) {
    case 0x00: return m->version;
    case 0x08: return m->cap;
    case 0x10: return m->ecap;
    case 0x18: return (uint64_t)((m->gsts | m->stuck_set) & ~m->stuck_clear) << 32;
    case 0x20: return m->rtaddr;
    case 0x28: return m->ccmd;
    case 0x30: return (uint64_t)m->fsts << 32;
    case 0x38: return m->fectl | (uint64_t)m->fedata << 32;
    case 0x40: return m->feaddr | (uint64_t)m->feuaddr << 32;
    case 0x60: return (uint64_t)m->pmen << 32;
    case 0x80: return m->iqh;
    case 0x88: return m->iqt;
    case 0x90: return m->iqa;
    case 0xb8: return m->irta;
    default:   return off >= fro(m) ? frcd_read(m, off) : 0;
    }
}

static uint64_t model_read(void *ctx, uint64_t off, unsigned size)
{
    struct vtd_model *m = ctx;
    advance(m);
    if (m->gone)
        return ~0ull;
    if (size < 4) {
        m->narrow++;
        return 0;
    }
    uint64_t v = read64(m, off & ~7ull);
    return size == 4 && (off & 4) ? v >> 32 : v;
}

static void write_fsts(struct vtd_model *m, uint32_t v)
{
    m->fsts &= ~(v & 0x71);
    m->halted = m->halted && m->fsts & (IQE | ITE);
}

static void write_pmen(struct vtd_model *m, uint32_t v)
{
    if (!(m->cap & VM_CAP_PMR))
        return;
    if (!(v >> 31) && (m->pmen & 1) && !(m->gsts & TE))
        m->windows++;                             /* protection gone before translation was on */
    m->pmen = (v & 0x80000000u) | (v >> 31 || m->stuck_prs ? 1 : 0);
}

static void write32(struct vtd_model *m, uint64_t off, uint32_t v)
{
    switch (off) {
    case 0x18: command(m, v); return;
    case 0x34: write_fsts(m, v); return;
    case 0x38:
        if ((m->fectl >> 31) && !(v >> 31) && (m->fsts & 2))
            m->events++;                          /* was pending */
        m->fectl = v & 0x80000000u;
        return;
    case 0x3c: m->fedata = v & 0xffff; return;
    case 0x40: m->feaddr = v & ~3u; return;
    case 0x44: m->feuaddr = v; return;
    case 0x64: write_pmen(m, v); return;
    }
    if (off >= fro(m) && off < fro(m) + 16 * frcds(m) && (off & 15) == 12) {
        if (v >> 31)
            m->frcd[(off - fro(m)) / 16][1] &= ~(1ull << 63);
        fault_cleared(m);
        return;
    }
    m->bad_writes++;
}

static void write64(struct vtd_model *m, uint64_t off, uint64_t v)
{
    switch (off) {
    case 0x20: m->rtaddr = m->lose_rtaddr ? 0 : v; return;
    case 0x88:
        m->iqt = v & 0x7fff0;
        m->halted &= (m->fsts & (IQE | ITE)) != 0;
        m->queue_at = fake_hw.now_us + m->slow_us;
        run_queue(m);
        return;
    case 0x90:
        if (m->gsts & QIE)
            m->bad_writes++;                      /* only while the queue is off */
        m->iqa = m->lose_iqa ? 0 : v;
        return;
    case 0xb8: m->irta = m->lose_irta ? 0 : v; return;
    default: m->bad_writes++;
    }
}

static void model_write(void *ctx, uint64_t off, unsigned size, uint64_t v)
{
    struct vtd_model *m = ctx;
    if (m->gone)
        return;
    if (size < 4)
        m->narrow++;
    else if (size == 4)
        write32(m, off, (uint32_t)v);
    else
        write64(m, off, v);
}

static void run(void *model) { run_queue(model); }

void vtd_model_init(struct vtd_model *m, uint64_t base, uint64_t cap, uint64_t ecap)
{
    memset(m, 0, sizeof *m);
    m->base = base;
    m->cap = cap;
    m->ecap = ecap;
    m->version = 0x10;
    m->fectl = 0x80000000u;
    m->ctx = fake_table(65536 * sizeof m->ctx[0]);
    fake_mmio_register(base, 0x1000, m, model_read, model_write);
    fake_runs(m, run);       /* what it is asked it does by itself, whether anybody looks or not */
}

void vtd_model_free(struct vtd_model *m)
{
    fake_runs(m, NULL);
    fake_table_back(m->ctx);
    m->ctx = NULL;
}

/* ---- translation ---- */
static unsigned load_ctx(struct vtd_model *m, uint16_t rid, uint64_t *lo, uint64_t *hi)
{
    if (m->ctx[rid].state) {
        *lo = m->ctx[rid].lo;
        *hi = m->ctx[rid].hi;
        return *lo & 1 ? 0 : 2;
    }
    uint64_t root = (m->root & ADDR) + 16ull * (rid >> 8);
    uint64_t rlo = table_read(m, root), rhi = table_read(m, root + 8);
    *lo = *hi = 0;
    if (!(rlo & 1)) {
        if (m->cap & VM_CAP_CM)
            m->ctx[rid].state = 1, m->ctx[rid].lo = 0, m->ctx[rid].hi = 0;
        return 1;
    }
    if ((rlo & 0xffe) != 0 || rhi != 0)
        return 0xa;
    uint64_t at = (rlo & ADDR) + 16ull * (rid & 0xff);
    *lo = table_read(m, at);
    *hi = table_read(m, at + 8);
    if ((*lo & 1) || (m->cap & VM_CAP_CM)) {
        m->ctx[rid].state = 1;
        m->ctx[rid].lo = *lo;
        m->ctx[rid].hi = *hi;
    }
    if (!(*lo & 1))
        return 2;
    if ((*lo & 0xff0) != 0 || (*hi & ~0xffff7full) != 0)
        return 0xb;
    return 0;
}

static unsigned walk(struct vtd_model *m, uint64_t lo, uint64_t hi, uint64_t addr, struct vm_tlb *out)
{
    unsigned aw = hi & 7, levels = aw + 2;
    if (!(m->cap >> 8 & 0x1f & 1u << aw))
        return 3;
    uint64_t limit = 1ull << (12 + 9 * levels), mgaw = 2ull << (m->cap >> 16 & 0x3f);
    if (addr >= limit || addr >= mgaw)
        return 4;
    uint64_t table = lo & ADDR;
    uint8_t perm = 3;
    *out = (struct vm_tlb){ .valid = true, .did = (uint16_t)(hi >> 8) };
    for (unsigned level = levels; level > 0; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t e = table_read(m, table + 8 * (addr >> shift & 511)), inside = (1ull << shift) - 1;
        perm &= (uint8_t)(e & 3);
        out->iova = addr & ~inside;
        out->span = inside + 1;
        out->perm = perm;
        if (perm == 0) {
            out->absent = true;
            return 0;
        }
        bool large = level > 1 && (e & 0x80);
        if (large && (level > 3 || !(m->cap >> 34 & 0xf & 1u << (level - 2))))
            return 0xc;
        if ((e & 0x800) && (!(m->ecap & VM_ECAP_SC) || (level > 1 && !large)))
            return 0xc;
        if (level == 1 || large) {
            if (e & ADDR & inside)
                return 0xc;
            out->pa = e & ADDR & ~inside;
            return 0;
        }
        table = e & ADDR;
    }
    return 0xc;
}

static unsigned translate(struct vtd_model *m, uint16_t rid, uint64_t addr, bool write, uint64_t *pa, bool *quiet)
{
    uint64_t lo, hi;
    unsigned reason = load_ctx(m, rid, &lo, &hi);
    *quiet = (lo & 2) != 0;
    if (reason)
        return reason;
    struct vm_tlb t = { 0 };
    for (unsigned i = 0; i < VM_TLB && !t.valid; i++) {
        struct vm_tlb *c = &m->tlb[i];
        if (c->valid && c->did == (uint16_t)(hi >> 8) && addr >= c->iova && addr - c->iova < c->span)
            t = *c;
    }
    if (!t.valid) {
        reason = walk(m, lo, hi, addr, &t);
        if (reason)
            return reason;
        if (!t.absent || (m->cap & VM_CAP_CM))
            m->tlb[m->tlb_next++ % VM_TLB] = t;
    }
    if (!(t.perm & (write ? 2 : 1)))
        return write ? 5 : 6;
    *pa = t.pa | (addr - t.iova);
    return 0;
}

unsigned vtd_model_dma(struct vtd_model *m, uint16_t rid, uint64_t addr, bool write, uint64_t *pa)
{
    bool quiet = false;
    advance(m);
    if (!(m->gsts & TE)) {
        m->passed += !(m->pmen & 1);
        *pa = addr;
        return m->pmen & 1 ? 0xff : 0;
    }
    unsigned reason = translate(m, rid, addr, write, pa, &quiet);
    if (reason && !quiet)
        vtd_model_fault(m, rid, reason, addr & ~0xfffull, write);
    return reason;
}

/* ---- interrupts ---- */
static unsigned remap(struct vtd_model *m, uint16_t rid, uint32_t index, struct vm_intr *out)
{
    uint32_t entries = 2u << (m->irt & 0xf);
    if (index >= entries || index >= VM_IEC)
        return 0x21;
    if (!m->iec[index].valid) {
        uint64_t at = (m->irt & ADDR) + 16ull * index, lo = table_read(m, at), hi = table_read(m, at + 8);
        if (!(lo & 1))
            return 0x22;                          /* absent entries are not cached */
        m->iec[index].valid = true;
        m->iec[index].lo = lo;
        m->iec[index].hi = hi;
    }
    uint64_t lo = m->iec[index].lo, hi = m->iec[index].hi;
    bool eime = (m->irt & 0x800) != 0;
    if ((lo & 0xff00f000ull) != 0 || (hi & ~0xfffffull) != 0 || (!eime && (lo >> 32 & ~0xff00ull) != 0))
        return 0x24;
    if ((hi >> 18 & 3) == 0)
        m->unchecked++;
    else if ((uint16_t)hi != rid)
        return 0x26;
    out->vector = (uint8_t)(lo >> 16);
    out->level = lo >> 4 & 1;
    out->dest = eime ? (uint32_t)(lo >> 32) : (uint32_t)(lo >> 40) & 0xff;
    return 0;
}

static unsigned remap_or_fault(struct vtd_model *m, uint16_t rid, uint32_t index, struct vm_intr *out)
{
    unsigned reason = remap(m, rid, index, out);
    if (reason)
        vtd_model_fault(m, rid, reason, (uint64_t)index << 48, true);
    return reason;
}

unsigned vtd_model_msi(struct vtd_model *m, uint16_t rid, uint64_t addr, uint32_t data, struct vm_intr *out)
{
    advance(m);
    bool remappable = addr & 0x10;
    if (!(m->gsts & IRE) || (!remappable && (m->gsts & CFI))) {
        *out = (struct vm_intr){ .dest = addr >> 12 & 0xff, .vector = (uint8_t)data };
        return 0;
    }
    if (!remappable) {
        vtd_model_fault(m, rid, 0x25, 0, true);
        return 0x25;
    }
    uint32_t handle = (uint32_t)(addr >> 5 & 0x7fff) | (addr & 4 ? 0x8000u : 0);
    return remap_or_fault(m, rid, handle + (addr & 8 ? data & 0xffff : 0), out);
}

unsigned vtd_model_rte(struct vtd_model *m, uint16_t rid, uint64_t rte, struct vm_intr *out)
{
    advance(m);
    if (!(rte >> 48 & 1)) {
        vtd_model_fault(m, rid, 0x25, 0, true);
        return 0x25;
    }
    if (rte & 0x0000fffffffe0700ull)
        return 0x20;                              /* reserved, and delivery mode must be 0 */
    uint32_t index = (uint32_t)(rte >> 49) | (rte >> 11 & 1 ? 0x8000u : 0);
    unsigned reason = remap_or_fault(m, rid, index, out);
    return reason == 0 && out->vector != (uint8_t)rte ? 0xfff : reason;
}
