#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: project
#
# oddity.h compiles alone, without a warning, as C11, C17 and C++17, by every compiler at hand;
# and a program of every public struct and status compiles with it.
. "${0%/*}/lib.sh"
header=$SOURCE/include/oddity/oddity.h
flags="-Wall -Wextra -Wpedantic -Werror -Wconversion -Wstrict-prototypes -fsyntax-only"

compile() { # DESCRIPTION COMPILER LANGUAGE STANDARD FLAGS FILE
    if ! command -v "$2" >/dev/null; then
        skip "$1" "no $2 here"
        return
    fi
    # shellcheck disable=SC2086
    ok "$1" "$2" -x "$3" -std="$4" $5 -I "$SOURCE/include" "$6"
}

for compiler in gcc clang; do
    for standard in c11 c17; do
        compile "$compiler, $standard" "$compiler" c "$standard" "$flags" "$header"
        compile "$compiler, $standard, a program" "$compiler" c "$standard" "$flags" "$SOURCE/tests/api/use.c"
    done
done
for compiler in g++ clang++; do
    compile "$compiler, c++17" "$compiler" c++ c++17 "${flags%-Wstrict*} -fsyntax-only" "$header"
    compile "$compiler, c++17, a program" "$compiler" c++ c++17 "${flags%-Wstrict*} -fsyntax-only" \
        "$SOURCE/tests/api/use.c"
done
printf '#include <stddef.h>\n#include "oddity/oddity.h"\nstruct odd_context c;\n' >opaque.c
fails "the types are opaque" gcc -std=c17 -fsyntax-only -I "$SOURCE/include" opaque.c
is "the header includes nothing but stdbool, stddef and stdint" \
    "$(sed -n 's/^ *# *include *//p' "$header" | sort | tr '\n' ' ')" "<stdbool.h> <stddef.h> <stdint.h> "
is "no vendor's type is in it" "$(grep -ciE 'vips|dnnl|json_t|glib|yaml_' "$header")" 0
finish
