/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor, as it lies in memory, and the VMM's ELF file inside the kernel image; the Makefile gives the include path. */
        .section .blobs, "a"
        .globl blob_monitor, blob_monitor_end, blob_vmm, blob_vmm_end
        .balign 4096
blob_monitor:
        .incbin "monitor.bin"
blob_monitor_end:
        .balign 4096
blob_vmm:
        .incbin "vmm.elf"
blob_vmm_end:
        .section .note.GNU-stack, "", @progbits
