# SPDX-License-Identifier: BSD-2-Clause
# The routes of every _PRT in what `iasl -d` made of a DSDT, in APIC mode: "NAME DEVICE PIN GSI-or-LINK" per line.
# Knows the forms that real _PRTs have: a package, or a method that chooses one by a flag.
{
    sub(/\/\/.*/, "")
    gsub(/\/\*[^*]*\*\//, "")
    gsub(/^[ \t]+|[ \t]+$/, "")
    if ($0 ~ /^Case .*\{/) {             # iasl may go on in the same line
        T[++lines] = "Case"
        T[++lines] = "{"
        sub(/^Case [^{]*\{[ \t]*/, "")
    }
    if ($0 != "") T[++lines] = $0
}

function num(s,   i, v) {
    if (s == "Zero") return 0
    if (s == "One") return 1
    if (s !~ /^0x/) return s + 0
    for (i = 3; i <= length(s); i++) v = v * 16 + index("0123456789ABCDEF", toupper(substr(s, i, 1))) - 1
    return v + 0
}

# The path of a name written in a scope.
function full(scope, name) {
    gsub(/[ ()]/, "", name)
    if (substr(name, 1, 1) == "\\") return name
    while (substr(name, 1, 1) == "^") {
        name = substr(name, 2)
        sub(/\.?[^.\\]*$/, "", scope)
    }
    if (scope == "") scope = "\\"
    return scope == "\\" ? scope name : scope "." name
}

# The same for one that is used: also in the scopes around. `table` holds what there is.
function find(scope, name, table,   at) {
    at = full(scope, name)
    while (!(at in table) && name !~ /[\\.^]/ && scope != "\\") {
        if (!sub(/\.[^.]*$/, "", scope)) scope = "\\"
        at = full(scope, name)
    }
    return (at in table) ? at : ""
}

# Blocks, names, methods, devices.
function walk(i, e, scope,   word, name) {
    while (i <= e) {
        if (T[i + 1] == "{" && T[i] ~ /^(Scope|Device|Processor|PowerResource|ThermalZone|Method) \(/) {
            word = T[i]
            sub(/ .*/, "", word)
            name = T[i]
            sub(/^[A-Za-z]+ \(/, "", name)
            sub(/[,)].*/, "", name)
            name = word == "Scope" && name !~ /[\\.^]/ ? find(scope, name, D) : full(scope, name)
            if (name == "") name = full(scope, "?")
            if (word == "Method") M[name] = i
            else D[name] = i
            walk(i + 2, STOP[i + 1] - 1, name)
            i = STOP[i + 1] + 1
        } else if (T[i] ~ /^Name \(/) {
            name = T[i]
            sub(/^Name \(/, "", name)
            sub(/,.*/, "", name)
            if (T[i] ~ /Package \(/) P[full(scope, name)] = i
            word = T[i]
            if (sub(/^Name \([^,]*, /, "", word) && word ~ /^(Zero|One|0x[0-9A-F]+)\)/) {
                sub(/\).*/, "", word)
                V[full(scope, name)] = num(word)
            }
            i = T[i + 1] == "{" ? STOP[i + 1] + 1 : i + 1
        } else {
            i++                         # blocks of other kinds are looked into
        }
    }
}

# Runs lines i..e of a method. RESULT: the line of a package, or 0.
function run(i, e, scope, depth,   yes, to, at) {
    while (i <= e && RESULT == "") {
        if (T[i] ~ /^If \(/) {
            yes = T[i] ~ /CondRefOf/ || T[i] !~ /!|== (Zero|0x00)/
            to = STOP[i + 1]
            if (yes) run(i + 2, to - 1, scope, depth)
            i = to + 1
            while (T[i] ~ /^ElseIf \(/) {            # by a name that nothing sets: what it is in the table
                to = T[i]
                gsub(/^ElseIf \(|[) ]/, "", to)
                at = find(scope, to, V)
                if (!yes && (at == "" || V[at] != 0)) {
                    yes = 1
                    run(i + 2, STOP[i + 1] - 1, scope, depth)
                }
                i = STOP[i + 1] + 1
            }
            if (T[i] == "Else") {
                if (!yes) run(i + 2, STOP[i + 1] - 1, scope, depth)
                i = STOP[i + 1] + 1
            }
        } else if (T[i] ~ /^Local0 = /) {
            LOCAL = substr(T[i++], 10)
        } else if (T[i] ~ /^Return \(Package/) {
            RESULT = i
        } else if (T[i] ~ /^Return \(/) {
            to = T[i]
            sub(/^Return \(/, "", to)
            result(to ~ /^Local0/ ? LOCAL : to, scope, depth)
            if (RESULT == "") RESULT = 0
        } else {
            i = T[i + 1] == "{" ? STOP[i + 1] + 1 : i + 1
        }
    }
}

# What a name stands for: a package, or a method that returns one.
function result(name, scope, depth,   at) {
    gsub(/[ ()]/, "", name)
    at = find(scope, name, P)
    if (at != "") {
        RESULT = P[at]
        HOME = at
        sub(/\.[^.]*$/, "", HOME)
        return
    }
    at = find(scope, name, M)
    if (at == "" || depth > 4) return
    HOME = at
    run(M[at] + 2, STOP[M[at] + 1] - 1, at, depth + 1)
}

function rows(owner, i, home,   e, v, n, address, link) {
    e = STOP[i + 1]
    for (i += 2; i < e; i++) {
        if (T[i] !~ /^Package \(/) continue
        n = 0
        for (i += 2; T[i] !~ /^}/; i++) {
            v[n] = T[i]
            sub(/,.*/, "", v[n++])
        }
        address = num(v[0])
        link = v[2] ~ /^(0x|Zero|[0-9])/ ? "" : find(home, v[2], D)
        printf "%s %02x %c %s\n", owner, int(address / 65536), 65 + num(v[1]), link != "" ? link : num(v[3]) ""
    }
}

function owner_of(path) {
    sub(/\.[^.]*$/, "", path)
    return path
}

END {
    for (i = 1; i <= lines; i++) {
        if (T[i] ~ /^\{/ && T[i] !~ /}/) stack[++deep] = i
        else if (T[i] ~ /^}/ && deep > 0) STOP[stack[deep--]] = i
    }
    D["\\_SB"] = D["\\"] = D["\\_GPE"] = D["\\_PR"] = D["\\_TZ"] = 1
    walk(1, lines, "\\")
    for (path in P) if (path ~ /\._PRT$/) rows(owner_of(path), P[path], owner_of(path))
    for (path in M) if (path ~ /\._PRT$/) {
        RESULT = LOCAL = ""
        HOME = path
        run(M[path] + 2, STOP[M[path] + 1] - 1, path, 0)
        if (RESULT == "" || RESULT == 0) print owner_of(path), "?"
        else rows(owner_of(path), RESULT, HOME)
    }
}
