#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Code lines (no blanks, no comments) and bytes by component: `make size`.
set -eu
B=${B:-build}
lines() { # lines NAME PATH... -> sum
    name=$1
    shift
    n=$(find "$@" \( -name '*.c' -o -name '*.h' -o -name '*.S' \) -type f 2>/dev/null | sort | xargs -r awk -f tests/lint/lines.awk | awk '{ s += $1 } END { print s + 0 }')
    printf '%-22s %6d lines\n' "$name" "$n"
}
for d in kernel/abi kernel/lib kernel/arch kernel/log kernel/mm kernel/obj kernel/sched kernel/virt kernel/irq \
         kernel/dev kernel/sys drivers/pci drivers/iommu; do
    [ -d $d ] && lines $d $d
done
sh tests/lint/kernel_lines.sh || true
# Programs of their own that run before the kernel (decision 0009).
lines "UEFI loader" kernel/boot/uefi*
lines "Multiboot loader" kernel/boot/mb_*
lines "BIOS loader" kernel/boot/bios* kernel/boot/fat.* kernel/boot/volume.*
lines "loaders' common code" $(ls kernel/boot/*.[chS] | grep -v 'boot/uefi\|boot/mb_\|boot/bios\|boot/fat\|boot/volume')
lines monitor monitor
lines vmm vmm
lines "host tools" linker
lines tests tests
echo
for f in kernel.elf monitor.full vmm.elf cordon-mb.elf BOOTX64.EFI bios.bin; do
    [ -e "$B/$f" ] || continue
    case $f in
    *.elf|*.full) size "$B/$f" | awk -v f=$f 'NR == 2 { printf "%-22s text %d, data %d, bss %d bytes\n", f, $1, $2, $3 }' ;;
    *) printf '%-22s %d bytes\n' $f "$(wc -c <"$B/$f")" ;;
    esac
done
