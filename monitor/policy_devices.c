/* SPDX-License-Identifier: BSD-2-Clause */
/* Policy: which functions a guest names, who owns them, and whether they can be kept apart. */
#include "monitor/policy_internal.h"

#include "kernel/lib/fmt.h"

#define CLASS(d)      ((d)->class_rev >> 16)
#define CLASS_VGA     0x0300u
#define CLASS_HOST    0x0600u
#define CLASS_IOMMU   0x0806u
/* dev_info.pcie_type of the three kinds of ports. */
enum { PCIE_ROOT_PORT = 4, PCIE_UPSTREAM, PCIE_DOWNSTREAM };

static bool refused_for(const struct dev_info *d, status_t st) { return (d->refusals & BIT32(st)) != 0; }

void policy_dev_text(const struct dev_info *d, char *buf)
{
    char bdf[16];
    name_format_bdf(d->bdf, bdf, sizeof bdf);
    fmt(buf, POLICY_DEV_TEXT, "%s [%04x:%04x %s]", bdf, d->vendor, d->device, name_class(d->class_rev));
}

enum code policy_iommu_verdict(const struct facts *f, char *why)
{
    const struct info_platform *pf = &f->platform;
    const char *reason = pf->iommu_reason[0] ? pf->iommu_reason : status_text(pf->iommu_status);
    if (pf->iommu_vendor == 0 && pf->iommu_status != ST_UNSUPP && pf->iommu_status != ST_CORRUPT) {
        fmt(why, DIAG_TEXT, "the machine has no IOMMU (%s) -> a function could reach all memory -> turn on VT-d"
            " or AMD-Vi in the firmware set-up, or remove the line",
            pf->iommu_reason[0] ? pf->iommu_reason : "no DMAR or IVRS table");
        return CODE_I202;
    }
    if (pf->iommu_status == ST_NOIR || (pf->iommu_status == ST_OK && !pf->iommu_ir)) {
        fmt(why, DIAG_TEXT, "the IOMMU cannot remap interrupts (%s) -> a function could forge interrupts -> turn on"
            " interrupt remapping in the firmware set-up, or remove the line", reason);
        return CODE_I204;
    }
    if (pf->iommu_status != ST_OK) {
        fmt(why, DIAG_TEXT, "the IOMMU did not come up (%s) -> a function could reach all memory -> see 'iommu',"
            " or remove the line", reason);
        return CODE_I203;
    }
    return CODE_NONE;
}

/* What the function is decides: bridges, chipset, IOMMU, VGA. */
static enum code kind_verdict(const struct dev_info *d, char *why)
{
    if (d->bdf >> 16 != 0) {
        fmt(why, DIAG_TEXT, "it is in PCI segment %u -> only segment 0 is supported -> use a slot of segment 0",
            d->bdf >> 16);
        return CODE_F108;
    }
    if (CLASS(d) == CLASS_HOST) {
        fmt(why, DIAG_TEXT, "it is the host bridge -> the machine itself needs it -> name another function");
        return CODE_F106;
    }
    if (d->header != 0 || CLASS(d) == 0x0604 || CLASS(d) == 0x0607 || CLASS(d) == 0x0609) {
        fmt(why, DIAG_TEXT, "it is a bridge -> bridges stay with Cordon -> name the function behind it");
        return CODE_F105;
    }
    if (CLASS(d) >> 8 == 0x06) {
        fmt(why, DIAG_TEXT, "it is a part of the chipset -> the machine itself needs it -> name another function");
        return CODE_F106;
    }
    if (CLASS(d) == CLASS_IOMMU) {
        fmt(why, DIAG_TEXT, "it is an IOMMU -> it protects the machine from the guests -> name another function");
        return CODE_F107;
    }
    if (CLASS(d) == CLASS_VGA) {
        fmt(why, DIAG_TEXT, "it is a VGA display controller -> legacy VGA ranges cannot be given away yet"
            " -> use a card of display class 0380");
        return CODE_F110;
    }
    return CODE_NONE;
}

