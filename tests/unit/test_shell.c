/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/main.c monitor/shell.c monitor/cmd_vms.c monitor/cmd_devices.c monitor/cmd_machine.c monitor/cmd_manifest.c monitor/cmd_power.c monitor/console.c monitor/lineedit.c monitor/supervise.c monitor/guestio.c monitor/build.c monitor/build_vm.c monitor/build_task.c monitor/vmm_image.c monitor/facts.c monitor/firmware.c monitor/fault_text.c monitor/slots.c monitor/spec.c monitor/policy.c monitor/policy_files.c monitor/policy_devices.c monitor/policy_intx.c monitor/policy_slots.c monitor/image.c monitor/aml.c monitor/aml_arith.c monitor/aml_eval.c monitor/aml_names.c monitor/aml_prt.c monitor/aml_term.c monitor/manifest.c monitor/manifest_value.c monitor/manifest_pci.c monitor/name.c monitor/diag.c monitor/explain.c kernel/lib/fmt.c kernel/lib/str.c tests/unit/fake/monitor_kernel.c */
/* The whole monitor against a model of the kernel: start, restart, crash, refusals, commands. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "kernel/boot/elf.h"
#include "monitor/main.h"
#include "monitor/shell.h"
#include "monitor/slots.h"
#include "monitor/supervise.h"
#include "tests/unit/fake/monitor_kernel.h"

static const char conf[] =
    "[cordon]\nversion = 1\n\n"
    "[vm storage]\ncpus = 1\nmemory = 512M\nkernel = guests/vmlinuz\ninitrd = guests/storage.img\n"
    "cmdline = console=ttyS0\npci = path=00:1c.0/00.0 id=1b36:0010 slot=05.0\nrestart = on-crash\n\n"
    "[vm net]\ncpus = 0\nmemory = 4G\nkernel = guests/vmlinuz\npci = 00:03.0\n\n"
    "[vm bad]\ncpus = 7\nmemory = 64M\nkernel = guests/vmlinuz\npci = 00:00.0\n\n"
    "[vm quiet]\ncpus = 2\nmemory = 64M\nkernel = guests/mb.elf\nmodule = guests/storage.img a b\nautostart = no\n"
    "\n[vm open]\ncpus = 3\nmemory = 64M\nkernel = guests/mb.elf\npci = 00:09.0 irq=none\ndma = unprotected\n"
    "autostart = no\n";

/* \_S5 is (5, 5); device 3's INTA goes to 20. */
static const char aml_code[] = "\x08_S5_\x12\x06\x04\x0a\x05\x0a\x05"
    "\x5b\x82\x23PCI0\x08_HID\x0c\x41\xd0\x0a\x08"
    "\x08_PRT\x12\x0e\x01\x12\x0b\x04\x0c\xff\xff\x03\x00\x00\x00\x0a\x14";
static uint8_t bzimage[0x4000], multiboot[0x1000], vmm_elf[0x3000], acpi[48 + 36 + sizeof aml_code - 1];

