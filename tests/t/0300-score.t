#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
# timeout: 300
#
# From pictures to a model to scores: exactly one line for each picture asked for, in order.
. "${0%/*}/lib.sh"

toy="--preset small --set width=8 --set items=20 --set steps=30"
ok "synth" "$ODDITY" synth set --size 32 --train 40 --test-normal 6 --per-defect 3 --seed 1
ok "train" "$ODDITY" train set -o m.safetensors $toy --json r.json --jsonl e.jsonl
has "it says what the data is" err "^layout: mvtec"
has "and method and preset" err "^method daad, preset small"
has "and time and memory" err "^expected: .*memory "
has "where the model is" out "^model +m.safetensors"
has "what the threshold certifies" out "held-out"
has "what to type next" out "^next +oddity eval m.safetensors set"
has "every event is a line" e.jsonl '^\{"event":"step",'

ok "info" "$ODDITY" info m.safetensors --json info.json
is "the same hash in report and model" "$(json info.json weights_hash)" "$(json r.json weights_hash)"
ok "verify" "$ODDITY" verify m.safetensors --json v.json
is "every bit" "$(json v.json exact)" true
ok "trace" "$ODDITY" trace m.safetensors --json t.json
is "no NaN" "$(json t.json steps 0 nan)" 0

# one line per path, in order, whatever is asked
cp set/test/good/000.png 'a b.png'
echo text >broken.png
set -- set/test/bent/000.png 'a b.png' gone.png broken.png set/test/bent/000.png set/test/good
exits 3 "an unreadable picture is exit 3" "$ODDITY" score m.safetensors "$@" --csv s.csv --jsonl s.jsonl
is "eleven lines" "$(wc -l <out | tr -d ' ')" 11
is "eleven rows and a header" "$(wc -l <s.csv | tr -d ' ')" 12
is "eleven objects" "$(wc -l <s.jsonl | tr -d ' ')" 11
is "in order" "$(cut -f1 out | head -5 | tr '\n' '|')" \
    "set/test/bent/000.png|a b.png|gone.png|broken.png|set/test/bent/000.png|"
is "twice the same answer" "$(sed -n 1p s.csv; sed -n 2p s.csv)" "$(sed -n 1p s.csv; sed -n 6p s.csv)"
has "what is not there is an error" out '^gone.png	-	-	-	error	.*No such file'
has "what is no picture is an error" out '^broken.png	-	-	-	error	'
has "null and a reason" s.jsonl '"path":"broken.png","score":null,.*"decision":"error","reason":"'
has "the header" s.csv '^path,score,normalized,threshold,decision,reason$'

# alone, in company, through standard input: the same line
ok "alone" "$ODDITY" score m.safetensors 'a b.png' --csv alone.csv
is "the same score" "$(sed -n 2p alone.csv)" "$(grep '^a b' s.csv)"
printf 'a b.png\nset/test/bent/000.png' >paths
"$ODDITY" score m.safetensors - --csv - <paths >piped.csv 2>err
is "piped" "$(sed -n 2p piped.csv)" "$(grep '^a b' s.csv)"
is "the last line needs no end" "$(wc -l <piped.csv | tr -d ' ')" 3
ok "with maps" "$ODDITY" score m.safetensors 'a b.png' set/test/bent --maps maps --csv maps.csv
is "the same score with a map" "$(sed -n 2p maps.csv)" "$(grep '^a b' s.csv)"
ok "an overlay" test -s 'maps/a b.png'
ok "a raw map" test -s 'maps/a b.tiff'
ok "threads" "$ODDITY" score m.safetensors 'a b.png' --threads 1 --csv one.csv
same "the same on one thread" one.csv alone.csv

# exit codes
"$ODDITY" score m.safetensors set/test/good >scores 2>err
sort -t'	' -k2 -g scores >sorted
like "numbers" "$(head -1 sorted)" 'png	[0-9]'
ok "nothing to fail on" "$ODDITY" score m.safetensors set/train/good/000.png --fail-on ng
threshold=$(json r.json threshold)
diag "threshold $threshold"
python3 - "$threshold" scores <<'PY' && lib_pass "ng if and only if above" || lib_fail "ng if and only if above"
import sys
for line in open(sys.argv[2]):
    path, score, normalized, threshold, decision = line.rstrip("\n").split("\t")
    assert (float(score) > float(threshold)) == (decision == "ng"), line
    assert (float(normalized) > 0.5) == (decision == "ng") or abs(float(normalized) - 0.5) < 1e-3, line
PY

# a damaged model is refused
python3 -c 'd = bytearray(open("m.safetensors", "rb").read()); d[len(d) // 2] ^= 1; open("bad", "wb").write(d)'
exits 3 "one bit flipped" "$ODDITY" score bad 'a b.png'
head -c 1000 m.safetensors >short
exits 3 "cut off" "$ODDITY" score short 'a b.png'
: >empty
exits 3 "empty" "$ODDITY" info empty
exits 3 "a folder" "$ODDITY" info maps
finish
