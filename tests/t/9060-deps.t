#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: project
#
# tools/install-deps does nothing where nothing is missing, and else asks apt for what is missing,
# without questions. apt-get, sudo and id are stand-ins that note how they were called.
. "${0%/*}/lib.sh"

fresh() { # PROGRAM...: a folder of programs that has these and what the script itself needs
    rm -rf bin calls
    mkdir bin
    for one in sh env grep cat ls printf "$@"; do
        ln -s "$(command -v "$one")" "bin/$one"
    done
}
stand_in() { # NAME LINES
    printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
    chmod +x "bin/$1"
}
deps() { # CODE DESCRIPTION GROUP...
    code=$1 what=$2
    shift 2
    exits "$code" "$what" env PATH="$PWD/bin" sh "$SOURCE/tools/install-deps" "$@"
}

fresh
stand_in clang-format 'exit 0'
stand_in apt-get 'echo "$*" >>calls'
deps 0 "nothing is missing" format
is "   nothing is said" "$(cat out err)" ""
ok "   and apt is not asked" test ! -e calls

fresh
deps 1 "missing, and no apt" format
has "   the package and its reason are named" out "clang-format +.make format"

fresh touch chmod
stand_in id 'echo 0'
stand_in apt-cache 'echo "  Candidate: 1.0"'
stand_in apt-get "echo \"\$DEBIAN_FRONTEND \$*\" >>calls
case \"\$*\" in *install*) touch bin/clang-format && chmod +x bin/clang-format ;; esac"
deps 0 "missing, and installed as root" format
has "   without questions" calls "noninteractive install -q -y .*clang-format"
deps 0 "   and then there is nothing to do" format
is "   so apt was asked twice in all" "$(grep -c . calls)" 2

fresh touch chmod
stand_in id 'echo 1000'
stand_in sudo 'echo sudo >>calls; exec "$@"'
stand_in apt-cache 'echo "  Candidate: 1.0"'
stand_in apt-get "echo \"\$*\" >>calls"
deps 1 "not there even after installing" format
has "   through sudo" calls "sudo"
has "   which is said" err "still missing"

fresh
stand_in id 'echo 1000'
stand_in apt-get 'echo "$*" >>calls'
deps 1 "neither root nor sudo" format
ok "   apt is not asked" test ! -e calls

stand_in apt-cache 'case $2 in pkg-config) echo "  Candidate: 1.8" ;; *) echo "  Candidate: (none)" ;; esac'
stand_in sudo 'exec "$@"'
deps 1 "a package of another name" build
has "   the name that apt knows is taken" calls "install .* pkg-config"
finish
