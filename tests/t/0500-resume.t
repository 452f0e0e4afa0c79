#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
# timeout: 600
#
# Training that was interrupted or killed goes on to the same weights; threads change no bit.
. "${0%/*}/lib.sh"

toy="--preset small --set width=4 --set items=20 --set steps=500 --seed 5"
ok "synth" "$ODDITY" synth set --size 32 --train 40 --test-normal 2 --per-defect 1 --seed 1
ok "in one go" "$ODDITY" train set -o whole.safetensors $toy --threads 1 --quiet --json whole.json
want=$(json whole.json weights_hash)

begun() { # a first step was reported
    grep -q '"event":"step"' events 2>/dev/null
}
saved() {
    test -e kill.safetensors.state
}
interrupt() { # SIGNAL WHEN ARGUMENTS...: sends it to a training as soon as WHEN; exit code in $code
    rm -f events
    signal=$1 when=$2
    shift 2
    "$ODDITY" train set $toy --threads 2 --jsonl events "$@" >out 2>err &
    pid=$!
    while kill -0 $pid 2>/dev/null && ! $when; do sleep 0.05; done
    kill -"$signal" $pid 2>/dev/null
    wait $pid
    code=$?
}

interrupt INT begun -o int.safetensors
is "SIGINT is exit 130" $code 130
has "it says how to go on" err "^  oddity train set .* -o int.safetensors --resume$"
fails "no model yet" test -e int.safetensors
interrupt TERM begun -o int.safetensors --resume
is "SIGTERM is exit 143" $code 143
ok "resumed" "$ODDITY" train set -o int.safetensors $toy --threads 3 --resume --quiet --json int.json
is "the same weights" "$(json int.json weights_hash)" "$want"
is "the report says so" "$(json int.json resumed)" true
fails "the state is gone" test -e int.safetensors.state

interrupt KILL saved -o kill.safetensors --set checkpoint=0.1s
is "killed" $code 137
ok "resumed after that" "$ODDITY" train set -o kill.safetensors $toy --resume --quiet --json kill.json
is "the same weights again" "$(json kill.json weights_hash)" "$want"

ok "another seed" "$ODDITY" train set -o seed.safetensors $toy --set steps=10 --seed 6 --quiet --json a.json
ok "another seed's twin" "$ODDITY" train set -o seed.safetensors $toy --set steps=10 --seed 7 --quiet --json b.json
fails "other seeds, other weights" test "$(json a.json weights_hash)" = "$(json b.json weights_hash)"
exits 3 "nothing to resume" "$ODDITY" train set -o none.safetensors $toy --resume
finish
