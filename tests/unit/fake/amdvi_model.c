/* SPDX-License-Identifier: BSD-2-Clause */
/* The AMD-Vi model: register file, rings, caches, walks. */
#include "tests/unit/fake/amdvi_model.h"

#include <string.h>

#include "kernel/arch/hw.h"
#include "tests/unit/fake/pmm.h"

#define EN     (1ull << 0)
#define LOG_EN (1ull << 2)
#define INT_EN (1ull << 3)
#define COHER  (1ull << 10)
#define CMD_EN (1ull << 12)
#define GA_EN  (1ull << 17)
#define XT_EN  (1ull << 50)
#define ST_OVERFLOW 1ull
#define ST_LOGINT   2ull
#define ST_LOGRUN   8ull
#define ST_CMDRUN  16ull
#define ADDR   0x000ffffffffff000ull

static uint64_t table_read(const struct amdvi_model *m, uint64_t pa) { return fake_mem_read(pa, m->control & COHER); }
static uint64_t ring_bytes(uint64_t base) { return 16ull << (base >> 56 & 0xf); }

/* ---- events ---- */
static void deliver_late(struct amdvi_model *m)
{
    if (m->late[0]) {
        fake_mem_write(m->late[0] + 8, m->late[2], 8);
        fake_mem_write(m->late[0], m->late[1], 8);
        m->late[0] = 0;
    }
}

static void log_interrupt(struct amdvi_model *m, uint64_t status, uint64_t control)
{
    bool was = (m->status & ST_LOGINT) && (m->control & INT_EN), is = (status & ST_LOGINT) && (control & INT_EN);
    m->interrupts += is && !was;
    m->status = status;
    m->control = control;
}

void amdvi_model_event(struct amdvi_model *m, uint16_t rid, unsigned reason, uint64_t address)
{
    uint64_t size = ring_bytes(m->evtlog), at = (m->evtlog & ADDR) + m->evt_tail;
    uint64_t lo = (uint64_t)reason << 48 | rid;
    if (!(m->status & ST_LOGRUN)) {
        m->dropped++;
        return;
    }
    if ((m->evt_tail + 16) % size == m->evt_head) {
        m->dropped++;
        log_interrupt(m, (m->status | ST_OVERFLOW | ST_LOGINT) & ~ST_LOGRUN, m->control);
        return;
    }
    deliver_late(m);
    if (m->late_event) {
        m->late[0] = at, m->late[1] = lo, m->late[2] = address;
    } else {
        fake_mem_write(at, lo, 8);
        fake_mem_write(at + 8, address, 8);
    }
    m->evt_tail = (m->evt_tail + 16) % size;
    log_interrupt(m, m->status | ST_LOGINT, m->control);
}

/* ---- commands ---- */
static void forget_pages(struct amdvi_model *m, uint16_t did, uint64_t hi)
{
    uint64_t span = 0x1000, addr = hi & ~0xfffull;
    if (hi & 1) {                                 /* the lowest clear address bit tells the size */
        unsigned bit = 12;
        while (bit < 63 && (addr >> bit & 1))
            bit++;
        span = bit >= 62 ? ~0ull : 2ull << bit;
    }
    for (unsigned i = 0; i < AM_CACHE; i++) {
        struct am_tlb *t = &m->tlb[i];
        struct am_pde *p = &m->pde[i];
        uint64_t from = span == ~0ull ? 0 : addr & ~(span - 1);
        if (t->did == did && t->iova < from + span && from < t->iova + t->span)
            t->valid = false;
        if ((hi & 2) && p->did == did && p->iova < from + span && from < p->iova + 0x200000)
            p->valid = false;
    }
}

static void forget_irt(struct amdvi_model *m, bool all, uint16_t rid)
{
    for (unsigned i = 0; i < AM_CACHE; i++)
        m->irt[i].valid &= !all && m->irt[i].rid != rid;
}

void amdvi_model_forget(struct amdvi_model *m)
{
    for (unsigned i = 0; i < 65536; i++)
        m->dte[i].valid = false;
    for (unsigned i = 0; i < AM_CACHE; i++)
        m->tlb[i].valid = m->pde[i].valid = false;
    forget_irt(m, true, 0);
}

