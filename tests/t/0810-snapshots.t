#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
# timeout: 600
#
# Models kept on the way of a training, and the curve over them.
. "${0%/*}/lib.sh"

toy="--method daad --preset small --set width=4 --set items=20 --set batch=8 --set schedule=constant --hold-out 8"
ok "synth" "$ODDITY" synth set --size 32 --train 40 --test-normal 6 --per-defect 2 --seed 1
ok "train" "$ODDITY" train set -o plain.safetensors $toy --set epochs=6 --quiet
ok "with snapshots" "$ODDITY" train set -o m.safetensors $toy --set epochs=6 --snapshot-every 1epoch --jsonl events
same "no bit of the model differs" plain.safetensors m.safetensors
is "five are kept" "$(ls m.epoch-*.safetensors | wc -l | tr -d ' ')" 5
has "each is reported" events '"event":"snapshot".*m.epoch-0003.safetensors.*"step":12'
has "and said" err "^kept m.epoch-0003.safetensors"
ok "a snapshot is a model" "$ODDITY" verify m.epoch-0003.safetensors
ok "info" "$ODDITY" info m.epoch-0003.safetensors --json info.json
is "knows where it stood" "$(json info.json training step) of $(json info.json training steps)" "12 of 24"

ok "eval of all" "$ODDITY" eval m.safetensors m.epoch-*.safetensors set --json curve.json
has "a row per model" out "^m.epoch-0003.safetensors +12 +3.0 +[01]\.[0-9]{4}"
is "in the order of the steps" "$(sed -n '2p;7p' out | cut -d' ' -f1 | tr '\n' ' ')" \
    "m.epoch-0001.safetensors m.safetensors "
has "the mean is of the last five" out "^mean of the last 5 "
has "the best is an oracle's" out "^best \(oracle: chosen by the test\)"
ok "eval of one" "$ODDITY" eval m.safetensors set --json one.json --quiet
is "the last is the last" "$(json curve.json curve image.auroc last)" "$(json one.json image auroc)"
ok "mean and best are right" python3 -c '
import json
c = json.load(open("curve.json"))
v = [m["report"]["image"]["auroc"] for m in c["models"]]
k = c["curve"]["image.auroc"]
assert [m["step"] for m in c["models"]] == [4, 8, 12, 16, 20, 24], c["models"]
assert len(v) == 6 and k["n_last_fifth"] == 5
assert abs(k["mean_last_fifth"] - sum(v[1:]) / 5) < 1e-12
assert k["best_oracle"]["value"] == max(v)
f = [m["report"]["at_threshold"]["miss_rate"] for m in c["models"]]
assert c["curve"]["at_threshold.miss_rate"]["best_oracle"]["value"] == min(f)'
exits 2 "overlays are of one model" "$ODDITY" eval m.safetensors plain.safetensors set --maps x
exits 3 "a model that is none" "$ODDITY" eval m.safetensors events set
has "is named" err "events"
exits 2 "no interval" "$ODDITY" train set -o n.safetensors $toy --snapshot-every often
has "says what is expected" err "10epochs or 500steps"

weights=${ODDITY_WEIGHTS:-/nowhere}
if [ ! -r "$weights/squeezenet1_1_features.safetensors" ]; then
    skip "the expert cache" "ODDITY_WEIGHTS names no folder with squeezenet1_1_features.safetensors"
    finish
fi
XDG_CACHE_HOME=$PWD/cache
export XDG_CACHE_HOME
mkd="--method mkd --expert $weights/squeezenet1_1_features.safetensors --preset lite --size 32 --set epochs=4 --hold-out 8 --quiet"
reused() { # of a training's events
    grep '"event":"start"' "$1" | grep -Eo '"reused":[0-9]+'
}
ok "without a cache" "$ODDITY" train set -o a.safetensors $mkd --set expert-cache-mib=0 --set expert-cache-dir=
fails "nothing is kept" test -e cache
ok "with" "$ODDITY" train set -o b.safetensors $mkd --jsonl b.events
same "the same model" a.safetensors b.safetensors
is "one file is kept" "$(find cache -type f | wc -l | tr -d ' ')" 1
ok "again" "$ODDITY" train set -o c.safetensors $mkd --jsonl c.events --set expert-cache-mib=0
same "the same model" a.safetensors c.safetensors
is "all is reused" "$(reused b.events) $(reused c.events)" '"reused":0 "reused":32'
for file in $(find cache -type f); do printf 'X' | dd of="$file" bs=1 seek=5000 conv=notrunc 2>err; done
ok "with a damaged file" "$ODDITY" train set -o d.safetensors $mkd --jsonl d.events
has "which is named" err "taps is damaged"
same "the same model" a.safetensors d.safetensors
finish
