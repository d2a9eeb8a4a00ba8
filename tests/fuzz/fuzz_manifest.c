/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/manifest.c monitor/manifest_value.c monitor/manifest_pci.c monitor/name.c monitor/diag.c monitor/explain.c monitor/policy.c monitor/policy_files.c monitor/policy_devices.c monitor/policy_intx.c monitor/policy_slots.c monitor/image.c kernel/lib/fmt.c kernel/lib/str.c */
/* Fuzz target: any bytes as a manifest, judged against a small machine; every diagnostic is printed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/policy.h"

bool firmware_intx(const struct facts *facts, const struct dev_info *d, uint32_t *gsi, char *text, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct manifest m;
static struct policy p;
static struct facts f;

static void require(int condition)
{
    if (!condition)
        abort();
}

bool firmware_intx(const struct facts *facts, const struct dev_info *d, uint32_t *gsi, char *text, size_t size)
{
    (void)facts;
    snprintf(text, size, "no route");
    *gsi = 16 + d->bdf % 11 % 6;
    return d->pin != 0 && d->bdf % 5 != 4;
}

static void machine(void)
{
    f.platform = (struct info_platform){ .tsc_hz = 1, .iommu_vendor = 1, .iommu_ir = 1, .virt_vendor = 1 };
    f.memory.user_free = 4ull << 30;
    f.cpus = 4;
    for (uint32_t i = 0; i < 4; i++)
        f.cpu[i] = (struct info_cpu){ .index = i, .online = i < 3 };
    for (uint32_t i = 0; i < 24; i++)
        f.dev[i] = (struct dev_info){ .bdf = (i / 8) << 8 | (i % 8), .vendor = 0x8086, .device = (uint16_t)(i % 5),
                                      .class_rev = i == 0 ? 0x06000000u : 0x02000000u,
                                      .up = (uint16_t)(i % 3 ? 0 : i / 3), .flr = (uint8_t)(i % 3), .msix_off = (uint16_t)(i % 7),
                                      .pin = (uint8_t)(i % 4), .intx_off = i & 1,
                                      .msix_count = 600, .group = i / 2, .reserved = i % 11 == 10 };
    f.devices = 24;
    f.modules = 3;
    snprintf(f.module[0].info.name, sizeof f.module[0].info.name, "cordon.conf");
    snprintf(f.module[1].info.name, sizeof f.module[1].info.name, "guests/vmlinuz");
    snprintf(f.module[2].info.name, sizeof f.module[2].info.name, "vmm.elf");
    f.module[1].info.len = f.module[2].info.len = 4096;
}

static void print_all(const struct diag_list *list)
{
    static char buf[2048];
    for (uint32_t i = 0; i < list->count; i++) {
        size_t n = diag_format(&list->item[i], m.text, m.len, buf, sizeof buf);
        require(n < sizeof buf && buf[n] == 0 && strlen(buf) == n);
        require(list->item[i].vm == DIAG_ALL || list->item[i].vm < m.vms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest_file file;
    uint32_t cursor = 0, files = 0;
    char *copy = malloc(size + 1);       /* its own block: the sanitizer sees every read past it */
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (f.devices == 0)
        machine();
    manifest_parse(&m, copy, size);
    require(m.vms <= MANIFEST_VMS);
    print_all(&m.errors);
    while (manifest_files(&m, &cursor, &file))
        require(++files <= MANIFEST_VMS * (MANIFEST_MODULES + 2) && strlen(file.path) < MANIFEST_PATH);
    policy_check(&p, &m, &f);
    print_all(&p.diags);
    for (uint32_t v = 0; v < m.vms; v++) {
        require(!m.vm[v].refused || p.vm[v].refused);
        require(p.vm[v].refused == (p.vm[v].code != CODE_NONE));
        if (p.vm[v].refused)
            continue;
        require(m.vm[v].cpus > 0 && m.vm[v].memory > 0 && p.vm[v].kernel < f.modules);
        require(p.vm[v].devices <= VMM_MAX_DEVICES);
        for (uint32_t o = 0; o < m.vms; o++)      /* no function has two owners that may start */
            for (uint32_t i = 0; i < p.vm[v].devices; i++)
                for (uint32_t k = 0; o != v && !p.vm[o].refused && k < p.vm[o].devices; k++)
                    require(p.vm[v].device[i].dev != p.vm[o].device[k].dev);
    }
    free(copy);
    return 0;
}
