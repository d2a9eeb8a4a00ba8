#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The fuzz targets still compile: `make check` does not build them, `make fuzz` runs them.
set -eu
CC=${CC:-gcc}
n=0
fail=0
for f in tests/fuzz/fuzz_*.c tests/fuzz/world/*.c; do
    [ -e "$f" ] || continue
    n=$((n + 1))
    $CC -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -fno-builtin -DCORDON_HOST -DCORDON_VERSION='"0"' -Itests/unit/fake -Itests/unit -I. \
        "$f" >/dev/null 2>&1 || { echo "FAIL $f does not compile"; fail=1; }
done
[ $fail = 0 ] && echo "ok $n fuzz sources compile"
exit $fail
