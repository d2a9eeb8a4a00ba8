# SPDX-License-Identifier: BSD-2-Clause
# The IVRS blocks and device entries that count, as records like those of cordon-acpi. Input: the bytes of the
# table as `od -An -v -tu1` prints them. A decoder of its own: iasl of 2020 knows no block of type 40h.
{ for (i = 1; i <= NF; i++) B[n++] = $i }
function get(at, bytes,   v) {
    while (bytes-- > 0) v = v * 256 + B[at + bytes]
    return v + 0
}
# 64 bits are more than awk's numbers hold.
function hex64(at,   s) {
    s = sprintf("%x%08x", get(at + 4, 4), get(at, 4))
    sub(/^0+/, "", s)
    return s == "" ? "0" : s
}
function entries(at, end, type,   k, len, start) {
    for (; at < end; at += len) {
        k = B[at]
        len = k == 240 && type == 64 ? 22 + B[at + 21] : k < 64 ? 4 : k < 128 ? 8 : k < 192 ? 16 : 32
        id = get(at + 1, 2)
        tail = sprintf(" setting=%02x", B[at + 3])
        if (k == 1) print "entry type=all first=0000 last=ffff" tail
        if (k == 2 || k == 66 || k == 70 || k == 240)
            printf "entry type=%s first=%04x last=%04x%s%s\n",
                   k == 2 ? "select" : k == 66 ? "alias-select" : k == 70 ? "extended-select" : "named", id, id, tail,
                   k == 66 ? sprintf(" alias=%04x", get(at + 5, 2)) : ""
        if (k == 3 || k == 67 || k == 71) {
            start = sprintf("entry type=%s first=%04x last=", k == 3 ? "range" : k == 67 ? "alias-range" : "extended-range", id)
            rest = tail (k == 67 ? sprintf(" alias=%04x", get(at + 5, 2)) : "")
        }
        if (k == 4) printf "%s%04x%s\n", start, id, rest
        if (k == 72 && (B[at + 7] == 1 || B[at + 7] == 2))
            printf "entry type=%s first=%04x last=%04x%s id=%d\n", B[at + 7] == 1 ? "ioapic" : "hpet", get(at + 5, 2),
                   get(at + 5, 2), tail, B[at + 4]
    }
}
END {
    size = get(4, 4)
    for (at = 48; at < size; at += get(at + 2, 2)) {
        unit = get(at + 4, 2) " " get(at + 16, 2)
        if ((B[at] == 16 || B[at] == 17 || B[at] == 64) && B[at] > type[unit]) {
            type[unit] = B[at]
            where[unit] = at
        }
        if (B[at] >= 32 && B[at] <= 34)
            printf "reserved base=%s type=%02x flags=%02x\n", hex64(at + 16), B[at], B[at + 1]
    }
    for (unit in where) {
        at = where[unit]
        printf "ivhd type=%02x base=%s segment=%04x flags=%02x\n", B[at], hex64(at + 8), get(at + 16, 2), B[at + 1]
        entries(at + (B[at] == 16 ? 24 : 40), at + get(at + 2, 2), B[at])
    }
}
