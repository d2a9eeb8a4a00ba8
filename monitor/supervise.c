/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest states and restart rules. Channels are read in guestio.c. */
#include "monitor/supervise.h"

#include "kernel/lib/fmt.h"
#include "monitor/console.h"
#include "monitor/explain.h"
#include "monitor/facts.h"
#include "monitor/guestio.h"

_Static_assert(MANIFEST_VMS <= 55 - SYSEV_USER_FIRST, "a bit of the root event for each guest");

#define PAST_VMS  256u               /* the newest VMs: whose they were, for what the IOMMU reports late */

static struct guest guests[MANIFEST_VMS];
static struct { uint32_t id, guest; } past[PAST_VMS];
static uint32_t count;
static const struct manifest *manifest;
static struct facts *facts;

/* A refused guest shows its first diagnostic. */
static void refuse(struct guest *g, const struct policy *p)
{
    const struct diag_list *lists[] = { &manifest->errors, &p->diags };
    g->state = GUEST_REFUSED;
    g->code = g->plan->code;
    str_copy(g->text, sizeof g->text, explain_meaning(g->code));
    for (uint32_t l = 0; l < ARRAY_LEN(lists); l++)
        for (uint32_t i = 0; i < lists[l]->count; i++) {
            const struct diag *d = &lists[l]->item[i];
            if (d->kind == DIAG_ERROR && d->code == g->code && (d->vm == g->index || d->vm == DIAG_ALL)) {
                str_copy(g->text, sizeof g->text, d->text);
                return;
            }
        }
}

void supervise_init(const struct manifest *m, struct facts *f, const struct policy *p)
{
    manifest = m;
    facts = f;
    count = m->vms;
    for (uint32_t i = 0; i < count; i++) {
        struct guest *g = &guests[i];
        memset(g, 0, sizeof *g);
        g->index = i;
        g->vm = &m->vm[i];
        g->plan = &p->vm[i];
        g->vmm_log = (struct textring){ g->vmm_log_data, GUEST_VMM_LOG, 0 };
        if (g->plan->refused)
            refuse(g, p);
        else
            str_copy(g->text, sizeof g->text, "not started yet");
    }
}

uint32_t supervise_count(void) { return count; }

struct guest *supervise_guest(uint32_t i)
{
    KASSERT(i < count);
    return &guests[i];
}

struct guest *supervise_find(const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(guests[i].vm->name, name))
            return &guests[i];
    return NULL;
}

struct guest *supervise_of_vm_id(uint32_t vm_id)
{
    for (uint32_t i = 0; vm_id != 0 && i < count; i++)
        if (guests[i].objects.vm != SLOT_NONE && guests[i].objects.vm_id == vm_id)
            return &guests[i];
    return NULL;
}

const struct guest *supervise_was_vm_id(uint32_t vm_id)
{
    uint32_t slot = vm_id % PAST_VMS;
    return vm_id != 0 && past[slot].id == vm_id ? &guests[past[slot].guest] : NULL;
}

const char *supervise_state_word(enum guest_state state)
{
    switch (state) {
    case GUEST_STOPPED:  return "stopped";
    case GUEST_STARTING: return "starting";
    case GUEST_RUNNING:  return "running";
    case GUEST_REFUSED:  return "refused";
    case GUEST_CRASHED:  return "crashed";
    default:             return "?";
    }
}

bool supervise_stats(const struct guest *g, uint32_t vcpu, struct vcpu_stats *out)
{
    memset(out, 0, sizeof *out);
    return vcpu < g->objects.vcpus &&
           sys_call2(SYS_VCPU_STATS, g->objects.vcpu[vcpu], (uintptr_t)out).st == ST_OK;
}

uint64_t supervise_exits(const struct guest *g)
{
    uint64_t sum = g->exits_before;
    struct vcpu_stats stats;
    for (uint32_t i = 0; i < g->objects.vcpus; i++)
        if (supervise_stats(g, i, &stats))
            sum += stats.exits;
    return sum;
}

static bool is_up(const struct guest *g) { return g->state == GUEST_STARTING || g->state == GUEST_RUNNING; }

