#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: project
#
# tools/sum-tests: what failed, what was skipped and what did not run is counted as that.
. "${0%/*}/lib.sh"

result() { # FILE LINES...
    file=$1
    shift
    printf '%s\n' '<testsuite name="x"' '>' "$@" '</testsuite>' >"$file"
}
last() { tail -n 1 out; }

result good.xml '<testcase name="a" classname="a" time="0" status="run">' '</testcase>' \
    '<testcase name="b" classname="b" time="0" status="run">' '</testcase>'
result bad.xml '<testcase name="c" classname="c" time="0" status="fail">' '</testcase>'
result skipped.xml '<testcase name="d" classname="d" time="0" status="notrun">' \
    '<skipped message="SKIP_RETURN_CODE=77"/>' '</testcase>'
result absent.xml '<testcase name="e" classname="e" time="0" status="notrun">' \
    '<skipped message="Unable to find executable"/>' '</testcase>'
result inside.xml '<testcase name="f" classname="f" time="0" status="run">' \
    '<system-out>[ RUN      ] test_one' '[  SKIPPED ] test_one' '[  SKIPPED ] 1 test(s), listed below:' \
    '[  SKIPPED ] test_one' 'ok 2 - claim # SKIP no' '</system-out>' '</testcase>'

ok "all passed" "$SOURCE/tools/sum-tests" good.xml
is "   counted" "$(last)" "2 passed, 0 failed, 0 skipped"
exits 1 "one failed" "$SOURCE/tools/sum-tests" good.xml bad.xml
is "   counted over two runs" "$(last)" "2 passed, 1 failed, 0 skipped"
has "   and named" out "^FAILED +c"
ok "one skipped" "$SOURCE/tools/sum-tests" good.xml skipped.xml
is "   counted" "$(last)" "2 passed, 0 failed, 1 skipped"
has "   and named" out "^SKIPPED +d"
exits 1 "a program that is not there has failed" "$SOURCE/tools/sum-tests" good.xml absent.xml
is "   counted" "$(last)" "2 passed, 1 failed, 0 skipped"
ok "cases skipped inside of programs" "$SOURCE/tools/sum-tests" inside.xml
is "   counted once each" "$(last)" "1 passed, 0 failed, 2 skipped"
exits 1 "a run without results has failed" "$SOURCE/tools/sum-tests" good.xml none.xml
exits 1 "nothing but skipped tests is no success" "$SOURCE/tools/sum-tests" skipped.xml
finish
