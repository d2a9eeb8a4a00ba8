/* SPDX-License-Identifier: BSD-2-Clause */
/* Opcode tables of the decoder. A row that is not here is refused. */
#include "vmm/insn_table.h"

#define M ROW_MODRM
#define B ROW_BYTE
#define SYS_ROW        { OP_SYSTEM, FORM_NONE, 0 }
#define ALU_ROWS(base, op) \
    [(base) + 0] = { op, FORM_RM_REG, M | B }, [(base) + 1] = { op, FORM_RM_REG, M }, \
    [(base) + 2] = { op, FORM_REG_RM, M | B }, [(base) + 3] = { op, FORM_REG_RM, M }

const struct insn_row insn_one_byte[256] = {
    ALU_ROWS(0x00, OP_ADD), ALU_ROWS(0x08, OP_OR),  ALU_ROWS(0x10, OP_ADC), ALU_ROWS(0x18, OP_SBB),
    ALU_ROWS(0x20, OP_AND), ALU_ROWS(0x28, OP_SUB), ALU_ROWS(0x30, OP_XOR), ALU_ROWS(0x38, OP_CMP),
    [0x63] = { OP_MOVSX, FORM_REG_RM, M | ROW_SRC32 },      /* MOVSXD, 64-bit mode only */
    [0x6c] = { OP_INS, FORM_STRING, B },       [0x6d] = { OP_INS, FORM_STRING, 0 },
    [0x6e] = { OP_OUTS, FORM_STRING, B },      [0x6f] = { OP_OUTS, FORM_STRING, 0 },
    [0x80] = { OP_GROUP1, FORM_RM_IMM, M | B | ROW_IZ },
    [0x81] = { OP_GROUP1, FORM_RM_IMM, M | ROW_IZ },
    [0x83] = { OP_GROUP1, FORM_RM_IMM, M | ROW_IB },
    [0x84] = { OP_TEST, FORM_RM_REG, M | B },  [0x85] = { OP_TEST, FORM_RM_REG, M },
    [0x86] = { OP_XCHG, FORM_RM_REG, M | B },  [0x87] = { OP_XCHG, FORM_RM_REG, M },
    [0x88] = { OP_MOV, FORM_RM_REG, M | B },   [0x89] = { OP_MOV, FORM_RM_REG, M },
    [0x8a] = { OP_MOV, FORM_REG_RM, M | B },   [0x8b] = { OP_MOV, FORM_REG_RM, M },
    [0x90] = SYS_ROW,                                       /* NOP, PAUSE with F3 */
    [0x9c] = SYS_ROW, [0x9d] = SYS_ROW,                     /* PUSHF, POPF */
    [0xa0] = { OP_MOV, FORM_ACC_MOFFS, B },    [0xa1] = { OP_MOV, FORM_ACC_MOFFS, 0 },
    [0xa2] = { OP_MOV, FORM_MOFFS_ACC, B },    [0xa3] = { OP_MOV, FORM_MOFFS_ACC, 0 },
    [0xa4] = { OP_MOVS, FORM_STRING, B },      [0xa5] = { OP_MOVS, FORM_STRING, 0 },
    [0xa6] = { OP_CMPS, FORM_STRING, B },      [0xa7] = { OP_CMPS, FORM_STRING, 0 },
    [0xaa] = { OP_STOS, FORM_STRING, B },      [0xab] = { OP_STOS, FORM_STRING, 0 },
    [0xac] = { OP_LODS, FORM_STRING, B },      [0xad] = { OP_LODS, FORM_STRING, 0 },
    [0xae] = { OP_SCAS, FORM_STRING, B },      [0xaf] = { OP_SCAS, FORM_STRING, 0 },
    [0xc6] = { OP_GROUP11, FORM_RM_IMM, M | B | ROW_IZ },
    [0xc7] = { OP_GROUP11, FORM_RM_IMM, M | ROW_IZ },
    [0xcc] = SYS_ROW,                                       /* INT3 */
    [0xcd] = { OP_SYSTEM, FORM_NONE, ROW_IB },              /* INT n */
    [0xcf] = SYS_ROW,                                       /* IRET */
    [0xe4] = { OP_SYSTEM, FORM_NONE, ROW_IB }, [0xe5] = { OP_SYSTEM, FORM_NONE, ROW_IB },
    [0xe6] = { OP_SYSTEM, FORM_NONE, ROW_IB }, [0xe7] = { OP_SYSTEM, FORM_NONE, ROW_IB },
    [0xec] = SYS_ROW, [0xed] = SYS_ROW, [0xee] = SYS_ROW, [0xef] = SYS_ROW,  /* IN, OUT dx */
    [0xf1] = SYS_ROW,                                       /* INT1 */
    [0xf4] = SYS_ROW,                                       /* HLT */
    [0xf6] = { OP_GROUP3, FORM_RM, M | B },    [0xf7] = { OP_GROUP3, FORM_RM, M },
    [0xfe] = { OP_GROUP4, FORM_RM, M | B },    [0xff] = { OP_GROUP4, FORM_RM, M },
};

