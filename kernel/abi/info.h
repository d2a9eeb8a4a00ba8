/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of SYS_INFO, DEV_INFO and VCPU_STATS: facts that the kernel knows. */
#pragma once

#include "kernel/abi/bootinfo.h"

/* SYS_INFO what; index = first record; the value is how many were written. */
enum info_what {
    INFO_PLATFORM,   /* struct info_platform, one */
    INFO_CPU,        /* struct info_cpu */
    INFO_MODULE,     /* struct boot_module (bootinfo.h): files that the loader brought */
    INFO_DEVICE,     /* struct dev_info of every function found */
    INFO_IOMMU,      /* struct info_iommu, per unit */
    INFO_FAULT,      /* struct info_fault, the newest last; index = sequence number */
    INFO_MEMORY,     /* struct info_memory, one */
    INFO_COUNT
};

struct info_platform {
    uint64_t tsc_hz;         /* measured */
    uint64_t boot_tsc;
    uint64_t epoch;          /* wall clock at boot_tsc, seconds since 1970; 0 = unknown */
    uint32_t iommu_vendor;   /* 0 none, 1 Intel VT-d, 2 AMD-Vi */
    uint32_t iommu_status;   /* status_t: OK = on and every requester blocked */
    uint32_t iommu_ir;       /* 1 = interrupt remapping on */
    uint32_t virt_vendor;    /* 0 none, 1 VT-x, 2 SVM */
    uint32_t virt_status;    /* status_t */
    uint32_t spec;           /* SPEC_* (spec.h): what is done about speculation */
    uint32_t tsc_scaling;    /* 1 = VM_CREATE takes tsc_khz */
    uint32_t rsvd;
    uint64_t arch_caps;      /* IA32_ARCH_CAPABILITIES, 0 = none */
    char build[32];          /* build id */
    char iommu_reason[96];   /* why not, in words */
    char virt_reason[96];
};

struct info_cpu {
    uint32_t index, apic_id, online, rsvd;
    uint64_t idle_tsc, guest_tsc;             /* since boot */
    uint64_t irqs, ipis, switches;
};

struct info_memory {
    uint64_t total, user_free, user_largest, kernel_total, kernel_free;
    uint64_t objects[16];    /* by enum obj_type */
};

struct info_iommu {
    uint64_t base, faults;
    uint32_t status;         /* status_t, OK = on */
    uint32_t translation, ir, domains;
    uint32_t address_bits, page_sizes;  /* bit 0 4K, 1 2M, 2 1G */
    char reason[96];
};

struct info_fault {
    uint64_t seq, tsc;
    uint64_t address;        /* I/O virtual = guest-physical */
    uint32_t bdf;            /* requester */
    uint32_t vm;             /* VM id at the time, 0 = no owner */
    uint32_t reason;         /* hardware's number */
    uint32_t write;          /* 1 write, 0 read */
    uint32_t interrupt;      /* 1 = an interrupt request was blocked */
    uint32_t cut;            /* 1 = this fault cut the device off */
};

/* ---- PCI functions ---- */
struct dev_bar {
    uint64_t base, size;     /* size 0 = not implemented */
    uint32_t flags;          /* BAR_* */
    uint32_t rsvd;
};
#define BAR_MEMORY    0x0u
#define BAR_IO        0x1u
#define BAR_64        0x2u
#define BAR_PREFETCH  0x4u
#define BAR_UPPER     0x8u   /* upper half of the 64-bit BAR before it */

enum dev_state { DEV_BLOCKED, DEV_ASSIGNED, DEV_DRAINING, DEV_QUARANTINED };

struct dev_info {
    uint32_t bdf;            /* segment << 16 | bus << 8 | dev << 3 | fn */
    uint16_t vendor, device, subvendor, subdevice;
    uint32_t class_rev;      /* class << 8 | revision, as at config 08h */
    uint8_t  header;         /* 0 endpoint, 1 bridge */
    uint8_t  pcie_type;      /* of the PCIe capability, 0 also without one */
    uint8_t  pin, line;      /* INTx */
    uint8_t  flr;            /* 1 FLR, 2 AF-FLR, 4 PM, 8 bus reset */
    uint8_t  intx_off;       /* 1 = INTx was off when the function was last silenced: the bit works */
    uint16_t up;             /* the bridge above is so many records before this one; 0 = on a root bus */
    uint8_t  secondary;      /* bridge: secondary bus */
    uint16_t state, rsvd0;   /* enum dev_state */
    uint32_t vm;             /* owner's VM id, 0 none */
    uint32_t iommu_unit;     /* index, ~0 = no unit covers it */
    uint32_t group;          /* isolation group */
    uint32_t refusals;       /* bit per status_t: each reason why it could not be assigned, 0 = it can */
    uint32_t reserved;       /* RMRR/IVMD regions that name it */
    uint16_t msi_off, msix_off, pcie_off, pm_off; /* 0 = none */
    uint8_t  msi_vectors, msi_64, msi_maskable;
    uint8_t  msix_bar, pba_bar;
    uint8_t  acs;            /* 1 = access control is on, all that the function has use for */
    uint16_t msix_count;
    uint32_t msix_table_off, pba_off;
    struct dev_bar bar[6];
    uint32_t firmware_dma;   /* 1 = bus mastering was on at hand-over */
    uint32_t rsvd2;
};

/* ---- vCPU counters ---- */
struct vcpu_stats {
    uint64_t exits;          /* all */
    uint64_t by_exit[16];    /* by enum vcpu_exit_reason: those that reached the VMM */
    uint64_t cpuid, msr, hlt, intr, nmi, cr; /* by hardware cause, where by_exit does not say it */
    uint64_t injected, ipis;
    uint64_t guest_tsc;
};

