#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: project
#
# The harness can fail: each way in which a script may go wrong ends in the right exit code.
. "${0%/*}/lib.sh"

try() { # CODE DESCRIPTION LINES: a script of these lines ends with the code
    mkdir -p scripts && cp "$T/lib.sh" scripts/
    { echo '. "${0%/*}/lib.sh"'; printf '%s\n' "$3"; } >scripts/one.t
    ODDITY_BUILD=$PWD/inner exits "$1" "$2" sh scripts/one.t
}

try 0 "a script that passes" 'is "equal" a a; finish'
try 1 "is" 'is "equal" a b; finish'
try 1 "ok" 'ok "true" false; finish'
try 1 "fails, when the command succeeds" 'fails "x" true; finish'
try 1 "fails, when the command crashes" 'fails "x" sh -c "kill -SEGV \$\$"; finish'
try 0 "fails, when it fails" 'fails "x" false; finish'
try 1 "exits with another code" 'exits 2 "x" sh -c "exit 3"; finish'
try 0 "exits with this code" 'exits 3 "x" sh -c "exit 3"; finish'
try 1 "like" 'like "x" abc "^b"; finish'
try 1 "has" 'echo abc >f; has "x" f "^b"; finish'
try 1 "lacks" 'echo abc >f; lacks "x" f "b"; finish'
try 1 "same" 'echo a >f; echo b >g; same "x" f g; finish'
try 1 "an early end" 'is "x" a a; exit 0'
try 1 "nothing claimed" 'finish'
try 77 "all skipped" 'skip_all "no reason"'
try 77 "each skipped" 'skip "x" "no reason"; finish'
try 0 "one skipped" 'is "x" a a; skip "y" "no reason"; finish'
try 77 "a program that is not here" 'need no-such-program; finish'
finish
