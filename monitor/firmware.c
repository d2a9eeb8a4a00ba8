/* SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/firmware.h"

#include "kernel/lib/fmt.h"
#include "monitor/aml.h"
#include "monitor/name.h"
#include "monitor/facts.h"

static struct aml aml;
static bool asked;
static status_t status;          /* of the tables, when asked */

static status_t ask(const struct facts *f)
{
    uint32_t i = facts_find_basename(f, BOOT_ACPI_MODULE);
    if (!asked) {
        uint64_t size = i != POLICY_NONE ? f->module[i].info.len : 0;
        const uint8_t *tables = size != 0 ? facts_map_module(f, i, size) : NULL;
        status = tables ? aml_read(&aml, tables, size) : ST_NOTFOUND;
        asked = true;
    }
    return status;
}

status_t firmware_s5(const struct facts *f, uint8_t *typ_a, uint8_t *typ_b)
{
    TRY(ask(f));
    return aml_s5(&aml, typ_a, typ_b);
}

bool firmware_intx(const struct facts *f, const struct dev_info *d, uint32_t *gsi, char *text, size_t size)
{
    char name[96] = "";
    uint8_t path[NAME_HOPS], root;
    const unsigned hops = name_path(d, path, &root);
    if (d->pin < 1 || d->pin > 4)
        str_copy(text, size, "the function has no interrupt line");
    else if (ask(f) != ST_OK)
        str_copy(text, size, "the firmware's tables (DSDT) are not there or are broken");
    else if (hops > NAME_HOPS)
        str_copy(text, size, "the function is behind more bridges than are followed");
    else {
        bool high = false;
        struct aml_reason r = aml_intx(&aml, (uint16_t)(d->bdf >> 16), root, path, hops, d->pin - 1u, d->line, gsi, &high);
        *gsi |= high ? 0 : IRQ_GSI_LOW;
        if (r.why == NULL)
            return true;
        if (r.what != AML_NONE)
            aml_path(&aml, r.what, name, sizeof name);
        fmt(text, size, "%s%s%s", name, name[0] ? " " : "", r.why);
    }
    return false;
}
