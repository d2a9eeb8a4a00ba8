# SPDX-License-Identifier: BSD-2-Clause
# Code lines: not blank, not comment alone. Prints "lines file" for each file.
function done() { if (name != "") print n, name }
FNR == 1 { done(); n = 0; name = FILENAME; inside = 0 }
{
    s = $0
    out = ""
    while (s != "") {
        if (inside) {
            i = index(s, "*/")
            if (!i) { s = ""; break }
            s = substr(s, i + 2); inside = 0
        } else {
            i = index(s, "/*"); j = index(s, "//")
            if (j && (!i || j < i)) { out = out substr(s, 1, j - 1); s = ""; break }
            if (!i) { out = out s; s = ""; break }
            out = out substr(s, 1, i - 1); s = substr(s, i + 2); inside = 1
        }
    }
    if (out ~ /[^ \t\r]/) n++
}
END { done() }