/* False: the unit does not accept it. */
static bool run_one(struct amdvi_model *m, uint64_t lo, uint64_t hi)
{
    unsigned op = (unsigned)(lo >> 60);
    if (m->refuse_op && op == m->refuse_op)
        return false;
    switch (op) {
    case 1:
        if ((lo & 0x0ff0000000000000ull) != 0 || !(lo & 3))
            return false;
        if (lo & 1 && !m->deaf_wait)
            fake_mem_write(lo & 0xffffffffffff8ull, hi, 8);
        m->status |= lo & 2 ? 4 : 0;
        return true;
    case 2:
        if ((lo & 0x0fffffffffff0000ull) != 0 || hi != 0)
            return false;
        m->dte[(uint16_t)lo].valid = false;
        return true;
    case 3:
        if ((lo & 0x0fff0000fff00000ull) != 0 || (hi & 0xff8) != 0)
            return false;
        forget_pages(m, (uint16_t)(lo >> 32), hi);
        return true;
    case 5:
        if ((lo & 0x0fffffffffff0000ull) != 0 || hi != 0)
            return false;
        forget_irt(m, false, (uint16_t)lo);
        return true;
    case 8:
        if (!(m->efr & AM_EFR_IA) || (lo & ~(15ull << 60)) != 0 || hi != 0)
            return false;
        amdvi_model_forget(m);
        return true;
    default: return false;
    }
}

static void run_queue(struct amdvi_model *m)
{
    uint64_t size = ring_bytes(m->cmdbuf);
    if (m->dead_queue || m->gone || fake_hw.now_us < m->queue_at)
        return;
    while ((m->status & ST_CMDRUN) && m->cmd_head != m->cmd_tail) {
        uint64_t at = (m->cmdbuf & ADDR) + m->cmd_head;
        bool good = !m->refuse_forever && m->refuse_next == 0;
        m->refuse_next -= m->refuse_next != 0;
        if (!good || !run_one(m, table_read(m, at), table_read(m, at + 8))) {
            amdvi_model_event(m, 0, 5u << 12, at);
            m->status &= ~ST_CMDRUN;
            return;
        }
        m->commands++;
        m->cmd_head = (m->cmd_head + 16) % size;
    }
}

/* ---- registers ---- */
static void apply_control(struct amdvi_model *m, uint64_t v)
{
    v &= ~m->control_lies;
    if ((m->control & EN) && !(v & EN))
        m->windows++;
    if ((m->control & EN) && (v & EN) && ((m->control ^ v) & (GA_EN | XT_EN)))
        m->bad_writes++;                          /* the format of entries changes under the unit */
    if (((v & GA_EN) && !(m->efr & AM_EFR_GA)) || ((v & XT_EN) && !((m->efr & AM_EFR_XT) && (v & GA_EN))))
        m->bad_writes++;
    uint64_t run = m->status & (ST_LOGRUN | ST_CMDRUN);
    bool log_again = !(m->control & LOG_EN) || !(m->control & EN);
    bool cmd_again = !(m->control & CMD_EN) || !(m->control & EN);
    if (!(v & EN) || !(v & LOG_EN))
        run &= ~ST_LOGRUN;
    else if (log_again && !(m->status & ST_OVERFLOW) && !m->log_stays_off)
        run |= ST_LOGRUN;
    if (!(v & EN) || !(v & CMD_EN))
        run &= ~ST_CMDRUN;
    else if (cmd_again)
        run |= ST_CMDRUN;
    run |= (v & EN && v & 1 << 13 ? 0x80 : 0) | (v & EN && v & 1 << 28 ? 0x100 : 0);      /* PPR and GA logs */
    log_interrupt(m, (m->status & ~(ST_LOGRUN | ST_CMDRUN | 0x180)) | (m->dead ? 0 : run), v);
    run_queue(m);
}

static void advance(struct amdvi_model *m)
{
    if (m->control_waiting && fake_hw.now_us >= m->control_at) {
        m->control_waiting = false;
        apply_control(m, m->control_pending);
    }
    run_queue(m);
}

