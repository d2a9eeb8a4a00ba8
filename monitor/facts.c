/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts from SYS_INFO; boot files by MEMORY_MODULE. */
#include "monitor/facts.h"

#include "kernel/abi/rt/cpu.h"
#include "monitor/image.h"
#include "monitor/slots.h"

static status_t ask(enum info_what what, uint64_t index, void *to, uint64_t len, uint32_t *count)
{
    struct sys_ret ret = sys_call(SYS_SYS_INFO, SLOT_SYSTEM, what, index, (uintptr_t)to, len, 0);
    *count = ret.st == ST_OK ? (uint32_t)ret.value : 0;
    return ret.st;
}

static status_t read_modules(struct facts *f)
{
    for (uint32_t i = 0; i < FACTS_MODULES; i++) {
        uint32_t one;
        struct fact_module *mod = &f->module[i];
        status_t st = ask(INFO_MODULE, i, &mod->info, sizeof mod->info, &one);
        if (st != ST_OK)
            return st;
        if (one == 0)
            break;
        mod->info.name[sizeof mod->info.name - 1] = 0;
        f->modules = i + 1;
    }
    return ST_OK;
}

/* [SDM2 CPUID], leaves 8000_0002h to 8000_0004h */
static void read_cpu_name(char name[48])
{
    uint32_t words[12] = { 0 };
    for (uint32_t i = 0; i < 3 && rt_cpuid(0x80000000u, 0).eax >= 0x80000004u; i++) {
        struct rt_cpuid r = rt_cpuid(0x80000002u + i, 0);
        memcpy(words + 4 * i, &r, sizeof r);         /* eax, ebx, ecx, edx */
    }
    memcpy(name, words, sizeof words);
    name[47] = 0;
}

status_t facts_read(struct facts *f)
{
    uint32_t one;
    status_t st;
    memset(f, 0, sizeof *f);
    st = ask(INFO_PLATFORM, 0, &f->platform, sizeof f->platform, &one);
    if (st == ST_OK && one != 1)
        st = ST_NOTFOUND;
    if (st == ST_OK)
        st = read_modules(f);
    read_cpu_name(f->cpu_name);
    if (st == ST_OK)
        facts_refresh(f);
    return st;
}

void facts_refresh(struct facts *f)
{
    uint32_t one;
    /* A list that the kernel does not give is empty: the checks then refuse. */
    (void)ask(INFO_CPU, 0, f->cpu, sizeof f->cpu, &f->cpus);
    (void)ask(INFO_DEVICE, 0, f->dev, sizeof f->dev, &f->devices);
    (void)ask(INFO_IOMMU, 0, f->unit, sizeof f->unit, &f->units);
    (void)ask(INFO_MEMORY, 0, &f->memory, sizeof f->memory, &one);
}

const uint8_t *facts_map_module(const struct facts *f, uint32_t index, uint64_t len)
{
    uint64_t va = MON_MODULE_VA + index * MON_MODULE_STEP;
    uint32_t slot;
    struct sys_ret ret;
    KASSERT(index < f->modules);
    len = MIN(len, f->module[index].info.len);
    slot = len == 0 ? SLOT_NONE : slots_take();
    if (slot == SLOT_NONE)
        return NULL;
    ret = sys_call3(SYS_MEMORY_MODULE, SLOT_SYSTEM, slot, index);
    if (ret.st != ST_OK) {
        slots_release(slot);
        return NULL;
    }
    ret = sys_call(SYS_TASK_MAP, SLOT_SYSTEM, SLOT_SELF, va, slot, 0, PAGE_UP(len) | MAP_R);
    if (slots_drop(&slot) != ST_OK || ret.st != ST_OK)       /* the mapping keeps the object */
        return NULL;
    return (const uint8_t *)(uintptr_t)va;
}

uint32_t facts_find_basename(const struct facts *f, const char *name)
{
    size_t len = str_len(name);
    for (uint32_t i = 0; i < f->modules; i++) {
        const char *s = f->module[i].info.name;
        size_t n = 0, base = 0;
        for (; s[n] && s[n] != ' '; n++)
            if (s[n] == '/' || s[n] == '\\')
                base = n + 1;
        if (n - base == len && memcmp(s + base, name, len) == 0)
            return i;
    }
    return POLICY_NONE;
}

void facts_map_kernels(struct facts *f, const struct manifest *m)
{
    struct manifest_file file;
    uint32_t cursor = 0;
    while (manifest_files(m, &cursor, &file)) {
        uint32_t i = policy_find_module(f, file.path);
        struct fact_module *mod;
        if (i == POLICY_NONE || file.kind != FILE_KERNEL || f->module[i].head)
            continue;
        mod = &f->module[i];
        mod->head = facts_map_module(f, i, IMAGE_HEAD);
        mod->head_len = mod->head ? MIN(mod->info.len, IMAGE_HEAD) : 0;
    }
}

uint64_t facts_tsc_of_us(const struct facts *f, uint64_t us) { return us * (f->platform.tsc_hz / 1000000u + 1); }
