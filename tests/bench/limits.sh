#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# limits.sh SET LOG: the micro-benchmark's figures in LOG against what docs/performance.md promises: of an operation
# the highest median; the maximum is at most 1.2 times the median. limits.sh -l SET prints the limits.
set -eu
list=0
if [ "$1" = -l ]; then list=1; shift; fi
case $1 in
svm)          limits="cpuid=130 cpuid1=130 port_write=600 self_ipi=500" ;;
vmx)          limits="cpuid=110 cpuid1=110 port_write=550 self_ipi=20" ;;
vmx-no-apicv) limits="cpuid=110 cpuid1=110 port_write=550 self_ipi=450" ;;
*)            echo "limits.sh: no such set: $1"; exit 1 ;;
esac
if [ $list = 1 ]; then echo "limits: $limits"; exit; fi
tr -d '\r' <"$2" | awk -v limits="$limits" '
    BEGIN { n = split(limits, pair, " "); for (i = 1; i <= n; i++) { split(pair[i], p, "="); limit[p[1]] = p[2] + 0 } }
    /^bench op=/ {
        split($2, o, "="); split($3, m, "="); split($4, x, "=")
        seen[o[2]] = 1
        if (o[2] in limit && m[2] > limit[o[2]]) { print "FAIL " o[2] ": median " m[2] " above " limit[o[2]]; bad = 1 }
        if (o[2] in limit && x[2] * 10 > m[2] * 12) { print "FAIL " o[2] ": maximum " x[2] " above 1.2 times the median " m[2]; bad = 1 }
    }
    END { for (op in limit) if (!(op in seen)) { print "FAIL " op ": no figure"; bad = 1 } exit bad }'
