#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The Makefile's lists name every source there is, and nothing else; no loader's source is in the kernel.
set -eu
listed=$(make -s --no-print-directory print-sources | tr ' ' '\n' | sed '/^$/d' | sort -u)
found=$(find kernel drivers monitor vmm \( -name '*.c' -o -name '*.S' \) -type f | sort -u)
extra=$(printf '%s\n' "$found" | while read -r f; do printf '%s\n' "$listed" | grep -qx "$f" || echo "FAIL $f is in no list of the Makefile"; done)
gone=$(printf '%s\n' "$listed" | while read -r f; do [ -e "$f" ] || echo "FAIL the Makefile lists $f, which is not there"; done)
kernel=$(make -s --no-print-directory print-kernel | tr ' ' '\n' | sed -n 's|^kernel/boot/.*|FAIL the kernel links &, which is a loader'"'"'s|p')
[ -z "$extra$gone$kernel" ] || { printf '%s\n' "$extra" "$gone" "$kernel" | sed '/^$/d'; exit 1; }
echo "ok $(printf '%s\n' "$listed" | wc -l) sources listed"
