#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
# timeout: 300
#
# Where a network's time goes; kernels that are exact; a size with the pictures' own aspect.
. "${0%/*}/lib.sh"

ok "synth" "$ODDITY" synth weave --size 64 --train 20 --test-normal 4 --per-defect 2 --seed 1
set -- train weave --method daad --preset small --set steps=3 --hold-out 6 --quiet

ok "train" "$ODDITY" "$@" --kernels exact -o exact.safetensors
ok "info" "$ODDITY" info exact.safetensors --json info.json
is "the model says so" "$(json info.json config kernels)" exact
ok "verify" "$ODDITY" verify exact.safetensors
has "every bit" out "every bit is equal"
ok "trace" "$ODDITY" trace exact.safetensors
lacks "no Winograd" out "winograd:"
exits 2 "scoring keeps to it" "$ODDITY" score exact.safetensors weave/test/good --kernels fast
has "why" err "belongs to 'oddity train'"

ok "bench of a model" "$ODDITY" bench --nodes exact.safetensors --runs 3 --json b.json
has "a step" out "a training step, 16 pictures"
has "its scoring" out "^scoring, 1 pictures"
has "attained" out "arithmetic|memory"
is "what is timed" "$(json b.json parts scoring pictures)" 1
ok "bench of a method" "$ODDITY" bench --nodes --method daad --preset small --set batch=4 --runs 3 \
    --part training
lacks "nothing else" out "^scoring"
exits 2 "bench of nothing" "$ODDITY" bench --nodes
exits 2 "an option of the model" "$ODDITY" bench --nodes exact.safetensors --size 64
has "why" err "part of the model"

ok "native" "$ODDITY" "$@" --size native:64 -o native.safetensors
ok "info" "$ODDITY" info native.safetensors --json info.json
is "the size" "$(json info.json config size)" 64x64
is "padded" "$(json info.json config fit)" pad
exits 2 "no such size" "$ODDITY" "$@" --size nativ -o none.safetensors
finish
