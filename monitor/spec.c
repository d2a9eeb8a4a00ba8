/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which CPU has which issue is read where the CPU says it (IA32_ARCH_CAPABILITIES, CPUID), and else from the vendors'
 * lists of affected models as Linux keeps them [LINUX arch/x86/kernel/cpu/common.c]. Silence counts as affected.
 */
#include "monitor/spec.h"

#include "kernel/abi/rt/cpu.h"

/* [SDM4 2.1 IA32_ARCH_CAPABILITIES] */
#define RDCL_NO      BIT64(0)
#define IBRS_ALL     BIT64(1)
#define RSBA         BIT64(2)
#define SSB_NO       BIT64(4)
#define MDS_NO       BIT64(5)
#define PSCHANGE_NO  BIT64(6)
#define TSX_CTRL     BIT64(7)
#define TAA_NO       BIT64(8)
#define MMIO_NO      MASK64(15, 13)
#define FB_CLEAR     BIT64(17)
#define BHI_NO       BIT64(20)
#define PBRSB_NO     BIT64(24)
#define GDS_CTRL     BIT64(25)
#define GDS_NO       BIT64(26)
#define RFDS_NO      BIT64(27)
#define RFDS_CLEAR   BIT64(28)
#define ITS_NO       BIT64(62)

/* Intel's lists: models of family 6. */
#define SKYLAKES     "\x4e\x5e\x55\x8e\x9e\xa5\xa6"
static const char retbleed_models[] = SKYLAKES "\x66\x7e\x8a\xa7";
static const char mmio_models[] = SKYLAKES "\x3f\x4f\x56\x7e\x6a\x6c\x8a\xa7\x86\x96\x9c";
static const char rfds_models[] = "\x5c\x5f\x7a\x86\x96\x9c\x97\x9a\xb7\xba\xbf\xbe";
static const char gds_models[] = SKYLAKES "\x7e\x6a\x6c\x8c\x8d\xa7";
static const char srbds_models[] = "\x3a\x3c\x45\x46\x47\x3d\x4e\x5e\x8e\x9e\xa5\xa6\x7e\x8a\x96\x9c";
static const char its_models[] = "\x55\x8e\x9e\xa5\xa6\x7e\x6a\x6c\x8c\x8d\xa7";

static bool listed(const struct spec_cpu *c, const char *models)
{
    for (; *models; models++)
        if (c->intel && c->family == 6 && (uint8_t)*models == c->model)
            return true;
    return false;
}

static bool does(const struct spec_cpu *c, uint32_t action) { return (c->actions & action) != 0; }
static bool says(const struct spec_cpu *c, uint64_t bits) { return (c->caps & bits) == bits; }
static bool zen(const struct spec_cpu *c, uint32_t first, uint32_t last)
{ return !c->intel && c->family >= first && c->family <= last; }

static bool its(const struct spec_cpu *c)
{
    uint32_t from = c->model == 0x55 ? 6 : c->model == 0x8e ? 0xc : c->model == 0x9e ? 0xd : 0;
    return listed(c, its_models) && c->stepping >= from && !says(c, ITS_NO);
}

static bool taa(const struct spec_cpu *c)
{ return c->intel && !says(c, TAA_NO) && ((c->leaf7_ebx & BIT32(11)) || says(c, TSX_CTRL)); }

static bool rfds(const struct spec_cpu *c)
{ return c->intel && !says(c, RFDS_NO) && (says(c, RFDS_CLEAR) || listed(c, rfds_models)); }

static bool amd_returns(const struct spec_cpu *c)
{ return zen(c, 0x15, 0x18) && !(c->ext8_ebx & BIT32(29)); }

static const char change[] = "at a change of owner", boot[] = "since boot", build[] = "by how the kernel is built";
static const char none[] = "none";

static struct spec_line unaffected(const char *issue)
{ return (struct spec_line){ issue, SPEC_UNAFFECTED, "", "", "" }; }
static struct spec_line closed(const char *issue, const char *done, const char *where, const char *cost)
{ return (struct spec_line){ issue, SPEC_CLOSED, done, where, cost }; }
static struct spec_line partly(const char *issue, const char *done, const char *where, const char *cost)
{ return (struct spec_line){ issue, SPEC_PARTLY, done, where, cost }; }
static struct spec_line open(const char *issue, const char *why)
{ return (struct spec_line){ issue, SPEC_OPEN, why, "", "" }; }

