#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Writes a SqueezeNet 1.1 of random weights as safetensors: fake-expert.py FILE. Its maps say little,
but enough to tell a weave from a flat picture; and no weights have to be at hand."""
import array
import json
import random
import struct
import sys

FIRES = {3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128), 9: (256, 48, 192),
         10: (384, 48, 192), 11: (384, 64, 256), 12: (512, 64, 256)}


def shapes():
    yield "features.0", (64, 3, 3, 3)
    for number, (inputs, few, many) in FIRES.items():
        yield f"features.{number}.squeeze", (few, inputs, 1, 1)
        yield f"features.{number}.expand1x1", (many, few, 1, 1)
        yield f"features.{number}.expand3x3", (many, few, 3, 3)


def main():
    draw = random.Random(5)
    header, data = {}, b""
    for name, (out, inputs, high, wide) in shapes():
        fan = inputs * high * wide
        for what, shape, values in (
                ("weight", [out, inputs, high, wide],
                 [draw.gauss(0, (2 / fan) ** 0.5) for _ in range(out * fan)]),
                ("bias", [out], [0.01] * out)):
            more = array.array("f", values).tobytes()
            header[f"{name}.{what}"] = {"dtype": "F32", "shape": shape,
                                        "data_offsets": [len(data), len(data) + len(more)]}
            data += more
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(sys.argv[1], "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


main()
