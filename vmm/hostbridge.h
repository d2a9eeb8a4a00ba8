/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCIe host bridge: function 00:00.0, LPC bridge 00:1f.0, and the two ways
 * into config space: ports CF8h/CFCh and the ECAM window.
 */
#pragma once

#include "vmm/bus.h"

#define HOSTBRIDGE_DEVFN   0x00u
#define LPC_DEVFN          0xf8u

struct hostbridge {
    struct bus *bus;
    uint32_t address;        /* CONFIG_ADDRESS */
    uint16_t command[2];     /* host bridge, LPC: what the guest wrote of it */
    uint8_t  line[2];
};

/* Attaches nothing: the platform does. */
void hostbridge_init(struct hostbridge *bridge, struct bus *bus);
uint32_t hostbridge_port_in(struct hostbridge *bridge, uint16_t port, unsigned size);
void hostbridge_port_out(struct hostbridge *bridge, uint16_t port, unsigned size, uint32_t value);
/* off = address in the ECAM window; size 1, 2, 4, 8 */
uint64_t hostbridge_ecam_read(struct hostbridge *bridge, uint32_t off, unsigned size);
void hostbridge_ecam_write(struct hostbridge *bridge, uint32_t off, unsigned size, uint64_t value);
/* Config space of 00:00.0 and 00:1f.0 */
uint32_t hostbridge_cfg_read(struct hostbridge *bridge, uint8_t devfn, unsigned off, unsigned size);
void hostbridge_cfg_write(struct hostbridge *bridge, uint8_t devfn, unsigned off, unsigned size, uint32_t value);