static uint64_t *reg_of(struct amdvi_model *m, uint64_t off)
{
    switch (off) {
    case 0x00: return &m->devtab;
    case 0x08: return &m->cmdbuf;
    case 0x10: return &m->evtlog;
    case 0x18: return m->control_waiting ? &m->control_pending : &m->control;
    case 0x20: return &m->excl_base;
    case 0x28: return &m->excl_limit;
    case 0x30: return &m->efr;
    case 0x2000: return &m->cmd_head;
    case 0x2008: return &m->cmd_tail;
    case 0x2010: return &m->evt_head;
    case 0x2018: return &m->evt_tail;
    case 0x2020: return &m->status;
    default: return NULL;
    }
}

static uint64_t model_read(void *ctx, uint64_t off, unsigned size)
{
    struct amdvi_model *m = ctx;
    advance(m);
    if (m->gone)
        return ~0ull;
    m->narrow += size != 8 && off != 0x2020;
    const uint64_t *reg = reg_of(m, off);
    return reg ? *reg : 0;
}

static void write64(struct amdvi_model *m, uint64_t off, uint64_t v)
{
    bool cmd = m->status & ST_CMDRUN, log = m->status & ST_LOGRUN;
    switch (off) {
    case 0x00: m->devtab = m->lose_devtab ? 0 : v; return;
    case 0x08:
        m->bad_writes += cmd;                     /* only while the queue is off */
        m->cmdbuf = m->lose_cmdbuf ? 0 : v;
        return;
    case 0x10:
        m->bad_writes += log;
        m->evtlog = m->lose_evtlog ? 0 : v;
        return;
    case 0x18:
        m->gone |= (v & m->gone_on) != 0;
        m->control_pending = v;
        m->control_waiting = true;
        m->control_at = fake_hw.now_us + m->slow_us;
        advance(m);
        return;
    case 0x20: m->excl_base = m->stuck_excl ? m->excl_base : v; return;
    case 0x28: m->excl_limit = v; return;
    case 0x2000:
        m->bad_writes += cmd;
        m->cmd_head = v & 0x7fff0;
        return;
    case 0x2008:
        m->cmd_tail = v & 0x7fff0;
        m->queue_at = fake_hw.now_us + m->slow_us;
        run_queue(m);
        return;
    case 0x2010: m->evt_head = v & 0x7fff0; return;
    case 0x2018:
        m->bad_writes += log;
        m->evt_tail = v & 0x7fff0;
        return;
    case 0x2020: m->status &= ~(v & 0x67 & (m->stuck_overflow ? ~ST_OVERFLOW : ~0ull)); return;
    default: m->bad_writes++;
    }
}

static void model_write(void *ctx, uint64_t off, unsigned size, uint64_t v)
{
    struct amdvi_model *m = ctx;
    if (m->gone)
        return;
    if (size != 8)
        m->narrow++;
    else
        write64(m, off, v);
}

static void run(void *model) { run_queue(model); }

void amdvi_model_init(struct amdvi_model *m, uint64_t base, uint64_t efr)
{
    memset(m, 0, sizeof *m);
    m->base = base;
    m->efr = efr;
    m->dte = fake_table(65536 * sizeof m->dte[0]);
    fake_mmio_register(base, 0x4000, m, model_read, model_write);
    fake_runs(m, run);       /* what it is asked it does by itself, whether anybody looks or not */
}

void amdvi_model_free(struct amdvi_model *m)
{
    fake_runs(m, NULL);
    fake_table_back(m->dte);
    m->dte = NULL;
}

/* ---- translation ---- */
static unsigned fault(struct amdvi_model *m, const struct am_dte *dte, uint16_t rid, unsigned flags, uint64_t addr)
{
    bool quiet = flags & AM_F_I ? dte->q[2] >> 5 & 1 : dte->q[1] >> 34 & 1;      /* IG, SA */
    if (!quiet)
        amdvi_model_event(m, rid, AM_FAULT | flags, addr);
    return AM_FAULT | flags;
}

static const struct am_dte *load_dte(struct amdvi_model *m, uint16_t rid)
{
    struct am_dte *d = &m->dte[rid];
    if (rid >= ((m->devtab & 0x1ff) + 1) * 128)
        fake_die("requester beyond the device table", rid);
    for (unsigned i = 0; i < 4 && !d->valid; i++)
        d->q[i] = table_read(m, (m->devtab & ADDR) + 32ull * rid + 8 * i);
    d->valid = true;
    return d;
}

