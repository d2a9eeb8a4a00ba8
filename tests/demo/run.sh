#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Boots build/cordon.img in QEMU: run.sh BUILD [more QEMU flags]. Serial port = this terminal.
set -eu
b=$1
shift
# A web server on a free port of this host's loopback, which the guest sees as 10.0.2.2; the DHCP answer names the page.
if [ -z "${NET:-}" ]; then
    "$b/httpd" >"$b/httpd.port" &
    httpd=$!
    trap 'kill $httpd 2>/dev/null || :' EXIT
    trap 'exit 130' INT TERM
    while [ ! -s "$b/httpd.port" ]; do kill -0 $httpd && sleep 0.1; done
    NET="user,id=n0,bootfile=http://10.0.2.2:$(cat "$b/httpd.port")/"
fi
cat <<TEXT
Cordon boots from $b/cordon.img in QEMU (SVM, VT-d, 2 CPUs, 2 GiB). This terminal is its serial console.
The drive that guest "storage" owns has the SHA-256
    $(sha256sum "$b/nvme.img" | cut -c1-64)
Try: vms, devices, console storage (Ctrl-] leaves it). Ctrl-A x ends QEMU.

TEXT
rc=0
qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu EPYC,+svm,+npt -smp 2 -m 2G \
    -nodefaults -display none -no-reboot \
    -device intel-iommu,intremap=on,aw-bits=48 \
    -drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
    -drive if=pflash,format=raw,unit=1,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.fd \
    -device qemu-xhci,id=xhci,addr=4 \
    -drive if=none,id=stick,format=raw,snapshot=on,file="$b/cordon.img" \
    -device usb-storage,bus=xhci.0,drive=stick,bootindex=0 \
    -device pcie-root-port,id=rp1,chassis=1,slot=1,addr=5 \
    -drive if=none,id=nv,format=raw,file="$b/nvme.img" -device nvme,bus=rp1,drive=nv,serial=nv0 \
    -netdev "$NET" -device e1000e,netdev=n0,addr=6,romfile= \
    -serial mon:stdio "$@" 2>"$b/qemu.err" || rc=$?
grep -v "TCG doesn.t support" "$b/qemu.err" >&2 || :
exit $rc