static void put16(uint8_t *p, unsigned v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static void put32(uint8_t *p, uint32_t v) { put16(p, v & 0xffff); put16(p + 2, v >> 16); }

static void make_files(void)
{
    struct elf64_ehdr eh = { .ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 }, .type = 2, .machine = 62, .entry = 0x400010,
                             .phoff = 64, .ehsize = 64, .phentsize = 56, .phnum = 2 };
    struct elf64_phdr ph[2] = { { 1, 5, 0x1000, 0x400000, 0x400000, 0x1000, 0x1000, 0x1000 },
                                { 1, 6, 0x2000, 0x401000, 0x401000, 0x800, 0x3000, 0x1000 } };
    bzimage[0x1f1] = 3;
    put32(bzimage + 0x1f4, (sizeof bzimage - 4 * 512) / 16);
    put16(bzimage + 0x1fe, 0xaa55);
    memcpy(bzimage + 0x202, "HdrS", 4);
    put16(bzimage + 0x206, 0x20f);
    bzimage[0x236] = 1;
    put32(bzimage + 0x260, 0x1000000);
    put32(multiboot + 0x40, 0x1badb002);
    put32(multiboot + 0x44, 0x10000);
    put32(multiboot + 0x48, 0u - 0x1badb002 - 0x10000);
    put32(multiboot + 0x4c, 0x100040);
    put32(multiboot + 0x50, 0x100000);
    put32(multiboot + 0x54, 0x101000);
    memcpy(vmm_elf, &eh, sizeof eh);
    memcpy(vmm_elf + 64, ph, sizeof ph);
    memset(vmm_elf + 0x1000, 0x90, 0x1000);
    memset(vmm_elf + 0x2000, 0xdd, 0x800);
    memcpy(acpi, "DMAR", 4);                      /* as the loader keeps them: each at a multiple of 16 */
    put32(acpi + 4, 41);
    memcpy(acpi + 48, "DSDT", 4);
    put32(acpi + 52, 36 + sizeof aml_code - 1);
    memcpy(acpi + 84, aml_code, sizeof aml_code - 1);
}

static void add_module(const char *name, const void *data, uint64_t size)
{
    fk.module[fk.modules].name = name;
    fk.module[fk.modules].data = data;
    fk.module[fk.modules++].size = size;
}

static struct dev_info *add_dev(uint32_t bdf, unsigned id, uint32_t class_rev)
{
    struct dev_info *d = &fk.dev[fk.devs];
    *d = (struct dev_info){ .bdf = bdf, .vendor = (uint16_t)(id >> 16), .device = (uint16_t)id,
                            .class_rev = class_rev, .group = fk.devs,
                            .flr = 1, .msix_off = 0x40, .msix_count = 5 };
    fk.devs++;
    return d;
}

static void make_machine(void)
{
    struct dev_info *d;
    fk_reset();
    make_files();
    fk.platform = (struct info_platform){ .tsc_hz = 1000000000, .iommu_vendor = 1, .iommu_ir = 1,
                                          .virt_vendor = 2, .build = "0.1" };
    fk.memory = (struct info_memory){ .total = 8ull << 30, .user_free = 6ull << 30 };
    fk.cpus = 4;
    for (unsigned i = 0; i < 4; i++)
        fk.cpu[i] = (struct info_cpu){ .index = i, .online = 1 };
    add_dev(0x0000, 0x808629c0, 0x06000000);
    add_dev(0x00e0, 0x1b36000c, 0x06040000);
    d = add_dev(0x0100, 0x1b360010, 0x01080200);
    d->up = 1;
    d = add_dev(0x0018, 0x808610d3, 0x02000000);
    d->pin = 1;
    d = add_dev(0x0048, 0x123411e8, 0x00ff0000);        /* no unit covers it */
    d->iommu_unit = ~0u;
    d->refusals = BIT32(ST_NOIOMMU);
    add_module("cordon.conf", conf, sizeof conf - 1);
    add_module("guests/vmlinuz", bzimage, sizeof bzimage);
    add_module("guests/storage.img", bzimage, 0x2000);
    add_module("guests/mb.elf", multiboot, sizeof multiboot);
    add_module("vmm.elf", vmm_elf, sizeof vmm_elf);
    add_module("acpi.tables", acpi, sizeof acpi);
}

static void say(struct guest *g, enum vmm_state state)
{
    g->objects.chan->state = state;
    sys_call2(SYS_EVENT_SIGNAL, SLOT_ROOT_EVENT, SUPERVISE_BIT(g->index));
    monitor_step(0);
}

static void type(const char *line)
{
    fk_clear();
    fk_type(line);
    monitor_step(0);
}

static void guest_prints(struct guest *g, const char *text)
{
    struct vmm_channel *c = g->objects.chan;
    for (; *text; text++)
        c->out[c->out_ring.head++ % VMM_OUT_SIZE] = (uint8_t)*text;
    sys_call2(SYS_EVENT_SIGNAL, SLOT_ROOT_EVENT, SUPERVISE_BIT(g->index));
    monitor_step(0);
}

