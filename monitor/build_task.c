/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's VMM task: capabilities, memory, start page, threads. */
#include "monitor/build_internal.h"

#include "kernel/lib/fmt.h"

static bool grant(struct job *j, uint32_t dst, uint32_t src, uint64_t rights, uint64_t badge)
{
    return job_done(j, sys_call(SYS_TASK_GRANT, SLOT_SYSTEM, j->o->task, dst, src, rights, badge), "granting to the VMM");
}

static bool make_irqs(struct job *j, uint32_t i)
{
    const struct plan_device *pd = &j->r->plan->device[i];
    if (pd->irqs != 0 && !job_done(j, sys_call4(SYS_DEV_IRQS, SLOT_SYSTEM, j->o->device[i],
                                                pd->msix ? IRQ_KIND_MSIX : IRQ_KIND_MSI, pd->irqs),
                                   "creating its interrupts"))
        return false;
    return pd->pin == 0 || job_done(j, sys_call(SYS_DEV_IRQS, SLOT_SYSTEM, j->o->device[i], IRQ_KIND_INTX,
                                                VMM_EV_INTX + pd->line_no, pd->gsi, 0), "taking its interrupt line");
}

static bool make_task(struct job *j)
{
    struct build_objects *o = j->o;
    uint32_t slot = job_take(j, "creating the VMM task");
    if (!slot || !job_keep(j, slot, sys_call4(SYS_TASK_CREATE, SLOT_SYSTEM, slot, SLOT_ROOT_EVENT, j->r->end_bits),
                       &o->task, false, "creating the VMM task"))
        return false;
    if (!grant(j, VMM_SLOT_VM, o->vm, RIGHT_RUN | RIGHT_MAP, 0) ||
        !grant(j, VMM_SLOT_EVENT, o->doorbell[0], RIGHT_WAIT | RIGHT_SIGNAL, ~0ull) ||
        !grant(j, VMM_SLOT_MONITOR, SLOT_ROOT_EVENT, RIGHT_SIGNAL, j->r->channel_bits))
        return false;
    for (uint32_t i = 0; i < o->vcpus; i++)
        if (!grant(j, VMM_SLOT_VCPU + i, o->vcpu[i], RIGHT_RUN | RIGHT_READ, 0) ||
            !grant(j, VMM_SLOT_DOORBELL + i, o->doorbell[i], RIGHT_WAIT | RIGHT_SIGNAL, ~0ull))
            return false;
    for (uint32_t i = 0; i < o->devices; i++)
        if (!grant(j, VMM_SLOT_DEVICE + i, o->device[i], RIGHT_READ | RIGHT_WRITE, 0) || !make_irqs(j, i))
            return false;
    return true;
}

static bool map_vmm(struct job *j, uint64_t va, uint32_t object, uint64_t off, uint64_t len, uint64_t prot,
                    const char *step)
{
    return job_done(j, sys_call(SYS_TASK_MAP, SLOT_SYSTEM, j->o->task, va, object, off, PAGE_UP(len) | prot), step);
}

static bool map_image(struct job *j)
{
    struct build_objects *o = j->o;
    vmm_image_copy(j->image, o->image_va + START_BYTES);
    for (uint32_t i = 0; i < j->image->segments; i++) {
        const struct vmm_segment *s = &j->image->segment[i];
        if (!map_vmm(j, s->va, o->image, START_BYTES + s->offset, s->len, s->prot, "mapping the VMM image"))
            return false;
    }
    for (uint32_t i = 0; i < o->vcpus; i++)
        if (!map_vmm(j, VMM_STACK_TOP - i * STACK_STEP - STACK_BYTES, o->image,
                     job_stacks_off(j) + (uint64_t)i * STACK_BYTES, STACK_BYTES, MAP_R | MAP_W, "mapping a stack") ||
            !map_vmm(j, VMM_VCPU_VA + i * PAGE_SIZE, o->vcpu[i], 0, PAGE_SIZE, MAP_R | MAP_W, "mapping a vCPU page"))
            return false;
    return map_vmm(j, VMM_START_VA, o->image, 0, START_BYTES, MAP_R, "mapping the start page") &&
           map_vmm(j, VMM_CHANNEL_VA, o->image, job_channel_off(j), VMM_CHANNEL_PAGES * PAGE_SIZE, MAP_R | MAP_W,
                   "mapping the channel");
}

