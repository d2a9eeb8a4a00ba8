/* SPDX-License-Identifier: BSD-2-Clause */
/* Policy: where a guest sees its functions, and how many interrupts they get. */
#include "monitor/policy_internal.h"

#define SLOT_UNSET 0xffu         /* 1f.7 is reserved, so no function can have it */

static bool slot_is_reserved(unsigned dev) { return dev == 0 || dev == 0x1f; }

static void place(struct check *c, uint32_t v, struct plan_device *pd, uint8_t devfn)
{
    struct plan_vm *plan = &c->p->vm[v];
    const struct manifest_pci *here = &c->m->vm[v].pci[pd->line];
    const struct span *at = here->has_slot ? &here->slot_at : &here->name_at;
    for (uint32_t i = 0; i < plan->devices; i++) {
        const struct manifest_pci *there = &c->m->vm[v].pci[plan->device[i].line];
        if (&plan->device[i] != pd && plan->device[i].devfn == devfn) {
            policy_refuse(c, v, CODE_S301, at, there->has_slot ? &there->slot_at : &there->name_at,
                          "pci: slot %02x.%u is taken twice -> a slot holds one function -> change one slot=",
                          devfn >> 3, devfn & 7u);
            return;
        }
    }
    pd->devfn = devfn;
}

static void place_named(struct check *c, uint32_t v)
{
    struct plan_vm *plan = &c->p->vm[v];
    for (uint32_t i = 0; i < plan->devices; i++) {
        struct plan_device *pd = &plan->device[i];
        const struct manifest_pci *p = &c->m->vm[v].pci[pd->line];
        unsigned fn = c->f->dev[pd->dev].bdf & 7u;
        if (!p->has_slot)
            continue;
        if (slot_is_reserved(p->slot >> 3))
            policy_refuse(c, v, CODE_S303, &p->slot_at, NULL,
                          "pci: slot %02x belongs to the guest's platform (00 host bridge, 1f LPC bridge)"
                          " -> no function can be put there -> use 01 to 1e", p->slot >> 3);
        else if (p->all_functions && (p->slot & 7u) != 0)
            policy_refuse(c, v, CODE_S302, &p->slot_at, NULL,
                          "pci: functions=all beside slot %02x.%u -> functions keep their numbers in the slot"
                          " -> write slot=%02x.0", p->slot >> 3, p->slot & 7u, p->slot >> 3);
        else
            place(c, v, pd, p->all_functions ? (uint8_t)(p->slot | fn) : p->slot);
    }
}

static bool device_is_used(const struct plan_vm *plan, unsigned dev)
{
    for (uint32_t i = 0; i < plan->devices; i++)
        if (plan->device[i].devfn != SLOT_UNSET && plan->device[i].devfn >> 3 == dev)
            return true;
    return false;
}

/* All functions of one pci line go into one free slot. */
static void place_free(struct check *c, uint32_t v)
{
    struct plan_vm *plan = &c->p->vm[v];
    for (uint32_t i = 0; i < plan->devices; i++) {
        struct plan_device *pd = &plan->device[i];
        unsigned dev = 1;
        if (pd->devfn != SLOT_UNSET || c->m->vm[v].pci[pd->line].has_slot)
            continue;
        while (dev < 0x1f && device_is_used(plan, dev))
            dev++;
        if (dev == 0x1f) {
            policy_refuse(c, v, CODE_S304, &c->m->vm[v].pci[pd->line].at, NULL,
                          "pci: no free slot -> all of 01 to 1e are taken -> put functions together with slot=");
            return;
        }
        for (uint32_t j = i; j < plan->devices; j++) {
            struct plan_device *other = &plan->device[j];
            bool all = c->m->vm[v].pci[pd->line].all_functions;
            if (other->line == pd->line)
                other->devfn = (uint8_t)(dev << 3 | (all ? c->f->dev[other->dev].bdf & 7u : 0));
        }
    }
}

static void check_function_zero(struct check *c, uint32_t v)
{
    const struct plan_vm *plan = &c->p->vm[v];
    for (uint32_t i = 0; i < plan->devices; i++) {
        uint8_t devfn = plan->device[i].devfn;
        const struct manifest_pci *p = &c->m->vm[v].pci[plan->device[i].line];
        bool zero = (devfn & 7u) == 0;
        for (uint32_t j = 0; j < plan->devices; j++)
            zero = zero || plan->device[j].devfn == (devfn & ~7u);
        if (!zero)
            policy_refuse(c, v, CODE_S302, p->has_slot ? &p->slot_at : &p->name_at, NULL,
                          "pci: slot %02x.%u without a function at %02x.0 -> guests look at function 0 first and"
                          " would not find it -> put one function at %02x.0", devfn >> 3, devfn & 7u, devfn >> 3,
                          devfn >> 3);
    }
}

static void count_irqs(struct check *c, uint32_t v)
{
    struct plan_vm *plan = &c->p->vm[v];
    uint32_t next = 0;
    for (uint32_t i = 0; i < plan->devices; i++) {
        struct plan_device *pd = &plan->device[i];
        const struct dev_info *d = &c->f->dev[pd->dev];
        if (c->m->vm[v].pci[pd->line].irq_none || c->m->vm[v].unprotected)
            continue;                /* nothing remaps messages without an IOMMU */
        pd->msix = d->msix_off != 0;
        pd->irqs = (uint16_t)MIN(pd->msix ? (uint32_t)d->msix_count : (uint32_t)d->msi_vectors, POLICY_IRQS_DEV);
        pd->first_irq = (uint16_t)next;
        next += pd->irqs;
        if (next > VMM_MAX_IRQS) {
            policy_refuse(c, v, CODE_F115, &c->m->vm[v].pci[pd->line].at, NULL,
                          "pci: the functions up to this one have %u interrupts -> %u fit a guest"
                          " -> spread them over several guests", next, VMM_MAX_IRQS);
            return;
        }
    }
}

void policy_slots(struct check *c)
{
    for (uint32_t v = 0; v < c->m->vms; v++) {
        struct plan_vm *plan = &c->p->vm[v];
        if (c->m->vm[v].refused)
            continue;
        for (uint32_t i = 0; i < plan->devices; i++)
            plan->device[i].devfn = SLOT_UNSET;
        place_named(c, v);
        place_free(c, v);
        if (!plan->refused)
            check_function_zero(c, v);
        count_irqs(c, v);
    }
}
