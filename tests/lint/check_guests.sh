#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/guest/list: every guest test kernel runs on SVM and on VT-x, or says why not. A case counts when it is on a rig of
# that back end, brings the kernel, and its manifest has a guest of it that starts by itself or that the case starts.
set -eu
awk '
function fail(text) { print "FAIL " text; bad = 1 }
function set(c, k, v) { if (k == "rig" || k == "manifest") { if (!((c, k) in first)) first[c, k] = v } else lines[c, k] = lines[c, k] v "\n" }
function same(c, from,    i, n, part) {
    n = split("rig manifest", part, " ")
    for (i = 1; i <= n; i++) if ((from, part[i]) in first) set(c, part[i], first[from, part[i]])
    n = split("module send guest", part, " ")
    for (i = 1; i <= n; i++) lines[c, part[i]] = lines[c, part[i]] lines[from, part[i]]
}
# Is the guest whose section was read last of this kernel, with this word, and does it start?
function runs(c, kernel, word) {
    return image == kernel && (word == "" || cmdline == word) &&
           (auto || index("\n" lines[c, "send"], "\nstart " vm "\n") || index("\n" lines[c, "guest"], "\n" vm "\n"))
}
function starts(c, kernel, word,    line, hit) {
    image = ""
    while ((getline line < first[c, "manifest"]) > 0) {
        if (line ~ /^\[/) {
            if (runs(c, kernel, word)) hit = 1
            vm = line; gsub(/^\[vm *|\].*/, "", vm); image = cmdline = ""; auto = 1
        }
        if (line ~ /^kernel *=/) { image = line; gsub(/.*\/|\.elf.*/, "", image) }
        if (line ~ /^cmdline *=/) { cmdline = line; sub(/^cmdline *= */, "", cmdline) }
        if (line ~ /^autostart *= *no/) auto = 0
    }
    close(first[c, "manifest"])
    return hit || runs(c, kernel, word)
}
function check(c, vtx, name, kernel, word) {
    if (!(c in known)) return fail(name ": no case " c)
    if ((first[c, "rig"] ~ /^(bochs|nv)/) != vtx) return fail(name ": " c " is not a case on " (vtx ? "VT-x" : "SVM"))
    if (!index("\n" lines[c, "module"], "\nguests/" kernel ".elf=")) return fail(name ": " c " does not bring " kernel ".elf")
    if (!starts(c, kernel, word)) fail(name ": " c " does not start it")
}
FNR == 1 { file++ }
/^#/ || !NF { next }
file == 1 {
    if (/^\[/) { c = $2; sub(/\].*/, "", c); known[c]; next }
    value = $0; sub(/^[^=]*= */, "", value); sub(/ *$/, "", value)
    if ($1 == "like") same(c, value); else set(c, $1, value)
    next
}
{
    n = split($1, part, ":"); listed[part[1]]; rows++
    if (n == 2) words[part[1], part[2]]
    for (i = 2; i <= 3; i++)
        if ($i != "-") check($i, i == 3, $1, part[1], n == 2 ? part[2] : "")
    if (($2 == "-" || $3 == "-") && NF < 5) fail($1 ": runs on one back end only and does not say why")
    if ($2 != "-" && $3 != "-" && NF > 3) fail($1 ": a reason, but both cases are there")
}
END {
    while (("ls tests/guest/*.c tests/bench/*.c" | getline path) > 0) {
        k = path; sub(/.*\//, "", k); sub(/\.c$/, "", k); sources[k]
        if (!(k in listed)) fail(path " is not in tests/guest/list")
    }
    for (k in listed) if (!(k in sources)) fail("tests/guest/list: no source of " k)
    if (!rows) fail("tests/guest/list is empty")
    if (!bad) print "ok " rows " guest tests, on SVM and VT-x or with a reason"
    exit bad
}' tests/system/cases.cfg tests/guest/list
