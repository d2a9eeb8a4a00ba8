#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Files of at most 500 code lines, functions of at most 60 lines, the kernel within its bound (decision 0005).
# An exception is a comment in the file, "lint: long-file REASON", or in the function, "lint: long-function REASON".
set -eu
files=$(find kernel drivers monitor vmm linker tests \( -name '*.c' -o -name '*.h' -o -name '*.S' \) -type f | sort)
# shellcheck disable=SC2086
long=$(awk -f tests/lint/lines.awk $files | while read -r n f; do
    [ "$n" -le 500 ] || grep -q 'lint: long-file [a-z]' "$f" || echo "FAIL $f: $n code lines (500)"
done)
# A body is what lies between braces in column 0.
# shellcheck disable=SC2086
functions=$(awk '/^\{/ { start = FNR; ok = 0 } /lint: long-function [a-z]/ { ok = 1 }
     /^\}/ { if (start && FNR - start - 1 > 60 && !ok) print "FAIL " FILENAME ":" start ": function of " FNR - start - 1 " lines (60)"; start = 0 }
     FNR == 1 { start = 0 }' $files)
kernel=$(sh tests/lint/kernel_lines.sh) || functions="$functions
FAIL $kernel"
[ -z "$long$functions" ] || { printf '%s\n' "$long" "$functions"; exit 1; }
printf "ok %s files; %s\n" "$(echo "$files" | wc -l)" "$(echo "$kernel" | tr -s " \n" " ")"