static bool start(struct guest *g)
{
    struct build_request r = { manifest, facts, g->plan, g->index, SUPERVISE_BIT(g->index), SUPERVISE_END };
    struct build_error error;
    g->restart_at = 0;
    g->has_fault = false;
    guestio_reset(g);
    if (!build_start(&g->objects, &r, &error)) {
        g->state = GUEST_REFUSED;
        g->code = error.code;
        str_copy(g->text, sizeof g->text, error.text);
        console_notice("vm %s: refused: %s %s", g->vm->name, explain_name(g->code), g->text);
        return false;
    }
    past[g->objects.vm_id % PAST_VMS].id = g->objects.vm_id;
    past[g->objects.vm_id % PAST_VMS].guest = g->index;
    guestio_begin(g);
    g->state = GUEST_STARTING;
    g->code = CODE_NONE;
    g->text[0] = 0;
    g->started = slots_now();
    g->starts++;
    if (g->vm->unprotected)
        console_notice("vm %s: UNPROTECTED: its functions have no IOMMU and reach all memory", g->vm->name);
    return true;
}

/* Takes the guest down; whatever it still said is read first. */
static void tear_down(struct guest *g)
{
    struct build_error error;
    guestio_drain(g);
    g->exits_before = supervise_exits(g);
    if (!build_stop(&g->objects, &error))
        console_notice("vm %s: %s %s", g->vm->name, explain_name(error.code), error.text);
}

static uint64_t seconds(uint64_t s) { return s * facts->platform.tsc_hz; }

static void plan_restart(struct guest *g, uint64_t delay_s)
{
    g->restart_at = slots_now() + seconds(delay_s);
    if (g->restart_at == 0)
        g->restart_at = 1;
}

/* A crash, or a power-off under restart = always. */
static void after_end(struct guest *g, bool wanted)
{
    if (slots_now() - g->started >= seconds(RESTART_GOOD_S))
        g->fails = 0;
    if (!wanted)
        return;
    if (++g->fails > RESTART_LIMIT) {
        size_t n = str_len(g->text);
        fmt(g->text + n, sizeof g->text - n, " (%s: ended %u times in a row, not started again)",
            explain_name(CODE_G612), g->fails);
        console_notice("vm %s: %s it ended %u times in a row and is not started again", g->vm->name,
                       explain_name(CODE_G612), g->fails);
        return;
    }
    plan_restart(g, 1ull << (g->fails - 1));
    console_notice("vm %s: starting again in %lu s", g->vm->name, 1ul << (g->fails - 1));
}

static void crashed(struct guest *g, enum code code, const char *text)
{
    g->state = GUEST_CRASHED;
    g->code = code;
    str_copy(g->text, sizeof g->text, text);
    tear_down(g);
    console_notice("vm %s: crashed: %s %s", g->vm->name, explain_name(code), g->text);
    after_end(g, g->vm->restart != RESTART_NEVER);
}

static void powered_off(struct guest *g)
{
    g->state = GUEST_STOPPED;
    str_copy(g->text, sizeof g->text, "the guest powered off");
    tear_down(g);
    console_notice("vm %s: stopped: %s", g->vm->name, g->text);
    after_end(g, g->vm->restart == RESTART_ALWAYS);
}

/* A guest's own reboot is no failure; one that reboots at once is slowed down. */
static void rebooted(struct guest *g)
{
    bool quick = slots_now() - g->started < seconds(2);
    g->state = GUEST_STOPPED;
    str_copy(g->text, sizeof g->text, "the guest reboots");
    tear_down(g);
    console_notice("vm %s: reboots", g->vm->name);
    if (quick)
        plan_restart(g, 1);
    else if (start(g))
        console_notice("vm %s: starting", g->vm->name);
}

static void task_ended(struct guest *g, const struct task_info *info)
{
    char text[GUEST_TEXT];
    if (info->state == TASK_FAULTED) {
        g->has_fault = true;
        g->fault = *info;
        fmt(text, sizeof text, "its VMM faulted: vector %lu, error %lx, rip %lx, address %lx",
            info->frame.vector, info->frame.error, info->frame.rip, info->cr2);
        crashed(g, CODE_G610, text);
    } else {
        fmt(text, sizeof text, "its VMM ended with code %lu and said nothing", info->exit_code);
        crashed(g, CODE_G611, text);
    }
}

