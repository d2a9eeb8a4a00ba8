/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual local APIC of one vCPU [SDM3 11], [APM2 16]. Its registers are written by the CPU of the vCPU alone, with
 * interrupts off or, where VT-x virtualizes the APIC, by the guest and the CPU itself. Others look at single words of
 * them (mode, id, destination registers, TPR); what they request waits beside the page until the owner takes it.
 */
#pragma once

#include "kernel/arch/cpu.h"

struct vcpu;
struct vm;

#define MSR_X2APIC_FIRST  0x800u
#define MSR_X2APIC_LAST   0x83fu

/* IA32_APIC_BASE [SDM3 11.4.4] */
#define APIC_BASE_BSP     BIT64(8)
#define APIC_BASE_EXTD    BIT64(10)
#define APIC_BASE_EN      BIT64(11)
#define APIC_BASE_PAGE    MASK64(39, 12)     /* below GPA_TOP */

/* Register numbers: page offset / 16, and x2APIC MSR - 800h [SDM3 11.4.1, 11.12.1]. */
enum vlapic_reg {
    VLR_ID = 0x02, VLR_VERSION = 0x03, VLR_TPR = 0x08, VLR_APR = 0x09, VLR_PPR = 0x0a, VLR_EOI = 0x0b,
    VLR_RRD = 0x0c, VLR_LDR = 0x0d, VLR_DFR = 0x0e, VLR_SVR = 0x0f, VLR_ISR = 0x10, VLR_TMR = 0x18,
    VLR_IRR = 0x20, VLR_ESR = 0x28, VLR_ICR = 0x30, VLR_ICR_HIGH = 0x31, VLR_LVT = 0x32, VLR_TIMER_INIT = 0x38,
    VLR_TIMER_COUNT = 0x39, VLR_TIMER_DIVIDE = 0x3e, VLR_SELF_IPI = 0x3f, VLR_COUNT = 0x40
};

enum vlapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };
#define LVT_VECTOR        MASK32(7, 0)
#define LVT_MODE          MASK32(10, 8)      /* delivery mode */
#define   LVT_NMI           0x400u
#define   LVT_EXTINT        0x700u
#define LVT_MASKED        BIT32(16)
#define LVT_TIMER_MODE    MASK32(18, 17)     /* timer: 0 one-shot, 1 periodic, 2 TSC deadline */

#define SVR_ENABLE        BIT32(8)
#define SVR_WRITABLE      MASK32(8, 0)

/* ESR [SDM3 11.5.3] */
#define ESR_SEND_ILLEGAL  BIT32(5)
#define ESR_RECV_ILLEGAL  BIT32(6)
#define ESR_REGISTER      BIT32(7)

/* ICR [SDM3 11.6.1] */
#define ICR_VECTOR        MASK64(7, 0)
#define ICR_MODE          MASK64(10, 8)
#define ICR_LOGICAL       BIT64(11)
#define ICR_LEVEL         BIT64(14)
#define ICR_TRIGGER       BIT64(15)
#define ICR_SHORTHAND     MASK64(19, 18)
#define ICR_DEST          MASK64(63, 32)
#define ICR_X2_WRITABLE   (MASK64(11, 0) | MASK64(15, 14) | ICR_SHORTHAND | ICR_DEST)

enum icr_mode { ICR_FIXED, ICR_LOWEST, ICR_SMI, ICR_RSVD3, ICR_NMI, ICR_INIT, ICR_SIPI, ICR_EXTINT };
enum icr_shorthand { ICR_TO_DEST, ICR_TO_SELF, ICR_TO_ALL, ICR_TO_OTHERS };

/* Requests that wait for the owner: any CPU, atomic. The first 64 bytes are VT-x's posted-interrupt descriptor [SDM3
 * 30.6]: a CPU takes edge-triggered ones from it by itself. Bits first, then the flag; taken in the other order. */
struct vlapic_posted {
    uint64_t edge[4];
    uint32_t on, level_on, rsvd[6];
    uint64_t level[4];
};
AT(struct vlapic_posted, on, 32);
AT(struct vlapic_posted, level, 64);

/* The registers as the guest numbers them, one each 16 bytes: what VT-x calls the virtual-APIC page [SDM3 30.1.1]. No other
 * CPU writes there while the guest runs. Bochs 3.0 wants the descriptor on a page boundary, where a CPU wants 64 bytes. */
struct vlapic_slot { uint32_t v, rsvd[3]; };
struct vlapic_page {
    union {
        struct vlapic_slot reg[VLR_COUNT];
        struct {
            struct vlapic_slot rsvd_00[2], id /* const */, rsvd_03[5], tpr, rsvd_09[4], ldr, dfr, svr, isr[8], tmr[8],
                irr[8], esr, rsvd_29[7], icr, icr_high, lvt[LVT_COUNT], timer_init, rsvd_39[5], timer_divide, self_ipi;
        };
    };
    ALIGNED(PAGE_SIZE) struct vlapic_posted posted;
};
#define VLAPIC_ORDER 1u
AT(struct vlapic_page, isr, VLR_ISR * 16);
AT(struct vlapic_page, icr, VLR_ICR * 16);
AT(struct vlapic_page, self_ipi, VLR_SELF_IPI * 16);
_Static_assert(sizeof(struct vlapic_page) == PAGE_SIZE << VLAPIC_ORDER, "the virtual-APIC page and one for posting");