/* Is it behind an IOMMU, or does the manifest do without where there is none? One that failed is not none. */
static enum code iommu_verdict(const struct facts *f, const struct dev_info *d, bool unprotected, char *why)
{
    enum code code = policy_iommu_verdict(f, why);
    bool none = code == CODE_I202 || (code == CODE_NONE && d->iommu_unit == ~0u);
    if (unprotected && none)
        return CODE_NONE;
    if (code != CODE_NONE)
        return code;
    if (unprotected) {
        fmt(why, DIAG_TEXT, "IOMMU unit %u covers it -> it can be protected -> remove dma = unprotected", d->iommu_unit);
        return CODE_I212;
    }
    if (none || refused_for(d, ST_NOIOMMU)) {
        fmt(why, DIAG_TEXT, "no IOMMU unit covers it -> it could reach all memory -> try another slot"
            " or a firmware update");
        return CODE_I205;
    }
    if (refused_for(d, ST_NOIR)) {
        fmt(why, DIAG_TEXT, "its IOMMU unit cannot remap interrupts -> it could forge interrupts"
            " -> try another slot");
        return CODE_I204;
    }
    return CODE_NONE;
}

static enum code state_verdict(const struct dev_info *d, char *why)
{
    if (refused_for(d, ST_ABSENT) || d->vendor == 0xffff) {
        fmt(why, DIAG_TEXT, "it does not answer -> it is powered off or broken -> power-cycle the machine");
        return CODE_F109;
    }
    if (d->state == DEV_QUARANTINED || refused_for(d, ST_QUARANTINED)) {
        fmt(why, DIAG_TEXT, "it is quarantined after a reset or flush that did not complete -> its old owner's"
            " memory could be reached -> power-cycle the machine");
        return CODE_F111;
    }
    return CODE_NONE;
}

/* A function that gets its line needs a route of it. */
static enum code irq_verdict(const struct facts *f, const struct dev_info *d, struct policy_waivers waivers, char *why)
{
    const bool messages = d->msi_off != 0 || d->msix_off != 0;
    char unrouted[DIAG_TEXT];
    uint32_t gsi;
    if (!policy_wants_intx(d, waivers) || policy_intx_route(f, d, waivers, &gsi, unrouted))
        return CODE_NONE;
    fmt(why, DIAG_TEXT, "%s, and INTx unrouted: %s -> it has no interrupts -> name its line by gsi=, or add irq=none if"
        " its driver can poll", !messages ? "it has neither MSI nor MSI-X" : waivers.unprotected ?
        "no IOMMU remaps its messages" : "irq=intx or gsi= asks for its line", unrouted);
    return !messages ? CODE_F113 : waivers.unprotected ? CODE_F116 : CODE_F117;
}

static enum code reset_verdict(const struct dev_info *d, struct policy_waivers waivers, char *why)
{
    if ((d->flr != 0 && !refused_for(d, ST_NORESET)) || waivers.reset_none)
        return CODE_NONE;
    fmt(why, DIAG_TEXT, "no reset that works (no FLR, no AF-FLR, no PM reset, no bus to reset) -> old state could reach the next"
        " owner -> add reset=none to accept that");
    return CODE_I208;
}

static enum code reserved_verdict(const struct dev_info *d, struct policy_waivers waivers, char *why)
{
    if (refused_for(d, ST_RANGE)) {
        fmt(why, DIAG_TEXT, "the firmware reserves something for it that its memory map does not reserve, or that is"
            " registers -> mapping it would give away what is there -> look for a firmware update");
        return CODE_I213;
    }
    if ((d->reserved == 0 && !refused_for(d, ST_RESERVED)) || waivers.reserved_map)
        return CODE_NONE;
    fmt(why, DIAG_TEXT, "the firmware reserves %u memory region%s for it -> it may use them behind the guest's"
        " back -> add reserved=map to map them into the guest", d->reserved, d->reserved == 1 ? "" : "s");
    return CODE_I209;
}

/* What the kernel has against it and no rule above has said: status by status. */
static enum code kernel_verdict(const struct dev_info *d, status_t st, char *why)
{
    static const uint32_t said = BIT32(ST_NOIOMMU) | BIT32(ST_NOIR) | BIT32(ST_NORESET) | BIT32(ST_QUARANTINED) |
                                 BIT32(ST_ABSENT) | BIT32(ST_RESERVED) | BIT32(ST_RANGE);
    const char *fact = st == ST_OVERLAP ? "a BAR lies over another BAR or over RAM"
                     : st == ST_CORRUPT ? "its BARs or its MSI-X structure contradict themselves"
                     : st == ST_HW || st == ST_TIMEOUT ? "it cannot be silenced" : "the kernel refuses it";
    if (!refused_for(d, st) || (said & BIT32(st)) != 0)
        return CODE_NONE;
    fmt(why, DIAG_TEXT, "%s: %s (%s) -> it cannot be kept apart -> see 'device'", fact, status_text(st),
        status_name(st));
    return CODE_F112;
}

