/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The start of one system case: its files in build/test/NAME/, the command line
 * of its rig, QEMU with the serial port and the monitor on sockets.
 */
#include "tests/run_case.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

bool run_fail(struct run *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(r->why, sizeof r->why, format, ap);
    va_end(ap);
    return false;
}

char *run_expand(const struct run *r, const char *s)
{
    char *out = malloc(strlen(s) + 1024 + 16 * sizeof r->root), *o = out;
    for (; *s; s++) {
        if (s[0] == '@' && (s[1] == 'S' || s[1] == 'B')) {
            o += sprintf(o, "%s%s", r->root, s[1] == 'B' ? "/build" : "");
            s++;
        } else {
            *o++ = *s;
        }
    }
    *o = 0;
    return out;
}

static void add(struct run *r, const char *a) { if (r->args < ARGS_MAX - 1) r->arg[r->args++] = strdup(a); }

static void add_words(struct run *r, const char *value)
{
    char *copy = run_expand(r, value), *save = NULL;
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        add(r, w);
    free(copy);
}

static void addf(struct run *r, const char *format, ...)
{
    char buf[4096];
    va_list ap;
    va_start(ap, format);
    vsnprintf(buf, sizeof buf, format, ap);
    va_end(ap);
    add_words(r, buf);
}

void run_make_parents(char *path)
{
    for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = 0;
        mkdir(path, 0777);
        *p = '/';
    }
}

/* Links a file into the case's folder under the name that the manifest uses. */
static bool stage(struct run *r, const char *name, const char *file)
{
    char at[1024], *from = run_expand(r, file), target[1600];
    snprintf(at, sizeof at, "%s/%s", r->dir, name);
    snprintf(target, sizeof target, "%s%s%s", from[0] == '/' ? "" : r->root, from[0] == '/' ? "" : "/", from);
    run_make_parents(at);
    unlink(at);
    free(from);
    if (access(target, R_OK) != 0)
        return run_fail(r, "%s is missing", target);
    return symlink(target, at) == 0 || run_fail(r, "%s: %s", at, strerror(errno));
}

static const char *get(const struct run *r, const char *key, const char *fallback) { return cfg_get(r->cf, r->c, key, fallback); }

/* The web server of the user network, tests/demo/httpd.c, which says its port: ends with this process. */
static bool start_httpd(const struct run *r, char *port, size_t size)
{
    char path[600];
    int fd[2];
    snprintf(path, sizeof path, "%s/build/httpd", r->root);
    if (pipe2(fd, O_CLOEXEC) != 0)
        return false;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fd[1], 1);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    FILE *in = fdopen(fd[0], "r");
    bool ok = in && fgets(port, (int)size, in) != NULL;
    if (in)
        fclose(in);
    port[strcspn(port, "\n")] = 0;
    return ok;
}

/* amd-iommu looks up what is behind a root port under bus 0 (PLATFORMS Q5, D16): there the drive is on the root bus. */
static bool amd(const struct run *r) { return strncmp(get(r, "iommu", "vtd"), "amd", 3) == 0; }
static bool nv(const struct run *r) { return strcmp(get(r, "rig", "mb"), "nv") == 0; }

