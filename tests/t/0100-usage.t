#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
#
# Help teaches every command; mistakes are exit 2 with a word on what was meant.
. "${0%/*}/lib.sh"

ok "help" "$ODDITY" help
cp out overview
for verb in train score explain add eval sweep info methods trace synth verify help version; do
    has "the overview names $verb" overview "^  $verb +[a-z]"
    ok "help $verb" "$ODDITY" help $verb
    has "$verb has a usage line" out "^usage: oddity $verb"
    has "$verb has examples" out "^  oddity $verb"
    cp out page
    ok "$verb --help" "$ODDITY" $verb --help
    is "both print the same page" "$(cat out)" "$(cat page)"
done
ok "version" "$ODDITY" version
has "the version is a number" out '^oddity [0-9]+\.[0-9]+\.[0-9]+$'

exits 2 "no command" "$ODDITY"
exits 2 "an unknown command" "$ODDITY" trian x
has "the nearest command" err "'train' meant"
exits 2 "an unknown option" "$ODDITY" train x -o m --presett small
has "the nearest option" err "'--preset' meant"
exits 2 "no model named" "$ODDITY" train x
exits 2 "an unknown parameter" "$ODDITY" methods --describe daed
exits 2 "a picture option after training" "$ODDITY" score m x --size 64
has "it belongs to training" err "belongs to 'oddity train'"
exits 3 "a data set that is not there" "$ODDITY" train no-such-folder -o m
has "the folder is named" err "^oddity: .*no-such-folder.*No such file"
exits 3 "a model that is not there" "$ODDITY" score no-such-model x
has "the model is named" err "no-such-model"

ok "methods" "$ODDITY" methods
has "daad is there" out "^daad "
ok "methods --describe" "$ODDITY" methods --describe daad --json d.json
like "each parameter has a source" "$(json d.json params 0 source)" '^(paper|second-hand|ours)$'
finish
