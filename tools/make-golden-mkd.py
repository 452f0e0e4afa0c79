#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/mkd.safetensors: MKD's training and scoring by PyTorch. Run by hand:

    python3 tools/make-golden-mkd.py WEIGHTS      (needs PyTorch 2.x on the CPU, and NumPy)

Narrow, in double: an expert of VGG-16's plan with a sixteenth of its channels and random weights, a
cloner with 4 channels within, five steps of Adam, the last on a short batch. Tensors:

    picture                   (8, 3, 64, 32) in [-1, 1]; step s has pictures 3 s + k mod 8
    expert/NAME, init/NAME    weights of the expert (torchvision's names), of the cloner (ours)
    final/NAME                the cloner's after the last step, running statistics as (2, C)
    direction, value          the two terms of each step's loss
    score/direction, /value   of all pictures, after the last step, points 2 to 4
    gradient/HOW              d score / d input of the last picture: both, cloner, guided
    map                       of the last picture: "both", cut, smoothed by a Gaussian of 1, opened

Whole, in float: VGG-16 of WEIGHTS/vgg16_features.safetensors and the published cloner, 50 steps on
batches of 8 of 16 pictures; pictures and initial weights are functions written down in draw() and
weight(), here and in the test. Tensors:

    whole/direction, whole/value   of each step
    whole/score                    total score of 4 pictures that were not trained on
    whole/map                      their gradient maps through both networks
"""
import importlib.util
import math
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
BLOCKS, LAMBDA, SEED = (2, 2, 3, 3, 3), 0.5, 9
NARROW, PICTURES, BATCHES = 1 / 16, (8, 3, 64, 32), (4, 4, 4, 4, 3)
WHOLE, WHOLE_STEPS, WHOLE_BATCH = 64, 50, 8


def load_tool(name):
    spec = importlib.util.spec_from_file_location("tool", HERE / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved_tensors
        return dy * (y > 0) * (dy > 0)


def expert(p, x):
    """Maps after the pools."""
    maps, at = [], 0
    for convs in BLOCKS:
        for _ in range(convs):
            x = F.relu(F.conv2d(x, p[f"features.{at}.weight"], p[f"features.{at}.bias"], padding=1))
            at += 2
        x = F.max_pool2d(x, 2, 2)
        at += 1
        maps.append(x)
    return maps


def cloner(p, stats, x, training, guided=False):
    maps = []
    for block, convs in enumerate(BLOCKS, 1):
        for i in range(1, convs + 1):
            x = F.conv2d(x, p[f"block{block}.conv{i}.weight"], padding=1)
            if i < convs:
                name = f"block{block}.norm{i}"
                x = F.batch_norm(x, stats[name][0], stats[name][1], p[name + ".weight"],
                                 p[name + ".bias"], training, 0.1, 1e-5)
            x = Guided.apply(x) if guided else F.relu(x)
        x = F.max_pool2d(x, 2, 2)
        maps.append(x)
    return maps


def terms(a, c, first):
    direction = sum((1 - F.cosine_similarity(u.flatten(1), v.flatten(1))).mean()
                    for u, v in zip(a[first:], c[first:]))
    return direction, sum(F.mse_loss(u, v) for u, v in zip(a[first:], c[first:]))


def plan(channels, inner):
    """(name, out, in) of the cloner's convolutions; channels of the expert's maps."""
    found, c = [], 3
    for block, convs in enumerate(BLOCKS, 1):
        for i in range(1, convs + 1):
            out = channels[block - 1] if i == convs and block > 1 else inner
            found.append((f"block{block}.conv{i}.weight", out, c))
            c = out
    return found


def norms(inner, kind):
    names = [f"block{b}.norm{i}" for b, n in enumerate(BLOCKS, 1) for i in range(1, n)]
    stats = {n: torch.stack([torch.zeros(inner), torch.ones(inner)]).to(kind) for n in names}
    p = {n + ".weight": torch.ones(inner, dtype=kind) for n in names}
    p.update({n + ".bias": torch.zeros(inner, dtype=kind) for n in names})
    return p, stats


def train(p, stats, frozen, batches):
    """Both terms of each step."""
    for value in p.values():
        value.requires_grad_(True)
    optimiser = torch.optim.Adam(p.values(), lr=1e-3)
    history = []
    for x in batches:
        with torch.no_grad():
            a = expert(frozen, x)
        direction, value = terms(a, cloner(p, stats, x, True), 1)
        optimiser.zero_grad()
        (direction + LAMBDA * value).backward()
        optimiser.step()
        history.append((direction.item(), value.item()))
    for value in p.values():
        value.requires_grad_(False)
    return np.array(history)


def gradient(p, stats, frozen, x, how):
    x = x.clone().requires_grad_(True)
    a = expert(frozen, x)
    a = [u.detach() for u in a] if how == "cloner" else a
    direction, value = terms(a, cloner(p, stats, x, False, how == "guided"), 2)
    (direction + LAMBDA * value).backward()
    return x.grad[0].double().numpy()


def smooth(m, sigma):
    radius = math.ceil(4 * sigma)
    w = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    w /= w.sum()
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius, radius)
        padded = np.pad(m, pad, mode="symmetric")
        m = np.apply_along_axis(lambda line: np.convolve(line, w, "valid"), axis, padded)
    return m


def plus(m, pick, outside):
    padded = np.pad(m, 1, constant_values=outside)
    around = [padded[1:-1, 1:-1], padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2],
              padded[1:-1, 2:]]
    return pick.reduce(around)


def make_map(g):
    m = np.abs(g).sum(0)
    low, high = m.min(), np.quantile(m, 0.99)
    m = np.minimum((m - low) / (high - low), 1)
    m = smooth(m, 4 * min(m.shape) / 128)
    return plus(plus(m, np.minimum, np.inf), np.maximum, -np.inf)


def narrow(tensors):
    rng = np.random.default_rng(SEED)
    tools = load_tool("make-golden-nets.py")
    pictures = np.zeros(PICTURES, np.float16)
    y, x = np.mgrid[0:PICTURES[2], 0:PICTURES[3]]
    for i in range(PICTURES[0]):
        for c in range(3):
            pictures[i, c] = 0.6 * np.sin(0.4 * x + 0.3 * i + c) * np.sin(0.3 * y - 0.2 * i) + \
                0.1 * rng.standard_normal(y.shape)
    pictures[-1, :, 20:34, 8:20] = 0.9
    seen = (torch.tensor(pictures.astype(np.float64)) + 1) / 2
    n = tools.Net(NARROW)
    n.rng = rng
    tools.vgg(n, "vgg16", seen[:1], False)
    channels = [tap.shape[1] for tap in n.taps]
    frozen = {k: v.double() for k, v in n.p.items()}
    p, stats = norms(4, torch.double)
    for name, out, c in plan(channels, 4):
        bound = math.sqrt(6 / (9 * (out + c)))
        p[name] = torch.tensor(rng.uniform(-bound, bound, (out, c, 3, 3)).astype(np.float16).astype(float))
    tensors["picture"] = pictures
    for k, v in frozen.items():
        tensors[f"expert/{k}"] = v.numpy().astype(np.float16)
    for k, v in p.items():
        tensors[f"init/{k}"] = v.numpy().astype(np.float16)
    order = [[(3 * s + k) % PICTURES[0] for k in range(count)] for s, count in enumerate(BATCHES)]
    history = train(p, stats, frozen, [seen[o] for o in order])
    print("narrow: terms by step\n", history)
    tensors["direction"], tensors["value"] = history.T.astype(np.float32)
    for k, v in p.items():
        tensors[f"final/{k}"] = v.numpy().astype(np.float32)
    for k, v in stats.items():
        tensors[f"final/{k}.stats"] = v.numpy().astype(np.float32)
    with torch.no_grad():
        scores = [terms(expert(frozen, seen[i:i + 1]), cloner(p, stats, seen[i:i + 1], False), 2)
                  for i in range(PICTURES[0])]
    tensors["score/direction"], tensors["score/value"] = np.array(scores, np.float32).T
    for how in ("both", "cloner", "guided"):
        g = gradient(p, stats, frozen, seen[-1:], how)
        tensors[f"gradient/{how}"] = g.astype(np.float32)
        if how == "both":
            tensors["map"] = make_map(g).astype(np.float32)


def mix(n):
    """A hash of 32-bit numbers to [0, 1)."""
    n = np.asarray(n, np.uint64) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        n = ((n ^ (n >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return (n ^ (n >> np.uint64(16))).astype(np.float64) / 4294967296.0


def weight(key, shape):
    bound = math.sqrt(6 / (9 * (shape[0] + shape[1])))
    n = np.arange(math.prod(shape), dtype=np.uint64) * np.uint64(2654435761) + np.uint64(key)
    return (bound * (2 * mix(n) - 1)).astype(np.float32).reshape(shape)


def draw(i):
    """Picture i, grey in [-1, 1]; from 18 on with a defect."""
    y, x = np.mgrid[0:WHOLE, 0:WHOLE].astype(np.float64)
    noise = 2 * mix(np.arange(WHOLE * WHOLE, dtype=np.uint64) + np.uint64(i * 7919)).reshape(x.shape) - 1
    v = 0.45 * np.sin(0.35 * x + 0.6 * i) * np.sin(0.27 * y + 0.2 * i) + \
        0.25 * np.sin(0.11 * (x + y) + 0.3 * i) + 0.1 * noise
    if i >= 18:
        v[24:38, 16 + 8 * (i - 18):30 + 8 * (i - 18)] = 0.9
    return v.astype(np.float32)


def whole(tensors, folder):
    tools = load_tool("make-golden-nets.py")
    frozen = {k: v.float() for k, v in tools.read(folder / "vgg16_features.safetensors").items()}
    p, stats = norms(16, torch.float)
    for name, out, c in plan([64, 128, 256, 512, 512], 16):
        key = int(name[5]) * 10 + int(name[11])
        p[name] = torch.tensor(weight(key, (out, c, 3, 3)))
    pictures = np.stack([draw(i) for i in range(20)])[:, None].repeat(3, 1)
    seen = (torch.tensor(pictures) + 1) / 2
    batches = [seen[(s % 2) * WHOLE_BATCH:(s % 2 + 1) * WHOLE_BATCH] for s in range(WHOLE_STEPS)]
    history = train(p, stats, frozen, batches)
    print("whole: first and last terms\n", history[[0, -1]])
    tensors["whole/direction"], tensors["whole/value"] = history.T.astype(np.float32)
    scores, maps = [], []
    for i in range(16, 20):
        x = seen[i:i + 1]
        with torch.no_grad():
            direction, value = terms(expert(frozen, x), cloner(p, stats, x, False), 2)
        scores.append((direction + LAMBDA * value).item())
        maps.append(make_map(gradient(p, stats, frozen, x, "both")))
    print("whole: scores", scores)
    tensors["whole/score"] = np.array(scores, np.float32)
    tensors["whole/map"] = np.stack(maps).astype(np.float32)


def main():
    torch.set_num_threads(1)
    tensors = {}
    narrow(tensors)
    whole(tensors, pathlib.Path(sys.argv[1]))
    path = HERE.parent / "tests" / "golden" / "mkd.safetensors"
    load_tool("make-golden-nets.py").write(path, tensors, {"torch": torch.__version__})
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