static void test_boot(void)
{
    struct guest *g;
    struct vmm_start *start;
    monitor_init();
    fputs(getenv("SHOW") ? fk.out : "", stdout);
    CHECK_EQ(supervise_count(), 5);
    CHECK_EQ(supervise_guest(0)->state, GUEST_STARTING);
    CHECK_EQ(supervise_guest(1)->state, GUEST_STARTING);
    CHECK_EQ(supervise_guest(2)->state, GUEST_REFUSED);
    CHECK_EQ(supervise_guest(3)->state, GUEST_STOPPED);
    CHECK(fk_printed("cordon> "));
    CHECK(fk_printed("R405 cordon.conf:"));
    CHECK(fk_printed("F106 cordon.conf:"));
    g = supervise_find("storage");
    start = (struct vmm_start *)(void *)g->objects.image_va;
    CHECK_EQ(start->magic, VMM_START_MAGIC);
    CHECK_EQ(start->vcpus, 1);
    CHECK_EQ(start->ram, 512ull << 20);
    CHECK_EQ(start->kernel_type, KERNEL_LINUX);
    CHECK_EQ(start->modules, 2);
    CHECK_EQ(start->has_initrd, 1);
    CHECK_STR(start->module[0].name, "guests/vmlinuz");
    CHECK_STR(start->cmdline, "console=ttyS0");
    CHECK_EQ(start->devices, 1);
    CHECK_EQ(start->device[0].devfn, 0x28);
    CHECK_EQ(start->device[0].irqs, 5);
    CHECK_EQ(start->device[0].msix, 1);
    CHECK_EQ(g->objects.image_va[4096], 0x90);
    CHECK_EQ(g->objects.image_va[8192 + 0x7ff], 0xdd);
    CHECK_EQ(g->objects.image_va[8192 + 0x800], 0);
    say(g, VMM_RUNNING);
    CHECK_EQ(g->state, GUEST_RUNNING);
    say(supervise_find("net"), VMM_RUNNING);
    CHECK(fk_printed("vm net: running"));
    CHECK(fk_printed("UNPROTECTED  guest open: dma = unprotected"));
    CHECK(fk_printed("M028 cordon.conf:37:7:"));
}