static bool dte_is_illegal(const struct am_dte *d)
{
    unsigned mode = d->q[0] >> 9 & 7;
    bool v = (d->q[0] & 1) && ((d->q[0] & 0x800000000000007cull) != 0 || mode == 7 || (d->q[1] & 1ull << 42) != 0);
    bool iv = (d->q[2] & 1) && ((d->q[2] & 0x08f0000000000000ull) != 0 || (d->q[2] >> 1 & 0xf) > 11 ||
                                (d->q[2] >> 60 & 3) == 3 || (d->q[2] & 0x40) != 0);
    return v || iv || (d->q[3] & 0x003fffffffffffffull) != 0;
}

/* Directories that lead to the last level are cached; a leaf may be a large one. */
static unsigned walk(struct amdvi_model *m, const struct am_dte *d, uint64_t addr, struct am_tlb *out)
{
    unsigned level = d->q[0] >> 9 & 7;
    uint64_t table = d->q[0] & ADDR;
    uint8_t perm = d->q[0] >> 61 & 3;
    *out = (struct am_tlb){ .valid = true, .did = (uint16_t)d->q[1] };
    if (level < 6 && addr >> (12 + 9 * level))
        return AM_FAULT;
    for (unsigned i = 0; i < AM_CACHE; i++)
        if (m->pde[i].valid && m->pde[i].did == out->did && addr - m->pde[i].iova < 0x200000 && addr >= m->pde[i].iova)
            level = 1, table = m->pde[i].table, perm = m->pde[i].perm;
    for (;;) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t e = table_read(m, table + 8 * (addr >> shift & 511)), inside = (1ull << shift) - 1;
        unsigned next = e >> 9 & 7;
        out->iova = addr & ~inside;
        out->span = inside + 1;
        if (!(e & 1)) {
            out->absent = true;
            return 0;
        }
        perm &= (uint8_t)(e >> 61 & 3);
        out->perm = perm;
        if (next == 0) {
            if ((e & 0x07f0000000000000ull) != 0 || (e & ADDR & inside) != 0 || level > 3)
                return AM_FAULT | AM_F_RZ | AM_F_PR;
            out->pa = e & ADDR;
            return 0;
        }
        if (next >= level || (e & 0x1ff0000000000000ull) != 0)        /* reserved in a directory: FC and U too */
            return AM_FAULT | AM_F_RZ | AM_F_PR;
        level = next;
        table = e & ADDR;
        if (level == 1)
            m->pde[m->pde_next++ % AM_CACHE] = (struct am_pde){ true, out->did, addr & ~0x1fffffull, table, perm };
    }
}

unsigned amdvi_model_dma(struct amdvi_model *m, uint16_t rid, uint64_t addr, bool write, uint64_t *pa)
{
    const unsigned rw = write ? AM_F_RW : 0;
    deliver_late(m);
    advance(m);
    *pa = addr;
    bool excluded = (m->excl_base & 1) && addr >= (m->excl_base & ADDR) && addr <= (m->excl_limit | 0xfff);
    if (!(m->control & EN) || excluded) {
        m->passed++;
        return 0;
    }
    const struct am_dte *d = load_dte(m, rid);
    if (dte_is_illegal(d)) {
        amdvi_model_event(m, rid, 1u << 12 | AM_F_RZ | rw, addr);
        return 1u << 12;
    }
    if (!(d->q[0] & 1)) {
        m->passed++;
        return 0;
    }
    if (!(d->q[0] & 2))
        return AM_ABORT;
    struct am_tlb t = { .perm = d->q[0] >> 61 & 3, .pa = addr, .iova = addr };
    for (unsigned i = 0; i < AM_CACHE && (d->q[0] >> 9 & 7) != 0 && !t.valid; i++)
        if (m->tlb[i].valid && m->tlb[i].did == (uint16_t)d->q[1] && addr - m->tlb[i].iova < m->tlb[i].span &&
            addr >= m->tlb[i].iova)
            t = m->tlb[i];
    if ((d->q[0] >> 9 & 7) != 0 && !t.valid) {
        unsigned reason = walk(m, d, addr, &t);
        if (reason)
            return fault(m, d, rid, (reason & 0xfff) | rw, addr);
        if (!t.absent || m->np_cache)
            m->tlb[m->tlb_next++ % AM_CACHE] = t;
    }
    if (t.absent)
        return fault(m, d, rid, rw, addr);
    if (!(t.perm & (write ? 2 : 1)))
        return fault(m, d, rid, AM_F_PR | AM_F_PE | rw, addr);
    *pa = t.pa + (addr - t.iova);
    return 0;
}

