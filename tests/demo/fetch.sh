#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Fetches stock Debian kernels and busybox without installing them: fetch.sh DIR
# Leaves DIR/vmlinuz (standard), DIR/vmlinuz-cloud, DIR/busybox, DIR/modules/*.ko
# (what e1000e needs, DIR/modules/order in insertion order), DIR/carrier/* the same for rig NV, and DIR/fetched.
set -eu
out=$1
tmp=$out/fetch.tmp
rm -rf "$tmp"
mkdir -p "$tmp"
cd "$tmp"

# The meta package's dependency is the versioned package that holds the files.
real() { apt-cache depends "$1" | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1; }
get() { # get PACKAGE -> unpacked in ./PACKAGE
    [ -n "$1" ] || { echo "fetch: no such package in the lists; try: apt-get update" >&2; exit 1; }
    echo "  GET   $1"
    apt-get download -qq "$1" 2>apt.log || { cat apt.log >&2; exit 1; }
    dpkg-deb -x "$1"_*.deb "$1"
    rm -f "$1"_*.deb
}
standard=$(real linux-image-amd64)
cloud=$(real linux-image-cloud-amd64)
get "$cloud"
get "$standard"
get busybox-static
cp "$cloud"/boot/vmlinuz-* ../vmlinuz-cloud
cp "$standard"/boot/vmlinuz-* ../vmlinuz
cp "$(find busybox-static -path '*/bin/busybox' -type f | head -n 1)" ../busybox
chmod 755 ../busybox

# A module after what it depends on; the names are in its own .modinfo.
take() ( # take PACKAGE FOLDER MODULE
    grep -qx "$3.ko" "../$2/order" 2>/dev/null && exit 0
    file=$(find "$1" \( -name "$3.ko" -o -name "$3.ko.xz" -o -name "$(echo "$3" | tr _ -).ko*" \) | head -n 1)
    [ -n "$file" ] || { echo "fetch: module $3 not in $1" >&2; exit 1; }
    mkdir -p "../$2"
    case $file in
    *.xz) ../busybox unxz -c "$file" >"../$2/$3.ko" ;;
    *) cp "$file" "../$2/$3.ko" ;;
    esac
    for dep in $(tr '\0' '\n' <"../$2/$3.ko" | sed -n 's/^depends=//p' | tr , ' '); do
        take "$1" "$2" "$dep" || exit 1
    done
    echo "$3.ko" >>"../$2/order"
)
rm -rf ../modules ../carrier
take "$standard" modules e1000e
# For the carrier Linux of rig NV (tests/nv), which says itself what it lacks.
for m in kvm-intel ata_piix sd_mod; do
    take "$cloud" carrier $m || true
done
cd ..
rm -rf fetch.tmp
: >fetched
