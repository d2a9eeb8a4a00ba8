#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# bench.sh BUILD: runs the cases named bench* one at a time and prints their figures, in instructions.
set -eu
B=$1
: >"$B/bench.out"
for c in bench-micro bench-print bench-native-entry bench-native bench-boot; do
    "$B/run" "system/$c" >>"$B/bench.out" 2>&1 || { cat "$B/bench.out"; exit 1; }
done
cat "$B/test/bench-micro/serial.log" "$B/test/bench-print/serial.log" | tr -d '\r' | grep '^bench op='
sh tests/bench/limits.sh "$B/test/bench-micro/serial.log"
sh tests/bench/boot.sh "$B/test"
echo "one tick is one instruction of the emulated CPU (-icount shift=0); median and maximum of 2,000"
