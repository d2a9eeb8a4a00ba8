#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# No segment is writable and executable; the Multiboot image has no gap between file and memory.
set -eu
B=${B:-build}
fail=0
for f in kernel.elf monitor.elf vmm.elf uefi.elf; do
    [ -e "$B/$f" ] || { echo "FAIL $B/$f is not built"; fail=1; continue; }
    readelf -lW "$B/$f" | awk -v f="$f" '$1 == "LOAD" && /W/ && / RWE | RW E|WE/ { print "FAIL " f ": segment writable and executable: " $0; bad = 1 } END { exit bad }' || fail=1
done
objdump -h "$B/BOOTX64.EFI" | awk '/CODE/ && !/READONLY/ { print "FAIL BOOTX64.EFI: writable code section"; bad = 1 } END { exit bad }' || fail=1
# Multiboot address fields load one block: offset - physical address is the same in every segment.
readelf -lW "$B/cordon-mb.elf" | awk '
function hex(s,  i, v) { s = tolower(substr(s, 3)); for (i = 1; i <= length(s); i++) v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1; return v }
$1 == "LOAD" { d = hex($4) - hex($2); if (n++ && d != first) { print "FAIL cordon-mb.elf: a gap between segments"; bad = 1 } else if (n == 1) first = d }
END { if (!n) print "FAIL cordon-mb.elf has no segments"; exit bad || !n }' || fail=1
[ $fail = 0 ] && echo "ok no segment is writable and executable"
exit $fail
