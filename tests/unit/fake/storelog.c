/* SPDX-License-Identifier: BSD-2-Clause */
/* Store log by write protection and single step (x86-64 Linux). */
#define _GNU_SOURCE
#include "tests/unit/fake/storelog.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "kernel/arch/hw.h"
#include "tests/unit/fake/pmm.h"

#define PAGE(a)  ((void *)((uintptr_t)(a) & ~(uintptr_t)4095))
#define EFL_TF   0x100

static storelog_fn *hook;
static void *hook_ctx;
static uint64_t stores;
static uintptr_t pending;      /* address of the store that is being stepped over, 0 = none */
static struct sigaction old_segv, old_trap;

static void on_segv(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uintptr_t a = (uintptr_t)info->si_addr;
    (void)sig;
    if (!hook || pending || !fake_pmm_owns(a)) {
        printf("FAIL store log: memory fault at 0x%lx, %s\n", (unsigned long)a,
               fake_pmm_in_arena((void *)a) ? "a free page of the pool" : "outside the pool");
        fflush(stdout);
        _exit(99);
    }
    mprotect(PAGE(a), 4096, PROT_READ | PROT_WRITE);
    pending = a;
    uc->uc_mcontext.gregs[REG_EFL] |= EFL_TF;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig;
    (void)info;
    uc->uc_mcontext.gregs[REG_EFL] &= ~(long long)EFL_TF;
    if (!pending)
        return;
    uintptr_t a = pending;
    pending = 0;
    if (fake_pmm_owns(a))
        mprotect(PAGE(a), 4096, PROT_READ);
    stores++;
    hook(hook_ctx, a);
}

static void protect_all(int prot)
{
    for (size_t i = 0; i < FAKE_PMM_PAGES; i++)
        if (fake_pmm_owns((uintptr_t)fake_pmm.base + i * 4096))
            mprotect(fake_pmm.base + i * 4096, 4096, prot);
}

extern int fake_pmm_new_prot;   /* what a new page gets */

void storelog_start(storelog_fn *check, void *ctx)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_flags = SA_SIGINFO | SA_NODEFER;
    sa.sa_sigaction = on_segv;
    sigaction(SIGSEGV, &sa, &old_segv);
    sa.sa_sigaction = on_trap;
    sigaction(SIGTRAP, &sa, &old_trap);
    hook = check;
    hook_ctx = ctx;
    stores = 0;
    pending = 0;
    fake_pmm_new_prot = PROT_READ;
    protect_all(PROT_READ);
}

uint64_t storelog_stop(void)
{
    protect_all(PROT_READ | PROT_WRITE);
    fake_pmm_new_prot = PROT_READ | PROT_WRITE;
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGTRAP, &old_trap, NULL);
    hook = NULL;
    return stores;
}
