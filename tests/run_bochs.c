/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A case on rig BX: Bochs boots the stick as a disk by its BIOS, serial port on a pseudo terminal. What each line of
 * the configuration is for stands in docs/testing.md.
 */
#define _XOPEN_SOURCE 600
#include "tests/run_case.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

static const char config[] =
    "config_interface: textconfig\n"
    "display_library: rfb, options=\"timeout=0\"\n"
    "plugin_ctrl: speaker=0\n"
    "cpu: model=%s, count=%s, ips=100000000, reset_on_triple_fault=0, cpuid_limit_winnt=0, ignore_bad_msrs=1\n"
    "memory: guest=%s, host=%s\n"
    "romimage: file=%s, options=fastboot\n"
    "vgaromimage: file=/usr/share/seabios/vgabios-stdvga.bin\n"
    "vga: extension=vbe, update_freq=1, realtime=0\n"
    "pci: enabled=1, chipset=i440fx%s%s\n"
    "%s%s%s%s%s"
    "ata0-master: type=disk, path=stick.img, mode=volatile\n"
    "boot: disk\n"
    "com1: enabled=1, mode=term, dev=%s\n"
    "panic: action=fatal\n"
    "error: action=report\n"
    "info: action=ignore\n"
    "debug: action=ignore\n"
    "log: bochs.log\n"
    "clock: sync=none, time0=1704067200\n"
    "sound: driver=dummy\n";

/* The prompt of Bochs 2.7's debugger wants an answer at each start. */
static bool write_files(struct run *r, const char *tty)
{
    char memory[16], *rom = run_expand(r, cfg_get(r->cf, r->c, "rom", ""));
    const char *devices = cfg_get(r->cf, r->c, "device", "");
    bool nic = strstr(devices, "e1000") != NULL, ne2k = strstr(devices, "ne2k") != NULL;
    const char *size = cfg_get(r->cf, r->c, "memory", "512M");
    snprintf(memory, sizeof memory, "%d", atoi(size) * (strchr(size, 'G') ? 1024 : 1));
    FILE *rc = fopen("bochsrc", "w"), *go = fopen("go.rc", "w");
    if (!rc || !go)
        return run_fail(r, "the configuration of Bochs cannot be written");
    fprintf(rc, config, cfg_get(r->cf, r->c, "cpu", "corei7_skylake_x"), cfg_get(r->cf, r->c, "cpus", "1"), memory, memory,
            cfg_get(r->cf, r->c, "bios", "/usr/share/bochs/BIOS-bochs-latest"), nic ? ", slot1=e1000" : "",
            ne2k ? ", slot2=ne2k" : "", nic ? "e1000: enabled=1, mac=52:54:00:12:34:56, ethmod=null" : "",
            rom[0] ? ", bootrom=" : "", rom, nic ? "\n" : "",
            ne2k ? "ne2k: enabled=1, mac=52:54:00:12:34:57, ethmod=null\n" : "", tty);
    fputs("c\n", go);
    free(rom);
    fclose(rc);
    fclose(go);
    return true;
}

static int open_pty(char *tty, size_t size)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios t;
    if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0)
        return -1;
    snprintf(tty, size, "%s", ptsname(fd));
    int slave = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);       /* stays open: else the pair is hung up before Bochs comes */
    if (slave < 0 || tcgetattr(slave, &t) != 0)
        return -1;
    t.c_iflag = t.c_oflag = t.c_lflag = 0;
    t.c_cflag |= CS8;
    tcsetattr(slave, TCSANOW, &t);
    return fd;
}

bool run_start_bochs(struct run *r)
{
    char tty[128];
    r->serial = open_pty(tty, sizeof tty);
    if (r->serial < 0)
        return run_fail(r, "no pseudo terminal");
    if (!write_files(r, tty))
        return false;
    int err = open("bochs.err", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    r->log = open("serial.log", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
    r->bochs = true;
    bool asks = system("bochs-bin --help 2>&1 | grep -q -e -debugger") != 0;     /* 3.0 starts the debugger only when told to */
    r->qemu = fork();
    if (r->qemu == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, 0);
        dup2(err, 1);
        dup2(err, 2);
        execlp("bochs-bin", "bochs-bin", "-q", "-f", "bochsrc", asks ? "-rc" : NULL, "go.rc", (char *)NULL);
        _exit(127);
    }
    close(err);
    close(null);
    return true;
}
