/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting and ending a guest: the order of system calls, unwinding, texts for failures. */
#include "monitor/build.h"

#include "kernel/lib/fmt.h"
#include "monitor/build_internal.h"

static struct vmm_image image;

bool build_set_image(const uint8_t *elf, uint64_t size, struct build_error *error)
{
    const char *why;
    if (vmm_image_parse(&image, elf, size, &why))
        return true;
    image.segments = 0;
    error->code = CODE_B504;
    fmt(error->text, sizeof error->text, "vmm.elf: %s -> no guest can be started -> write the boot image again", why);
    return false;
}

/* The code that says best what a status means at this step. */
static enum code code_of(status_t st, bool memory)
{
    switch ((unsigned)st) {
    case ST_NOSPACE:     return memory ? CODE_B502 : CODE_B503;
    case ST_NOIOMMU:     return CODE_I205;
    case ST_NOIR:        return CODE_I204;
    case ST_NORESET:     return CODE_I208;
    case ST_QUARANTINED: return CODE_F111;
    case ST_ABSENT:      return CODE_F109;
    case ST_RESERVED:    return CODE_I209;
    default:             return CODE_B501;
    }
}

bool job_fail(struct job *j, status_t st, bool memory, const char *step)
{
    j->error->code = code_of(st, memory);
    fmt(j->error->text, sizeof j->error->text,
        "guest \"%s\": %s: %s (%s) -> it was not started and nothing was left behind", j->vm->name, step,
        status_text(st), status_name(st));
    return false;
}

bool job_done(struct job *j, struct sys_ret ret, const char *step)
{
    return ret.st == ST_OK || job_fail(j, ret.st, false, step);
}

/* A slot for a new object; 0 after an error. */
uint32_t job_take(struct job *j, const char *step)
{
    uint32_t slot = slots_take();
    if (slot == SLOT_NONE)
        (void)job_fail(j, ST_NOSPACE, false, step);
    return slot;
}

/* Keeps the slot when the call that fills it worked. */
bool job_keep(struct job *j, uint32_t slot, struct sys_ret ret, uint32_t *where, bool memory, const char *step)
{
    if (ret.st == ST_OK) {
        *where = slot;
        return true;
    }
    slots_release(slot);
    return job_fail(j, ret.st, memory, step);
}

bool job_event(struct job *j, uint32_t *where)
{
    uint32_t slot = job_take(j, "creating an event");
    return slot && job_keep(j, slot, sys_call2(SYS_EVENT_CREATE, SLOT_SYSTEM, slot), where, false, "creating an event");
}

static bool map_self(struct job *j, uint64_t va, uint32_t object, uint64_t len, const char *step)
{
    return job_done(j, sys_call(SYS_TASK_MAP, SLOT_SYSTEM, SLOT_SELF, va, object, 0, len | MAP_R | MAP_W), step);
}

uint64_t job_stacks_off(const struct job *j) { return START_BYTES + j->image->bytes; }

uint64_t job_log_off(const struct job *j) { return job_stacks_off(j) + (uint64_t)j->vm->cpus * STACK_BYTES; }

uint64_t job_channel_off(const struct job *j) { return job_log_off(j) + BUILD_LOG; }

/* The VMM's memory, channel included, at the first start only. */
static bool make_kept(struct job *j)
{
    struct build_objects *o = j->o;
    uint64_t va = MON_GUEST_VA + j->r->vm * MON_GUEST_STEP, len = job_channel_off(j) + VMM_CHANNEL_PAGES * PAGE_SIZE;
    if (!o->image_va) {
        uint32_t slot = o->image ? 0 : job_take(j, "memory for the VMM");
        if (!o->image && (!slot || !job_keep(j, slot, sys_call4(SYS_MEMORY_CREATE, SLOT_SYSTEM, slot, len, PAGE_SIZE),
                                         &o->image, true, "memory for the VMM")))
            return false;
        if (!map_self(j, va, o->image, len, "mapping the VMM's memory"))
            return false;
        o->image_va = (uint8_t *)(uintptr_t)va;
        o->log = o->image_va + job_log_off(j);
        o->chan = (struct vmm_channel *)(o->image_va + job_channel_off(j));
    }
    if (!o->doorbell0 && !job_event(j, &o->doorbell0))
        return false;
    memset(o->chan, 0, sizeof *o->chan);
    return true;
}

/* Drops a slot; remembers the first that could not be. */
static void drop(uint32_t *slot, const char *what, struct build_error *error)
{
    status_t st = slots_drop(slot);
    if (st == ST_OK || error->code != CODE_NONE)
        return;
    error->code = CODE_B501;
    fmt(error->text, sizeof error->text, "giving back %s: %s (%s)", what, status_text(st), status_name(st));
}

/* Bus master off, blocked, flush confirmed, reset: the kernel's; a failure is quarantine. */
static void release_devices(struct build_objects *o, struct build_error *error)
{
    for (uint32_t i = 0; i < o->devices; i++) {
        status_t st = o->assigned[i] ? sys_call2(SYS_DEV_RELEASE, SLOT_SYSTEM, o->device[i]).st : ST_OK;
        o->assigned[i] = false;
        if (st != ST_OK && error->code == CODE_NONE) {
            error->code = CODE_F111;
            fmt(error->text, sizeof error->text, "function %u of the guest was not released: %s (%s)"
                " -> it is quarantined -> power-cycle the machine", i, status_text(st), status_name(st));
        }
        drop(&o->device[i], "a function", error);
    }
    o->devices = 0;
}

bool build_stop(struct build_objects *o, struct build_error *error)
{
    status_t st = o->task ? sys_call2(SYS_TASK_KILL, SLOT_SYSTEM, o->task).st : ST_OK;
    *error = (struct build_error){ .code = CODE_NONE };
    if (st != ST_OK) {
        error->code = CODE_B501;
        fmt(error->text, sizeof error->text, "ending the VMM: %s (%s)", status_text(st), status_name(st));
    }
    for (uint32_t i = 0; i < VMM_MAX_VCPUS; i++)
        drop(&o->thread[i], "a thread", error);
    drop(&o->task, "the VMM task", error);
    release_devices(o, error);
    for (uint32_t i = VMM_MAX_VCPUS; i-- > 0;) {
        drop(&o->vcpu[i], "a vCPU", error);
        if (i == 0)
            o->doorbell[0] = SLOT_NONE;      /* kept as doorbell0 */
        else
            drop(&o->doorbell[i], "an event", error);
    }
    o->vcpus = 0;
    drop(&o->vm, "the VM", error);
    o->vm_id = 0;
    for (uint32_t i = 0; i < BUILD_EXTENTS; i++)
        drop(&o->ram[i], "guest memory", error);
    for (uint32_t i = 0; i < VMM_MAX_MODULES; i++)
        drop(&o->module[i], "a file", error);
    return error->code == CODE_NONE;
}

bool build_start(struct build_objects *o, const struct build_request *r, struct build_error *error)
{
    struct job j = { o, r, &r->m->vm[r->vm], &image, error };
    struct build_error unwind;
    *error = (struct build_error){ .code = CODE_NONE };
    if (image.segments == 0) {
        error->code = CODE_B504;
        fmt(error->text, sizeof error->text, "vmm.elf is missing or damaged -> no guest can be started"
            " -> write the boot image again");
        return false;
    }
    if (make_kept(&j) && build_vm(&j) && build_task(&j))
        return true;
    if (!build_stop(o, &unwind)) {
        size_t n = str_len(error->text);
        fmt(error->text + n, sizeof error->text - n, "; %s", unwind.text);
    }
    return false;
}