/* ---- predictors ---- */

static struct spec_line v2(const struct spec_cpu *c)
{
    if (does(c, SPEC_SWITCH_IBPB))
        return closed("spectre-v2", "no indirect branches in the kernel; IBPB between owners", change, "1 to 10 us");
    return partly("spectre-v2", "no indirect branches in the kernel; no IBPB between owners: update the microcode",
                  build, none);
}

static struct spec_line modes(const struct spec_cpu *c)
{
    if (does(c, SPEC_ON_IBRS | SPEC_ON_AUTO_IBRS))
        return closed("ibrs", does(c, SPEC_ON_IBRS) ? "enhanced IBRS keeps ring 0 apart"
                                                    : "automatic IBRS keeps ring 0 apart",
                      boot, none);
    return closed("ibrs", "not needed: the kernel has no indirect branches", build, none);
}

static struct spec_line returns(const struct spec_cpu *c)
{
    if (does(c, SPEC_EXIT_FILL))
        return closed("rsb", "return stack buffer filled: 32 entries",
                      "at exits beyond the fast path, and at a change of owner",
                      "33 instructions");
    return closed("rsb", "the CPU keeps return addresses apart; filled between owners", change, "33 instructions");
}

static struct spec_line pbrsb(const struct spec_cpu *c)
{
    if (!c->intel || !says(c, IBRS_ALL) || says(c, PBRSB_NO))
        return unaffected("pbrsb");
    return closed("pbrsb", "return stack buffer filled, then LFENCE", "at exits beyond the fast path", "in rsb");
}

static struct spec_line retbleed(const struct spec_cpu *c)
{
    bool intel = c->intel && (listed(c, retbleed_models) || says(c, RSBA));
    if (!intel && !amd_returns(c))
        return unaffected("retbleed");
    if (intel)
        return closed("retbleed", "returns find the kernel's own entries: see rsb", "at exits beyond the fast path",
                      "in rsb");
    if (!does(c, SPEC_EXIT_IBPB))
        return open("retbleed", "this CPU offers no IBPB: update the microcode");
    return partly("retbleed", "IBPB after each exit of a guest; not at system calls of its VMM", "at every exit",
                  "1 to 10 us");
}

static struct spec_line srso(const struct spec_cpu *c)
{
    if (!zen(c, 0x17, 0x1a) || (c->ext21_eax & BIT32(29)))
        return unaffected("srso");
    if (does(c, SPEC_ON_BP_REDUCE))
        return closed("srso", "BP_CFG: predictions are bound to their owner", boot, none);
    if (!does(c, SPEC_EXIT_IBPB))
        return open("srso", "no IBPB, or one that does not clear all it has to: update the microcode");
    return partly("srso", "IBPB after each exit of a guest; not at system calls of its VMM", "at every exit",
                  "1 to 10 us");
}

static struct spec_line bhi(const struct spec_cpu *c)
{
    if (!c->intel || !says(c, IBRS_ALL) || says(c, BHI_NO))
        return unaffected("bhi");
    return closed("bhi", "the kernel has no indirect branches to steer", build, none);
}

static struct spec_line its_line(const struct spec_cpu *c)
{
    if (!its(c))
        return unaffected("its");
    return closed("its", "no indirect branches in the kernel; returns as in rsb", build, "in rsb");
}

static struct spec_line vmscape(const struct spec_cpu *c)
{
    (void)c;
    return closed("vmscape", "a guest and its VMM are one owner: the VMM has nothing that is not its guest's",
                  "by design", none);
}

/* ---- caches and buffers ---- */

static struct spec_line meltdown(const struct spec_cpu *c)
{
    if (!c->intel || says(c, RDCL_NO))
        return unaffected("meltdown");
    return partly("meltdown",
                  "a VMM that its guest broke could read kernel memory: registers of guests, never their memory",
                  "by design", none);
}

