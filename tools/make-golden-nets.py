#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/nets.safetensors: what PyTorch makes of narrow experts. Run by hand:

    python3 tools/make-golden-nets.py [WEIGHTS]      (needs PyTorch 2.x on the CPU, and NumPy)

The networks of src/nn/nets, again, as plain functions over a dictionary of tensors with the
published names. Channels are max(4, 4 floor(c width / 4 + 1/2)). The picture is not square and not
a multiple of the strides, so that padding and exchanged axes show. Tensors:

    input                     (1, 3, 72, 60)
    NET/w/NAME                parameters and running statistics
    NET/tap/0 ..              the maps; NET/scores where the classifier is tested too
    whole/NET/tap/0 ..        for each file NET.safetensors or NET_features.safetensors of the
                              folder WEIGHTS: 64 values of each tap of the network itself

The metadata has "NET" = width. `input` and weights are stored as F16 and are exactly that.
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

SHAPE, SEED, SAMPLES, CLASSES = (1, 3, 72, 60), 5, 64, 1000
VGG = {
    "vgg11": [64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0],
    "vgg16": [64, 64, 0, 128, 128, 0] + [256] * 3 + [0] + ([512] * 3 + [0]) * 2,
}
FIRES = {
    "squeezenet1_0": (96, 7, {3: 16, 4: 16, 5: 32, 7: 32, 8: 48, 9: 48, 10: 64, 12: 64}, (2, 6, 11)),
    "squeezenet1_1": (64, 3, {3: 16, 4: 16, 6: 32, 7: 32, 9: 48, 10: 48, 11: 64, 12: 64}, (2, 5, 8)),
}
RESNET = {"resnet18": ([2, 2, 2, 2], 0), "resnet50": ([3, 4, 6, 3], 1), "wide_resnet50_2": ([3, 4, 6, 3], 2)}
# expansion, channels, blocks, stride, kernel
MOBILE = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3), (6, 96, 3, 1, 3),
          (6, 160, 3, 2, 3), (6, 320, 1, 1, 3)]
LITE = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
        (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]
LITE_SCALE = {"tf_efficientnet_lite0": (1.0, 1.0), "tf_efficientnet_lite2": (1.1, 1.2)}
TAP_AFTER = (0, 1, 2, 4, 6)
NARROW = {"vgg11": 1 / 32, "vgg11_bn": 1 / 32, "squeezenet1_0": 1 / 16, "squeezenet1_1": 1 / 16,
          "resnet18": 1 / 32, "resnet50": 1 / 64, "wide_resnet50_2": 1 / 64, "mobilenet_v2": 1 / 16,
          "tf_efficientnet_lite0": 1 / 16, "tf_efficientnet_lite2": 1 / 16}