/* Rules in the order in which they are told. */
enum rule { RULE_STATE, RULE_IOMMU, RULE_IRQ, RULE_RESET, RULE_RESERVED, RULE_KERNEL };
#define RULES (RULE_KERNEL + ST_COUNT)

static enum code apply(const struct facts *f, const struct dev_info *d, struct policy_waivers waivers, uint32_t rule,
                       char *why)
{
    switch (rule) {
    case RULE_STATE: return state_verdict(d, why);
    case RULE_IOMMU: return iommu_verdict(f, d, waivers.unprotected, why);
    case RULE_IRQ: return irq_verdict(f, d, waivers, why);
    case RULE_RESET: return reset_verdict(d, waivers, why);
    case RULE_RESERVED: return reserved_verdict(d, waivers, why);
    default: return kernel_verdict(d, (status_t)(rule - RULE_KERNEL), why);
    }
}

enum code policy_device_verdict(const struct facts *f, const struct dev_info *d, struct policy_waivers waivers,
                                uint32_t nth, char *why)
{
    enum code code = kind_verdict(d, why);
    if (code != CODE_NONE)
        return nth == 0 ? code : CODE_NONE;
    for (uint32_t rule = 0; rule < RULES; rule++) {
        code = apply(f, d, waivers, rule, why);
        if (code != CODE_NONE && nth-- == 0)
            return code;
    }
    return CODE_NONE;
}

/* "0000:03:00.0 path=00:1c.0/00.0, ..." of every function that the name matches. */
static void list_matches(const struct facts *f, const struct fn_name *name, char *buf, size_t size)
{
    char bdf[16], path[40];
    size_t n = 0;
    buf[0] = 0;
    for (uint32_t i = 0; i < f->devices && n + 60 < size; i++)
        if (name_matches(name, &f->dev[i])) {
            name_format_bdf(f->dev[i].bdf, bdf, sizeof bdf);
            name_format_path(&f->dev[i], path, sizeof path);
            n += fmt(buf + n, size - n, "%s%s path=%s", n ? ", " : "", bdf, path);
        }
}

static void refuse_absent(struct check *c, uint32_t v, const struct manifest_pci *p, const char *text)
{
    struct fn_name guard = { .kind = NAME_ID, .vendor = p->guard_vendor, .device = p->guard_device };
    char hint[160] = "";
    if (p->has_guard)
        list_matches(c->f, &guard, hint, sizeof hint);
    policy_refuse(c, v, CODE_F102, &p->name_at, NULL,
                  "pci %s: the machine has no such function -> the guest would lack it -> see 'devices'%s%s",
                  text, hint[0] ? "; its id= is now at " : "", hint);
}

/* Index of the one function that the line names, or POLICY_NONE after a refusal. */
static uint32_t resolve(struct check *c, uint32_t v, const struct manifest_pci *p)
{
    const struct facts *f = c->f;
    uint32_t found = POLICY_NONE, hits = 0;
    char text[64], list[280], dev[POLICY_DEV_TEXT];
    name_format(&p->name, text, sizeof text);
    for (uint32_t i = 0; i < f->devices; i++)
        if (name_matches(&p->name, &f->dev[i])) {
            found = hits == 0 ? i : found;
            hits++;
        }
    if (p->name.kind == NAME_ADDRESS && p->name.segment != 0) {
        policy_refuse(c, v, CODE_F108, &p->name_at, NULL,
                      "pci %s: it is in PCI segment %u -> only segment 0 is supported"
                      " -> use a slot of segment 0", text, p->name.segment);
    } else if (hits == 0) {
        refuse_absent(c, v, p, text);
    } else if (hits > 1) {
        list_matches(f, &p->name, list, sizeof list);
        policy_refuse(c, v, CODE_F104, &p->name_at, NULL,
                      "pci %s: it matches %u functions: %s -> which is meant cannot be known -> name it by path=",
                      text, hits, list);
    } else if (p->has_guard && (f->dev[found].vendor != p->guard_vendor || f->dev[found].device != p->guard_device)) {
        policy_dev_text(&f->dev[found], dev);
        policy_refuse(c, v, CODE_F103, &p->guard_at, NULL,
                      "pci %s: %s is there, not %04x:%04x -> a card was moved or replaced"
                      " -> correct the name or the id=", text, dev, p->guard_vendor, p->guard_device);
    } else {
        return found;
    }
    return POLICY_NONE;
}