static struct spec_line l1tf(const struct spec_cpu *c)
{
    if (!c->intel || says(c, RDCL_NO))
        return unaffected("l1tf");
    if (!does(c, SPEC_SWITCH_L1D))
        return open("l1tf", "no command to flush the first-level cache: update the microcode");
    return c->threads == 1 ? closed("l1tf", "first-level cache flushed between owners", change, "2 to 20 us")
                           : partly("l1tf", "first-level cache flushed between owners; siblings share it: see smt",
                                    change, "2 to 20 us");
}

static struct spec_line verw(const struct spec_cpu *c, const char *issue, bool affected, bool clears)
{
    if (!affected)
        return unaffected(issue);
    if (!clears || !does(c, SPEC_SWITCH_VERW))
        return open(issue, "VERW does not clear the buffers on this CPU: update the microcode");
    return c->threads == 1 || !c->intel ? closed(issue, "buffers cleared with VERW between owners", change,
                                                 "about 0.2 us")
                           : partly(issue, "buffers cleared with VERW between owners; for siblings see smt", change,
                                    "about 0.2 us");
}

static struct spec_line mds(const struct spec_cpu *c)
{ return verw(c, "mds", c->intel && !says(c, MDS_NO), (c->leaf7_edx & BIT32(10)) != 0); }

static struct spec_line taa_line(const struct spec_cpu *c)
{
    if (taa(c) && does(c, SPEC_ON_NO_TSX))
        return closed("taa", "transactions are off", boot, none);
    return verw(c, "taa", taa(c), (c->leaf7_edx & BIT32(10)) != 0);
}

static struct spec_line mmio(const struct spec_cpu *c)
{
    bool affected = c->intel && !says(c, MMIO_NO) && (listed(c, mmio_models) || says(c, FB_CLEAR));
    return verw(c, "mmio-stale", affected, says(c, FB_CLEAR) || !says(c, MDS_NO));
}

static struct spec_line rfds_line(const struct spec_cpu *c) { return verw(c, "rfds", rfds(c), says(c, RFDS_CLEAR)); }

static struct spec_line tsa(const struct spec_cpu *c)
{
    bool no = (c->ext21_ecx & MASK32(2, 1)) == MASK32(2, 1);
    return verw(c, "tsa", zen(c, 0x19, 0x19) && !no, (c->ext21_eax & BIT32(5)) != 0);
}

static struct spec_line gds(const struct spec_cpu *c)
{
    if (!listed(c, gds_models) || says(c, GDS_NO))
        return unaffected("gds");
    return says(c, GDS_CTRL) ? closed("gds", "the microcode closes it, and nobody switches that off", boot,
                                      "slower gathers")
                             : open("gds", "update the microcode");
}

static struct spec_line srbds(const struct spec_cpu *c)
{
    if (!listed(c, srbds_models))
        return unaffected("srbds");
    return c->leaf7_edx & BIT32(9) ? closed("srbds", "the microcode closes it, and nobody switches that off", boot,
                                            "slower RDRAND")
                                   : open("srbds", "update the microcode");
}

static struct spec_line lvi(const struct spec_cpu *c)
{
    if (!c->intel || (says(c, RDCL_NO | MDS_NO) && !taa(c)))
        return unaffected("lvi");
    return partly("lvi", "no enclaves; in the kernel only copies from ring 3 can fault, and their values are clamped",
                  build, none);
}

static struct spec_line ssb(const struct spec_cpu *c)
{
    if (c->intel ? says(c, SSB_NO) : (c->ext8_ebx & BIT32(26)) != 0)
        return unaffected("ssb");
    return partly("ssb", "nothing: it works inside one owner; a guest cannot switch SSBD on for its own programs", "",
                  "");
}

/* ---- single models ---- */

static struct spec_line zenbleed(const struct spec_cpu *c)
{
    if (!zen(c, 0x17, 0x17) || c->model < 0x30)
        return unaffected("zenbleed");
    return does(c, SPEC_ON_FP_FIX) ? closed("zenbleed", "DE_CFG[9] is set", boot, "slower vector code in guests")
                                   : open("zenbleed", "Cordon runs as a guest: the machine below has to close it");
}

static struct spec_line divider(const struct spec_cpu *c)
{
    if (!zen(c, 0x17, 0x17) || c->model >= 0x30)
        return unaffected("div");
    return closed("div", "a division clears the divider between owners", change, "20 cycles");
}

