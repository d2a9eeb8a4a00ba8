#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Gets what `make run` and `make test` need on Debian 12 or 13: setup.sh STAMP
# Installs missing packages when root or a password-less sudo may; otherwise
# prints the one command to type. Without Bochs alone there is less to test, and that is all.
set -eu
need=
want() { # want PACKAGE TEST...
    pkg=$1
    shift
    "$@" >/dev/null 2>&1 || need="$need $pkg"
}
want gcc gcc --version
want libc6-dev test -e /usr/include/stdio.h
want binutils ld --version
want qemu-system-x86 qemu-system-x86_64 --version
want bochs test -x /usr/bin/bochs-bin
want bochsbios test -e /usr/share/bochs/BIOS-bochs-latest
want acpica-tools iasl -v
want ovmf test -e /usr/share/OVMF/OVMF_CODE_4M.fd
# The kernels' and busybox's packages are fetched by apt-get download: that needs the lists.
lists() { apt-cache show busybox-static && apt-cache show linux-image-amd64; }
update=
lists >/dev/null 2>&1 || update=yes
if [ -n "$need$update" ]; then
    cmd="apt-get update"
    [ -z "$need" ] || cmd="$cmd && apt-get install -y --no-install-recommends$need"
    if [ "$(id -u)" = 0 ]; then
        as=
    elif sudo -n true 2>/dev/null; then
        as="sudo -n"
    elif [ -z "$(echo "$need" | sed 's/ bochs\(bios\)\?//g')$update" ]; then
        echo "setup: without$need the cases in Bochs will be skipped"
        as=:
    else
        echo "setup: missing:${need:- package lists}. Type this once, then again what you typed:" >&2
        echo "    sudo sh -c '$cmd'" >&2
        exit 1
    fi
    [ "$as" = : ] || echo "setup: $cmd"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    $as apt-get update -qq
    # shellcheck disable=SC2086
    [ -z "$need" ] || $as apt-get install -y -qq --no-install-recommends $need >/dev/null
fi
mkdir -p "$(dirname "$1")"
: >"$1"