struct vlapic {
    struct vlapic_page *page;    /* const */
    uint64_t base;               /* IA32_APIC_BASE */
    struct vlapic_slot eoi_exit[8]; /* level-triggered vectors completed, not yet told to the VMM */
    uint32_t levels;             /* one may be requested or in service */
    uint32_t esr_pending;        /* any CPU, atomic */
    uint64_t timer_due;          /* host TSC of the next expiry, 0 = not counting */
    uint64_t tsc_deadline;       /* IA32_TSC_DEADLINE: guest TSC, 0 = not armed or not in that mode */
    struct ktimer timer;
};

static inline bool vlapic_is_x2(const struct vlapic *l) { return (l->base & APIC_BASE_EXTD) != 0; }
static inline bool vlapic_is_on(const struct vlapic *l) { return (l->base & APIC_BASE_EN) != 0; }
static inline void vlapic_icr_note(struct vlapic *l, uint64_t icr)
{
    l->page->icr.v = (uint32_t)icr;
    l->page->icr_high.v = (uint32_t)(icr >> 32);
}
static inline bool vlapic_is_enabled(const struct vlapic *l)
{ return vlapic_is_on(l) && (l->page->svr.v & SVR_ENABLE); }

/* ---- vlapic.c: pure ---- */
/* Requests a vector. false: nobody has to be told; the APIC is off, or who set the flag before tells. Any CPU. */
bool vlapic_post(struct vlapic *lapic, uint8_t vector, bool level);
/* The same, edge-triggered, at once. Owner CPU, which then looks at what interrupts next. */
void vlapic_request(struct vlapic *lapic, uint8_t vector);
/* What was posted goes into IRR and TMR; the caller then chooses what interrupts next. */
void vlapic_take(struct vlapic *lapic);
/* Highest requested vector that beats what is in service (TPR not looked at), or -1. */
int vlapic_next(const struct vlapic *lapic);
/* VT-x's guest interrupt status: highest vector requested, and << 8 the highest one in service. */
uint32_t vlapic_status(const struct vlapic *lapic);
/* A level-triggered vector is requested or in service. */
bool vlapic_has_level(struct vlapic *lapic);
/* The CPU took the vector: request to service. */
void vlapic_accept(struct vlapic *lapic, uint8_t vector);
/* Completes the highest vector in service; true when it was level-triggered (eoi_exit). */
bool vlapic_eoi(struct vlapic *lapic);
/* A completed level-triggered vector, or -1. */
int vlapic_eoi_take(struct vlapic *lapic);
uint32_t vlapic_ppr(const struct vlapic *lapic);
/* The virtual PIC's output reaches the CPU: APIC off, or LINT0 is ExtINT and unmasked. */
bool vlapic_takes_extint(const struct vlapic *lapic);
/* Records an error and raises the LVT error vector. Any CPU. */
void vlapic_error(struct vlapic *lapic, uint32_t esr_bit);

/* ---- vlapic_reg.c: registers. Owner CPU, host state; the caller then looks at injection again. ---- */
void vlapic_init(struct vlapic *lapic, struct vlapic_page *page, uint32_t id, bool bsp);
/* As INIT leaves it; mode and id stay. */
void vlapic_reset(struct vlapic *lapic);
enum vlapic_way { VLAPIC_X2_READ, VLAPIC_X2_WRITE, VLAPIC_PAGE_READ, VLAPIC_PAGE_WRITE };
/* Any register number. x2APIC MSR, false: #GP. xAPIC page: what is no register reads 0 and records an error. */
MUST_USE bool vlapic_access(struct vcpu *vcpu, uint32_t reg, enum vlapic_way way, uint64_t *value);
/* IA32_APIC_BASE: enable, disable, x2APIC; false: #GP. */
MUST_USE bool vlapic_base_write(struct vcpu *vcpu, uint64_t value);

/* ---- vlapic_icr.c ---- */
/* Sends what an ICR value says, in the form of the sender's mode. */
void vlapic_send(struct vcpu *from, uint64_t icr);
/* dest and mode against one vCPU's APIC. wide: a 32-bit destination. */
bool vlapic_matches(const struct vlapic *lapic, uint32_t dest, bool logical, bool wide);

/* ---- vlapic_timer.c ---- */
/* Initial count, divide configuration or the timer's LVT entry; bits are already judged. */
void vlapic_timer_write(struct vcpu *vcpu, uint32_t reg, uint32_t value);
uint32_t vlapic_timer_count(const struct vlapic *lapic);
/* IA32_TSC_DEADLINE [SDM3 11.5.4.1]. Again with the old value when the guest's TSC moved. */
void vlapic_timer_set_deadline(struct vcpu *vcpu, uint64_t guest_tsc);
void vlapic_timer_stop(struct vlapic *lapic);
