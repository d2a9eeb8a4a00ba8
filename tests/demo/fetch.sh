#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Fetches stock Debian kernels and busybox without installing them: fetch.sh DIR
# Leaves DIR/vmlinuz (standard), DIR/vmlinuz-cloud, DIR/busybox, DIR/modules/*.ko
# (what e1000e needs, DIR/modules/order in insertion order) and DIR/fetched.
set -eu
out=$1
tmp=$out/fetch.tmp
rm -rf "$tmp"
mkdir -p "$tmp" "$out/modules"
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
take() {
    grep -qx "$1.ko" ../modules/order && return
    file=$(find "$standard" \( -name "$1.ko" -o -name "$1.ko.xz" -o -name "$(echo "$1" | tr _ -).ko*" \) | head -n 1)
    [ -n "$file" ] || { echo "fetch: module $1 not in $standard" >&2; exit 1; }
    case $file in
    *.xz) ../busybox unxz -c "$file" >"../modules/$1.ko" ;;
    *) cp "$file" "../modules/$1.ko" ;;
    esac
    for dep in $(tr '\0' '\n' <"../modules/$1.ko" | sed -n 's/^depends=//p' | tr , ' '); do
        take_dep "$dep"
    done
    echo "$1.ko" >>../modules/order
}
take_dep() { (take "$1"); }
: >../modules/order
take e1000e
cd ..
rm -rf fetch.tmp
: >fetched
