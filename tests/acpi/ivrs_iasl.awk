# SPDX-License-Identifier: BSD-2-Clause
# How many device entries `iasl -d` sees in each IVHD block, and the memory blocks: "TYPE BASE COUNT", "TYPE BASE".
# Padding and the ends of ranges do not count.
function value(   v) {
    v = $0
    sub(/^[^:]*: */, "", v)
    sub(/ .*/, "", v)
    return tolower(v)
}
function plain(v) {
    sub(/^0+/, "", v)
    return v == "" ? "0" : v
}
function flush() {
    if (type ~ /^(10|11)$/) print type, base, count
    count = 0
}
/Subtable Type :/ { flush(); type = value() }
/Base Address :/ { base = plain(value()) }
/Entry Type :/ { if (value() !~ /^0[04]$/) count++ }
/Start Address :/ { if (type ~ /^2[012]$/) print type, plain(value()) }
END { flush() }