static struct spec_line multihit(const struct spec_cpu *c)
{
    if (!c->intel || says(c, PSCHANGE_NO))
        return unaffected("multihit");
    return open("multihit", "no leak: but a hostile guest can stop the machine (large pages are executable)");
}

static struct spec_line fpu(const struct spec_cpu *c)
{
    if (!c->intel)
        return unaffected("lazy-fpu");
    return closed("lazy-fpu", "registers are loaded eagerly and closed to ring 3 otherwise", "at a change of thread",
                  none);
}

static struct spec_line v1(const struct spec_cpu *c)
{
    (void)c;
    return closed("spectre-v1", "indices from ring 3 and guests are clamped without a branch", "in each lookup",
                  "2 instructions");
}

static struct spec_line swapgs(const struct spec_cpu *c)
{
    if (!c->intel)
        return unaffected("swapgs");
    return closed("swapgs", "LFENCE behind each SWAPGS that may be skipped", "at exceptions and interrupts",
                  "some 20 cycles");
}

static struct spec_line smt(const struct spec_cpu *c)
{
    if (c->threads == 1)
        return unaffected("smt");
    return does(c, SPEC_ON_STIBP)
           ? partly("smt", "STIBP parts the predictors; caches are shared: give the siblings of a core to one guest",
                    boot, "slower branches")
           : open("smt", "siblings share predictors and caches: give those of a core to one guest");
}

static struct spec_line controls(const struct spec_cpu *c)
{
    (void)c;
    return closed("guest-msrs",
                  "SPEC_CTRL, PRED_CMD, FLUSH_CMD are hidden from guests and refused; the host's value holds",
                  "always", "no switch at exits");
}

static struct spec_line (*const issues[])(const struct spec_cpu *) = {
    v1, v2, modes, returns, pbrsb, retbleed, srso, bhi, its_line, vmscape, swapgs, meltdown, l1tf, mds, taa_line, mmio,
    rfds_line, tsa, gds, srbds, lvi, fpu, ssb, zenbleed, divider, multihit, smt, controls,
};

bool spec_line(const struct spec_cpu *cpu, unsigned index, struct spec_line *line)
{
    if (index >= ARRAY_LEN(issues))
        return false;
    *line = issues[index](cpu);
    if (cpu->emulated)
        *line = unaffected(line->issue);
    return true;
}

const char *spec_state_name(enum spec_state state)
{
    static const char *const name[] = { "-", "closed", "partly", "open" };
    return name[state];
}

static struct rt_cpuid leaf(uint32_t number, uint32_t sub)
{
    return rt_cpuid(number & 0x80000000u, 0).eax >= number ? rt_cpuid(number, sub) : (struct rt_cpuid){ 0, 0, 0, 0 };
}

void spec_cpu_read(struct spec_cpu *c, uint64_t caps, uint32_t actions)
{
    struct rt_cpuid one = leaf(1, 0), seven = leaf(7, 0);
    uint32_t topology = leaf(0xb, 0).ebx & 0xffff;
    *c = (struct spec_cpu){ .intel = leaf(0, 0).ebx == 0x756e6547, .caps = caps, .actions = actions };
    c->emulated = actions == 0;                          /* the kernel's finding: else it does at least something */
    c->family = (one.eax >> 8 & 15) + (one.eax >> 20 & 0xff);
    c->model = (one.eax >> 4 & 15) | (one.eax >> 12 & 0xf0);
    c->stepping = one.eax & 15;
    c->leaf7_ebx = seven.ebx;
    c->leaf7_edx = seven.edx;
    c->ext8_ebx = leaf(0x80000008u, 0).ebx;
    c->ext21_eax = leaf(0x80000021u, 0).eax;
    c->ext21_ecx = leaf(0x80000021u, 0).ecx;
    if (!(one.edx & BIT32(28)))
        c->threads = 1;
    else if (topology != 0)
        c->threads = topology;
    else if (!c->intel && leaf(0x8000001eu, 0).ebx)
        c->threads = (leaf(0x8000001eu, 0).ebx >> 8 & 0xff) + 1;     /* [APM3 E.4.17] */
}
