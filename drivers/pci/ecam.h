/* SPDX-License-Identifier: BSD-2-Clause */
/* Config access inside the driver: windows are mapped bus by bus while the scan goes on. */
#pragma once

#include "drivers/pci/pci.h"

/* Reads the MCFG; without one, or when it does not answer as CF8/CFC do, ports are used. */
void ecam_init(void);
/* Maps the bus if a window covers it; ports serve it otherwise. */
void ecam_open_bus(uint8_t bus);
bool ecam_covers(struct bdf fn);    /* extended config space of it can be read */

