/* SPDX-License-Identifier: BSD-2-Clause */
/* Policy: the order of the checks; CPUs and memory. */
#include "monitor/policy.h"

#include "kernel/lib/fmt.h"
#include "monitor/policy_internal.h"

void policy_refuse(struct check *c, uint32_t vm, enum code code, const struct span *at, const struct span *also,
                   const char *format, ...)
{
    char text[DIAG_TEXT];
    va_list ap;
    va_start(ap, format);
    fmt_v(text, sizeof text, format, ap);
    va_end(ap);
    diag_add(&c->p->diags, code, DIAG_ERROR, vm, at, also, "%s", text);
    if (!c->p->vm[vm].refused)
        c->p->vm[vm].code = code;
    c->p->vm[vm].refused = true;
}

void policy_warn(struct check *c, uint32_t vm, enum code code, const struct span *at, const char *format, ...)
{
    char text[DIAG_TEXT];
    va_list ap;
    va_start(ap, format);
    fmt_v(text, sizeof text, format, ap);
    va_end(ap);
    diag_add(&c->p->diags, code, DIAG_WARNING, vm, at, NULL, "%s", text);
}

/* The parser's verdicts come first: the first error of a guest is its code. */
static void start_plans(struct check *c)
{
    for (uint32_t v = 0; v < c->m->vms; v++) {
        struct plan_vm *plan = &c->p->vm[v];
        plan->refused = c->m->vm[v].refused || c->m->all_refused;
        plan->kernel = plan->initrd = POLICY_NONE;
        for (uint32_t i = 0; plan->refused && i < c->m->errors.count; i++) {
            const struct diag *d = &c->m->error[i];
            bool global = d->vm == DIAG_ALL && c->m->all_refused && !c->m->vm[v].refused;
            if (d->kind == DIAG_ERROR && (d->vm == v || global)) {
                plan->code = d->code;
                break;
            }
        }
        if (plan->refused && plan->code == CODE_NONE)
            plan->code = CODE_M033;
    }
}

static unsigned long mib(uint64_t bytes) { return (unsigned long)(bytes >> 20); }

/* First of all, so that no other message takes its room: the word taints the machine also when the guest is refused. */
static void check_unprotected(struct check *c)
{
    for (uint32_t v = 0; v < c->m->vms; v++) {
        const struct manifest_vm *vm = &c->m->vm[v];
        if (!vm->unprotected)
            continue;
        policy_warn(c, v, CODE_M028, &vm->dma_at,
                    "guest \"%s\" is UNPROTECTED: no IOMMU stands before its functions -> they read and write all"
                    " memory, of every guest and of Cordon -> nothing on this machine is isolated", vm->name);
        if (vm->pcis == 0)
            policy_refuse(c, v, CODE_I212, &vm->dma_at, NULL,
                          "dma = unprotected: the guest has no function -> there is nothing to allow -> remove the line");
        if (vm->memory != 0 && (vm->memory <= GUEST_RAM_BOOT || vm->memory > GUEST_RAM_LOW_MAX))
            policy_refuse(c, v, CODE_R403, &vm->memory_at, &vm->dma_at,
                          "memory: with dma = unprotected a guest takes from %luM to %luM -> %luM of it are for its boot"
                          " image, the rest lies in one piece below 3 GiB -> use a value in that range",
                          mib(GUEST_RAM_BOOT + PAGE_2M), mib(GUEST_RAM_LOW_MAX), mib(GUEST_RAM_BOOT));
    }
}

static void check_virt(struct check *c)
{
    const struct info_platform *pf = &c->f->platform;
    if (pf->virt_vendor != 0 && pf->virt_status == ST_OK)
        return;
    for (uint32_t v = 0; v < c->m->vms; v++)
        policy_refuse(c, v, CODE_I201, &c->m->vm[v].at, NULL,
                      "guest \"%s\": CPU virtualisation is off (%s) -> no guest can run"
                      " -> turn on VT-x or SVM in the firmware set-up", c->m->vm[v].name,
                      pf->virt_reason[0] ? pf->virt_reason : status_text(pf->virt_status));
}

static void check_tsc(struct check *c)
{
    const struct info_platform *pf = &c->f->platform;
    for (uint32_t v = 0; v < c->m->vms; v++) {
        const struct manifest_vm *vm = &c->m->vm[v];
        const uint64_t hz = vm->tsc_khz * UINT64_C(1000);
        if (hz == 0 || (pf->tsc_scaling && hz >= pf->tsc_hz / 16 && hz <= pf->tsc_hz * 16))
            continue;
        policy_refuse(c, v, CODE_R408, &vm->tsc_at, NULL,
                      pf->tsc_scaling ? "tsc: this machine's TSC counts at %lu MHz -> 1/16 to 16 times of it can be had"
                                        " -> use a rate in that range, or remove the line"
                                      : "tsc: this CPU (%lu MHz) has no TSC scaling that Cordon uses -> a guest sees the"
                                        " host's rate -> remove the line", pf->tsc_hz / 1000000);
    }
}

