#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The table of equal bits, as Markdown: weights after training with 1, 2, 3 and 8 threads and after
# two interruptions, and scores of pictures alone, in threes and in eights.
#
#   bench/bits.sh [BUILD] [name=value ...]       BUILD: build/release; settings: of the training
#
# Exit code 1 where two rows differ that must not. About two minutes.
set -eu
cd "$(dirname "$0")/.."
build=build/release
case ${1-} in *=* | '') ;; *) build=$1 && shift ;; esac
oddity=$(cd "$build" && pwd)/cli/oddity
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
settings="--set variant=daad+ --set width=16 --set items=50 --set steps=200"
for pair; do settings="$settings --set $pair"; done
common="--preset small --seed 3 $settings"
failed=0 want=

"$oddity" synth "$folder/set" --size 32 --train 60 --test-normal 4 --per-defect 1 --seed 1 >"$folder/log" 2>&1

value() { # FILE KEY: a text of a JSON file
    tr ',{}' '\n\n\n' <"$1" | sed -n "s/^ *\"$2\": *\"\([^\"]*\)\".*/\1/p" | head -n 1
}
row() { # WHAT HASH
    mark=
    [ "${want:=$2}" = "$2" ] || { mark=" **differs**" failed=1; }
    echo "| $1 | $2$mark |"
}
train() { # MODEL THREADS MORE...
    model=$1 threads=$2
    shift 2
    # shellcheck disable=SC2086
    "$oddity" train "$folder/set" -o "$folder/$model" $common --threads "$threads" --quiet "$@" \
        >"$folder/log" 2>&1
}
interrupted() { # MODEL THREADS MORE...: stopped soon after its first step
    rm -f "$folder/events"
    # Not through a function: $! has to be the training's own process.
    model=$1 threads=$2
    shift 2
    # shellcheck disable=SC2086
    "$oddity" train "$folder/set" -o "$folder/$model" $common --threads "$threads" --jsonl "$folder/events" \
        "$@" >"$folder/log" 2>&1 &
    pid=$!
    until grep -q '"event":"step"' "$folder/events" 2>/dev/null || ! kill -0 $pid 2>/dev/null; do
        sleep 0.05
    done
    kill -INT $pid 2>/dev/null || true
    code=0
    wait $pid || code=$?
    [ $code -eq 130 ] || { echo "bits.sh: the training ended with $code before it could be stopped" >&2 && exit 1; }
}

echo "Training: \`$common\`"
echo
echo "| training | hash of the weights |"
echo "|---|---|"
for n in 1 2 3 8; do
    train "t$n.safetensors" $n --json "$folder/t$n.json"
    row "threads $n" "$(value "$folder/t$n.json" weights_hash)"
done
interrupted r.safetensors 2
interrupted r.safetensors 3 --resume
train r.safetensors 1 --resume --json "$folder/r.json"
row "threads 2, stopped; 3, stopped; 1 to the end" "$(value "$folder/r.json" weights_hash)"

score() { # HOW MANY AT ONCE, THREADS: all scores in order
    find "$folder/set/test" -name '*.png' | sort | head -n 8 |
        xargs -n "$1" "$oddity" score "$folder/t1.safetensors" --threads "$2" --quiet --jsonl - \
            2>/dev/null | sed 's/.*"score": *\([^,}]*\).*/\1/' >>"$folder/scores.txt"
}
echo
echo "| scores of 8 pictures | hash of the scores, 17 digits |"
echo "|---|---|"
want=
for n in 1 3 8; do
    for threads in 1 2 8; do
        : >"$folder/scores.txt"
        score $n $threads
        grep -Eq '^[0-9.e-]{17,}$' "$folder/scores.txt" && [ "$(wc -l <"$folder/scores.txt")" -eq 8 ] || { echo "bits.sh: scoring failed" >&2 && exit 1; }
        row "$n at once, threads $threads" "$(md5sum <"$folder/scores.txt" | cut -d ' ' -f 1)"
    done
done
exit $failed
