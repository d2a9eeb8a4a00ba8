#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What runs in ring 0, in code lines. A machine runs one back end of each kind: the bound is on the largest of them.
find kernel drivers \( -name '*.c' -o -name '*.h' -o -name '*.S' \) -type f ! -path 'kernel/boot/*' ! -path 'kernel/abi/rt/*' |
    sort | xargs awk -f tests/lint/lines.awk | awk '
    function max(a, b) { return a > b ? a : b }
    { all += $1 }
    { split($2, part, "/"); n[part[3] ~ /^(svm|vmx|vtd|amdvi)$/ ? part[3] : "rest"] += $1 }
    END {
        one = n["rest"] + max(n["vtd"], n["amdvi"]) + max(n["svm"], n["vmx"])
        printf "%-22s %6d lines (bound 10000, decision 0005)\n", "kernel on a machine", one
        printf "%-22s %6d lines (bound 11650)\n", "kernel, both vendors", all
        exit one >= 10000 || all >= 11650
    }'
