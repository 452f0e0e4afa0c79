#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
# timeout: 600
#
# Weights become an expert, an expert teaches MKD; a file that would run something is refused.
. "${0%/*}/lib.sh"

XDG_DATA_HOME=$PWD/data
export XDG_DATA_HOME

# a pickle that calls os.system, in PyTorch's legacy form
printf '\200\002cos\nsystem\nX\002\000\000\000id\205R.' >evil.pth
exits 3 "a pickle that calls something" "$ODDITY" import evil.pth
like "the message names it" "$(cat err)" 'os.*system|evil\.pth'
exits 3 "no weights at all" "$ODDITY" import err -o out.safetensors
is "nothing was written" "$(find . -name "*.safetensors")" ""

ok "synth" "$ODDITY" synth weave --size 64 --train 40 --test-normal 6 --per-defect 3 --seed 1
exits 3 "an expert that is nowhere" "$ODDITY" train weave --method mkd --expert vgg16 -o m.safetensors
has "what to type" err "oddity import"
exits 2 "no expert" "$ODDITY" train weave --method mkd -o m.safetensors
has "what to type" err "oddity import"

weights=${ODDITY_WEIGHTS:-/nowhere}
if [ ! -r "$weights/squeezenet1_1_features.safetensors" ]; then
    skip "real weights" "ODDITY_WEIGHTS names no folder with squeezenet1_1_features.safetensors"
    finish
fi
ok "import" "$ODDITY" import "$weights/squeezenet1_1_features.safetensors"
has "recognised" out "squeezenet1_1"
ok "train by name" "$ODDITY" train weave --method mkd --expert squeezenet1_1 --preset lite --size 64 \
    --set epochs=3 --quiet -o m.safetensors
ok "verify" "$ODDITY" verify m.safetensors
has "every bit" out "every bit is equal"
ok "eval" "$ODDITY" eval m.safetensors weave --json e.json
ok "import what was imported" "$ODDITY" import data/oddity/experts/squeezenet1_1.safetensors \
    -o again.safetensors
same "the same expert" again.safetensors data/oddity/experts/squeezenet1_1.safetensors
exits 3 "a network without its classifier" "$ODDITY" import again.safetensors -o c.safetensors \
    --classify weave/test/good/000.png
has "said so" err "no classifier"

photos=${ODDITY_PHOTOS:-/nowhere}
if [ ! -r "$photos/cat.bmp" ] || [ ! -r "$weights/tf_efficientnet_lite0.safetensors" ]; then
    skip "names of photographs" "ODDITY_PHOTOS names no folder with photographs"
    finish
fi
ok "classify" "$ODDITY" import "$weights/tf_efficientnet_lite0.safetensors" -o net.safetensors \
    --json c.json --classify "$photos"/bird.bmp "$photos"/cat.bmp "$photos"/dog_segmentation_256.bmp \
    "$photos"/grace_hopper.bmp "$photos"/parrot.jpg "$photos"/sunflower.bmp
# chickadee, Egyptian cat, Samoyed, military uniform, macaw, daisy
is "what is on them" "$(for i in 0 1 2 3 4 5; do json c.json classify pictures $i top 0 class; done |
    tr '\n' ' ')" "19 285 258 652 88 985 "
seq -f "name %g" 0 999 >names.txt
exits 3 "an unreadable one among them" "$ODDITY" import net.safetensors -o again.safetensors \
    --labels names.txt --classify "$photos"/cat.bmp names.txt
has "the name" out "name 285"
has "what is wrong with the other" out "error: .*not a picture"
seq -f "name %g" 0 9 >names.txt
exits 3 "too few names" "$ODDITY" import net.safetensors -o again.safetensors \
    --labels names.txt --classify "$photos"/cat.bmp
has "both numbers" err "10 names.*1000 classes"
finish
