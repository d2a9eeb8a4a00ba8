#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The kernel has no indirect call or jump, and no function pointer type.
set -eu
B=${B:-build}
[ -e "$B/kernel.elf" ] || { echo "FAIL $B/kernel.elf is not built"; exit 1; }
out=$(objdump -d --no-show-raw-insn "$B/kernel.elf" | awk '
    /^[0-9a-f]+ </ { f = $2 }
    { n++ }
    /\t(notrack |bnd )?l?(jmp|call)[a-z]* +\*/ { print "FAIL indirect branch in " f " " $0 }
    END { if (n < 100) print "FAIL nothing was disassembled" }')
[ -z "$out" ] || { echo "$out"; exit 1; }
out=$(find kernel drivers -name '*.[ch]' ! -path 'kernel/boot/*' -type f | sort |
    xargs grep -nE '\(\*[a-z_]*\)\(|\(\*const [a-z_]*\)\(' | grep -v '^[^:]*:[0-9]*: *\*' | sed 's/^/FAIL function pointer: /') || true
[ -z "$out" ] || { echo "$out"; exit 1; }
echo "ok no indirect branch in the kernel"
