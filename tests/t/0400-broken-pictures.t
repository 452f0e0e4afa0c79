#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# label: cli
# timeout: 300
#
# Broken pictures in training are left out, named and counted; --strict stops.
. "${0%/*}/lib.sh"

toy="--preset small --set width=8 --set items=20 --set steps=10 --hold-out 4"
ok "synth" "$ODDITY" synth set --size 32 --train 20 --test-normal 2 --per-defect 1 --seed 1
mkdir data && cp set/train/good/*.png data/
: >data/a-empty.png
echo "no picture" >data/b-text.png
head -c 300 set/train/good/000.png >data/c-truncated.png
python3 - <<'PY'
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
head = struct.pack(">IIBBBBB", 200000, 200000, 8, 2, 0, 0, 0)
open("data/d-huge.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) +
    chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))
PY
ok "training goes on" "$ODDITY" train data -o m.safetensors $toy --json r.json
for name in a-empty b-text c-truncated d-huge; do
    has "$name is named" out "^ +'?data/$name.png'?.* "
done
is "four are counted" "$(python3 -c 'import json; print(len(json.load(open("r.json"))["left_out"]))')" 4
has "and said at the end" out "^left out +4 pictures"
ok "info" "$ODDITY" info m.safetensors --json i.json
has "the model knows" i.json "left_out"
exits 3 "--strict stops" "$ODDITY" train data -o strict.safetensors $toy --strict
has "and names the picture" err "(a-empty|b-text|c-truncated|d-huge)"
fails "no model is left" test -e strict.safetensors

exits 3 "scoring them" "$ODDITY" score m.safetensors data
is "a line for each" "$(wc -l <out | tr -d ' ')" 24
is "four errors" "$(grep -c '	error	' out)" 4
lacks "no broken one is ok" out '(a-empty|b-text|c-truncated|d-huge).*	(ok|ng)$'

mkdir none && : >none/x.png
exits 3 "nothing but broken ones" "$ODDITY" train none -o n.safetensors $toy
finish