/* The line of a guest's plan that has the function, or NULL. */
static const struct manifest_pci *owner_line(const struct check *c, uint32_t vm, uint32_t dev)
{
    const struct plan_vm *plan = &c->p->vm[vm];
    for (uint32_t i = 0; i < plan->devices; i++)
        if (plan->device[i].dev == dev)
            return &c->m->vm[vm].pci[plan->device[i].line];
    return NULL;
}

static void refuse_twice(struct check *c, uint32_t v, uint32_t other, uint32_t dev,
                         const struct manifest_pci *here, const struct manifest_pci *there)
{
    char text[POLICY_DEV_TEXT];
    policy_dev_text(&c->f->dev[dev], text);
    policy_refuse(c, v, CODE_F101, &here->name_at, &there->name_at,
                  "pci %s: named twice, for \"%s\" and for \"%s\" -> a function has one owner"
                  " -> remove one of the two lines", text, c->m->vm[v].name, c->m->vm[other].name);
}

static void claim(struct check *c, uint32_t v, uint32_t line, uint32_t dev)
{
    struct plan_vm *plan = &c->p->vm[v];
    const struct manifest_pci *here = &c->m->vm[v].pci[line];
    for (uint32_t o = 0; o <= v; o++) {
        const struct manifest_pci *there = owner_line(c, o, dev);
        if (!there)
            continue;
        if (there == here)
            return;
        refuse_twice(c, v, o, dev, here, there);
        if (o != v)
            refuse_twice(c, o, v, dev, there, here);
        break;
    }
    if (plan->devices == VMM_MAX_DEVICES) {
        policy_refuse(c, v, CODE_F114, &here->at, NULL,
                      "pci: more than %u functions -> they do not fit a guest -> spread them over several guests",
                      VMM_MAX_DEVICES);
        return;
    }
    plan->device[plan->devices++] = (struct plan_device){ .dev = dev, .line = line };
}

struct policy_waivers policy_waivers_of(const struct check *c, uint32_t vm, uint32_t line)
{
    const struct manifest_pci *p = &c->m->vm[vm].pci[line];
    return (struct policy_waivers){ p->reset_none, p->reserved_map, p->irq_none, c->m->vm[vm].unprotected, p->irq_intx,
                                    p->has_gsi, p->gsi };
}

static void judge(struct check *c, uint32_t v, uint32_t line, uint32_t dev)
{
    const struct manifest_pci *p = &c->m->vm[v].pci[line];
    const struct dev_info *d = &c->f->dev[dev];
    char why[DIAG_TEXT], text[POLICY_DEV_TEXT];
    const struct policy_waivers waivers = policy_waivers_of(c, v, line);
    enum code code;
    uint32_t reasons = 0;
    policy_dev_text(d, text);
    while ((code = policy_device_verdict(c->f, d, waivers, reasons, why)) != CODE_NONE) {
        policy_refuse(c, v, code, &p->name_at, NULL, "pci %s: %s", text, why);
        reasons++;
    }
    if (reasons != 0)
        return;
    if (p->reset_none)
        policy_warn(c, v, CODE_I210, &p->reset_at,
                    "pci %s: reset=none is in use -> state left in it reaches its next owner"
                    " -> remove the word if it has a reset", text);
    if (p->reserved_map)
        policy_warn(c, v, CODE_I211, &p->reserved_at,
                    "pci %s: reserved=map is in use -> it can reach %u regions that the firmware reserved"
                    " -> remove the word if there are none", text, d->reserved);
}

static void take_line(struct check *c, uint32_t v, uint32_t line)
{
    const struct manifest_pci *p = &c->m->vm[v].pci[line];
    uint32_t dev = resolve(c, v, p);
    if (dev == POLICY_NONE)
        return;
    claim(c, v, line, dev);
    for (uint32_t i = 0; p->all_functions && i < c->f->devices; i++)
        if (i != dev && c->f->dev[i].bdf >> 3 == c->f->dev[dev].bdf >> 3)
            claim(c, v, line, i);
}

/* The guest whose plan has the function, or POLICY_NONE. */
static uint32_t owner_of(const struct check *c, uint32_t dev)
{
    for (uint32_t v = 0; v < c->m->vms; v++)
        if (owner_line(c, v, dev))
            return v;
    return POLICY_NONE;
}

