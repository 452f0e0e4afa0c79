#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: project
#
# Every check can fail: a small good tree passes each of them, and each breach, planted alone, is
# found and named. (Pieces of forbidden words are put together here, so that this file passes.)
. "${0%/*}/lib.sh"
need python3

fresh() { # a small tree in which there is nothing to find
    rm -rf tree
    mkdir -p tree/src/base tree/src/pixels tree/src/image tree/src/graph tree/src/backend/host/dnnl \
        tree/src/method/aaa tree/src/method/bbb tree/cli tree/tools tree/cmake tree/docs/methods \
        tree/include/oddity
    for folder in src/base src/pixels src/image src/graph src/backend/host/dnnl src/method \
        src/method/aaa src/method/bbb cli tools cmake docs; do
        echo "# words" >"tree/$folder/README.md"
    done
    cp "$SOURCE/docs/layers.txt" tree/docs/
    : >tree/tools/size-exceptions.txt
    for one in src/base/a.c src/base/b.h src/pixels/a.c src/pixels/a.h src/image/a.c src/graph/a.c \
        src/backend/host/dnnl/a.c src/method/method.h src/method/aaa/aaa.c src/method/bbb/bbb.h \
        src/method/aaa/aaa_test.c cli/main.c include/oddity/oddity.h; do
        echo "/* SPDX-License-Identifier: Apache-2.0 */" >"tree/$one"
    done
    echo "METHOD(aaa)" >tree/src/method/methods.def
    echo "[aaa](methods/aaa.md)" >>tree/docs/README.md
    echo "# aaa" >tree/docs/methods/aaa.md
}

good() { # CHECK
    fresh
    ok "check-$1 passes a good tree" "$SOURCE/tools/check-$1" --root tree
}