static void test_commands(void)
{
    type("vms -p\r");
    CHECK(fk_printed("vm=storage state=running vcpus=1 cpus=1 memory=512M exits=100 devices=1"));
    CHECK(fk_printed("vm=bad state=refused vcpus=1 cpus=7 memory=64M exits=0 devices=1 bdfs=0000:00:00.0 starts=0"
                     " restart=never code=R405"));
    type("vms bad\r");
    CHECK(fk_printed("the machine has CPUs 0 to 3"));
    CHECK(fk_printed("it is the host bridge"));
    type("devices -p\r");
    CHECK(fk_printed("bdf=0000:01:00.0 id=1b36:0010 class=0108 owner=storage state=assigned iommu=0"));
    CHECK(fk_printed("bdf=0000:00:00.0 id=8086:29c0 class=0600 owner=- state=blocked"));
    type("device 01:00.0\r");
    CHECK(fk_printed("path=00:1c.0/00.0 id=1b36:0010"));
    type("device 00:03.0\r");
    CHECK(fk_printed("line       INTA goes to global interrupt 20"));
    type("devices -p\r");
    CHECK(fk_printed("bdf=0000:00:03.0") && fk_printed(" pin=A gsi=20") && fk_printed(" pin=- gsi=-"));
    type("device 0a:00.0\r");
    CHECK(fk_printed("no function"));
    type("nonsense\r");
    CHECK(fk_printed("no command \"nonsense\""));
    type("log\r");
    CHECK(fk_printed("usage: log VM"));
    type("he\t\r");
    CHECK(fk_printed("help "));
    type("console sto\t");
    CHECK(fk_printed("console storage "));
    type("\x15");
    type("explain f101\r");
    CHECK(fk_printed("F101  A function is named twice."));
    type("help nobody\r");
    CHECK(fk_printed("no command \"nobody\": help lists them"));
    type("stats nobody\r");
    CHECK(fk_printed("no guest \"nobody\": vms lists them"));
    fk.cpu[1].online = 0;
    type("cpus\r");
    CHECK(fk_printed("    1     0  offline       -      -          -          -          -  "));
    type("cpus -p\r");
    CHECK(fk_printed("cpu=1 apic=0 state=offline busy=- guest=- irqs=- ipis=- switches=- vms="));
    type("survey\r");
    CHECK(fk_printed("cpus    = 2\r") && !fk_printed("cpus    = 1\r"));
    CHECK(fk_printed("# These cannot be given to a guest:\r\n#   0000:00:00.0"));
    type("memory -p\r");
    CHECK(fk_printed("vm=storage memory=512M in_use=yes touched=8M written=2M page=2M"));
    CHECK(fk_printed("in_use=no touched=- written=- page=-"));
    type("memory\r");
    CHECK(fk_printed("512M, touched 8M, written 2M, in pages of 2M"));
    fk.cpu[1].online = 1;
    type("cpus -v\r");
    CHECK(fk_printed("emulated by QEMU"));
    static const char *const all[] = { "help", "status", "status -p", "vms", "stats", "stats -p", "devices", "iommu",
                                       "faults", "cpus", "cpus -p", "memory", "memory -p", "manifest",
                                       "manifest -p", "survey", "vms storage" };
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s\r", all[i]);
        type(line);
        CHECK(fk.out_len > strlen(all[i]) + 20);
        if (getenv("SHOW"))
            fputs(fk.out, stdout);
    }
}

static void test_console(void)
{
    struct guest *g = supervise_find("storage");
    guest_prints(g, "hello from storage\r\n");
    CHECK(!fk_printed("hello from storage"));
    type("log storage\r");
    CHECK(fk_printed("hello from storage\r\n"));
    guest_prints(g, "a\033[6nb\033]0;t\007c\033[?25hd\r\n");
    type("log storage\r");                /* a terminal would answer: nothing of it gets through */
    CHECK(fk_printed("abcd\r\n") && !fk_printed("\033"));
    CHECK_EQ(g->objects.chan->out_ring.level, VMM_OUT_SIZE / 2);      /* nobody watches */
    g->objects.chan->out[g->objects.chan->out_ring.head++ % VMM_OUT_SIZE] = '!';
    type("log storage\r");                /* what waits below the level is shown all the same */
    CHECK(fk_printed("abcd\r\n!\r\n"));
    type("console storage\r");
    CHECK_EQ(g->objects.chan->out_ring.level, 1);
    CHECK(fk_printed("hello from storage"));
    fk_clear();
    guest_prints(g, "login: ");
    CHECK(fk_printed("login: "));
    type("root\r");
    CHECK_EQ(g->objects.chan->in_head, 5);
    CHECK(memcmp(g->objects.chan->in, "root\r", 5) == 0);
    say(supervise_find("net"), VMM_RUNNING);
    type("\x1d");
    CHECK(fk_printed("[monitor]"));
    CHECK(fk_printed("cordon> "));
    /* A VMM that lies about its rings hurts nobody. */
    g->objects.chan->out_ring.head += 0x40000000;
    g->objects.chan->in_tail = 12345;
    say(g, VMM_RUNNING);
    CHECK_EQ(g->state, GUEST_RUNNING);
    supervise_input(g->index, (const uint8_t *)"x", 1);
    g->objects.chan->out_ring.tail = 77;
    guest_prints(g, "ok\r\n");
    CHECK_EQ(g->objects.chan->out_ring.tail, g->objects.chan->out_ring.head);
}