static bool add_devices(struct run *r, const char *list)
{
    static const struct { const char *word, *flags; } known[] = {
        { "xhci", "-device qemu-xhci,id=xhci,addr=4" },
        { "nvme", "-device pcie-root-port,id=rp1,chassis=1,slot=1,addr=5 "
                  "-drive if=none,id=nv,format=raw,snapshot=on,file=@B/nvme.img -device nvme,bus=rp1,drive=nv,serial=nv0" },
        { "e1000e", "-netdev user,id=n0,bootfile=http://10.0.2.2:@P/ -device e1000e,netdev=n0,addr=6,romfile=" },
        { "edu", "-device edu,addr=7,dma_mask=0xffffffffffffffff" },
        { "edu2", "-device edu,addr=8,dma_mask=0xffffffffffffffff" },
    };
    char flags[512];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *at = strstr(list, known[i].word);
        size_t n = strlen(known[i].word);
        if (!at || (at != list && at[-1] != ' ') || (at[n] != 0 && at[n] != ' '))
            continue;
        if (amd(r) && strcmp(known[i].word, "nvme") == 0) {
            add_words(r, "-drive if=none,id=nv,format=raw,snapshot=on,file=@B/nvme.img -device nvme,addr=5,drive=nv,serial=nv0");
            continue;
        }
        const char *port_at = strstr(known[i].flags, "@P");
        if (!port_at) {
            add_words(r, known[i].flags);
            continue;
        }
        char port[16] = "$P";                   /* on rig NV the server runs in the carrier, tests/run_nv.c */
        if (!nv(r) && !start_httpd(r, port, sizeof port))
            return run_fail(r, "the web server on 127.0.0.1 did not start");
        snprintf(flags, sizeof flags, "%.*s%s%s", (int)(port_at - known[i].flags), known[i].flags, port, port_at + 2);
        add_words(r, flags);
    }
    return true;
}

/* Before all devices, see PLATFORMS Q1. */
static bool add_iommu(struct run *r)
{
    const char *iommu = get(r, "iommu", "vtd");
    if (strcmp(iommu, "vtd") == 0)
        add_words(r, "-device intel-iommu,intremap=on,aw-bits=48");
    else if (strcmp(iommu, "vtd39") == 0)
        add_words(r, "-device intel-iommu,intremap=on,aw-bits=39");
    else if (strcmp(iommu, "vtd-noir") == 0)
        add_words(r, "-device intel-iommu,intremap=off,aw-bits=48");
    else if (strcmp(iommu, "amd") == 0)
        add_words(r, "-device amd-iommu,intremap=on,pt=off");
    else if (strcmp(iommu, "amd-noir") == 0)
        add_words(r, "-device amd-iommu,intremap=off,pt=off");
    else if (strcmp(iommu, "none") != 0)
        return run_fail(r, "iommu = %s: not vtd, vtd39, vtd-noir, amd, amd-noir or none", iommu);
    return true;
}

/* Files in build/test/NAME/: cordon.conf and the modules; list collects their names for -initrd. */
static bool stage_all(struct run *r, char *list, size_t size)
{
    const char *manifest = get(r, "manifest", NULL);
    char from[1024];
    list[0] = 0;
    if (manifest) {
        snprintf(from, sizeof from, "%s", manifest);
        if (!stage(r, "cordon.conf", from))
            return false;
        strcat(list, "cordon.conf");
    }
    for (int i = 0; i < r->c->count; i++) {
        const struct line *l = &r->c->line[i];
        const char *eq = strchr(l->value, '=');
        char name[256];
        if (strcmp(l->key, "module") != 0)
            continue;
        if (!eq)
            return run_fail(r, "module = %s: want path=file", l->value);
        snprintf(name, sizeof name, "%.*s", (int)(eq - l->value), l->value);
        if (!stage(r, name, eq + 1))
            return false;
        if (strlen(list) + strlen(name) + 2 < size)
            strcat(strcat(list, *list ? "," : ""), name);
    }
    return true;
}

static bool make_stick(struct run *r, const char *list)
{
    char cmd[8192], copy[4096], *save = NULL, *bios = run_expand(r, get(r, "kernel", "@B/bios.bin"));
    int n = snprintf(cmd, sizeof cmd, "cd '%s' && '%s/build/mkimage' stick stick.img -bios='%s' %s "
                     "EFI/BOOT/BOOTX64.EFI='%s/build/BOOTX64.EFI'", r->dir, r->root, bios, get(r, "stick", ""), r->root);
    free(bios);
    snprintf(copy, sizeof copy, "%s", list);
    for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save))
        n += snprintf(cmd + n, sizeof cmd - (size_t)n, " '%s=%s'", w, w);
    return system(cmd) == 0 || run_fail(r, "the stick image cannot be made");
}

