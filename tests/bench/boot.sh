#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# boot.sh FOLDER: a quiet boot of the Debian cloud kernel to its first process, under Cordon against native,
# in instructions from the kernel's start; and the exits that it took. FOLDER holds one folder a case.
set -eu
text() { tr -d '\r' <"$1/$2/serial.log"; }
hex() { text "$1" "$2" | sed -n "s/.*bench boot $3=0x\([0-9a-f]*\).*/\1/p" | tail -n 1; }
entry=$((0x$(hex "$1" bench-native-entry entry_tsc)))
native=$((0x$(hex "$1" bench-native init_tsc) - entry))
start=$(text "$1" bench-boot | sed -n 's/.*the guest starts at TSC \([0-9]*\).*/\1/p' | tail -n 1)
cordon=$((0x$(hex "$1" bench-boot init_tsc) - start))
exits=$(text "$1" bench-boot | sed -n 's/.*vm=bench .*exits=\([0-9]*\).*/\1/p' | tail -n 1)
ratio=$((cordon * 1000 / native))
echo "bench op=boot native=$native cordon=$cordon ratio=$((ratio / 1000)).$(printf %03d $((ratio % 1000))) exits=$exits"
[ "$ratio" -le 1050 ] || { echo "FAIL more than 1.05 times the native instructions"; exit 1; }
[ "$exits" -lt 10000 ] || { echo "FAIL 10000 exits or more"; exit 1; }