/* Objects besides those kept per guest must be the same before and after. */
static void test_restarts(void)
{
    struct guest *g = supervise_find("storage");
    unsigned live = fk_live(), slots = slots_used();
    uint64_t left = fk.memory.user_free;
    for (unsigned i = 0; i < 1000; i++) {
        if (!supervise_restart(g)) {
            CHECK(!"restart failed");
            break;
        }
        say(g, VMM_RUNNING);
    }
    CHECK_EQ(fk_live(), live);
    CHECK_EQ(slots_used(), slots);
    CHECK_EQ(fk.memory.user_free, left);
    CHECK_EQ(g->state, GUEST_RUNNING);
    type("log storage\r");
    CHECK(fk_printed("[start 1001]\r\n"));
    fk_clear();
    say(g, VMM_RESET);
    CHECK(fk_printed("vm storage: reboots"));
    CHECK(g->state == GUEST_STOPPED && g->restart_at != 0);   /* quick: slowed down */
    g->restart_at = 1;
    supervise_tick();
    CHECK_EQ(g->state, GUEST_STARTING);
    CHECK_EQ(fk_live(), live);
    say(g, VMM_RUNNING);
}

/* A failure at every single step of a start must unwind to nothing. */
static void test_unwind(void)
{
    struct guest *g = supervise_find("storage"), *q = supervise_find("quiet");
    unsigned live, slots, steps = 0;
    uint64_t left;
    CHECK(supervise_stop(g, "test"));
    live = fk_live();
    slots = slots_used();
    left = fk.memory.user_free;
    for (unsigned n = 1; n < 200; n++) {
        fk.fail_any = n;
        if (supervise_start(g))
            break;
        steps++;
        CHECK(g->state == GUEST_REFUSED);
        CHECK(g->code != CODE_NONE && g->text[0]);
        CHECK_EQ(fk_live(), live);
        CHECK_EQ(slots_used(), slots);
        CHECK_EQ(fk.memory.user_free, left);
    }
    fk.fail_any = 0;
    CHECK(steps > 25);
    CHECK_EQ(g->state, GUEST_STARTING);
    say(g, VMM_RUNNING);
    for (unsigned n = 1; n < 200; n++) {     /* first start ever: also the kept objects */
        fk.fail_any = n;
        if (supervise_start(q))
            break;
    }
    fk.fail_any = 0;
    CHECK_EQ(q->state, GUEST_STARTING);
    CHECK(supervise_stop(q, "test"));
    fk.fail_nr = SYS_DEV_ASSIGN;
    fk.fail_after = 1;
    fk.fail_st = ST_NORESET;
    CHECK(!supervise_restart(g));
    CHECK_EQ(g->code, CODE_I208);
    type("start storage\r");
    say(g, VMM_RUNNING);
    CHECK_EQ(g->state, GUEST_RUNNING);
    fk.fail_nr = SYS_DEV_RELEASE;
    fk.fail_after = 1;
    fk.fail_st = ST_TIMEOUT;
    fk_clear();
    CHECK(supervise_stop(g, "test"));
    CHECK(fk_printed("F111"));
    CHECK(fk_printed("quarantined"));
}

