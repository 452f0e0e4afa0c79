#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
# timeout: 300
#
# Evaluation: what happens at the threshold comes first; scores and maps of a file give the same.
. "${0%/*}/lib.sh"

toy="--preset small --set width=8 --set items=20 --set steps=30 --quiet"
ok "synth" "$ODDITY" synth set --size 32 --train 40 --test-normal 6 --per-defect 3 --seed 1
ok "train" "$ODDITY" train set -o m.safetensors $toy
ok "eval" "$ODDITY" eval m.safetensors set --json e.json --csv e.csv --maps maps --maps-count 2
like "the threshold comes first" "$(head -1 out)" "^at the threshold "
like "then false alarms" "$(sed -n 2p out)" "^  false alarms +[0-9]+ of 6 normal pictures"
like "and missed ones" "$(sed -n 3p out)" "^  missed +[0-9]+ of 15 anomalous pictures"
for key in schema oddity_version model_hash n_normal n_anomalous n_seen by_type; do
    ok "the report has $key" json e.json $key
done
for key in threshold false_alarm_rate miss_rate n_false_alarms n_missed; do
    ok "at_threshold has $key" json e.json at_threshold $key
done
for key in auroc auroc_ci ap aupr_trapezoid f1max; do
    ok "image has $key" json e.json image $key
done
for key in size auroc ap f1max dice aupro aupro05; do
    ok "pixel has $key" json e.json pixel $key
done
is "three of each type" "$(json e.json by_type bent n)" 3
is "two overlays of each of six types" "$(ls maps | wc -l | tr -d ' ')" 24
ok "a page" "$ODDITY" page index.html Weave=e.json
has "with relative links" index.html 'src="maps/'

# one score, whichever way
ok "score" "$ODDITY" score m.safetensors set/test/* --csv s.csv --maps raw --quiet
ok "the same bits in eval and score" python3 -c '
import csv
a = {r["path"]: r["score"] for r in csv.DictReader(open("e.csv"))}
b = {r["path"]: r["score"] for r in csv.DictReader(open("s.csv"))}
assert a == b and len(a) == 21, (len(a), len(b))'
ok "eval of that file" "$ODDITY" eval --scores s.csv --score-maps raw set --json f.json
for key in auroc ap aupr_trapezoid; do
    is "image $key" "$(json f.json image $key)" "$(json e.json image $key)"
done
for key in auroc ap aupro; do
    is "pixel $key" "$(json f.json pixel $key)" "$(json e.json pixel $key)"
done
ok "one thread" "$ODDITY" eval m.safetensors set --json t.json --csv t.csv --maps maps --maps-count 2 --threads 1 --quiet
same "the same report" t.json e.json

# what the model has seen does not count
mkdir -p seen/train seen/test && cp -r set/train/good seen/train/ && cp -r set/test/good set/test/bent seen/test/
cp set/train/good/000.png seen/test/good/seen.png
ok "eval with a training picture" "$ODDITY" eval m.safetensors seen --json seen.json
is "one was seen" "$(json seen.json n_seen)" 1
is "and left out" "$(json seen.json n_normal)" 6
has "and said" out "1 pictures that the model has seen"

exits 3 "no scores file" "$ODDITY" eval --scores none.csv set
printf 'path,score\nset/test/bent/000.png,high\n' >bad.csv
exits 3 "a score that is no number" "$ODDITY" eval --scores bad.csv set
has "the line is named" err "line 2"
exits 2 "an option of training" "$ODDITY" eval m.safetensors set --set lr=1
finish
