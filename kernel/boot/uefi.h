/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of the UEFI interface that the loader uses, and the loader's own
 * functions. Firmware calls use the Microsoft calling convention; slots that
 * are not used are counted, not named. [UEFI 4.3, 7.2, 12.4, 13.4]
 */
#pragma once

#include "kernel/boot/loader.h"

#define EFIAPI __attribute__((ms_abi))

typedef uint64_t efi_status;
typedef void *efi_handle;
#define EFI_OK                0ull
#define EFI_ERROR(n)          (1ull << 63 | (n))
#define EFI_LOAD_ERROR        EFI_ERROR(1)
#define EFI_INVALID_PARAMETER EFI_ERROR(2)
#define EFI_BUFFER_TOO_SMALL  EFI_ERROR(5)
#define EFI_OUT_OF_RESOURCES  EFI_ERROR(9)
#define EFI_NOT_FOUND         EFI_ERROR(14)

struct efi_guid { uint32_t a; uint16_t b, c; uint8_t d[8]; };

struct efi_header { uint64_t signature; uint32_t revision, size, crc, rsvd; };

struct efi_text_output {
    void *reset;
    efi_status (EFIAPI *output)(struct efi_text_output *self, const uint16_t *text);
};

struct efi_memory_descriptor {               /* [UEFI 7.2.3]; the stride is the firmware's, not sizeof */
    uint32_t type, pad;
    uint64_t physical, virtual_start, pages, attributes;
};

enum efi_memory_type {                       /* [UEFI 7.2.1] */
    EFI_RESERVED, EFI_LOADER_CODE, EFI_LOADER_DATA, EFI_BOOT_CODE, EFI_BOOT_DATA, EFI_RUNTIME_CODE,
    EFI_RUNTIME_DATA, EFI_CONVENTIONAL, EFI_UNUSABLE, EFI_ACPI_RECLAIM, EFI_ACPI_NVS, EFI_MMIO, EFI_MMIO_PORT
};
enum efi_allocate_type { EFI_ALLOCATE_ANY, EFI_ALLOCATE_MAX_ADDRESS };

struct efi_boot_services {                   /* [UEFI 4.4] */
    struct efi_header header;
    void *tpl[2];
    efi_status (EFIAPI *allocate_pages)(uint32_t how, uint32_t type, uint64_t pages, uint64_t *address);
    efi_status (EFIAPI *free_pages)(uint64_t address, uint64_t pages);
    efi_status (EFIAPI *get_memory_map)(uint64_t *size, void *map, uint64_t *key, uint64_t *stride, uint32_t *version);
    void *pool[2];
    void *event[6];
    void *protocol[3];
    efi_status (EFIAPI *handle_protocol)(efi_handle handle, const struct efi_guid *guid, void **interface);
    void *protocol2[5];
    void *image[4];
    efi_status (EFIAPI *exit_boot_services)(efi_handle image, uint64_t key);
    void *monotonic;
    efi_status (EFIAPI *stall)(uint64_t microseconds);
    efi_status (EFIAPI *set_watchdog)(uint64_t seconds, uint64_t code, uint64_t size, const uint16_t *data);
};
AT(struct efi_boot_services, handle_protocol, 24 + 16 * 8);
AT(struct efi_boot_services, exit_boot_services, 24 + 26 * 8);
AT(struct efi_boot_services, set_watchdog, 24 + 29 * 8);

struct efi_config_table { struct efi_guid guid; void *table; };

struct efi_system_table {                    /* [UEFI 4.3] */
    struct efi_header header;
    uint16_t *vendor;
    uint32_t revision, pad;
    efi_handle con_in_handle;
    void *con_in;
    efi_handle con_out_handle;
    struct efi_text_output *con_out;
    efi_handle err_handle;
    struct efi_text_output *err;
    void *runtime;
    struct efi_boot_services *boot;
    uint64_t tables;
    struct efi_config_table *table;
};
AT(struct efi_system_table, boot, 0x60);

struct efi_loaded_image {                    /* [UEFI 9.1] */
    uint32_t revision, pad;
    efi_handle parent;
    struct efi_system_table *system;
    efi_handle device;
};

struct efi_file {                            /* [UEFI 13.5] */
    uint64_t revision;
    efi_status (EFIAPI *open)(struct efi_file *self, struct efi_file **out, const uint16_t *name, uint64_t mode,
                              uint64_t attributes);
    efi_status (EFIAPI *close)(struct efi_file *self);
    void *delete_file;
    efi_status (EFIAPI *read)(struct efi_file *self, uint64_t *size, void *buffer);
    void *write;
    efi_status (EFIAPI *get_position)(struct efi_file *self, uint64_t *position);
    efi_status (EFIAPI *set_position)(struct efi_file *self, uint64_t position);
};

struct efi_file_system {                     /* [UEFI 13.4] */
    uint64_t revision;
    efi_status (EFIAPI *open_volume)(struct efi_file_system *self, struct efi_file **root);
};

/* ---- the loader ---- */
struct loader {
    struct efi_system_table *system;
    struct efi_boot_services *boot;
    struct efi_file *root;
    struct bootinfo *info;
    uint64_t trampoline;                     /* a page below 4 GiB for jump.S */
};

/* uefi_print.c: text to the firmware console; valid until ExitBootServices. */
void uefi_print_init(struct efi_text_output *out);
const char *uefi_status_text(efi_status status);

/* uefi_memory.c: kernel, page tables, the firmware's tables and its map. */
MUST_USE efi_status uefi_kernel_load(struct loader *l);
MUST_USE efi_status uefi_tables_read(struct loader *l);
/* Nothing of boot services works afterwards. */
MUST_USE efi_status uefi_leave(struct loader *l, efi_handle image);
/* Pure. */
uint32_t uefi_map_type(uint32_t efi_type);

/* uefi_file.c: loader.h's files, from the volume that the loader was started from. l stays. */
MUST_USE efi_status uefi_volume_open(struct loader *l, efi_handle image);

efi_status EFIAPI efi_main(efi_handle image, struct efi_system_table *system);
