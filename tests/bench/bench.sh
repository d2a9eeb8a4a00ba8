#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs the system cases whose names start with "bench" and prints the lines that their guests print as "bench: ...".
set -eu
B=$1
"$B/run" 'system/bench*' >"$B/bench.out" 2>&1 || { cat "$B/bench.out"; exit 1; }
for log in "$B"/test/bench*/serial.log; do
    [ -e "$log" ] || { echo "bench: no case has run"; exit 1; }
    tr -d '\r' <"$log" | sed -n 's/.*\(bench: \)/\1/p'
done
tail -n 1 "$B/bench.out"
