#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: project
# timeout: 180
#
# What `make install` lays out is usable by a program outside of the tree: through pkg-config
# (shared and static) and through the CMake package; its symbols carry the interface's version.
. "${0%/*}/lib.sh"
need pkg-config cmake readelf
case "$(sed -n 's/^ODDITY_SANITIZE:[A-Z]*=//p' "$BUILD/CMakeCache.txt")" in
?*) skip_all "a sanitizer's build is not for installing" ;;
esac
top=$PWD
root=$top/root/usr/local
ok "installs under DESTDIR" env DESTDIR="$top/root" cmake --install "$BUILD" --prefix /usr/local
pc=$(find "$root" -name oddity.pc)
lib=$(dirname "$(find "$root" -name liboddity.so)")
PKG_CONFIG_PATH=$(dirname "$pc")
LD_LIBRARY_PATH=$lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH
answer="EIO: .*no-such-model.* \(oddity $(sed -n 's/^#define ODDITY_VERSION "\(.*\)"/\1/p' \
    "$SOURCE/include/oddity/oddity.h")\)"

is "its version is the header's" "$(pkg-config --modversion oddity)" \
    "$(sed -n 's/^#define ODDITY_VERSION "\(.*\)"/\1/p' "$SOURCE/include/oddity/oddity.h")"
like "the SONAME has the interface's number" "$(readelf -d "$lib/liboddity.so")" 'SONAME.*\[liboddity\.so\.0\]'
is "every exported symbol is versioned" "$(readelf --dyn-syms -W "$lib/liboddity.so" |
    awk '$7 != "UND" && $8 ~ /odd_/ && $8 !~ /@@ODDITY_0/ { n++ } END { print n + 0 }')" 0

# shellcheck disable=SC2046
ok "compiles and links through pkg-config" "${CC:-cc}" -std=c11 "$SOURCE/tests/api/use.c" -o shared \
    $(pkg-config --cflags --libs oddity)
exits 3 "   and runs" ./shared
has "   and says what is wrong" out "$answer"
static=$(pkg-config --static --libs oddity | sed 's/-loddity/-l:liboddity.a/')
# shellcheck disable=SC2046,SC2086
ok "links the static library" "${CC:-cc}" -std=c11 "$SOURCE/tests/api/use.c" -o static \
    $(pkg-config --cflags oddity) $static
exits 3 "   and runs" env -u LD_LIBRARY_PATH ./static
has "   and says what is wrong" out "$answer"

mkdir outside
cp "$SOURCE/tests/api/use.c" outside/
cat >outside/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(outside LANGUAGES C)
find_package(oddity 0.1 REQUIRED)
add_executable(use use.c)
target_link_libraries(use PRIVATE oddity::oddity)
END
ok "find_package(oddity) is found" cmake -S outside -B outside/build -DCMAKE_PREFIX_PATH="$root" \
    -DCMAKE_C_COMPILER="${CC:-cc}"
ok "   and builds" cmake --build outside/build
exits 3 "   and runs" outside/build/use
has "   and says what is wrong" out "$answer"
ok "the tool runs from where it was installed" "$root/bin/oddity" version
finish
