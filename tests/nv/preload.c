/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded into Bochs 2.7 as Debian builds it (rig NV, docs/testing.md). It answers the debugger's prompt, saves and
 * lends the machine, and mends VM entry. The environment says what:
 *   NV_SAVE=DIR   at the guest's first magic break the machine is saved to DIR, and Bochs ends
 *   NV_RAM=FILE   a restored machine reads its memory from FILE where it touches it, instead of copying it all first;
 *                 and its disks are used where they are
 *   NV_CHECK=1    ends at once: status 0 when this is the Bochs that is mended here, else 1
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bochs exports all its symbols, for its plug-ins. */
static bool save(const char *dir)
{
    void **sim = dlsym(RTLD_DEFAULT, "SIM");
    int (*save_state)(void *, const char *) = dlsym(RTLD_DEFAULT, "_ZN13bx_real_sim_c10save_stateEPKc");
    return sim && save_state && save_state(*sim, dir);
}

/* The debugger asks once at the start and then at each magic break. */
char *readline(const char *prompt)
{
    static int asked;
    const char *dir = getenv("NV_SAVE");
    (void)prompt;
    if (!dir || asked++ == 0)
        return strdup("c");
    fprintf(stderr, "preload: %s %s\n", save(dir) ? "saved" : "cannot save", dir);
    return strdup("q");
}

/* Where Bochs keeps guest memory that it has not read yet. The guest's memory fits, nothing is written back. */
FILE *tmpfile64(void)
{
    const char *ram = getenv("NV_RAM");
    return ram ? fopen(ram, "rb") : fopen("overflow.ram", "w+b");
}

/* Called in a child, for `cp SAVED DISK` at a restore: the disk is there already. */
int execl(const char *path, const char *arg, ...)
{
    (void)path, (void)arg;
    _exit(0);
}

/*
 * Bochs 2.7 (and 3.0) works out at VM entry which interrupts are masked while it still counts as outside the guest: a
 * guest that is entered with IF=0 then takes no external-interrupt exit until it touches IF itself. KVM in the carrier
 * would hang for ever. VMenterInjectEvents() is called when the CPU is inside: its first instructions are replaced by a
 * jump to the stub below, which has the mask worked out once more and then does what they did.
 */
static const uint8_t first[14] = { 0x41, 0x57, 0x41, 0x56, 0x41, 0x55, 0x41, 0x54, 0x55, 0x53, 0x48, 0x83, 0xec, 0x08 };
__attribute__((used, visibility("hidden"))) void *nv_mask_change, *nv_go_on;
extern const uint8_t nv_stub[] __attribute__((visibility("hidden")));
__asm__(".pushsection .text\n"
        ".hidden nv_stub\n"
        "nv_stub:\n"
        "    push %rdi\n"                       /* this */
        "    call *nv_mask_change(%rip)\n"
        "    pop %rdi\n"
        "    push %r15\n"                       /* first[] */
        "    push %r14\n"
        "    push %r13\n"
        "    push %r12\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    sub $8, %rsp\n"
        "    jmp *nv_go_on(%rip)\n"
        ".popsection\n");

static bool mend(void)
{
    uint8_t *inject = dlsym(RTLD_DEFAULT, "_ZN8BX_CPU_C19VMenterInjectEventsEv");
    nv_mask_change = dlsym(RTLD_DEFAULT, "_ZN8BX_CPU_C25handleInterruptMaskChangeEv");
    if (!inject || !nv_mask_change || memcmp(inject, first, sizeof first) != 0)
        return false;
    const uint8_t *stub = nv_stub;
    uint8_t jump[14] = { 0xff, 0x25 };          /* jmp *(%rip), the address follows */
    memcpy(jump + 6, &stub, sizeof stub);
    nv_go_on = inject + sizeof first;
    uintptr_t page = (uintptr_t)inject & ~4095ul;
    if (mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return false;
    memcpy(inject, jump, sizeof jump);
    return mprotect((void *)page, 8192, PROT_READ | PROT_EXEC) == 0;
}

__attribute__((constructor)) static void start(void)
{
    bool mended = mend();
    if (getenv("NV_CHECK"))
        _exit(mended ? 0 : 1);
    unsetenv("LD_PRELOAD");
    if (!mended)
        fprintf(stderr, "preload: not the Bochs 2.7 that is known here; left alone\n");
}
