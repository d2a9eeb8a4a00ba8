#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every header compiles alone, and every .c includes its own header first.
set -eu
CC=${CC:-gcc}
fail=0
find kernel drivers monitor vmm -name '*.h' -type f | sort | xargs -P 4 -n 8 sh -c 'cc=$0; rc=0
    for h; do
        $cc -std=c11 -ffreestanding -mgeneral-regs-only -I. -Wall -Wextra -Werror -fsyntax-only -DCORDON_VERSION="\"0\"" \
            -include "$h" -x c /dev/null 2>/dev/null || { echo "FAIL $h does not compile alone"; rc=1; }
    done; exit $rc' "$CC" || fail=1
for c in $(find kernel drivers monitor vmm -name '*.c' -type f | sort); do
    h=${c%.c}.h
    [ -e "$h" ] || continue
    first=$(sed -n 's/^#include "\(.*\)"/\1/p;/^#include </{s/.*/system/p}' "$c" | head -n 1)
    [ "$first" = "$h" ] || { echo "FAIL $c: first include is $first, not its own header"; fail=1; }
done
[ $fail = 0 ] && echo "ok headers stand alone"
exit $fail
