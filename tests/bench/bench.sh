#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# bench.sh BUILD: runs the cases with figures one at a time and prints them, in instructions, with the limits that
# each case held its figures to. A case that cannot run here is named, with the reason.
set -eu
B=$1
: >"$B/bench.out"
# figures TITLE CASE...: the cases' figures in their order. A case that is skipped says why; one that fails ends it all.
figures() {
    echo "$1"
    shift
    for c in "$@"; do
        "$B/run" "system/$c" >"$B/bench.case" 2>&1 || { cat "$B/bench.case"; exit 1; }
        cat "$B/bench.case" >>"$B/bench.out"
        if grep '^skip' "$B/bench.case"; then continue; fi
        tr -d '\r' <"$B/test/$c/serial.log" | grep '^bench op=' || :
    done
}
figures "SVM, QEMU: one tick is one instruction (-icount shift=0); median and maximum of 2,000" bench-micro bench-print
sh tests/bench/limits.sh -l svm
figures "VT-x, Bochs: one tick is one instruction" bx-bench-micro
sh tests/bench/limits.sh -l vmx
figures "the same without interrupt delivery by the CPU" bx-bench-no-apicv
sh tests/bench/limits.sh -l vmx-no-apicv
figures "Debian's cloud kernel to its first process, SVM, QEMU" bench-native-entry bench-native bench-boot
sh tests/bench/boot.sh "$B/test"
