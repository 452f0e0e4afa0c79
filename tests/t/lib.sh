# SPDX-License-Identifier: Apache-2.0
#
# A small TAP harness for numbered shell scripts. A script begins with
#
#     #!/bin/sh
#     # label: cli                    (the ctest label; `project` for what tests the tree itself)
#     # timeout: 120                  (seconds; optional)
#     . "${0%/*}/lib.sh"
#
# makes its claims with the functions below, and ends with `finish`. It runs in an empty folder
# of its own, which is removed when all went well. What it may use:
#     $ODDITY   the tool               $SOURCE  the source tree
#     $BUILD    the build folder       $T       the folder of the scripts
#     $PWD/out, $PWD/err               output of the last command run by ok, fails or exits
# Alone: `ODDITY_BUILD=build/release sh tests/t/0100-help.t`. Exit: 0, 1, or 77 when skipped.

T=$(cd "${0%/*}" && pwd)
SOURCE=${ODDITY_SOURCE:-$(cd "$T/../.." && pwd)}
BUILD=${ODDITY_BUILD:-$SOURCE/build/release}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
ODDITY=${ODDITY:-$BUILD/cli/oddity}
export ODDITY SOURCE BUILD T
LC_ALL=C
export LC_ALL
lib_name=${0##*/}
lib_count=0 lib_failed=0 lib_skipped=0 lib_finished=
lib_folder=$BUILD/t-work/${lib_name%.t}
rm -rf "$lib_folder"
mkdir -p "$lib_folder" && cd "$lib_folder" || exit 1
XDG_CACHE_HOME=$lib_folder/.cache # nothing of a test outlives it
export XDG_CACHE_HOME

lib_end() {
    lib_code=$?
    [ -n "$lib_finished" ] && exit "$lib_finished"
    echo "Bail out! $lib_name ended before \`finish\` (exit $lib_code)"
    exit 1
}
trap lib_end EXIT

lib_pass() { # DESCRIPTION
    lib_count=$((lib_count + 1))
    echo "ok $lib_count - $1"
}

lib_fail() { # DESCRIPTION [DETAIL]
    lib_count=$((lib_count + 1)) lib_failed=$((lib_failed + 1))
    echo "not ok $lib_count - $1"
    [ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/#   /'
    return 1
}

lib_tail() { # the end of out and err, for a failure's detail
    echo "stdout:" && tail -n 20 out && echo "stderr:" && tail -n 20 err
}

diag() { # TEXT...
    printf '%s\n' "$*" | sed 's/^/# /'
}

exits() { # CODE DESCRIPTION COMMAND...: the command ends with this code
    lib_want=$1 lib_what=$2
    shift 2
    "$@" >out 2>err </dev/null
    lib_got=$?
    if [ "$lib_got" = "$lib_want" ]; then
        lib_pass "$lib_what"
    else
        lib_fail "$lib_what" "exit $lib_got, expected $lib_want: $*
$(lib_tail)"
    fi
}

ok() { # DESCRIPTION COMMAND...: the command succeeds
    lib_text=$1
    shift
    exits 0 "$lib_text" "$@"
}

fails() { # DESCRIPTION COMMAND...: the command ends with a code that is neither 0 nor a crash's
    lib_what=$1
    shift
    "$@" >out 2>err </dev/null
    lib_got=$?
    if [ "$lib_got" -gt 0 ] && [ "$lib_got" -lt 126 ]; then
        lib_pass "$lib_what"
    else
        lib_fail "$lib_what" "exit $lib_got: $*
$(lib_tail)"
    fi
}

is() { # DESCRIPTION GOT WANTED
    if [ "$2" = "$3" ]; then
        lib_pass "$1"
    else
        lib_fail "$1" "got:      $2
expected: $3"
    fi
}

like() { # DESCRIPTION TEXT PATTERN: an extended regular expression matches a line of the text
    if printf '%s\n' "$2" | grep -Eq -e "$3"; then
        lib_pass "$1"
    else
        lib_fail "$1" "no line matches: $3
$2"
    fi
}

has() { # DESCRIPTION FILE PATTERN: an extended regular expression matches a line of the file
    if grep -Eq -e "$3" "$2"; then
        lib_pass "$1"
    else
        lib_fail "$1" "$2 has no line like: $3
$(tail -n 20 "$2")"
    fi
}

lacks() { # DESCRIPTION FILE PATTERN
    if grep -Eq -e "$3" "$2"; then
        lib_fail "$1" "$2 has: $(grep -E -e "$3" "$2" | head -n 5)"
    else
        lib_pass "$1"
    fi
}

same() { # DESCRIPTION FILE FILE: byte for byte
    if cmp "$2" "$3" >out 2>&1; then
        lib_pass "$1"
    else
        lib_fail "$1" "$(cat out; diff "$2" "$3" 2>&1 | head -n 20)"
    fi
}

skip() { # DESCRIPTION WHY: one claim that cannot be tried here
    lib_count=$((lib_count + 1)) lib_skipped=$((lib_skipped + 1))
    echo "ok $lib_count - $1 # SKIP $2"
}

skip_all() { # WHY: the whole script cannot be tried here
    echo "1..0 # SKIP $1"
    lib_finished=77
    exit 77
}

need() { # PROGRAM...: skips the script where one is missing
    for lib_program; do
        command -v "$lib_program" >/dev/null || skip_all "no $lib_program here"
    done
}

json() { # FILE KEY...: prints a value of a JSON file: json report.json at_threshold threshold
    python3 -c 'import json, sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2:]: v = v[int(k)] if isinstance(v, list) else v[k]
print({True: "true", False: "false", None: "null"}[v] if v is None or isinstance(v, bool) else v)' "$@"
}

finish() {
    echo "1..$lib_count"
    lib_finished=0
    [ "$lib_failed" = 0 ] || diag "$lib_failed of $lib_count failed; see $PWD"
    if [ "$lib_failed" != 0 ] || [ "$lib_count" = 0 ]; then
        lib_finished=1
    elif [ "$lib_skipped" = "$lib_count" ]; then
        lib_finished=77
    else
        cd / && rm -rf "$lib_folder"
    fi
    exit "$lib_finished"
}
