#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/pixels_resize.bin: pictures and what Pillow makes of them. Run by hand.

Needs Pillow and NumPy. Layout, little endian: "ODPX", u32 cases; per case six u32 (kind, bands,
width, height, target width, target height), then the source, then Pillow's result, both
interleaved. Kinds: 0 = u8 BILINEAR, 1 = u8 NEAREST, 2 = float BILINEAR (mode "F", one band),
3 = u8 BICUBIC, 4 = float BICUBIC, 5 = u8 BICUBIC of a picture in black and white, where all is
overshoot. New cases go to the end: all draw from one generator.
"""
import pathlib
import struct

import numpy as np
from PIL import Image

BILINEAR, NEAREST, FLOAT, BICUBIC, FLOAT_BICUBIC, HARD_BICUBIC = range(6)
CASES = [  # kind, bands, width, height, target width, target height
    (BILINEAR, 1, 64, 48, 32, 24),
    (BILINEAR, 1, 97, 61, 28, 28),
    (BILINEAR, 1, 28, 28, 32, 32),
    (BILINEAR, 1, 13, 7, 50, 40),
    (BILINEAR, 1, 200, 5, 3, 9),
    (BILINEAR, 1, 31, 31, 31, 31),
    (BILINEAR, 1, 90, 33, 1, 1),
    (BILINEAR, 3, 80, 60, 32, 32),
    (BILINEAR, 3, 61, 83, 64, 64),
    (BILINEAR, 3, 33, 20, 70, 47),
    (BILINEAR, 3, 128, 96, 37, 11),
    (BILINEAR, 3, 40, 90, 40, 31),
    (NEAREST, 1, 37, 23, 16, 50),
    (NEAREST, 3, 20, 31, 41, 12),
    (FLOAT, 1, 50, 37, 17, 19),
    (FLOAT, 1, 15, 21, 40, 33),
    (BICUBIC, 1, 97, 61, 28, 28),
    (BICUBIC, 1, 13, 7, 50, 40),
    (BICUBIC, 1, 31, 31, 31, 31),
    (BICUBIC, 1, 200, 5, 3, 9),
    (BICUBIC, 3, 61, 83, 64, 64),
    (BICUBIC, 3, 128, 96, 37, 11),
    (FLOAT_BICUBIC, 1, 50, 37, 17, 19),
    (FLOAT_BICUBIC, 1, 15, 21, 40, 33),
    (HARD_BICUBIC, 1, 67, 45, 30, 22),
    (HARD_BICUBIC, 3, 23, 31, 48, 50),
]
FLOATS = (FLOAT, FLOAT_BICUBIC)
METHODS = {BILINEAR: Image.Resampling.BILINEAR, NEAREST: Image.Resampling.NEAREST,
           FLOAT: Image.Resampling.BILINEAR, BICUBIC: Image.Resampling.BICUBIC,
           FLOAT_BICUBIC: Image.Resampling.BICUBIC, HARD_BICUBIC: Image.Resampling.BICUBIC}


def picture(rng, kind, bands, width, height):
    """Smooth waves, an edge and noise, so that both filter shape and rounding show."""
    if kind == HARD_BICUBIC:
        return rng.choice(np.array([0, 255], np.uint8), (height, width, bands))
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for band in range(bands):
        wave = np.sin(x / (2.0 + band)) * np.cos(y / (3.0 + band))
        edge = (x + y > (width + height) / 2).astype(float)
        planes.append(90 + 60 * wave + 70 * edge + rng.normal(0, 20, (height, width)))
    stack = np.stack(planes, axis=-1)
    if kind in FLOATS:
        return (stack / 255).astype("<f4")
    return np.clip(np.rint(stack), 0, 255).astype(np.uint8)


def main():
    rng = np.random.default_rng(7)
    out = [b"ODPX", struct.pack("<I", len(CASES))]
    for kind, bands, width, height, to_width, to_height in CASES:
        source = picture(rng, kind, bands, width, height)
        flat = source[:, :, 0] if bands == 1 else source
        image = Image.fromarray(flat)
        result = np.asarray(image.resize((to_width, to_height), METHODS[kind]))
        out.append(struct.pack("<6I", kind, bands, width, height, to_width, to_height))
        out.append(source.tobytes())
        out.append(result.astype("<f4").tobytes() if kind in FLOATS else result.tobytes())
    path = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/pixels_resize.bin"
    path.write_bytes(b"".join(out))
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
