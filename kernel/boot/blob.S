/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel image inside a loader; the Makefile gives the include path. */
        .section .blobs, "a"
        .globl blob_kernel, blob_kernel_end
        .hidden blob_kernel, blob_kernel_end
        .balign 4096
blob_kernel:
        .incbin "kernel.stripped"
blob_kernel_end:
        .section .note.GNU-stack, "", @progbits
