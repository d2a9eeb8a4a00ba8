/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot half of the exit loop: VCPU_RUN and port accesses, nothing else. */
#include "vmm/run.h"

#include "kernel/abi/rt/sys.h"
#include "kernel/abi/vcpu_state.h"
#include "vmm/log.h"

void run_outcome(enum pm_outcome outcome)
{
    if (outcome == PM_OFF)
        vmm_finish(VMM_OFF, "the guest switched itself off");
    vmm_finish(VMM_RESET, "the guest asked for a reset");
}

/* IN's result as the CPU stores it: 1 and 2 bytes keep the rest of RAX, 4 clear the upper half. */
static void port_result(struct vcpu_state *vs, unsigned size, uint32_t value)
{
    uint64_t keep = size == 4 ? 0 : vs->gpr[GPR_RAX] & ~(uint64_t)bus_ones(size);
    vs->gpr[GPR_RAX] = keep | value;
}

static inline void run_io(struct vmm *vmm, struct vcpu_state *vs)
{
    bool device;
    lock_take(&vmm->lock);
    if (vs->exit.in) {
        uint32_t value;
        device = bus_port_in(&vmm->platform.bus, vs->exit.port, vs->exit.size, &value);
        port_result(vs, vs->exit.size, value);
    } else {
        device = bus_port_out(&vmm->platform.bus, vs->exit.port, vs->exit.size, (uint32_t)vs->gpr[GPR_RAX]);
    }
    lock_drop(&vmm->lock);
    if (device && unlikely(platform_outcome(&vmm->platform) != PM_RUNNING))
        run_outcome(platform_outcome(&vmm->platform));
}

void run_vcpu(struct vmm *vmm, unsigned index)
{
    struct vcpu_state *vs = vmm_vcpu_state(index);
    for (;;) {
        status_t st = sys_vcpu_run(VMM_SLOT_VCPU + index);
        if (unlikely(st != ST_OK))
            vmm_fail(VMM_FAIL_CALL, vs, "VCPU_RUN of vCPU %u: %s (%s)", index, status_name(st), status_text(st));
        if (likely(vs->exit.reason == EXIT_IO))
            run_io(vmm, vs);
        else
            run_exit(vmm, index, vs);
    }
}
