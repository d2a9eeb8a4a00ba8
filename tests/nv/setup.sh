#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes what rig NV runs from (docs/testing.md): setup.sh BUILD
# BUILD/nv/base, BUILD/nv/uefi: machines that Bochs saved, the carrier Linux up in them; in uefi it runs OVMF already.
# BUILD/nv/state: "ready", or "skip" or "fail" and the reason, for the cases.
set -eu
B=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
nv=$B/nv
out() {
    echo "$*" >"$nv/state"
    [ "$1" = ready ] || touch -d @0 "$nv/state"           # to be tried again
    [ "$1" = ready ] || echo "nv: $*"
    exit 0
}
rm -rf "$nv/state" "$nv/base" "$nv/uefi" "$nv/new" "$nv/root" "$nv/boot"
mkdir -p "$nv/root/lib" "$nv/root/modules" "$nv/boot"

# ---- what there is ----------------------------------------------------------
for f in /usr/bin/bochs-bin /usr/share/bochs/BIOS-bochs-latest /usr/share/seabios/vgabios-stdvga.bin \
    /usr/bin/qemu-system-x86_64 /usr/share/ovmf/OVMF.fd "$B/guests/carrier/order"; do
    [ -e "$f" ] || out "skip $f is missing"
done
env NV_CHECK=1 LD_PRELOAD="$nv/preload.so" bochs-bin >/dev/null 2>&1 ||
    out "skip this Bochs is not 2.7 as Debian 12 builds it, and only that one's VM entry is mended (docs/testing.md)"
for m in kvm-intel ata_piix sd_mod; do
    grep -qx $m.ko "$B/guests/carrier/order" || out "skip the cloud kernel has no module $m"
done

# ---- the carrier's disk -------------------------------------------------------
cd "$nv/root"
set -- init="$here/init" bin/busybox="$B/guests/busybox" "bin/sh=>busybox" bin/carrier="$nv/carrier" \
    bin/qemu-system-x86_64=/usr/bin/qemu-system-x86_64 fw/OVMF.fd=/usr/share/ovmf/OVMF.fd \
    dev/console=c5:1 proc/ sys/ tmp/ var/tmp/ modules/order="$B/guests/carrier/order"
for f in bios-256k.bin kvmvapic.bin linuxboot_dma.bin multiboot_dma.bin; do
    for d in /usr/share/seabios /usr/share/qemu; do
        [ ! -e "$d/$f" ] || { set -- "$@" "fw/$f=$d/$f"; break; }
    done
done
for f in $(cat "$B/guests/carrier/order"); do
    strip --strip-debug -o "modules/$f" "$B/guests/carrier/$f"
    set -- "$@" "modules/$f=modules/$f"
done
for f in $(ldd /usr/bin/qemu-system-x86_64 | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p'); do
    strip -o "lib/${f##*/}" "$f" 2>/dev/null || cp -L "$f" "lib/${f##*/}"
    set -- "$@" "lib/${f##*/}=lib/${f##*/}"
done
"$B/mkimage" cpio initrd "$@" lib64/ld-linux-x86-64.so.2=/lib64/ld-linux-x86-64.so.2

kernel=$B/guests/vmlinuz-cloud
size=$(stat -c %s initrd)
lba=$((2 + ($(stat -c %s "$kernel") + 511) / 512))
${CC:-gcc} -c -D__ASSEMBLY__ -DINITRD_LBA=$lba -DINITRD_SIZE="$size" -o boot.o "$here/boot.S"
ld -Ttext 0x7c00 -e start --oformat binary -o block boot.o
# tsc_early_khz: CPUID says 3.5 GHz, it is ips. clearcpuid: Bochs and Linux count the size of compact XSAVE areas
# differently, and Linux then has no XSAVE at all. Huge pages: else each page of the machine under test is an exit or two.
printf '%-511s\0' "console=ttyS2,115200 quiet nokaslr mitigations=off tsc=reliable tsc_early_khz=100000 no_timer_check \
clearcpuid=xsavec,xsaves random.trust_cpu=on transparent_hugepage=always panic=-1 reboot=t" >cmdline
{ cat block cmdline "$kernel"; head -c $((lba * 512 - 1024 - $(stat -c %s "$kernel"))) /dev/zero; cat initrd; head -c 1048576 /dev/zero; } >../boot/carrier.img
cd "$nv/boot"
truncate -s $((($(stat -c %s carrier.img) + 511) / 512 * 512)) carrier.img

# ---- snapshots ------------------------------------------------------------------
# take NAME SECONDS ENVIRONMENT... -- OPTIONS: runs Bochs until the carrier stops, and keeps that as nv/NAME.
take() {
    name=$1 limit=$2
    shift 2
    mkdir "$nv/new"
    rm -f ./*.lock
    timeout -k 5 "$limit" env NV_SAVE="$nv/new" LD_PRELOAD="$nv/preload.so" "$@" </dev/null >"$name.out" 2>&1 || :
    grep -q '^preload: saved' "$name.out" || out "fail no snapshot $name, see $nv/boot"
    # The memory is lent, not read at once; the disks are each case's.
    mv "$nv/new/memory.ram" "$nv/new/ram"
    fallocate -d "$nv/new/ram" 2>/dev/null || :       # most of it is zero: 400 MB instead of 1.3 GB
    : >"$nv/new/memory.ram"
    truncate -s 0 "$nv"/new/*.image
    truncate -s 516096 "$nv"/new/*.image
    mv "$nv/new" "$nv/$name"
}
truncate -s 516096 job.img case.img
take base 600 bochs-bin -q -f "$here/bochsrc"

# OVMF waits twice for a TPM that is not there, 50,000 reads that are exits to QEMU: behind them, and before it looks at
# disks, is the point. The stick of a case has this size.
cat >job.img <<'E'
(
    while [ "$(cat /sys/kernel/debug/kvm/mmio_exits)" -lt 50020 ]; do usleep 50000; done
    say warm
    blockdev --flushbufs /dev/sdc
    carrier stop
) &
machine -m 256M -device intel-iommu,intremap=on,aw-bits=48 -bios /fw/OVMF.fd -device qemu-xhci,id=xhci,addr=4 \
    -drive if=none,id=stick,format=raw,file=/dev/sdc,cache=none -device usb-storage,bus=xhci.0,drive=stick,bootindex=0
E
tr '\0' '\n' </dev/zero | head -c $((65536 - $(stat -c %s job.img))) >>job.img
truncate -s 516096 job.img
truncate -s 128M case.img
take uefi 600 NV_RAM="$nv/base/ram" bochs-bin -q -r "$nv/base"
rm -rf "$nv/root" carrier.img case.img
out ready
