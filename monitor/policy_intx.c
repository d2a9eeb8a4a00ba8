/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy: interrupt lines. A function gets its INTx where it has no MSI and MSI-X, where no IOMMU remaps those, and where
 * its pci line asks. A line of the host belongs to one guest, in which it is one line too.
 */
#include "monitor/policy_internal.h"

#include "kernel/lib/fmt.h"
#include "monitor/firmware.h"

#define GSI(line)  ((line) & ~IRQ_GSI_LOW)

bool policy_wants_intx(const struct dev_info *d, struct policy_waivers waivers)
{
    const bool messages = !waivers.unprotected && (d->msi_off != 0 || d->msix_off != 0);
    return !waivers.irq_none && (!messages || waivers.irq_intx || waivers.has_gsi);
}

bool policy_intx_route(const struct facts *f, const struct dev_info *d, struct policy_waivers waivers, uint32_t *gsi,
                       char *why)
{
    if (!waivers.has_gsi || d->pin < 1 || d->pin > 4)
        return firmware_intx(f, d, gsi, why, DIAG_TEXT);
    *gsi = waivers.gsi | IRQ_GSI_LOW;
    return true;
}

static void route(struct check *c, uint32_t v, struct plan_device *pd)
{
    const struct dev_info *d = &c->f->dev[pd->dev];
    const struct policy_waivers waivers = policy_waivers_of(c, v, pd->line);
    char why[DIAG_TEXT];
    pd->pin = policy_wants_intx(d, waivers) && policy_intx_route(c->f, d, waivers, &pd->gsi, why);
}

/* The guest's lines are numbered as they come; in a slot, each line has a pin. False: there are too many. */
static bool number(struct plan_vm *plan, uint32_t at)
{
    struct plan_device *pd = &plan->device[at];
    uint32_t lines = 0, pins = 0;
    bool has_line = false, has_pin = false;
    for (uint32_t i = 0; i < at; i++) {
        const struct plan_device *e = &plan->device[i];
        const bool same = e->pin != 0 && GSI(e->gsi) == GSI(pd->gsi), slot = e->pin != 0 && e->devfn >> 3 == pd->devfn >> 3;
        has_line = has_line || same;
        pd->line_no = same ? e->line_no : pd->line_no;
        has_pin = has_pin || (same && slot);
        pd->pin = same && slot ? e->pin : pd->pin;
        lines = e->pin != 0 ? MAX(lines, e->line_no + 1u) : lines;
        pins = slot ? MAX(pins, (uint32_t)e->pin) : pins;
    }
    pd->line_no = has_line ? pd->line_no : (uint8_t)lines;
    pd->pin = has_pin ? pd->pin : (uint8_t)(pins + 1);
    return pd->line_no < VMM_INTX_LINES && pd->pin <= 4;
}

/* Owner of a function and its plan, or POLICY_NONE. */
static uint32_t owner_of(const struct check *c, uint32_t dev, const struct plan_device **plan)
{
    for (uint32_t v = 0; v < c->m->vms; v++)
        for (uint32_t i = 0; i < c->p->vm[v].devices; i++)
            if (c->p->vm[v].device[i].dev == dev) {
                *plan = &c->p->vm[v].device[i];
                return v;
            }
    return POLICY_NONE;
}

/* Another function whose line is the same. One of another guest's that can hold it refuses; one of nobody's warns: it is
 * silenced, but with INTx off hardwired to zero that is the function's word. */
static void check_other(struct check *c, uint32_t v, const struct plan_device *pd, uint32_t dev)
{
    const struct dev_info *d = &c->f->dev[dev];
    const struct manifest_pci *here = &c->m->vm[v].pci[pd->line];
    const struct plan_device *there = NULL;
    const uint32_t owner = owner_of(c, dev, &there);
    const struct policy_waivers waivers = owner == POLICY_NONE ? (struct policy_waivers){ 0 }
                                                               : policy_waivers_of(c, owner, there->line);
    char why[DIAG_TEXT], mine[POLICY_DEV_TEXT], other[POLICY_DEV_TEXT];
    uint32_t gsi;
    const bool holds = d->intx_off == 0 || (there && there->pin != 0);
    if (owner == v || d->header != 0 || !holds || !policy_intx_route(c->f, d, waivers, &gsi, why) ||
        GSI(gsi) != GSI(pd->gsi))
        return;
    policy_dev_text(&c->f->dev[pd->dev], mine);
    policy_dev_text(d, other);
    if (owner == POLICY_NONE)
        policy_warn(c, v, CODE_F120, &here->name_at,
                    "pci %s: its interrupt line %u is also that of %s, whose INTx cannot be switched off -> should that hold"
                    " the line, the guest gets interrupts without end -> use another slot", mine, GSI(gsi), other);
    else
        policy_refuse(c, v, CODE_F118, &here->name_at, &c->m->vm[owner].pci[there->line].name_at,
                      "pci %s: interrupt line %u of \"%s\" is also that of %s of \"%s\"%s -> one guest could keep the other"
                      " from its interrupts -> give both to one guest, use another slot, or irq=none", mine, GSI(gsi),
                      c->m->vm[v].name, other, c->m->vm[owner].name,
                      there->pin == 0 ? ", whose INTx cannot be switched off" : "");
}

void policy_intx(struct check *c)
{
    for (uint32_t v = 0; v < c->m->vms; v++)
        for (uint32_t i = 0; i < c->p->vm[v].devices; i++)
            route(c, v, &c->p->vm[v].device[i]);
    for (uint32_t v = 0; v < c->m->vms; v++)
        for (uint32_t i = 0; i < c->p->vm[v].devices; i++) {
            struct plan_device *pd = &c->p->vm[v].device[i];
            if (pd->pin != 0 && !number(&c->p->vm[v], i))
                policy_refuse(c, v, CODE_F119, &c->m->vm[v].pci[pd->line].name_at, NULL,
                              "pci: the functions up to this one have more interrupt lines than fit: %u in a guest, 4 in a"
                              " slot -> it would have no interrupts -> spread them over slots or guests", VMM_INTX_LINES);
            for (uint32_t dev = 0; dev < c->f->devices && pd->pin != 0; dev++)
                check_other(c, v, pd, dev);
        }
}
