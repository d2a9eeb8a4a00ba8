/* SPDX-License-Identifier: BSD-2-Clause */
/* Speculation barriers that cannot be C: there is no return in front of them (cpu.h says where each belongs). */
#include "kernel/abi/spec.h"

#define MSR_PRED_CMD   0x49
#define PRED_CMD_IBPB  1

        .text
        .globl  spec_exit_barrier, spec_fill_returns
/* Where no barrier is needed the return below is the caller's by its own return stack buffer. */
spec_exit_barrier:
        testl   $SPEC_EXIT_IBPB, spec_actions(%rip)
        jz      1f
        mov     $MSR_PRED_CMD, %ecx
        mov     $PRED_CMD_IBPB, %eax
        xor     %edx, %edx
        wrmsr
1:      ret

/* 32 calls whose return addresses are traps: later returns find nothing else. The LFENCE is for the one entry that
 * eIBRS leaves behind (PBRSB) [SDM4 2.1]. */
spec_fill_returns:
        .rept   32
        call    1f
2:      pause
        lfence
        jmp     2b
1:
        .endr
        add     $256, %rsp
        lfence
        ret