bool run_command_line(struct run *r)
{
    char list[4096];
    const char *rig = get(r, "rig", "mb");
    bool icount = strcmp(get(r, "icount", "no"), "yes") == 0;
    if (!stage_all(r, list, sizeof list))
        return false;
    if (strcmp(rig, "bochs") == 0 || strcmp(rig, "nv-uefi") == 0)
        return make_stick(r, list);
    if (nv(r)) {
        addf(r, "machine -smp %s -m %s", get(r, "cpus", "1"), get(r, "memory", "256M"));
    } else {
        addf(r, "qemu-system-x86_64 -machine q35 -accel tcg,thread=%s -cpu %s -smp %s -m %s", icount ? "single" : "multi",
             get(r, "cpu", "EPYC,+svm,+npt"), get(r, "cpus", "2"), get(r, "memory", "1G"));
        add_words(r, "-nodefaults -display none -no-reboot -chardev socket,id=s0,path=serial,server=on,wait=on -serial chardev:s0 "
                     "-chardev socket,id=m0,path=monitor,server=on,wait=on -mon chardev=m0,mode=readline");
    }
    if (icount)
        add_words(r, "-icount shift=0,sleep=off -rtc base=2024-01-01T00:00:00,clock=vm -seed 1");
    if (!add_iommu(r))
        return false;
    if (strcmp(rig, "uefi") == 0 || strcmp(rig, "bios") == 0) {
        if (!make_stick(r, list))
            return false;
        if (rig[0] == 'u')
            add_words(r, "-drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd "
                         "-drive if=pflash,format=raw,unit=1,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.fd");
        else
            add_words(r, "-device VGA,romfile=vgabios-stdvga.bin");      /* BIOS text goes to a screen */
        add_words(r, "-device qemu-xhci,id=xhci,addr=4 -drive if=none,id=stick,format=raw,snapshot=on,file=stick.img "
                     "-device usb-storage,bus=xhci.0,drive=stick,bootindex=0");
    } else if (nv(r) || strcmp(rig, "mb") == 0) {
        addf(r, "-kernel %s", get(r, "kernel", "@B/cordon-mb.elf"));
        if (*list) {
            add(r, "-initrd");
            add(r, list);
        }
        if (get(r, "append", NULL)) {
            add(r, "-append");
            add(r, get(r, "append", ""));
        }
    } else {
        return run_fail(r, "rig = %s: not mb, uefi, bios, bochs, nv or nv-uefi", rig);
    }
    if (!add_devices(r, get(r, "device", "")))
        return false;
    for (int i = 0; i < r->c->count; i++)
        if (strcmp(r->c->line[i].key, "qemu") == 0)
            add_words(r, r->c->line[i].value);
    return true;
}

static int connect_to(struct run *r, const char *name)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    snprintf(a.sun_path, sizeof a.sun_path, "%s", name);
    for (int tries = 0; tries < 500; tries++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
            return fd;
        close(fd);
        if (waitpid(r->qemu, &r->exit_status, WNOHANG) == r->qemu) {
            r->gone = true;
            run_fail(r, "QEMU did not start, see qemu.err");
            return -1;
        }
        usleep(10000);
    }
    run_fail(r, "QEMU did not open its %s socket", name);
    return -1;
}

bool run_start(struct run *r)
{
    int err = open("qemu.err", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    FILE *cmd = fopen("qemu.cmd", "w");
    unlink("serial");
    unlink("monitor");
    for (int i = 0; cmd && i < r->args; i++)
        fprintf(cmd, "%s'%s'", i ? " " : "", r->arg[i]);
    if (cmd)
        fclose(cmd);
    r->log = open("serial.log", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
    r->qemu = fork();
    if (r->qemu == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, 0);
        dup2(err, 1);
        dup2(err, 2);
        execvp(r->arg[0], r->arg);
        _exit(127);
    }
    close(err);
    close(null);
    r->serial = connect_to(r, "serial");     /* QEMU waits for them in this order */
    r->monitor = r->serial < 0 ? -1 : connect_to(r, "monitor");
    return r->monitor >= 0;
}
