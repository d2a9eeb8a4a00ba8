/* SPDX-License-Identifier: BSD-2-Clause */
/* The compile-time limits. */
#pragma once

#define MAX_CPUS         64u
#define MAX_VMS          32u
#define MAX_VCPUS_VM     16u
#define KSTACK_PAGES      4u    /* per thread, plus a guard page */
#define FAULT_RECORDS   256u
#define IOMMU_UNITS      16u

