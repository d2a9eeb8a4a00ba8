/* link: vmm/emu.c vmm/emu_string.c vmm/guest.c vmm/insn.c vmm/insn_table.c vmm/alu.c vmm/cr.c vmm/mem.c vmm/bus.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: the decoder on any bytes in any mode, and the emulator on any
 * state: registers, segments, page tables and instruction all come from the input.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/abi/vcpu_state.h"
#include "vmm/cr.h"
#include "vmm/emu.h"
#include "vmm/host_vcpu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM  0x8000u

static uint8_t ram[RAM] __attribute__((aligned(4096)));
static struct vcpu_state vs;

uint32_t host_lapic_read(unsigned vcpu, unsigned offset)
{
    if (vcpu != 0 || offset > 0xff0 || (offset & 15) != 0)
        abort();
    return offset;
}

void host_lapic_write(unsigned vcpu, unsigned offset, uint32_t value)
{
    (void)value;
    if (vcpu != 0 || offset > 0xff0 || (offset & 15) != 0)
        abort();
}

static bool dev_read(void *dev, uint64_t gpa, unsigned size, uint64_t *value)
{
    (void)dev;
    if (gpa < 0xc0000000 || gpa + size > 0xc0001000)
        abort();
    *value = gpa;
    return true;
}

static bool dev_write(void *dev, uint64_t gpa, unsigned size, uint64_t value)
{
    uint64_t v;
    (void)value;
    return dev_read(dev, gpa, size, &v);
}

/* What a decoded instruction may look like, whatever the bytes were. */
static void decode(const uint8_t *bytes, unsigned n, unsigned mode)
{
    struct insn insn, again;
    uint8_t longer[INSN_MAX_LEN] = { 0 };
    status_t st = insn_decode(bytes, n, mode, &insn);
    if (st != ST_OK) {
        if (st != ST_AGAIN && st != ST_INVAL && st != ST_UNSUPP)
            abort();
        return;
    }
    if (insn.len == 0 || insn.len > n || insn.len > INSN_MAX_LEN || insn.op == OP_BAD || insn.op >= OP_GROUP1)
        abort();
    if ((insn.size & (insn.size - 1)) != 0 || insn.size > 8 || insn.size == 0 || insn.seg > SEG_GS || insn.reg > 15
        || insn.rm > 15 || (insn.base > 15 && insn.base != INSN_NO_REG) || insn.scale > 3)
        abort();
    memcpy(longer, bytes, insn.len);                 /* what follows has no influence */
    if (insn_decode(longer, INSN_MAX_LEN, mode, &again) != ST_OK || memcmp(&insn, &again, sizeof insn) != 0)
        abort();
    if (insn.len > 1 && insn_decode(bytes, insn.len - 1u, mode, &again) != ST_AGAIN)
        abort();
}

static void emulate(const uint8_t *data, size_t size)
{
    static const struct bus_mmio_ops ops = { dev_read, dev_write };
    static struct bus bus;
    static bool ready;
    struct guest_mem mem;
    if (!ready) {
        bus_init(&bus);
        bus_attach_mmio(&bus, 0xc0000000, 0x1000, &ops, NULL);
        ready = true;
    }
    memset(&vs, 0, sizeof vs);
    memcpy(&vs, data, size < 0x240 ? size : 0x240);
    for (unsigned i = 0; i < RAM; i++)
        ram[i] = size ? data[i % size] : 0;
    mem_init(&mem, ram, RAM, 0);
    vs.exit.reason = vs.exit.reason & 1 ? EXIT_MMIO : EXIT_IO_STRING;
    vs.exit.bytes_len %= 16;
    vs.dirty = 0;
    struct emu emu = { &vs, &mem, &bus, 0 };
    status_t st = emu_run(&emu);
    if (st != ST_OK && st != ST_UNSUPP && st != ST_RANGE)
        abort();
    struct insn insn;
    if (guest_decode(&vs, &mem, &insn) == ST_OK)
        (void)!cr_emulate(&vs, &insn, 0x7ff, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned modes[] = { 16, 32, 64 };
    for (unsigned i = 0; i < 3; i++)
        decode(data, size < INSN_MAX_LEN ? (unsigned)size : INSN_MAX_LEN, modes[i]);
    emulate(data, size);
    return 0;
}