/* The earlier guest that has the CPU, or v. */
static uint32_t cpu_owner(const struct check *c, uint32_t v, uint32_t cpu)
{
    for (uint32_t o = 0; o < v; o++) {
        const struct manifest_vm *vm = &c->m->vm[o];
        for (uint32_t i = 0; !vm->refused && i < vm->cpus; i++)
            if (vm->cpu[i] == cpu)
                return o;
    }
    return v;
}

static void check_cpu(struct check *c, uint32_t v, uint32_t cpu)
{
    const struct span *at = &c->m->vm[v].cpus_at;
    uint32_t owner = cpu_owner(c, v, cpu);
    bool online = false;
    for (uint32_t i = 0; i < c->f->cpus; i++)
        if (c->f->cpu[i].index == cpu)
            online = c->f->cpu[i].online != 0;
    if (cpu >= c->f->cpus && c->f->cpus < 2)
        policy_refuse(c, v, CODE_R405, at, NULL,
                      "cpus: CPU %u: the machine has CPU 0 alone -> a vCPU has nowhere to run -> use cpus = 0", cpu);
    else if (cpu >= c->f->cpus)
        policy_refuse(c, v, CODE_R405, at, NULL,
                      "cpus: CPU %u: the machine has CPUs 0 to %u -> a vCPU has nowhere to run -> use one of these",
                      cpu, c->f->cpus - 1);
    else if (!online)
        policy_refuse(c, v, CODE_R406, at, NULL,
                      "cpus: CPU %u: it did not start at boot -> a vCPU has nowhere to run"
                      " -> use another one; 'cpus' lists them", cpu);
    else if (owner != v)
        policy_refuse(c, v, CODE_R407, at, &c->m->vm[owner].cpus_at,
                      "cpus: CPU %u: guest \"%s\" has it already -> guests would slow each other down"
                      " -> give each its own", cpu, c->m->vm[owner].name);
}

static void check_cpus(struct check *c)
{
    for (uint32_t v = 0; v < c->m->vms; v++)
        for (uint32_t i = 0; !c->m->vm[v].refused && i < c->m->vm[v].cpus; i++)
            check_cpu(c, v, c->m->vm[v].cpu[i]);
}

/* In file order; runs last, so that a guest refused for another reason costs nothing. */
static void check_memory(struct check *c)
{
    uint64_t total = c->f->memory.user_free, used = 0;
    uint32_t biggest = POLICY_NONE;
    for (uint32_t v = 0; v < c->m->vms; v++) {
        const struct manifest_vm *vm = &c->m->vm[v];
        uint64_t left = total - used;
        if (c->p->vm[v].refused)
            continue;
        if (vm->memory + POLICY_OVERHEAD <= left) {
            used += vm->memory + POLICY_OVERHEAD;
            if (biggest == POLICY_NONE || vm->memory > c->m->vm[biggest].memory)
                biggest = v;
        } else if (biggest == POLICY_NONE) {
            policy_refuse(c, v, CODE_R401, &vm->memory_at, NULL,
                          "memory %luM: %luM are free for guests (and %luM go to the VMM)"
                          " -> memory is never overcommitted -> lower it", mib(vm->memory), mib(left),
                          mib(POLICY_OVERHEAD));
        } else {
            policy_refuse(c, v, CODE_R401, &vm->memory_at, &c->m->vm[biggest].memory_at,
                          "memory %luM: %luM of %luM are left after the guests before it, \"%s\" with %luM the"
                          " largest -> memory is never overcommitted -> lower one of the two", mib(vm->memory),
                          mib(left), mib(total), c->m->vm[biggest].name, mib(c->m->vm[biggest].memory));
        }
    }
}

void policy_check(struct policy *p, const struct manifest *m, const struct facts *f)
{
    struct check c = { p, m, f };
    memset(p, 0, sizeof *p);
    p->diags = (struct diag_list){ p->diag, 0, POLICY_DIAGS, 0 };
    start_plans(&c);
    check_unprotected(&c);
    check_virt(&c);
    check_tsc(&c);
    check_cpus(&c);
    policy_devices(&c);
    policy_files(&c);
    policy_slots(&c);
    policy_intx(&c);
    check_memory(&c);
}
