#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What can be told without a model: AUROC of four scores that any script can compute.

Usage: baselines.py FOLDER [SIZE] [--gain]     (numpy and Pillow; a folder in MVTec's layout)

  mean grey     the mean grey level itself (either direction is shown by a value below .5)
  mean picture  squared distance to the mean training picture
  neighbour     squared distance to the nearest training picture
  high pass     mean of the top 1 % of |picture - its 5 x 5 mean|

--gain brings each picture's median grey to one half first. Run by hand; figures of these scores
stand beside every table of results.
"""
import pathlib
import sys

import numpy as np
from PIL import Image


def load(paths, size, gain):
    out = []
    for path in paths:
        picture = Image.open(path).convert("L")
        a = np.asarray(picture.resize((size, size), Image.BILINEAR), dtype=np.float64) / 255.0
        if gain:
            a = a * (0.5 / max(np.median(np.asarray(picture)) / 255.0, 1e-6))
        out.append(a)
    return np.stack(out)


def auroc(score, label):
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    for value in np.unique(score):
        same = score == value
        ranks[same] = ranks[same].mean()
    p, n = label.sum(), (~label).sum()
    return (ranks[label].sum() - p * (p + 1) / 2) / (p * n)


def high_pass(a):
    padded = np.pad(a, ((0, 0), (2, 2), (2, 2)), mode="reflect")
    h, w = a.shape[1:]
    blur = sum(padded[:, y:y + h, x:x + w] for y in range(5) for x in range(5)) / 25.0
    detail = np.sort(np.abs(a - blur).reshape(len(a), -1), axis=1)
    return detail[:, -max(1, h * w // 100):].mean(axis=1)


def main():
    words = [w for w in sys.argv[1:] if w != "--gain"]
    root, size = pathlib.Path(words[0]), int(words[1]) if len(words) > 1 else 128
    gain = "--gain" in sys.argv
    names = {".png", ".jpg", ".jpeg", ".bmp"}
    train = sorted(p for p in (root / "train" / "good").iterdir() if p.suffix in names)
    test = sorted(p for p in (root / "test").glob("*/*") if p.suffix in names)
    label = np.array([p.parent.name != "good" for p in test])
    a, b = load(train, size, gain), load(test, size, gain)
    flat_a, flat_b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    near = np.array([((flat_a - x) ** 2).sum(axis=1).min() for x in flat_b])
    scores = {
        "mean grey": flat_b.mean(axis=1),
        "mean picture": ((flat_b - flat_a.mean(axis=0)) ** 2).sum(axis=1),
        "neighbour": near,
        "high pass": high_pass(b),
    }
    print(f"{root.name}: {len(train)} training, {(~label).sum()} + {label.sum()} test pictures, {size} px"
          f"{', gain-normalized' if gain else ''}")
    for name, score in scores.items():
        print(f"  {name:13s} {auroc(score, label):.3f}")


if __name__ == "__main__":
    main()
