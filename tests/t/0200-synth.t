#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
#
# Synthetic data sets: layout, masks, repeatability.
. "${0%/*}/lib.sh"

sum() { # FOLDER
    (cd "$1" && find . -type f | LC_ALL=C sort | xargs cksum)
}

few="--size 32 --train 4 --test-normal 2 --per-defect 1"
for kind in weave wood speckle parts; do
    ok "$kind" "$ODDITY" synth $kind --kind $kind $few --seed 1
    for file in train/good/003.png test/good/001.png test/bent/000.png \
        ground_truth/contamination/000_mask.png; do
        ok "$kind has $file" test -s $kind/$file
    done
done
ok "the same again" "$ODDITY" synth again --kind weave $few --seed 1 --threads 1
is "the same pixels" "$(sum again)" "$(sum weave)"
ok "another seed" "$ODDITY" synth other --kind weave $few --seed 2
fails "other pixels" cmp other/train/good/000.png weave/train/good/000.png
ok "some defects" "$ODDITY" synth two --kind parts --defects bent,missing $few
is "only those" "$(ls two/test | tr '\n' ' ')" "bent good missing "
exits 2 "not over another set" "$ODDITY" synth two --kind parts $few
exits 2 "an unknown kind" "$ODDITY" synth x --kind wool
exits 2 "an unknown defect" "$ODDITY" synth x --defects hole
has "it says which there are" err "scratch"
finish