/* ---- interrupts ---- */
static const struct am_int *load_int(struct amdvi_model *m, const struct am_dte *d, uint16_t rid, uint32_t index)
{
    bool ga = m->control & GA_EN;
    for (unsigned i = 0; i < AM_CACHE; i++)
        if (m->irt[i].valid && m->irt[i].rid == rid && m->irt[i].index == index)
            return &m->irt[i];
    struct am_int *e = &m->irt[m->irt_next++ % AM_CACHE];
    uint64_t at = (d->q[2] & 0x000fffffffffffc0ull) + (ga ? 16ull : 4ull) * index, lo = table_read(m, at & ~7ull);
    if (ga)
        *e = (struct am_int){ true, rid, index, lo, table_read(m, at + 8) };
    else
        *e = (struct am_int){ true, rid, index, at & 4 ? lo >> 32 : lo & 0xffffffff, 0 };
    return e;
}

static unsigned remap(struct amdvi_model *m, const struct am_dte *d, uint16_t rid, uint32_t data, struct vm_intr *out)
{
    bool ga = m->control & GA_EN, xt = m->control & XT_EN;
    uint32_t index = data & 0x7ff;
    if (index >= 1u << (d->q[2] >> 1 & 0xf))
        return AM_F_I | AM_F_RZ;
    const struct am_int *e = load_int(m, d, rid, index);
    if (!(e->lo & 1))
        return AM_F_I;
    bool reserved = ga ? (e->lo >> 32) != 0 || (e->hi & (xt ? 0x00ffffffffffff00ull : ~0xffull)) != 0 ||
                         (!xt && (e->lo & 0xffff0000) != 0)
                       : (e->lo & 0xff000000) != 0;
    if (reserved || (e->lo >> 2 & 7) > 1 || (e->lo & 0x80) || (e->lo & 0x40))
        return AM_F_I | AM_F_PR | AM_F_RZ;
    out->vector = (uint8_t)(ga ? e->hi : e->lo >> 16);
    out->dest = ga && xt ? (uint32_t)(e->lo >> 8 & 0xffffff) | (uint32_t)(e->hi >> 56) << 24 : e->lo >> 8 & 0xff;
    out->level = e->lo >> 5 & 1;                  /* RqEoi */
    return 0;
}

unsigned amdvi_model_msi(struct amdvi_model *m, uint16_t rid, uint64_t addr, uint32_t data, struct vm_intr *out)
{
    deliver_late(m);
    advance(m);
    if ((addr & ~0xfffffull) != 0xfee00000)
        fake_die("no interrupt address", addr);
    const struct am_dte *d = load_dte(m, rid);
    unsigned ctl = d->q[2] >> 60 & 3, delivery = data >> 8 & 7;
    if (!(m->control & EN) || !(d->q[2] & 1) || ctl == 1) {
        m->passed++;
        *out = (struct vm_intr){ .dest = addr >> 12 & 0xff, .vector = (uint8_t)data };
        return 0;
    }
    if (dte_is_illegal(d)) {
        amdvi_model_event(m, rid, 1u << 12 | AM_F_I | AM_F_RZ, addr);
        return 1u << 12;
    }
    if (delivery > 1 && !(d->q[2] >> 56 & 0xc7))
        return AM_ABORT;                          /* NMI, INIT and the like: no pass bit */
    if (delivery > 1)
        m->passed++;
    unsigned flags = ctl == 2 ? remap(m, d, rid, data, out) : AM_F_I;
    return flags ? fault(m, d, rid, flags, addr) : 0;
}

unsigned amdvi_model_rte(struct amdvi_model *m, uint16_t rid, uint64_t rte, struct vm_intr *out)
{
    unsigned reason = amdvi_model_msi(m, rid, 0xfee00000, (uint32_t)rte & 0x7ff, out);
    return reason == 0 && out->vector != (uint8_t)rte ? 0xfff : reason;
}
