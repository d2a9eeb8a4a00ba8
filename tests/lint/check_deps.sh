#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Include directions. The table below is STYLE part C; a file may always include its own layer.
set -eu
out=$(find kernel drivers monitor vmm linker \( -name '*.c' -o -name '*.h' -o -name '*.S' \) -type f | sort | xargs awk '
function layer(f,  p) {
    if (f == "kernel/config.h") return "config"
    if (f ~ /^kernel\/[^\/]*$/) return "main"
    split(f, p, "/")
    if (p[1] == "drivers" || p[1] == "kernel") return p[2]
    return p[1]
}
function bad(why) { print "FAIL " FILENAME ":" FNR ": " why ": " $0 }
BEGIN {
    may["abi"] = ""
    may["lib"] = "abi"
    may["arch"] = "lib"
    may["log"] = "arch lib"
    may["mm"] = "arch log lib"
    may["obj"] = "mm arch log lib"
    may["sched"] = may["irq"] = "obj " may["obj"]
    may["virt"] = may["dev"] = "sched irq " may["sched"]
    may["sys"] = "virt dev " may["dev"]
    may["main"] = "sys pci iommu " may["sys"]
    may["pci"] = "log lib"
    may["iommu"] = "log lib pci"
    may["monitor"] = may["vmm"] = "abi lib"
    may["boot"] = "abi lib"
    may["linker"] = ""
    # Single headers that a layer may include beyond that.
    extra["pci kernel/arch/hw.h"] = extra["iommu kernel/arch/hw.h"] = 1
    extra["iommu kernel/mm/pmm.h"] = extra["iommu kernel/mm/ptab.h"] = 1
    extra["monitor vmm/start_page.h"] = extra["boot monitor/manifest.h"] = 1
    while ((getline line < "tests/lint/deps.extra") > 0)
        if (split(line, w, " ") >= 2 && w[1] !~ /^#/) extra[w[1] " " w[2]] = 1
}
/^[ \t]*#[ \t]*include[ \t]*</ {
    split($0, q, /[<>]/)
    from = layer(FILENAME)
    if (from == "linker" || FILENAME ~ /_main\.c$/) next
    if (q[2] !~ /^(stdint|stddef|stdbool|stdarg)\.h$/) bad("no such library here")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, q, "\"")
    to = q[2]
    if (to ~ /\.c$/) { bad("includes a .c file"); next }
    if (to !~ /\//) { bad("path from the root is wanted"); next }
    from = layer(FILENAME); l = layer(to)
    if (to ~ /^tests\//) { bad("nothing includes tests"); next }
    if (FILENAME ~ /virt\/vmx\// && to ~ /virt\/svm\// || FILENAME ~ /virt\/svm\// && to ~ /virt\/vmx\// ||
        FILENAME ~ /iommu\/vtd\// && to ~ /iommu\/amdvi\// || FILENAME ~ /iommu\/amdvi\// && to ~ /iommu\/vtd\//) { bad("vendors do not know each other"); next }
    if (to ~ /drivers\/iommu\/(vtd|amdvi)\// && from != "iommu") { bad("vendor header outside drivers/iommu"); next }
    if (from == l) next
    if ((from " " to) in extra) next
    if (l == "config" && FILENAME ~ /^(kernel|drivers)\//) next
    if (l == "abi" && FILENAME ~ /^(kernel|drivers)\//) next
    if (to ~ /^drivers\// && FILENAME ~ /^kernel\//) {
        if (from == "dev" || from == "main" || FILENAME ~ /^kernel\/irq\/(intx|irq_route)\.c$/ || FILENAME == "kernel/sys/sys_info.c") next
        bad("only dev, irq_route, intx, sys_info and main know the drivers"); next
    }
    if (index(" " may[from] " ", " " l " ")) next
    bad("layer " from " may not include layer " l)
}')
[ -z "$out" ] || { echo "$out"; exit 1; }
echo "ok includes follow the table"
