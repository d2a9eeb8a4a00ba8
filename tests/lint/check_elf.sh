#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# No segment is writable and executable; the Multiboot image is what its loaders take.
set -eu
B=${B:-build}
fail=0
for f in kernel.elf monitor.full vmm.elf uefi.elf cordon-mb.elf; do
    [ -e "$B/$f" ] || { echo "FAIL $B/$f is not built"; fail=1; continue; }
    readelf -lW "$B/$f" | awk -v f="$f" '$1 == "LOAD" && /W/ && / RWE | RW E|WE/ { print "FAIL " f ": segment writable and executable: " $0; bad = 1 } END { exit bad }' || fail=1
done
objdump -h "$B/BOOTX64.EFI" | awk '/CODE/ && !/READONLY/ { print "FAIL BOOTX64.EFI: writable code section"; bad = 1 } END { exit bad }' || fail=1
readelf -h "$B/cordon-mb.elf" | grep -q 'Class: *ELF32' || { echo "FAIL cordon-mb.elf: Multiboot loaders take 32-bit ELF"; fail=1; }
[ $fail = 0 ] && echo "ok no segment is writable and executable"
exit $fail
