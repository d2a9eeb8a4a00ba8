/* SPDX-License-Identifier: BSD-2-Clause */
/* What devices and exit handlers ask of the world, on system calls and the channel. */
#include "vmm/host.h"

#include "kernel/abi/rt/cpu.h"
#include "kernel/abi/rt/sys.h"
#include "vmm/cpuid.h"
#include "vmm/host_vcpu.h"
#include "vmm/log.h"

/* A call that the platform cannot make wrong: its refusal is a bug of this VMM. */
static void must(struct sys_ret ret, const char *what)
{
    if (unlikely(ret.st != ST_OK))
        vmm_fail(VMM_FAIL_CALL, NULL, "%s: %s (%s)", what, status_name(ret.st), status_text(ret.st));
}

/* ---- interrupts ---- */

/* The guest chose address and data: what the kernel refuses reaches nobody, as on a bus. */
void host_msi(uint64_t addr, uint32_t data) { (void)sys_call3(SYS_VM_MSI, VMM_SLOT_VM, addr, data); }

void host_extint(bool level) { must(sys_call3(SYS_VCPU_LINE, VMM_SLOT_VCPU, 0, level), "VCPU_LINE"); }

/* ---- local APIC page ---- */

uint32_t host_lapic_read(unsigned vcpu, unsigned offset)
{
    struct sys_ret ret = sys_call4(SYS_VCPU_LAPIC, VMM_SLOT_VCPU + vcpu, 0, offset, 0);
    return ret.st == ST_OK ? (uint32_t)ret.value : 0;
}

/* Refused when the APIC is off or in x2APIC mode: the guest's write is lost, as in hardware. */
void host_lapic_write(unsigned vcpu, unsigned offset, uint32_t value)
{
    (void)sys_call4(SYS_VCPU_LAPIC, VMM_SLOT_VCPU + vcpu, 1, offset, value);
}

/* ---- assigned functions ---- */

status_t host_dev_info(unsigned dev, struct dev_info *info)
{
    return sys_call2(SYS_DEV_INFO, VMM_SLOT_DEVICE + dev, (uintptr_t)info).st;
}

uint32_t host_dev_cfg_read(unsigned dev, unsigned off, unsigned size)
{
    struct sys_ret ret = sys_call3(SYS_DEV_CFG_READ, VMM_SLOT_DEVICE + dev, off, size);
    return ret.st == ST_OK ? (uint32_t)ret.value : ~UINT32_C(0);
}

void host_dev_cfg_write(unsigned dev, unsigned off, unsigned size, uint32_t value)
{
    (void)sys_call4(SYS_DEV_CFG_WRITE, VMM_SLOT_DEVICE + dev, off, size, value);   /* policy may drop it */
}

uint64_t host_dev_bar_read(unsigned dev, unsigned bar, uint64_t off, unsigned size)
{
    struct sys_ret ret = sys_call4(SYS_DEV_BAR_READ, VMM_SLOT_DEVICE + dev, bar, off, size);
    return ret.st == ST_OK ? ret.value : ~UINT64_C(0);
}

void host_dev_bar_write(unsigned dev, unsigned bar, uint64_t off, unsigned size, uint64_t value)
{
    (void)sys_call(SYS_DEV_BAR_WRITE, VMM_SLOT_DEVICE + dev, bar, off, size, value, 0);    /* BUSY in a reset: lost */
}

status_t host_dev_reset(unsigned dev) { return sys_call1(SYS_DEV_RESET, VMM_SLOT_DEVICE + dev).st; }

status_t host_map_bar(unsigned dev, unsigned bar, uint64_t offset, uint64_t gpa, uint64_t len)
{
    return sys_call(SYS_VM_MAP_BAR, VMM_SLOT_VM, VMM_SLOT_DEVICE + dev, bar, offset, gpa, len).st;
}

status_t host_unmap_bar(unsigned dev, uint64_t gpa, uint64_t len)
{
    return sys_call4(SYS_VM_UNMAP_BAR, VMM_SLOT_VM, VMM_SLOT_DEVICE + dev, gpa, len).st;
}

status_t host_irq_set(unsigned irq, uint64_t addr, uint32_t data, unsigned flags)
{
    const struct vmm_device *dev = ((const struct vmm_start *)VMM_START_VA)->device;
    unsigned d = 0;
    while (irq - dev[d].first_irq >= dev[d].irqs)        /* below first_irq: wraps, which is beyond any count */
        d++;
    return sys_call(SYS_IRQ_SET, VMM_SLOT_DEVICE + d, irq - dev[d].first_irq, addr, data, flags, 0).st;
}

status_t host_intx_open(unsigned dev)
{
    return sys_call(SYS_IRQ_SET, VMM_SLOT_DEVICE + dev, 0, 0, 0, IRQ_LINE, 0).st;
}

/* ---- time ---- */

uint64_t host_now_tsc(void) { return rt_rdtsc(); }

void host_timer(uint64_t deadline_tsc)
{
    uint64_t when = deadline_tsc == ~UINT64_C(0) ? 0 : MAX(deadline_tsc, UINT64_C(1));
    must(sys_call3(SYS_TIMER_SET, VMM_SLOT_EVENT, VMM_EV_TIMER, when), "TIMER_SET");
}

/* ---- console ---- */

static struct vmm_channel *channel(void) { return (struct vmm_channel *)VMM_CHANNEL_VA; }

void host_console_put(const uint8_t *bytes, unsigned count)
{
    struct vmm_channel *ch = channel();
    const uint32_t before = ch->out_ring.head, tail = __atomic_load_n(&ch->out_ring.tail, __ATOMIC_ACQUIRE);
    uint32_t head = before;
    for (unsigned i = 0; i < count; i++) {
        if (head - tail >= VMM_OUT_SIZE)
            ch->out_lost++;
        else
            ch->out[head++ % VMM_OUT_SIZE] = bytes[i];
    }
    if (ring_written(&ch->out_ring, before, head))
        (void)sys_call2(SYS_EVENT_SIGNAL, VMM_SLOT_MONITOR, VMM_BELL);
}

unsigned host_console_get(uint8_t *bytes, unsigned max)
{
    struct vmm_channel *ch = channel();
    uint32_t tail = ch->in_tail, head = __atomic_load_n(&ch->in_head, __ATOMIC_ACQUIRE);
    unsigned count = 0;
    while (count < max && tail != head)
        bytes[count++] = ch->in[tail++ % VMM_IN_SIZE];
    __atomic_store_n(&ch->in_tail, tail, __ATOMIC_RELEASE);
    return count;
}

/* ---- CPUID ---- */

struct cpuid_leaf cpuid_host(uint32_t leaf, uint32_t subleaf)
{
    struct rt_cpuid r = rt_cpuid(leaf, subleaf);
    return (struct cpuid_leaf){ r.eax, r.ebx, r.ecx, r.edx };
}