static void test_crash(void)
{
    struct guest *n = supervise_find("net");
    fk_clear();
    snprintf(n->objects.chan->reason, sizeof n->objects.chan->reason, "triple fault at rip %s", "1234\033[2J");
    n->objects.chan->code = VMM_FAIL_SHUTDOWN;
    say(n, VMM_FAILED);
    CHECK_EQ(n->state, GUEST_CRASHED);
    CHECK_EQ(n->code, CODE_G603);
    CHECK(fk_printed("vm net: crashed: G603 triple fault at rip 1234?[2J"));
    CHECK_EQ(n->restart_at, 0);
    CHECK_EQ(n->objects.task, 0);
    type("vms net\r");
    CHECK(fk_printed("G603"));
    type("start net\r");
    CHECK_EQ(n->state, GUEST_STARTING);
    fk_clear();
    fk_end_task(fk.last_task, TASK_FAULTED, 14);
    monitor_step(0);
    CHECK_EQ(n->code, CODE_G610);
    type("vms net\r");
    CHECK(fk_printed("vector 14"));
    CHECK(fk_printed("r15"));
    type("start net\r");
    fk_end_task(fk.last_task, TASK_EXITED, 0);
    monitor_step(0);
    CHECK_EQ(n->code, CODE_G611);
    type("start net\r");
    say(n, VMM_OFF);
    CHECK_EQ(n->state, GUEST_STOPPED);
    CHECK_EQ(n->code, CODE_NONE);
    CHECK(fk_printed("vm net: stopped: the guest powered off"));
    type("console net\r");
    CHECK(fk_printed("there is no one to talk to"));
    /* on-crash: the sixth in a row is not answered */
    n = supervise_find("storage");
    fk.dev[2].state = DEV_BLOCKED;
    for (unsigned i = 1; i <= RESTART_LIMIT + 1; i++) {
        if (i == 1)
            CHECK(supervise_start(n));
        fk_clear();
        n->objects.chan->code = 99;
        say(n, VMM_FAILED);
        CHECK_EQ(n->code, CODE_G611);
        CHECK_EQ(n->restart_at != 0, i <= RESTART_LIMIT);
        if (n->restart_at) {
            n->restart_at = 1;
            (void)supervise_tick();
            CHECK_EQ(n->state, GUEST_STARTING);
        }
    }
    CHECK(fk_printed("G612"));
    CHECK_EQ(supervise_tick(), EVENT_FOREVER);
}

static void test_faults(void)
{
    struct guest *s = supervise_find("storage");
    CHECK(supervise_start(s));
    fk.fault[0] = (struct info_fault){ .seq = 0, .bdf = 0x100, .vm = s->objects.vm_id, .address = 0xdead000, .write = 1 };
    fk.faults = 1;
    fk_clear();
    sys_call2(SYS_EVENT_SIGNAL, SLOT_ROOT_EVENT, SYSEV_DEV_FAULT);
    monitor_step(0);
    CHECK(fk_printed("iommu: blocked a write of 0000:01:00.0 (guest storage) to dead000"));
    fk.fault[1] = (struct info_fault){ .seq = 1, .bdf = 0x100, .vm = s->objects.vm_id, .cut = 1 };
    fk.faults = 2;
    fk_clear();
    sys_call2(SYS_EVENT_SIGNAL, SLOT_ROOT_EVENT, SYSEV_DEV_FAULT);
    monitor_step(0);
    CHECK(fk_printed("cut off"));
    type("faults -p\r");
    CHECK(fk_printed("seq=0 bdf=0000:01:00.0 vm=storage address=dead000 access=write"));
    CHECK(supervise_stop(s, "test"));
    type("faults -p\r");                    /* the record outlives its VM and is not blamed on the next */
    CHECK(fk_printed("seq=0 bdf=0000:01:00.0 vm=storage address=dead000 access=write"));
    fk.fault[0].vm = 5000;
    type("faults -p\r");
    CHECK(fk_printed("seq=0 bdf=0000:01:00.0 vm=(gone) address=dead000 access=write"));
}

static void shows_quarantine(void)
{
    fk.dev[3].state = DEV_QUARANTINED;
    type("status\r");
    CHECK(fk_printed(", 1 QUARANTINED: see devices"));
    type("devices -p\r");
    CHECK(fk_printed("bdf=0000:00:03.0 ") && fk_printed(" state=quarantined ") && fk_printed(" waived=irq"));
    fk.dev[3].state = DEV_BLOCKED;
}

