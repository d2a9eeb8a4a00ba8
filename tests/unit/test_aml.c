/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/aml.c kernel/lib/str.c */
/* \_S5: hand-made tables, every truncation, and the tables of real machines. */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <stdlib.h>

#include "monitor/aml.h"

static uint8_t a, b;

static status_t try(const void *body, size_t len)
{
    uint8_t *t = calloc(1, 36 + len);
    status_t st;
    memcpy(t, "DSDT", 4);
    t[4] = (uint8_t)(36 + len);
    memcpy(t + 36, body, len);
    st = aml_s5(t, 36 + len, &a, &b);
    free(t);
    return st;
}

#define TRY_TEXT(literal) try(literal, sizeof literal - 1)

static void test_forms(void)
{
    CHECK(TRY_TEXT("\x08_S5_\x12\x05\x04\x0a\x05\x0a\x07\x00\x00") == ST_NOTFOUND);   /* length too short */
    CHECK(TRY_TEXT("\x08_S5_\x12\x08\x04\x0a\x05\x0a\x07\x00\x00") == ST_OK && a == 5 && b == 7);
    CHECK(TRY_TEXT("\x08\\_S5_\x12\x08\x04\x0a\x05\x0a\x07\x00\x00") == ST_OK && a == 5);
    CHECK(TRY_TEXT("\x08_S5_\x12\x06\x04\x00\x01\x00\x00") == ST_OK && a == 0 && b == 1);
    CHECK(TRY_TEXT("\x08_S5_\x12\x0a\x04\x0b\x05\x00\x0b\x06\x00\x00\x00") == ST_OK && a == 5 && b == 6);
    CHECK(TRY_TEXT("\x08_S5_\x12\x05\x01\x0b\x05\x03") == ST_OK && a == 5 && b == 3);
    CHECK(TRY_TEXT("\x08_S5_\x12\x08\x04\x0a\x08\x0a\x07\x00\x00") == ST_NOTFOUND);   /* SLP_TYP is 3 bits */
    CHECK(TRY_TEXT("\x08_S5_\x12\x08\x00\x0a\x05\x0a\x07\x00\x00") == ST_NOTFOUND);   /* empty package */
    CHECK(TRY_TEXT("\x14_S5_\x12\x08\x04\x0a\x05\x0a\x07\x00\x00") == ST_NOTFOUND);   /* no NameOp */
    CHECK(TRY_TEXT("\x08_S5_\x13\x08\x04\x0a\x05\x0a\x07\x00\x00") == ST_NOTFOUND);
    CHECK(TRY_TEXT("\x08_S3_\x12\x08\x04\x0a\x05\x0a\x07\x00\x00\x08_S5_\x12\x08\x04\x0a\x02\x0a\x02\x00\x00") == ST_OK &&
          a == 2);
    CHECK(TRY_TEXT("") == ST_NOTFOUND);
    CHECK(aml_s5((const uint8_t *)"DSDT", 4, &a, &b) == ST_CORRUPT);
    for (size_t n = 0; n < 14; n++)
        CHECK(try("\x08_S5_\x12\x08\x04\x0a\x05\x0a\x07\x00\x00", n) != ST_OK);
    for (unsigned i = 0; i < 256; i++) {
        uint8_t t[14];
        memcpy(t, "\x08_S5_\x12\x08\x04\x0a\x05\x0a\x07\x00\x00", 14);
        for (unsigned k = 5; k < 14; k++) {
            uint8_t keep = t[k];
            t[k] = (uint8_t)i;
            status_t st = try(t, 14);
            CHECK(st == ST_NOTFOUND || (st == ST_OK && a <= 7 && b <= 7));
            t[k] = keep;
        }
    }
}

static void test_machines(void)
{
    const char *folder = "../shared/acpi-corpus/DSDT";
    DIR *dir = opendir(folder);
    struct dirent *e;
    unsigned files = 0, found = 0;
    if (!dir) {
        printf("skipped: %s is not there\n", folder);
        return;
    }
    while ((e = readdir(dir)) != NULL) {
        char path[512];
        static uint8_t table[1 << 20];
        FILE *file;
        size_t len;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        file = fopen(path, "rb");
        len = file ? fread(table, 1, sizeof table, file) : 0;
        if (file)
            fclose(file);
        files++;
        status_t st = aml_s5(table, len, &a, &b);
        CHECK(st == ST_OK || st == ST_NOTFOUND);
        found += st == ST_OK;
        if (st != ST_OK)
            printf("no _S5 in %s (%zu bytes)\n", e->d_name, len);
        for (size_t cut = 0; cut < len; cut += 997) {     /* cut tables are refused, not read past */
            uint8_t *copy = malloc(cut + 1);
            memcpy(copy, table, cut);
            CHECK(aml_s5(copy, cut, &a, &b) == ST_CORRUPT);
            free(copy);
        }
    }
    closedir(dir);
    printf("%u of %u real DSDTs have a constant _S5\n", found, files);
    CHECK(files > 0 && found * 10 >= files * 8);
}

int main(void)
{
    test_forms();
    test_machines();
    return unit_done();
}