/* What the VMM says about the guest; false when nothing ended. */
static bool follow_state(struct guest *g)
{
    static const enum code code_of[VMM_FAIL_COUNT] = {
        [VMM_FAIL_NONE] = CODE_G611,     [VMM_FAIL_IMAGE] = CODE_G601,  [VMM_FAIL_MEMORY] = CODE_G602,
        [VMM_FAIL_SHUTDOWN] = CODE_G603, [VMM_FAIL_STATE] = CODE_G604,  [VMM_FAIL_INSN] = CODE_G605,
        [VMM_FAIL_DEVICE] = CODE_G606,   [VMM_FAIL_CALL] = CODE_G607,   [VMM_FAIL_ASSERT] = CODE_G608,
        [VMM_FAIL_UNHANDLED] = CODE_G609, [VMM_FAIL_NOWHERE] = CODE_G615,
    };
    char reason[GUEST_TEXT];
    uint32_t fail;
    switch (guestio_state(g, &fail, reason, sizeof reason)) {
    case VMM_RUNNING:
        if (g->state == GUEST_STARTING) {
            g->state = GUEST_RUNNING;
            console_notice("vm %s: running", g->vm->name);
        }
        return false;
    case VMM_OFF:
        powered_off(g);
        return true;
    case VMM_RESET:
        rebooted(g);
        return true;
    case VMM_FAILED:
        fail = fail < VMM_FAIL_COUNT ? fail : VMM_FAIL_NONE;
        crashed(g, code_of[fail], reason[0] ? reason : explain_meaning(code_of[fail]));
        return true;
    case VMM_STARTING:
    default: return false;
    }
}

static void look(struct guest *g)
{
    struct task_info info;
    if (!is_up(g))
        return;
    guestio_drain(g);
    if (follow_state(g))
        return;
    if (sys_call3(SYS_TASK_INFO, SLOT_SYSTEM, g->objects.task, (uintptr_t)&info).st == ST_OK &&
        info.state != TASK_RUNNING && !follow_state(g))
        task_ended(g, &info);
}

void supervise_event(uint64_t bits)
{
    for (uint32_t i = 0; i < count; i++)
        if (bits & (SUPERVISE_BIT(i) | SUPERVISE_END))
            look(&guests[i]);
}

uint64_t supervise_tick(void)
{
    uint64_t now = slots_now(), next = EVENT_FOREVER;
    for (uint32_t i = 0; i < count; i++) {
        struct guest *g = &guests[i];
        if (g->restart_at != 0 && g->restart_at <= now && start(g))
            console_notice("vm %s: starting", g->vm->name);
        if (g->restart_at != 0)
            next = MIN(next, g->restart_at);
    }
    return next;
}

void supervise_autostart(void)
{
    for (uint32_t i = 0; i < count; i++)
        if (guests[i].state == GUEST_STOPPED && guests[i].vm->autostart)
            (void)start(&guests[i]);     /* a refusal is in its state */
        else if (guests[i].state == GUEST_STOPPED)
            str_copy(guests[i].text, sizeof guests[i].text, "autostart = no");
}

bool supervise_start(struct guest *g)
{
    if (g->plan->refused || is_up(g))
        return false;
    g->fails = 0;
    return start(g);
}

bool supervise_stop(struct guest *g, const char *why)
{
    bool up = is_up(g), planned = g->restart_at != 0;
    g->restart_at = 0;
    if (up)
        tear_down(g);
    if (up || planned) {
        g->state = GUEST_STOPPED;
        g->code = CODE_NONE;
        str_copy(g->text, sizeof g->text, why);
    }
    return up || planned;
}

bool supervise_restart(struct guest *g)
{
    (void)supervise_stop(g, "by the operator");   /* one that is down is only started */
    return supervise_start(g);
}

void supervise_stop_all(void)
{
    for (uint32_t i = 0; i < count; i++)
        (void)supervise_stop(&guests[i], "the machine is going down");
}

void supervise_device_cut(uint32_t vm_id, const char *bdf)
{
    struct guest *g = supervise_of_vm_id(vm_id);
    if (g)
        fmt(g->text, sizeof g->text, "%s function %s was cut off after too many blocked accesses",
            explain_name(CODE_G614), bdf);
}

void supervise_input(uint32_t guest, const uint8_t *data, size_t n)
{
    if (guest < count && is_up(&guests[guest]))
        guestio_input(&guests[guest], data, n);
}
