#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What cordon-acpi understands of real tables agrees with what others do: iasl for DMAR, _PRT and the IVRS blocks
# that it knows, the bytes themselves for all of IVRS.
set -u
tool=build/host/cordon-acpi
corpus=../shared/acpi-corpus
[ -d "$corpus" ] || { echo "no $corpus: there is nothing to compare with"; exit 77; }
[ -x "$tool" ] || { echo "FAIL $tool is not built"; exit 1; }
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
bad=0
iasl -v >/dev/null 2>&1 && iasl=yes || iasl=no

# same KIND FILE: our records in $d/ours, theirs in $d/theirs
same() {
    sort "$d/ours" >"$d/1"
    sort "$d/theirs" >"$d/2"
    [ -s "$d/2" ] && cmp -s "$d/1" "$d/2" && return
    echo "FAIL $1 of $2: <ours >theirs"
    diff "$d/1" "$d/2" | head -5
    bad=$((bad + 1))
}
decode() { # decode FILE: what iasl makes of it, in $d/t.dsl
    rm -f "$d"/t.*
    cp "$1" "$d/t.dat"
    t=$(basename "$(dirname "$1")")-$(basename "$1" .bin)
    [ ! -s "$d/all/$t.dsl" ] || mv "$d/all/$t.dsl" "$d/t.dsl"
    [ -s "$d/t.dsl" ] || (cd "$d" && timeout 60 iasl -d t.dat >/dev/null 2>&1)
    [ -s "$d/t.dsl" ] || { echo "FAIL iasl cannot read $1"; bad=$((bad + 1)); }
}
# One run for all tables that are data is quicker than 300.
mkdir "$d/all"
if [ $iasl = yes ]; then
    for f in "$corpus"/DMAR/*.bin "$corpus"/IVRS/*.bin; do
        cp "$f" "$d/all/$(basename "$(dirname "$f")")-$(basename "$f" .bin).dat"
    done
    (cd "$d/all" && timeout 60 iasl -d ./*.dat >/dev/null 2>&1)
fi

ivrs=0
for f in "$corpus"/IVRS/*.bin; do
    $tool "$f" >"$d/out" || { echo "FAIL $f is refused"; bad=$((bad + 1)); }
    sed -n -e 's/^ivhd=[0-9]* \(type=.*\) unit=.*/ivhd \1/p' -e 's/ hid=.*//' -e 's/^entry=[0-9]* ivhd=[0-9]* /entry /p' \
        -e 's/^reserved=[0-9]* \(base=[^ ]*\) limit=[^ ]* \(type=.. flags=..\) .*/reserved \1 \2/p' "$d/out" >"$d/ours"
    od -An -v -tu1 "$f" | awk -f tests/acpi/ivrs.awk >"$d/theirs"
    same "IVRS blocks and entries" "$f"
    ivrs=$((ivrs + 1))
done
[ $iasl = yes ] || { echo "no iasl (package acpica-tools): DMAR and _PRT are not compared, $ivrs IVRS agree with their bytes"
    [ $bad = 0 ] && exit 77; exit 1; }

for f in "$corpus"/IVRS/*.bin; do
    $tool "$f" >"$d/out"
    sed -n -e 's/^ivhd=[0-9]* type=\(1[01]\) base=\([^ ]*\) .* entries=\([0-9]*\).*/\1 \2 \3/p' \
        -e 's/^reserved=[0-9]* base=\([^ ]*\) .* type=\(..\) .*/\2 \1/p' "$d/out" >"$d/ours"
    decode "$f"
    # Of a unit's blocks only the highest counts: those of 40h are not iasl's to judge.
    awk 'NR == FNR { mine[$1 " " $2] = 1; next } ($1 " " $2) in mine' "$d/ours" - >"$d/theirs" <<EOF
$(awk -f tests/acpi/ivrs_iasl.awk "$d/t.dsl")
EOF
    [ ! -s "$d/ours" ] || same "IVRS by iasl" "$f"
done

dmar=0
for f in "$corpus"/DMAR/*.bin; do
    $tool "$f" >"$d/out" || { echo "FAIL $f is refused"; bad=$((bad + 1)); }
    sed -n -e 's/^unit=[0-9]* \(base=[^ ]* segment=[^ ]*\) .*\( all=.\).*/unit \1\2/p' \
        -e 's/^reserved=[0-9]* /reserved /p' \
        -e 's/^scope=[0-9]* [a-z]*=[0-9]* type=\([a-z]*\) id=\([0-9]*\) segment=.... bus=\(..\) path=\(.*\)/\1 \2 \3 \4/p' "$d/out" |
        awk '/^(unit|reserved)/ { print; next } { printf "scope type=%s id=%02x bus=%s path=%s\n", $1, $2, $3, $4 }' >"$d/ours"
    decode "$f"
    awk -f tests/acpi/dmar.awk "$d/t.dsl" >"$d/theirs"
    same "DMAR" "$f"
    dmar=$((dmar + 1))
done

prt=0
routes=0
for f in "$corpus"/DSDT/*.bin; do
    $tool "$f" >"$d/out" || { echo "FAIL $f is refused"; bad=$((bad + 1)); }
    sed -n -e 's/ why=.*//' -e 's/ irqs=[0-9,]*//' \
        -e 's/^prt=.* device=\(..\) pin=\(.\) gsi=[0-9]* link=\([^ ]*\) name=\([^ ]*\)$/\4 \1 \2 \3/p' \
        -e 's/^prt=.* device=\(..\) pin=\(.\) gsi=\([0-9]*\) name=\([^ ]*\)$/\4 \1 \2 \3/p' "$d/out" >"$d/ours"
    decode "$f"
    awk -f tests/acpi/prt.awk "$d/t.dsl" >"$d/theirs"
    same "_PRT" "$f"
    prt=$((prt + 1))
    routes=$((routes + $(wc -l <"$d/ours")))
done
[ $bad = 0 ] || { echo "FAIL $bad comparisons"; exit 1; }
[ $((dmar * ivrs * prt)) -gt 0 ] || { echo "FAIL nothing was compared"; exit 1; }
echo "ok $dmar DMAR, $ivrs IVRS, $prt DSDT with $routes routes: all agree"