static void list_group(const struct check *c, uint32_t group, char *buf, size_t size)
{
    char bdf[16];
    size_t n = 0;
    buf[0] = 0;
    for (uint32_t i = 0; i < c->f->devices && n + 20 < size; i++)
        if (c->f->dev[i].group == group && c->f->dev[i].header == 0) {
            name_format_bdf(c->f->dev[i].bdf, bdf, sizeof bdf);
            n += fmt(buf + n, size - n, "%s%s", n ? " " : "", bdf);
        }
}

static bool is_port(const struct dev_info *d) { return d->pcie_type >= PCIE_ROOT_PORT && d->pcie_type <= PCIE_DOWNSTREAM; }

/* Why the function is joined with others of its group; NULL: not through what it is. */
static const char *joint(const struct facts *f, uint32_t dev)
{
    const struct dev_info *d = &f->dev[dev];
    bool below = false;
    for (uint32_t i = dev + 1; i < f->devices && d->header == 1; i++)
        below = below || (f->dev[i].up == i - dev && f->dev[i].group == d->group);
    if (below && !is_port(d))
        return "is a bridge to a conventional bus";
    if (below)
        return d->pcie_type == PCIE_UPSTREAM || d->acs ? NULL : "is a port without ACS";
    for (uint32_t i = 0; i < f->devices; i++)
        if (i != dev && !d->acs && f->dev[i].bdf >> 3 == d->bdf >> 3 && f->dev[i].group == d->group)
            return "is one of several functions of a device and lacks ACS";
    return NULL;
}

void policy_group_cause(const struct facts *f, uint32_t group, char *buf, size_t size)
{
    char bdf[16];
    size_t n = 0;
    buf[0] = 0;
    for (uint32_t i = 0; i < f->devices && n + 80 < size; i++) {
        const char *why = f->dev[i].group == group ? joint(f, i) : NULL;
        name_format_bdf(f->dev[i].bdf, bdf, sizeof bdf);
        if (why)
            n += fmt(buf + n, size - n, "%s%s %s", n ? ", " : "", bdf, why);
    }
}

/* Siblings of the isolation group: another guest's refuses, nobody's warns once a line. */
static void check_group(struct check *c, uint32_t v, const struct plan_device *pd)
{
    const struct dev_info *d = &c->f->dev[pd->dev];
    const struct manifest_pci *p = &c->m->vm[v].pci[pd->line];
    char text[POLICY_DEV_TEXT], members[100], other[16], cause[130];
    bool free_sibling = false;
    policy_dev_text(d, text);
    list_group(c, d->group, members, sizeof members);
    for (uint32_t i = 0; i < c->f->devices; i++) {
        const struct dev_info *e = &c->f->dev[i];
        uint32_t owner;
        if (i == pd->dev || e->group != d->group || e->header != 0)
            continue;
        owner = owner_of(c, i);
        free_sibling = free_sibling || owner == POLICY_NONE;
        if (owner != POLICY_NONE && owner != v) {
            name_format_bdf(e->bdf, other, sizeof other);
            policy_group_cause(c->f, d->group, cause, sizeof cause);
            policy_refuse(c, v, CODE_I206, &p->name_at, &owner_line(c, owner, i)->name_at,
                          "pci %s: its isolation group (%s) is split, guest \"%s\" has %s; %s -> its members reach"
                          " each other past the IOMMU -> give the whole group to one guest", text, members,
                          c->m->vm[owner].name, other, cause);
            return;
        }
    }
    if (free_sibling && !c->p->vm[v].refused)
        policy_warn(c, v, CODE_I207, &p->name_at,
                    "pci %s: others of its isolation group (%s) belong to nobody -> they stay blocked"
                    " -> functions=all takes siblings along", text, members);
}

void policy_devices(struct check *c)
{
    for (uint32_t v = 0; v < c->m->vms; v++)
        for (uint32_t i = 0; i < c->m->vm[v].pcis; i++)
            take_line(c, v, i);
    for (uint32_t v = 0; v < c->m->vms; v++)
        for (uint32_t i = 0; i < c->p->vm[v].devices; i++)
            judge(c, v, c->p->vm[v].device[i].line, c->p->vm[v].device[i].dev);
    for (uint32_t v = 0; v < c->m->vms; v++)
        for (uint32_t i = 0; i < c->p->vm[v].devices; i++)
            check_group(c, v, &c->p->vm[v].device[i]);
}
