# SPDX-License-Identifier: BSD-2-Clause
# Units, reserved regions and their scopes in what `iasl -d` made of a DMAR, as records like those of cordon-acpi.
# Field lines: [offset decimal length] name : value
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
function flush_scope() {
    if (scope != "") print scope " path=" path
    scope = path = ""
}
function flush() {
    if (kind == 0 && base != "") print "unit base=" base " segment=" segment " all=" all
    if (kind == 1 && base != "") print "reserved base=" base " limit=" limit
    base = ""
}
/Subtable Type :/ { flush_scope(); flush(); kind = value() + 0; segment = "0000" }
/PCI Segment Number :/ { segment = value() }
/^\[.*\] +Flags( \(decoded below\))? :/ { all = (value() + 0) % 2 }
/Register Base Address :/ && kind == 0 { base = plain(value()) }
/\] +Base Address :/ && kind == 1 { base = plain(value()) }
/End Address/ && kind == 1 { limit = plain(value()) }
/Device Scope Type :/ {
    flush_scope()
    flush()
    split("endpoint bridge ioapic hpet namespace", name, " ")
    if (kind <= 1) scope = "scope type=" name[value() + 0]
}
/Enumeration ID :/ { if (scope != "") scope = scope " id=" value() }
/PCI Bus Number :/ { if (scope != "") scope = scope " bus=" value() }
/PCI Path :/ {
    split(value(), hop, ",")
    path = path (path == "" ? "" : "/") hop[1] "." plain(hop[2])
}
END { flush_scope(); flush() }