class Net:
    """Weights by name, drawn when first asked for unless they are given; the maps so far."""

    def __init__(self, width, given=None):
        self.width, self.p, self.taps, self.given = width, given or {}, [], given is not None
        self.rng = np.random.default_rng(SEED)

    def channels(self, c):
        return c if self.width == 1 else max(4, 4 * math.floor(c * self.width / 4 + 0.5))

    def get(self, name, shape, mean, spread):
        if name not in self.p and not self.given:
            values = (mean + spread * self.rng.standard_normal(shape)).astype(np.float16)
            self.p[name] = torch.tensor(values.astype(np.float64))
        assert tuple(self.p[name].shape) == tuple(shape), name
        return self.p[name].double()

    def conv(self, x, name, out, k, stride=1, pad=0, bias=False, depth=False, same=False):
        c = x.shape[1]
        out, deep = (c, 1) if depth else (out, c)
        if same:
            sides = []
            for size in (x.shape[3], x.shape[2]):
                total = max((math.ceil(size / stride) - 1) * stride + k - size, 0)
                sides += [total // 2, total - total // 2]
            x, pad = F.pad(x, sides), 0
        w = self.get(name + ".weight", (out, deep, k, k), 0, math.sqrt(2 / (deep * k * k)))
        b = self.get(name + ".bias", (out,), 0, 0.1) if bias else None
        return F.conv2d(x, w, b, stride, pad, groups=c if depth else 1)

    def norm(self, x, name, eps=1e-5):
        c = (x.shape[1],)
        weight, bias = self.get(name + ".weight", c, 1, 0.1), self.get(name + ".bias", c, 0, 0.2)
        mean = self.get(name + ".running_mean", c, 0, 0.2)
        var = self.get(name + ".running_var", c, 1, 0.05)
        return F.batch_norm(x, mean, var, weight, bias, False, 0, eps)

    def linear(self, x, name, out):
        w = self.get(name + ".weight", (out, x.shape[1]), 0, math.sqrt(1 / x.shape[1]))
        return F.linear(x, w, self.get(name + ".bias", (out,), 0, 0.1))

    def tap(self, x):
        self.taps.append(x)


def vgg(n, name, x, classify):
    at, normal = 0, name.endswith("_bn")
    for c in VGG[name.removesuffix("_bn")]:
        if c == 0:
            x = F.max_pool2d(x, 2, 2)
            n.tap(x)
            at += 1
            continue
        x = n.conv(x, f"features.{at}", n.channels(c), 3, 1, 1, bias=True)
        x = F.relu(n.norm(x, f"features.{at + 1}") if normal else x)
        at += 3 if normal else 2
    return None


def squeezenet(n, name, x, classify):
    first, kernel, fires, pools = FIRES[name]
    x = F.relu(n.conv(x, "features.0", n.channels(first), kernel, 2, 0, bias=True))
    for at in range(2, 13):
        if at in pools:
            n.tap(x)
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            continue
        s, e, part = n.channels(fires[at]), n.channels(4 * fires[at]), f"features.{at}."
        x = F.relu(n.conv(x, part + "squeeze", s, 1, bias=True))
        x = torch.cat([F.relu(n.conv(x, part + "expand1x1", e, 1, bias=True)),
                       F.relu(n.conv(x, part + "expand3x3", e, 3, 1, 1, bias=True))], 1)
    n.tap(x)
    if classify:
        return F.relu(n.conv(x, "classifier.1", n.channels(CLASSES), 1, bias=True)).mean((2, 3))
    return None


def resnet_block(n, part, x, planes, stride, wide):
    y, out = x, planes * (4 if wide else 1)
    if wide:
        plan = [(planes * wide, 1, 1), (planes * wide, 3, stride), (out, 1, 1)]
    else:
        plan = [(planes, 3, stride), (planes, 3, 1)]
    for i, (c, k, s) in enumerate(plan, 1):
        y = n.norm(n.conv(y, f"{part}.conv{i}", c, k, s, k // 2), f"{part}.bn{i}")
        y = F.relu(y) if i < len(plan) else y
    if stride != 1 or x.shape[1] != out:
        x = n.norm(n.conv(x, f"{part}.downsample.0", out, 1, stride), f"{part}.downsample.1")
    return F.relu(x + y)


def resnet(n, name, x, classify):
    counts, wide = RESNET[name]
    x = F.relu(n.norm(n.conv(x, "conv1", n.channels(64), 7, 2, 3), "bn1"))
    n.tap(x)
    x = F.max_pool2d(x, 3, 2, 1)
    for layer, count in enumerate(counts):
        for i in range(count):
            stride = 2 if i == 0 and layer > 0 else 1
            x = resnet_block(n, f"layer{layer + 1}.{i}", x, n.channels(64 << layer), stride, wide)
        n.tap(x)
    return n.linear(x.mean((2, 3)), "fc", n.channels(CLASSES)) if classify else None


def inverted(n, x, units, expand, out, k, stride, **how):
    """units: (convolution, normalisation) names of expansion (if any), depthwise, projection."""
    eps, same = how.get("eps", 1e-5), how.get("same", False)
    y, todo = x, list(units)
    if expand != 1:
        a, b = todo.pop(0)
        y = F.relu6(n.norm(n.conv(y, a, x.shape[1] * expand, 1), b, eps))
    a, b = todo.pop(0)
    y = F.relu6(n.norm(n.conv(y, a, 0, k, stride, k // 2, depth=True, same=same), b, eps))
    a, b = todo.pop(0)
    y = n.norm(n.conv(y, a, out, 1), b, eps)
    return x + y if stride == 1 and x.shape[1] == out else y


def mobilenet(n, name, x, classify):
    x, at = F.relu6(n.norm(n.conv(x, "features.0.0", n.channels(32), 3, 2, 1), "features.0.1")), 1
    for stage, (expand, c, count, stride, k) in enumerate(MOBILE):
        for i in range(count):
            part = f"features.{at}.conv."
            units = [("0.0", "0.1"), ("1", "2")] if expand == 1 else [("0.0", "0.1"), ("1.0", "1.1"), ("2", "3")]
            units = [(part + a, part + b) for a, b in units]
            x = inverted(n, x, units, expand, n.channels(c), k, stride if i == 0 else 1)
            at += 1
        if stage in TAP_AFTER:
            n.tap(x)
    if not classify:
        return None
    x = F.relu6(n.norm(n.conv(x, "features.18.0", n.channels(1280), 1), "features.18.1"))
    return n.linear(x.mean((2, 3)), "classifier.1", n.channels(CLASSES))


def round_channels(c):
    new = max(8, int(c + 4) // 8 * 8)
    return new + 8 if new < 0.9 * c else new


def efficientnet(n, name, x, classify):
    wide, deep = LITE_SCALE[name]
    x = F.relu6(n.norm(n.conv(x, "conv_stem", n.channels(32), 3, 2, same=True), "bn1", 1e-3))
    for stage, (expand, c, count, stride, k) in enumerate(LITE):
        count = count if stage in (0, 6) else math.ceil(count * deep)
        for i in range(count):
            part = f"blocks.{stage}.{i}."
            units = [("conv_dw", "bn1"), ("conv_pw", "bn2")] if expand == 1 else \
                [("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")]
            units = [(part + a, part + b) for a, b in units]
            x = inverted(n, x, units, expand, n.channels(round_channels(c * wide)), k,
                         stride if i == 0 else 1, eps=1e-3, same=True)
        if stage in TAP_AFTER:
            n.tap(x)
    if not classify:
        return None
    x = F.relu6(n.norm(n.conv(x, "conv_head", n.channels(1280), 1), "bn2", 1e-3))
    return n.linear(x.mean((2, 3)), "classifier", n.channels(CLASSES))


def family(name):
    for stem, make in (("vgg", vgg), ("squeezenet", squeezenet), ("mobilenet", mobilenet),
                       ("tf_efficientnet", efficientnet)):
        if name.startswith(stem):
            return make
    return resnet


def read(path):
    """The F32 tensors of a safetensors file."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, found = json.loads(data[8:8 + size]), {}
    for name, t in header.items():
        if name != "__metadata__":
            at = [8 + size + o for o in t["data_offsets"]]
            values = np.frombuffer(data[at[0]:at[1]], "<f4").reshape(t["shape"])
            found[name] = torch.tensor(values.astype(np.float64))
    return found


def write(path, tensors, meta):
    header, blobs, at = {"__metadata__": meta}, [], 0
    for name, values in sorted(tensors.items(), key=lambda item: (item[1].dtype.itemsize < 4, item[0])):
        blob = np.ascontiguousarray(values).tobytes()
        kind = {"float16": "F16", "float32": "F32"}[str(values.dtype)]
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def main():
    torch.set_num_threads(1)
    picture = np.random.default_rng(SEED).standard_normal(SHAPE).astype(np.float16)
    x = torch.tensor(picture.astype(np.float64))
    tensors, meta = {"input": picture}, {}
    for name, width in NARROW.items():
        n = Net(width)
        scores = family(name)(n, name, x, True)
        meta[name] = repr(width)
        for key, value in n.p.items():
            tensors[f"{name}/w/{key}"] = value.numpy().astype(np.float16)
        for i, tap in enumerate(n.taps):
            print(f"{name} tap {i} {tuple(tap.shape)} rms {tap.pow(2).mean().sqrt():.3f}")
            tensors[f"{name}/tap/{i}"] = tap.numpy().astype(np.float32)
        if scores is not None:
            tensors[f"{name}/scores"] = scores.numpy().astype(np.float32)
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.safetensors")) if len(sys.argv) > 1 else []:
        name = path.stem.removesuffix("_features")
        n = Net(1, read(path))
        family(name)(n, name, x, False)
        for i, tap in enumerate(n.taps):
            flat = tap.flatten()
            at = torch.arange(SAMPLES) * (len(flat) - 1) // (SAMPLES - 1)
            tensors[f"whole/{name}/tap/{i}"] = flat[at].numpy().astype(np.float32)
    path = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "nets.safetensors"
    write(path, tensors, meta)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
