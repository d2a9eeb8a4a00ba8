/* SPDX-License-Identifier: BSD-2-Clause */
/* Channel rings: every index that the VMM writes is bounded before it is used. */
#include "monitor/guestio.h"

#include "kernel/lib/fmt.h"
#include "monitor/console.h"

static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);      /* pairs with the VMM's release */
}

static void store(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

void guestio_reset(struct guest *g) { g->out_tail = g->log_tail = g->in_head = 0; }

/* Both logs go on over a restart: a line says where the new life begins. */
void guestio_begin(struct guest *g)
{
    char line[32];
    size_t n;
    if (!g->log.data)
        g->log = (struct textring){ g->objects.log, BUILD_LOG, 0 };
    if (g->starts == 0)
        return;
    n = fmt(line, sizeof line, "\n[start %u]\n", g->starts + 1);
    textring_put(&g->log, (const uint8_t *)line, n);
    textring_put(&g->vmm_log, (const uint8_t *)line, n);
    console_guest_output(g->index, (const uint8_t *)line, n);
}

/* Copies out what is new, to sink and screen, at most a ring's worth: true when there is more. A head that lies counts
 * as a full ring. */
static bool drain(struct guest *g, const uint8_t *ring, uint32_t size, struct ring_words *words, uint32_t level,
                  uint32_t *tail, struct textring *sink, bool show)
{
    uint8_t chunk[256];
    uint32_t head = ring_taken(words, *tail, level), room = size;
    while (head != *tail && room > 0) {
        if (head - *tail > size)
            *tail = head - size;
        uint32_t n = MIN(MIN(head - *tail, room), (uint32_t)sizeof chunk);
        for (uint32_t i = 0; i < n; i++)
            chunk[i] = ring[(*tail + i) % size];
        *tail += n;
        room -= n;
        textring_put(sink, chunk, n);
        if (show)
            console_guest_output(g->index, chunk, n);
        head = ring_taken(words, *tail, level);
    }
    return head != *tail;
}

/* What nobody watches may wait until half the ring is full: who wants to see it drains first. */
void guestio_drain(struct guest *g)
{
    struct vmm_channel *c = g->objects.chan;
    const uint32_t level = console_attached() == g->index ? 1 : VMM_OUT_SIZE / 2;
    if (!c || !g->log.data)
        return;
    bool more = drain(g, c->out, VMM_OUT_SIZE, &c->out_ring, level, &g->out_tail, &g->log, true);
    more |= drain(g, c->log, VMM_LOG_SIZE, &c->log_ring, 1, &g->log_tail, &g->vmm_log, false);
    if (more)                    /* the others first */
        (void)sys_call2(SYS_EVENT_SIGNAL, SLOT_ROOT_EVENT, SUPERVISE_BIT(g->index));
}

void guestio_input(struct guest *g, const uint8_t *data, size_t n)
{
    struct vmm_channel *c = g->objects.chan;
    uint32_t used = g->in_head - load(&c->in_tail);
    for (size_t i = 0; i < n && used < VMM_IN_SIZE; i++, used++)
        c->in[g->in_head++ % VMM_IN_SIZE] = data[i];
    store(&c->in_head, g->in_head);
    /* A VMM that is just ending misses its doorbell: nothing to do about it. */
    (void)sys_call2(SYS_EVENT_SIGNAL, g->objects.doorbell0, VMM_EV_CHANNEL);
}

enum vmm_state guestio_state(const struct guest *g, uint32_t *fail, char *reason, size_t size)
{
    const struct vmm_channel *c = g->objects.chan;
    uint32_t state = load(&c->state);
    size_t n = 0;
    while (n + 1 < size && n < sizeof c->reason) {
        char ch = c->reason[n];
        if (ch == 0)
            break;
        reason[n++] = ch < 32 || ch > 126 ? '?' : ch;
    }
    reason[n] = 0;
    *fail = c->code;
    return state <= VMM_FAILED ? (enum vmm_state)state : VMM_FAILED;
}