bad() { # CHECK PATTERN FILE LINES...: with these lines added to the file the check finds PATTERN
    check=$1 pattern=$2 file=$3
    shift 3
    fresh
    [ $# = 0 ] || printf '%s\n' "$@" >>"tree/$file"
    "$SOURCE/tools/check-$check" --root tree >found 2>&1 </dev/null
    is "check-$check refuses: $pattern" "$?" 1
    has "   and says so" found "^$file:[0-9]+: .*$pattern"
}

repeat() { # COUNT TEXT
    awk -v n="$1" -v text="$2" 'BEGIN { for (i = 0; i < n; i++) print text }'
}

good layers
bad layers "may not include .pixels/a.h" src/base/a.c '#include "pixels/a.h"'
bad layers "may not include <vips/vips.h>" src/pixels/a.c '#include <vips/vips.h>'
bad layers "may not include <dnnl.h>" src/graph/a.c '#include <dnnl.h>'
bad layers "may not include .method/bbb/bbb.h" src/method/aaa/aaa.c '#include "method/bbb/bbb.h"'
bad layers "may not include .pixels/a.h" cli/main.c '#  include "pixels/a.h"'
bad layers "may not include <cmocka.h>" src/graph/a.c '#include <cmocka.h>'
bad layers "is not a file of ours" src/graph/a.c '#include "graph/none.h"'
fresh
mkdir tree/src/extra && echo >tree/src/extra/a.c
fails "check-layers refuses a folder without a row" "$SOURCE/tools/check-layers" --root tree
fresh
printf '%s\n' '#include <vips/vips.h>' '#include "pixels/a.h"' >>tree/src/image/a.c
printf '%s\n' '#include "method/method.h"' '#include "base/b.h"' >>tree/src/method/aaa/aaa.c
echo '#include <cmocka.h>' >>tree/src/method/aaa/aaa_test.c
ok "check-layers lets pass what the table allows" "$SOURCE/tools/check-layers" --root tree

good banned
for call in 'malloc(1)' 'free (p)' 'strdup("a")' 'printf("a")' 'fprintf(stderr, "a")' 'puts("a")' \
    'exit(1)' 'abort()' 'getenv("A")' 'strcpy(a, b)' 'strcat(a, b)' 'sprintf(a, b)' 'gets(a)' \
    'alloca(1)' 'rand()' 'strtok(a, b)' 'atoi(a)' 'strtod(a, 0)' 'system(a)' 'fopen(a, b)'; do
    bad banned "${call%%[ (]*} *\(" src/graph/a.c "static void f(void) { $call; }"
done
bad banned "OpenMP" src/graph/a.c "#pragma om""p parallel for"
bad banned "OpenMP" src/graph/a.c "_Prag""ma(\"om""p simd\")"
bad banned "OpenMP" src/method/aaa/aaa_test.c "#pragma om""p parallel for"
for header in unistd.h sys/mman.h fcntl.h pthread.h time.h dlfcn.h; do
    bad banned "#include <$header>" src/graph/a.c "#include <$header>"
done
fresh
cat >>tree/src/graph/a.c <<'END'
/* free(p) in a comment, */ static const char *t = "malloc(1)"; // exit(1)
static void f(struct x *c) { c->free(c); oddi_free(c); c.free(c); snprintf(a, 1, "b"); }
END
echo 'int main(void) { printf("a"); exit(0); }' >>tree/cli/main.c
ok "check-banned lets pass members, comments, text and the tool's printing" \
    "$SOURCE/tools/check-banned" --root tree

good size
bad size "file 601, limit 600" src/graph/a.c "$(repeat 600 "/* */")"
bad size "header 20[1-3], limit 200" src/base/b.h "$(repeat 200 "/* */")"
bad size "line 111, limit 110" src/graph/a.c "/* $(repeat 105 x | tr -d '\n') */"
bad size "f: function 6[1-9], limit 60" src/graph/a.c "static int f(void)" "{" "$(repeat 59 "    g();")" "}"
bad size "f: parameters 7, limit 6" src/graph/a.c \
    "static int f(int a, int b, int c, int d, int (*e)(int, int), int g, int h)" "{" "}"
bad size "f: nesting 4, limit 3" src/graph/a.c "static void f(void)" "{" \
    "    if (a)" "        for (;;)" "            while (b) {" "                if (c)" \
    "                    g();" "            }" "}"
bad size "f: mccabe 16, limit 15" src/graph/a.c "static int f(void)" "{" \
    "    return a$(repeat 15 " && b" | tr -d '\n');" "}"
fresh
printf '%s\n' "static void f(void)" "{" "    if (a)" "        b();" "    else if (c)" "        d();" \
    "    else if (e)" "        g();" "    else if (h)" "        i();" "    else" "        k();" "}" \
    >>tree/src/graph/a.c
ok "check-size does not count else-if as nesting" "$SOURCE/tools/check-size" --root tree
seven="static int f(int a, int b, int c, int d, int e, int g, int h)"
fresh
printf '%s\n' "$seven" "{" "}" >>tree/src/graph/a.c
echo "src/graph/a.c:f parameters 7" >tree/tools/size-exceptions.txt
ok "check-size takes an exception" "$SOURCE/tools/check-size" --root tree
echo "src/graph/a.c:f parameters 8" >tree/tools/size-exceptions.txt
fails "check-size refuses an exception larger than its cause" "$SOURCE/tools/check-size" --root tree
fresh
echo "src/graph/a.c:f parameters 7" >tree/tools/size-exceptions.txt
fails "check-size refuses an exception without a cause" "$SOURCE/tools/check-size" --root tree

good docs
bad docs "41 lines, limit 40" src/graph/README.md "$(repeat 40 x)"
bad docs "METHOD.zzz. has no src/method/zzz/zzz_test.c" src/method/methods.def "METHOD(zzz)"
bad docs "METHOD.zzz. has no docs/methods/zzz.md" src/method/methods.def "METHOD(zzz)"
bad docs "docs/README.md does not name it" docs/lost.md "# lost"
bad docs "link to none.md leads nowhere" src/graph/README.md "[a](none.md)"
bad docs "no SPDX line" src/graph/new.c "int a;"
fresh
rm tree/src/graph/README.md
fails "check-docs refuses a folder without README.md" "$SOURCE/tools/check-docs" --root tree

good house
bad house "path of one machine" src/graph/a.c "/* see /ho""me/me/x */"
bad house "ticket's number" src/graph/a.c "/* see iss""ue 12 */"
bad house "who or what" docs/methods/aaa.md "as the br""ief says"
bad house "open end" src/graph/a.c "/* TO""DO */"
bad house "merge's leftover" src/graph/a.c "<<<<""<<< HEAD"
bad house "white space" docs/methods/aaa.md "words "
bad house "beside the checkout" docs/methods/aaa.md "in ../sha""red/x"
fresh
printf 'no end' >>tree/src/graph/a.c
fails "check-house refuses a file without an end" "$SOURCE/tools/check-house" --root tree

# check-names needs libraries: one of two files, good, and with each name wrong in turn.
library() { # HEADER-TEXT SOURCE-TEXT
    fresh
    printf '%s\n' "#define ODD_API" "$1" >>tree/include/oddity/oddity.h
    printf '%s\n' "$2" >tree/a.c
    mkdir -p tree/build
    "${CC:-cc}" -fPIC -c tree/a.c -o tree/a.o && ar rcs tree/build/liboddity.a tree/a.o &&
        "${CC:-cc}" -shared -o tree/build/liboddity.so tree/a.o || lib_fail "the fixture compiles"
}
names="$SOURCE/tools/check-names --root tree --build tree/build"
library "ODD_API int odd_a(int (*f)(void));" "int odd_a(void) { return 1; }"
ok "check-names passes a good library" $names
library "ODD_API int odd_a(void); ODD_API int odd_b(void);" "int odd_a(void) { return 1; }"
fails "check-names refuses what is declared and not exported" $names
library "ODD_API int odd_a(void);" "int odd_a(void) { return 1; } int odd_c(void) { return 1; }"
fails "check-names refuses what is exported and not declared" $names
library "ODD_API int odd_a(void);" \
    "int odd_a(void) { return 1; } __attribute__((visibility(\"hidden\"))) int helper(void) { return 1; }"
fails "check-names refuses a name that is not ours" $names
has "   and says so" out "helper is not static"

fresh
rm -rf tree/src tree/cli tree/include
fails "check-size refuses a tree without sources" "$SOURCE/tools/check-size" --root tree
finish
