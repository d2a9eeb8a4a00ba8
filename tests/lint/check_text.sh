#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# volatile and inline assembly only where they belong; no leftovers; SPDX lines; known spec tags.
set -eu
fail=0
src() { find "$@" \( -name '*.c' -o -name '*.h' -o -name '*.S' \) -type f | sort; }
say() { [ -z "$1" ] || { printf '%s\n' "$1"; fail=1; }; }

# volatile: only kernel/arch/hw.h ("__asm__ volatile" is another word).
say "$(src kernel drivers monitor vmm | grep -v '^kernel/arch/hw\.h$' | xargs awk '
    { s = $0; gsub(/__asm__[ \t]+(volatile|__volatile__)/, "", s); sub(/\/\*.*/, "", s); sub(/^ \*.*/, "", s) }
    s ~ /(^|[^a-z_A-Z])volatile([^a-z_A-Z]|$)/ { print "FAIL " FILENAME ":" FNR ": volatile outside hw.h" }')"
say "$(src kernel drivers monitor vmm | grep -vE '^kernel/(arch|boot|virt/[a-z]+|abi/rt)/|^kernel/lib/(base\.h|str\.c)$' | xargs awk '
    /(^|[^a-z_A-Z])(__asm__|asm)[ \t(]/ { print "FAIL " FILENAME ":" FNR ": inline assembly here" }')"
# The words are split so that this file does not find itself.
words="TO""DO|FIX""ME|XX""X|HA""CK"
say "$( (src kernel drivers monitor vmm linker tests; find tests \( -name '*.sh' -o -name '*.cfg' -o -name '*.awk' \) -type f; echo Makefile) |
    xargs grep -nE "(^|[^A-Za-z0-9_])($words)([^A-Za-z0-9_]|\$)" | sed 's/^/FAIL leftover: /' || true)"
say "$(src kernel drivers monitor vmm linker tests | while read -r f; do
    head -n 3 "$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || echo "FAIL $f: no SPDX line"
done)"
say "$(src kernel drivers monitor vmm linker tests | xargs awk '
    /[ \t]+$/ { print "FAIL " FILENAME ":" FNR ": space at the end of the line" }
    length($0) > 140 && !/\/\* link:/ { print "FAIL " FILENAME ":" FNR ": line of " length($0) " characters (140)" }')"
# [KEY section]: KEY must be a row of docs/specs.md.
keys=$(awk -F'|' '/^\|/ { gsub(/[ ,]+/, " ", $2); printf "%s ", $2 }' docs/specs.md)
say "$(src kernel drivers monitor vmm linker | xargs awk -v keys=" $keys" '
    { s = $0
      while (match(s, /\[[A-Z0-9][A-Za-z0-9-][A-Za-z0-9-]+ [0-9A-F][0-9A-Za-z.]*(, [0-9A-Za-z.]+)*\]/)) {
          t = substr(s, RSTART + 1, RLENGTH - 2); k = t; sub(/ .*/, "", k)
          if (index(keys, " " k " ") == 0) print "FAIL " FILENAME ":" FNR ": spec tag [" t "]: " k " is not in docs/specs.md"
          s = substr(s, RSTART + RLENGTH)
      } }')"
[ $fail = 0 ] && echo "ok text rules"
exit $fail
