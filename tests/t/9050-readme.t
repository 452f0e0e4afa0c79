#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: project
# timeout: 300
#
# The commands that README.md tells a newcomer to type do what it says.
. "${0%/*}/lib.sh"
PATH=$(dirname "$ODDITY"):$PATH
export PATH
sed -n '/^## A first try/,/^## Your own/s/^    \(oddity [^#]*\).*/\1/p' "$SOURCE/README.md" >commands
is "README.md has a first try of four commands" "$(grep -c . commands)" 4
while read -r line <&3; do
    case $line in
    *--fail-on*) want=1 ;; # it is shown on defects
    *) want=0 ;;
    esac
    # shellcheck disable=SC2086
    exits $want "$line" $line
done 3<commands
ok "the report is there" test -s weave.json
auroc=$(json weave.json image auroc)
ok "the pictures are told apart (AUROC $auroc)" awk "BEGIN { exit !($auroc > 0.8) }"
ok "and heat maps" test -s maps/000.png
ok "the example in C uses what oddity.h declares" sh -c '
    sed -n "s/^    \(odd_[a-z_]*\)(.*/\1/p" "$SOURCE/README.md" | while read -r name; do
        grep -q "$name(" "$SOURCE/include/oddity/oddity.h" || exit 1
    done'
finish