/* A guest with dma = unprotected: marked whether it runs or not, its memory where devices look for it. */
static void test_unprotected(void)
{
    struct guest *g = supervise_find("open");
    const struct fk_object *vm;
    const struct vmm_start *start;
    type("status\r");
    CHECK(fk_printed("UNPROTECTED  guest open: dma = unprotected"));
    CHECK(fk_printed("unsafe    M028"));
    CHECK(!fk_printed("guest net: dma"));
    type("status -p\r");
    CHECK(fk_printed(" unprotected=1 quarantined=0"));
    shows_quarantine();
    fk.next_memory = 0x1234000;
    type("start open\r");
    CHECK_EQ(g->state, GUEST_STARTING);
    CHECK(fk_printed("vm open: UNPROTECTED"));
    start = (const struct vmm_start *)(const void *)g->objects.image_va;
    vm = fk.caps[g->objects.vm];
    CHECK_EQ(vm->bits & VM_DMA, 0);
    CHECK_EQ(vm->mems, 2);
    CHECK_EQ(vm->gpa[0], vm->mem[0]->bits);                     /* one to one */
    CHECK_EQ(vm->mem[0]->size, (64ull << 20) - GUEST_RAM_BOOT);
    CHECK(vm->gpa[0] >= GUEST_RAM_BOOT && vm->gpa[0] % GUEST_RAM_BOOT == 0);
    CHECK_EQ(vm->gpa[1], 0);
    CHECK_EQ(vm->mem[1]->size, GUEST_RAM_BOOT);
    CHECK_EQ(start->ram, 64ull << 20);
    CHECK_EQ(start->ram_at, vm->gpa[0]);
    CHECK_EQ(start->device[0].irqs, 0);
    CHECK_EQ(((const struct vmm_start *)(const void *)supervise_find("net")->objects.image_va)->ram_at, 0);
    type("vms -p\r");
    CHECK(fk_printed("vm=open state=starting"));
    CHECK(fk_printed(" dma=unprotected"));
    CHECK(fk_printed(" dma=iommu"));
    type("vms open\r");
    CHECK(fk_printed("UNPROTECTED: its functions reach all memory"));
    CHECK(fk_printed("0 messages"));
    type("device 00:09.0\r");
    CHECK(fk_printed("UNPROTECTED: guest open"));
    type("devices -p\r");
    CHECK(fk_printed("bdf=0000:00:09.0 id=1234:11e8 class=00ff owner=open state=assigned iommu=none"));
    CHECK(fk_printed("verdict=I205 dma=unprotected"));
    type("manifest\r");
    CHECK(fk_printed("dma       = unprotected"));
    CHECK(fk_printed("irq=none"));
    type("stop open\r");
    CHECK_EQ(g->state, GUEST_STOPPED);
    fk.next_memory = 0xbfff0000;                                /* all that is free lies where the guest's devices are */
    type("start open\r");
    CHECK(g->state != GUEST_STARTING);
    type("vms open\r");
    CHECK(fk_printed("below 3 GiB"));
    CHECK_EQ(fk.caps[g->objects.vm], NULL);
    fk.next_memory = 0;
    type("start open\r");                                      /* what did not start has left nothing behind */
    CHECK_EQ(g->state, GUEST_STARTING);
    type("stop open\r");
    type("status\r");
    CHECK(fk_printed("UNPROTECTED  guest open"));
}

static void test_power(void)
{
    type("reboot\r");
    CHECK_EQ(fk.power, POWER_REBOOT);
    CHECK(fk_printed("stopping all guests"));
    type("poweroff\r");
    CHECK_EQ(fk.power, POWER_OFF);
    CHECK_EQ(fk.power_a, 5);
    CHECK_EQ(fk.power_b, 5);
    for (uint32_t i = 0; i < supervise_count(); i++)
        CHECK(supervise_guest(i)->state != GUEST_RUNNING && supervise_guest(i)->state != GUEST_STARTING);
    CHECK_EQ(fk.live[OBJ_VM] + fk.live[OBJ_VCPU] + fk.live[OBJ_TASK] + fk.live[OBJ_DEVICE], 0);
}

int main(void)
{
    make_machine();
    test_boot();
    test_commands();
    test_console();
    test_restarts();
    test_unwind();
    test_crash();
    test_faults();
    test_unprotected();
    test_power();
    return unit_done();
}
