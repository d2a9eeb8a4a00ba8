/* SPDX-License-Identifier: BSD-2-Clause */
/* Device vectors: which number is taken on which CPU, and what it means there. */
#pragma once

#include "kernel/lib/base.h"

struct irq_obj;

/* A number that is free on every CPU of the mask. ST_NOSPACE. Root thread. */
MUST_USE status_t irq_vector_alloc(uint64_t cpus, uint8_t *vector);
/* From here on the vector leads to irq on those CPUs. */
void irq_vector_bind(uint64_t cpus, uint8_t vector, struct irq_obj *irq);
/* Leads nowhere; returns after no CPU is still inside the handler with the old object. */
void irq_vector_unbind(uint64_t cpus, uint8_t vector);
/* Only after the remapping entry is confirmed blocked. */
void irq_vector_free(uint64_t cpus, uint8_t vector);
/* The handler's side: object of this CPU's vector or NULL; begin and end bracket its use. */
struct irq_obj *irq_vector_begin(uint32_t cpu, unsigned vector);
void irq_vector_end(uint32_t cpu);