const struct insn_row insn_two_byte[256] = {
    [0x00] = { OP_GROUP6, FORM_NONE, M },                   /* SLDT STR LLDT LTR VERR VERW */
    [0x01] = { OP_GROUP7, FORM_RM, M },
    [0x06] = { OP_CLTS, FORM_NONE, 0 },
    [0x08] = SYS_ROW, [0x09] = SYS_ROW,                     /* INVD, WBINVD */
    [0x20] = { OP_MOV_FROM_CR, FORM_CR, M },
    [0x21] = { OP_SYSTEM, FORM_CR, M },                     /* MOV from DR */
    [0x22] = { OP_MOV_TO_CR, FORM_CR, M },
    [0x23] = { OP_SYSTEM, FORM_CR, M },                     /* MOV to DR */
    [0x30] = SYS_ROW, [0x31] = SYS_ROW, [0x32] = SYS_ROW, [0x33] = SYS_ROW, /* WRMSR RDTSC RDMSR RDPMC */
    [0xa2] = SYS_ROW,                                       /* CPUID */
    [0xa3] = { OP_BT, FORM_RM_REG, M },        [0xab] = { OP_BTS, FORM_RM_REG, M },
    [0xaa] = SYS_ROW,                                       /* RSM */
    [0xb0] = { OP_CMPXCHG, FORM_RM_REG, M | B }, [0xb1] = { OP_CMPXCHG, FORM_RM_REG, M },
    [0xb3] = { OP_BTR, FORM_RM_REG, M },       [0xbb] = { OP_BTC, FORM_RM_REG, M },
    [0xb6] = { OP_MOVZX, FORM_REG_RM, M | ROW_SRC8 }, [0xb7] = { OP_MOVZX, FORM_REG_RM, M | ROW_SRC16 },
    [0xba] = { OP_GROUP8, FORM_RM_IMM, M | ROW_IB },
    [0xbe] = { OP_MOVSX, FORM_REG_RM, M | ROW_SRC8 }, [0xbf] = { OP_MOVSX, FORM_REG_RM, M | ROW_SRC16 },
    [0xc0] = { OP_XADD, FORM_RM_REG, M | B },  [0xc1] = { OP_XADD, FORM_RM_REG, M },
    [0xc3] = { OP_MOV, FORM_RM_REG, M },                    /* MOVNTI */
    [0xc7] = { OP_GROUP9, FORM_NONE, M },                   /* RDRAND, RDSEED, VMX pointers */
};

const struct insn_row insn_three_byte_38[256] = {
    [0x80] = { OP_SYSTEM, FORM_NONE, M },                   /* INVEPT */
    [0x81] = { OP_SYSTEM, FORM_NONE, M },                   /* INVVPID */
    [0x82] = { OP_SYSTEM, FORM_NONE, M },                   /* INVPCID */
};