static bool map_ram(struct job *j)
{
    const struct build_objects *o = j->o;
    for (uint32_t i = 0; i < BUILD_EXTENTS && o->ram[i]; i++)
        if (!map_vmm(j, VMM_RAM_VA + o->ram_gpa[i], o->ram[i], 0, o->ram_len[i], MAP_R | MAP_W, "mapping guest RAM"))
            return false;
    return true;
}

static bool map_module(struct job *j, struct vmm_start *start, uint32_t index, const struct span *name)
{
    struct vmm_module *mod = &start->module[start->modules];
    uint32_t slot = job_take(j, "opening a file"), n = start->modules;
    mod->len = j->r->f->module[index].info.len;
    manifest_text(j->r->m, name, mod->name, sizeof mod->name);
    if (!slot || !job_keep(j, slot, sys_call3(SYS_MEMORY_MODULE, SLOT_SYSTEM, slot, index), &j->o->module[n], false,
                           "opening a file") ||
        !map_vmm(j, VMM_MODULE_VA + ((uint64_t)n << 40), j->o->module[n], 0, mod->len, MAP_R, "mapping a file"))
        return false;
    start->modules++;
    return true;
}

static bool map_modules(struct job *j, struct vmm_start *start)
{
    const struct plan_vm *plan = j->r->plan;
    if (!map_module(j, start, plan->kernel, &j->vm->kernel_at))
        return false;
    start->has_initrd = plan->initrd != POLICY_NONE;
    if (start->has_initrd && !map_module(j, start, plan->initrd, &j->vm->initrd_at))
        return false;
    for (uint32_t i = 0; i < j->vm->modules; i++)
        if (!map_module(j, start, plan->module[i], &j->vm->module[i].at))
            return false;
    return true;
}

static void fill_start(struct job *j, struct vmm_start *start)
{
    const struct plan_vm *plan = j->r->plan;
    start->magic = VMM_START_MAGIC;
    start->size = sizeof *start;
    start->vcpus = j->vm->cpus;
    start->ram = j->vm->memory;
    start->ram_at = j->vm->unprotected ? j->o->ram_gpa[0] : 0;
    start->tsc_hz = j->r->f->platform.tsc_hz;
    start->guest_tsc_hz = j->vm->tsc_khz ? j->vm->tsc_khz * UINT64_C(1000) : start->tsc_hz;
    start->epoch = j->r->f->platform.epoch;
    start->epoch_tsc = j->r->f->platform.boot_tsc;
    start->kernel_type = plan->type == TYPE_LINUX ? KERNEL_LINUX : plan->type == TYPE_MULTIBOOT ? KERNEL_MULTIBOOT
                                                                                                : KERNEL_AUTO;
    str_copy(start->name, sizeof start->name, j->vm->name);
    if (j->vm->cmdline_at.line != 0)
        manifest_text(j->r->m, &j->vm->cmdline_at, start->cmdline, sizeof start->cmdline);
    for (uint32_t i = 0; i < j->vm->cpus; i++)
        start->host_cpu[i] = j->vm->cpu[i];
    start->devices = plan->devices;
    for (uint32_t i = 0; i < plan->devices; i++)
        start->device[i] = (struct vmm_device){ plan->device[i].devfn, j->vm->pci[plan->device[i].line].reserved_map,
                                                plan->device[i].first_irq, plan->device[i].irqs,
                                                plan->device[i].msix, plan->device[i].pin, plan->device[i].line_no };
}

/* Last: from here on the VMM runs. */
static bool make_threads(struct job *j)
{
    for (uint32_t i = 0; i < j->o->vcpus; i++) {
        struct thread_args args = { j->image->entry, VMM_STACK_TOP - i * STACK_STEP - 16, i };
        uint32_t slot = job_take(j, "starting a VMM thread");
        if (!slot || !job_keep(j, slot, sys_call(SYS_THREAD_CREATE, SLOT_SYSTEM, slot, j->o->task,
                                                 j->vm->cpu[i] | VMM_PRIO << 16, (uintptr_t)&args, 0),
                               &j->o->thread[i], false, "starting a VMM thread"))
            return false;
    }
    return true;
}

bool build_task(struct job *j)
{
    struct vmm_start *start = (struct vmm_start *)(void *)j->o->image_va;
    memset(start, 0, START_BYTES);
    fill_start(j, start);
    return make_task(j) && map_image(j) && map_ram(j) && map_modules(j, start) && make_threads(j);
}
