#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
# timeout: 300
#
# A model in use: more normal pictures for it, and why a picture was scored as it was.
. "${0%/*}/lib.sh"
need python3

"$T/fake-expert.py" net.safetensors
ok "an expert of random weights" "$ODDITY" import net.safetensors -o expert.safetensors
has "recognised" out squeezenet1_1
ok "synth" "$ODDITY" synth set --size 64 --train 30 --test-normal 4 --per-defect 2 --seed 1
ok "more of the same" "$ODDITY" synth more --size 64 --train 40 --test-normal 4 --per-defect 2 --seed 1
bank="--method bank --expert expert.safetensors --size 64 --set taps=4,8 --set coreset-count=400 --quiet"
ok "train" "$ODDITY" train set -o m.safetensors --hold-out 10 $bank
cp m.safetensors copy.safetensors

# adding
ok "nothing new" "$ODDITY" add m.safetensors set/train/good --in-place
has "said so" out "nothing: there is no new picture"
has "what it knows" out "30 pictures that the model knows already"
same "the model is as it was" m.safetensors copy.safetensors
ok "add" "$ODDITY" add m.safetensors more -o n.safetensors --force --json a.json
is "only what is new" "$(json a.json n_new)" 10
is "most of it is learnt" "$(json a.json n_bank)" 8
is "the rest calibrates" "$(json a.json n_added_calibrate)" 2
is "held-out pictures are scored anew" "$(json a.json n_not_rescored)" 0
has "the threshold and the old one" out "^threshold  .*, was "
same "the old model is as it was" m.safetensors copy.safetensors
ok "verify" "$ODDITY" verify n.safetensors
has "every bit" out "every bit is equal"
ok "info" "$ODDITY" info n.safetensors --json n.json
has "the addition is named" out "^added +8 pictures and 2 held-out ones to [0-9a-f]{32}"
ok "info of the predecessor" "$ODDITY" info m.safetensors --json m.json
is "by its digest" "$(json n.json history 0 predecessor)" "$(json m.json file_digest)"
ok "in place, on one thread" "$ODDITY" add m.safetensors more --in-place --force --threads 1 --quiet
same "the same model" m.safetensors n.safetensors
ok "eval with it" "$ODDITY" eval n.safetensors more

# what is anomalous is not taken for normal without a word
cp copy.safetensors m.safetensors
ok "something else" "$ODDITY" synth wood --kind wood --size 64 --train 1 --test-normal 1 --per-defect 1
cp wood/train/good/000.png odd.png
exits 1 "an anomalous picture" "$ODDITY" add m.safetensors odd.png more/train/good/030.png \
    --in-place --json b.json
has "it is named" out "odd.png +score"
has "and what to do" err "force"
is "nothing was written" "$(json b.json written)" false
same "indeed" m.safetensors copy.safetensors
ok "forced" "$ODDITY" add m.safetensors odd.png more/train/good/030.png --in-place --force
fails "both ways out" "$ODDITY" add m.safetensors odd.png --in-place -o x
exits 3 "a picture that is not there" "$ODDITY" add m.safetensors gone.png --in-place
exits 2 "an unknown option" "$ODDITY" add m.safetensors odd.png --in-place --size 32

cp set/test/bent/000.png bent.png

# a method that has to be trained
ok "train daad" "$ODDITY" train set -o d.safetensors --preset small --method daad --set width=4 --set steps=10 --quiet
exits 3 "cannot add" "$ODDITY" add d.safetensors more --in-place
has "says how to train" err "oddity train FOLDER -o d.safetensors --method daad --preset small"
exits 3 "cannot explain" "$ODDITY" explain d.safetensors bent.png
has "says what shows where" err "score --maps"

# explaining
ok "explain" "$ODDITY" explain copy.safetensors bent.png -o page.png --normals set --json e.json
has "in words" out "^1  at [0-9]+,[0-9]+, .*set/train/good/"
has "and what differs" out "beside it: "
is "by content" "$(json e.json normals)" content
ok "the page is a picture" "$ODDITY" score copy.safetensors page.png
ok "other normals" "$ODDITY" explain copy.safetensors bent.png -o other.png --normals set/test/good --json f.json
is "by features" "$(json f.json normals)" features
ok "without pictures" "$ODDITY" explain copy.safetensors bent.png
has "what would give some" out "keep-pictures"
ok "train with pictures" "$ODDITY" train set -o k.safetensors --hold-out 10 $bank --keep-pictures
ok "info" "$ODDITY" info k.safetensors
has "the file says that it holds pictures" out "holds thumbnails of 20 training pictures"
ok "explain by itself" "$ODDITY" explain k.safetensors bent.png -o own.png --json k.json
is "from the model" "$(json k.json normals)" model
is "a page again on one thread" "$("$ODDITY" explain k.safetensors bent.png -o again.png --threads 1 | head -1)" \
    "$(head -1 out)"
same "the same page" own.png again.png
exits 3 "no picture" "$ODDITY" explain k.safetensors net.safetensors
finish
