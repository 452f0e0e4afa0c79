#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
# timeout: 600
#
# A sweep runs every combination once, goes on where it was stopped, and leaves tables and curves.
. "${0%/*}/lib.sh"

toy="--preset small --set width=4 --set items=20 --set epochs=2"
ok "synth" "$ODDITY" synth weave --size 32 --train 40 --test-normal 6 --per-defect 3 --seed 1
sweep() {
    "$ODDITY" sweep weave --method daad $toy --set division=1x1x1,4x4x1 --seed 0..1 -o s "$@"
}
ok "sweep" sweep --quiet
is "a row per run" "$(wc -l <s/runs.csv | tr -d ' ')" 5
like "the columns" "$(head -1 s/runs.csv)" '^data,method,width,items,epochs,division,seed,image_auroc,.*,error$'
has "mean and spread" s/tables.md '\| daad .*division=4x4x1 \| [0-9.]+ ± [0-9.]+ \|.* 2 \|$'
has "curves" s/curves.svg '>division</text>'
is "a report and a model per run" "$(ls s/runs | grep -vc train.json)" 8
cp s/runs.csv first.csv
ok "again" sweep
has "nothing is left to do" out "4 runs, 4 of them finished before"
same "the same table" s/runs.csv first.csv

# one run is lost, one was stopped in the middle
rm "$(ls s/runs/*seed=1*.json | grep -v train | head -1)"
ok "the lost one is done again" sweep
has "one was missing" out "4 runs, 3 of them finished before"
same "with the same result" s/runs.csv first.csv

"$ODDITY" sweep weave $toy --set steps=5,2000 -o i --jsonl events >out 2>err &
pid=$!
while kill -0 $pid 2>/dev/null && ! grep -q '"steps":2000' events 2>/dev/null; do sleep 0.05; done
kill -INT $pid
wait $pid
is "interrupted" $? 130
has "one is finished, one is not" i/runs.csv ',not run yet$'

exits 3 "a data set that is not there" "$ODDITY" sweep weave gone $toy --seed 0 -o g --quiet
has "the others are run" g/tables.md "1 of 2 runs are finished"
has "the reason is in the table" g/runs.csv "No such file"
exits 2 "a bad list" "$ODDITY" sweep weave --set division=1,,2 -o x
finish
