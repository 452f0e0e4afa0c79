#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/daad_plus.safetensors: what PyTorch makes of DAAD's networks. Run by hand:

    python3 tools/make-golden-daad.py          (needs PyTorch 2.x on the CPU, and NumPy)

The networks of src/method/daad/net.c, again, in double precision: three training steps of DAAD+
(discriminator first, then the generator through the new discriminator), its outputs in evaluation
mode afterwards, and the gradients of one step of the other variants and addressings. Pictures are
not square, so that exchanged axes show. Tensors:

    init/NAME            parameters and running statistics before the first step
    init.division/NAME   items of the variants with another division
    input/0 .. input/2   the batches, (4, 2, 32, 48)
    loss/NAME            (3): disc, rec, adv, ali, loss
    final/NAME           parameters and running statistics after the third step
    eval/made, feature.real, feature.made, r, a     of the first two pictures of input/0,
                         with the final parameters
    VARIANT.grad/NAME, VARIANT.loss                 of one step on input/0 from init

The metadata has the settings of each run as "name=value name=value". Initial values and inputs
are stored as F16 and are exactly that; all else is F32.
"""
import json
import pathlib
import struct

import numpy as np
import torch
import torch.nn.functional as F

CHANNELS, HEIGHT, WIDTH, BATCH, STEPS, SCORED = 2, 32, 48, 4, 3, 2
W, LEVELS, ITEMS, LEAK, EPS, MOMENTUM = 4, 3, 7, 0.2, 1e-5, 0.1
RATE, BETA1, BETA2, ADAM_EPS = 0.002, 0.5, 0.999, 1e-4
L_REC, L_ADV, L_ALI, REAL = 50.0, 1.0, 1.0, 1.0
SEED = 1
SPEC = [(4, 4, 2 * W), (2, 2, 4 * W)]     # cells per block: height, width, channels
OTHER = [(4, 4, W), (2, 6, W)]            # division 2x3x2 of (2w, 8, 12), 2x1x4 of (4w, 4, 6)
COMMON = f"width={W} items={ITEMS} warm-up=0 batch={BATCH} steps={STEPS} lr={RATE} " \
         f"adam-eps={ADAM_EPS} beta1={BETA1} beta2={BETA2} schedule=linear decay-from=0.5"
DIVIDED = "division=2x3x2/2x1x4"
SETTINGS = {
    "plus": "variant=daad+ block=4x4x0/2x2x0",
    "ae": "variant=ae",
    "uae": "variant=uae",
    "paper": f"variant=daad addressing=paper {DIVIDED}",
    "memae": f"variant=daad addressing=memae {DIVIDED}",
}


def channels(level):
    return W * min(2 ** (level - 1), 8)


class Net:
    """Parameters by our names; `margin` is how near shrinkage came to deciding otherwise."""

    def __init__(self, values):
        self.p = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}
        for name, value in self.p.items():
            value.requires_grad_(not name.endswith(".stats"))
        self.margin = float("inf")

    def of(self, group):
        disc = lambda n: n.startswith(("disc", "logit"))
        return [v for n, v in self.p.items() if v.requires_grad and disc(n) == (group == "disc")]

    def norm(self, x, name, mode):
        """mode: "train" updates the running statistics, "keep" does not, "eval" uses them."""
        stats, weight, bias = (self.p[f"{name}.{k}"] for k in ("stats", "weight", "bias"))
        mean, var = (None, None) if mode == "keep" else (stats[0], stats[1])
        return F.batch_norm(x, mean, var, weight, bias, mode != "eval", MOMENTUM, EPS)

    def layer(self, x, name, mode, normalize, transposed=False):
        convolve = F.conv_transpose2d if transposed else F.conv2d
        bias = None if normalize else self.p[f"{name}.conv.bias"]
        x = convolve(x, self.p[f"{name}.conv.weight"], bias, stride=2, padding=1)
        return self.norm(x, f"{name}.norm", mode) if normalize else x

    def memory(self, f, index, block, addressing):
        (n, c, h, w), (bh, bw, bc) = f.shape, block
        rh, rw, rc = h // bh, w // bw, c // bc
        parts = f.reshape(n, rc, bc, rh, bh, rw, bw)
        q = parts.permute(0, 3, 5, 1, 4, 6, 2).reshape(n * rh * rw * rc, bh * bw * bc)
        m = self.p[f"memory{index + 1}.items"]
        unit = lambda a: a / (a.norm(dim=1, keepdim=True) + 1e-8)
        weight = torch.softmax(unit(q) @ unit(m).T / (0.1 if addressing == "sharp" else 1.0), dim=1)
        if addressing != "paper":
            kept = weight.detach() > 1.0 / ITEMS
            self.margin = min(self.margin, (weight.detach() * ITEMS - 1.0).abs().min().item())
            top = weight.detach().topk(2, dim=1)
            self.margin = min(self.margin, (top.values[:, 0] - top.values[:, 1]).min().item())
            kept.scatter_(1, top.indices[:, :1], True)
            weight = weight * kept
            weight = weight / weight.sum(dim=1, keepdim=True)
        parts = (weight @ m).reshape(n, rh, rw, rc, bh, bw, bc)
        return parts.permute(0, 3, 6, 1, 4, 2, 5).reshape(n, c, h, w)

    def generate(self, x, mode, variant="daad", blocks=None, addressing="sharp"):
        e = [None]
        for level in range(1, LEVELS + 1):
            x = F.leaky_relu(self.layer(x, f"enc{level}", mode, level > 1), LEAK)
            e.append(x)
        for index, block in enumerate(blocks or []):
            e[index + 2] = self.memory(e[index + 2], index, block, addressing)
        y = e[LEVELS]
        for level in range(LEVELS, 0, -1):
            if level == 2 and variant != "ae":
                y = torch.cat([y, e[2]], dim=1)
            y = self.layer(y, f"dec{level}", mode, level > 1, transposed=True)
            y = torch.relu(y) if level > 1 else torch.tanh(y)
        return y

    def judge(self, x, mode):
        for level in range(1, LEVELS + 1):
            x = F.leaky_relu(self.layer(x, f"disc{level}", mode, level > 1), LEAK)
        return x, x.flatten(1) @ self.p["logit.weight"].T + self.p["logit.bias"]


def half(values):
    return np.asarray(values, dtype=np.float64).astype(np.float16).astype(np.float64)


def make_values(rng, skips):
    values = {}

    def convolution(name, shape, bias):
        values[f"{name}.conv.weight"] = half(rng.normal(0, 0.1, shape))
        if bias:
            values[f"{name}.conv.bias"] = half(rng.normal(0, 0.1, bias))

    def normalisation(name, count):
        values[f"{name}.norm.weight"] = half(rng.normal(1, 0.1, count))
        values[f"{name}.norm.bias"] = half(rng.normal(0, 0.1, count))
        mean, var = rng.normal(0, 0.1, count), rng.uniform(0.5, 1.5, count)
        values[f"{name}.norm.stats"] = half(np.stack([mean, var]))

    for kind in ("enc", "disc"):
        for level in range(1, LEVELS + 1):
            before = channels(level - 1) if level > 1 else CHANNELS
            shape = (channels(level), before, 4, 4)
            convolution(f"{kind}{level}", shape, 0 if level > 1 else channels(level))
            if level > 1:
                normalisation(f"{kind}{level}", channels(level))
    for level in range(LEVELS, 0, -1):
        before = channels(level) * (2 if level == 2 and skips else 1)
        after = channels(level - 1) if level > 1 else CHANNELS
        convolution(f"dec{level}", (before, after, 4, 4), 0 if level > 1 else after)
        if level > 1:
            normalisation(f"dec{level}", after)
    length = channels(LEVELS) * (HEIGHT >> LEVELS) * (WIDTH >> LEVELS)
    values["logit.weight"] = half(rng.normal(0, 0.1, (1, length)))
    values["logit.bias"] = half(rng.normal(0, 0.1, 1))
    return values


def make_items(rng, blocks):
    return {f"memory{i + 1}.items": half(rng.normal(0, 0.1, (ITEMS, int(np.prod(block)))))
            for i, block in enumerate(blocks)}


def make_input(rng, batch):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    phase = rng.uniform(0, 6, (BATCH, CHANNELS, 1, 1))
    wave = 0.6 * np.sin(x / (3.0 + batch) + phase) * np.cos(y / 4.0 + 2 * phase)
    return half(np.clip(wave + rng.normal(0, 0.1, wave.shape), -1, 1))


def bce(logit, target):
    return F.binary_cross_entropy_with_logits(logit, torch.full_like(logit, target))


def train(net, inputs, out):
    """Three steps of DAAD+; the rate is constant, then falls to 0 over the last half."""
    optimizers = {g: torch.optim.Adam(net.of(g), RATE, (BETA1, BETA2), ADAM_EPS)
                  for g in ("disc", "gen")}
    losses = {k: [] for k in ("disc", "rec", "adv", "ali", "loss")}

    def descend(group, loss, step):
        fallen = max(0.0, step - 0.5 * STEPS) / (0.5 * STEPS)
        for optimizer in optimizers.values():
            optimizer.zero_grad()
        optimizers[group].param_groups[0]["lr"] = RATE * (1.0 - fallen)
        loss.backward()
        optimizers[group].step()

    for step, x in enumerate(inputs):
        made = net.generate(x, "train", blocks=SPEC)
        real, fake = net.judge(x, "train")[1], net.judge(made.detach(), "train")[1]
        disc = bce(real, REAL) + bce(fake, 0.0)
        descend("disc", disc, step)
        with torch.no_grad():
            feature_real, _ = net.judge(x, "keep")
        feature_made, logit = net.judge(made, "keep")
        rec, adv = F.mse_loss(made, x), bce(logit, 1.0)
        ali = F.mse_loss(feature_made, feature_real)
        loss = L_REC * rec + L_ADV * adv + L_ALI * ali
        descend("gen", loss, step)
        for name, value in zip(losses, (disc, rec, adv, ali, loss)):
            losses[name].append(value.item())
    for name, values in losses.items():
        out[f"loss/{name}"] = np.array(values)
        print(name, values)


def evaluate(net, x, out):
    with torch.no_grad():
        made = net.generate(x, "eval", blocks=SPEC)
        real, fake = net.judge(x, "eval")[0], net.judge(made, "eval")[0]
        results = {"made": made, "feature.real": real, "feature.made": fake,
                   "r": ((x - made) ** 2).mean(dim=(1, 2, 3)),
                   "a": ((real - fake) ** 2).mean(dim=(1, 2, 3))}
    out.update({f"eval/{name}": value.numpy() for name, value in results.items()})


def gradients(net, label, x, out):
    settings = dict(s.split("=") for s in SETTINGS[label].split())
    blocks = OTHER if settings["variant"] == "daad" else None
    made = net.generate(x, "train", settings["variant"], blocks, settings.get("addressing", ""))
    loss = L_REC * F.mse_loss(made, x)
    loss.backward()
    out[f"{label}.loss"] = np.array(loss.item())
    for name, value in net.p.items():
        if value.grad is not None:
            out[f"{label}.grad/{name}"] = value.grad.numpy()
    print(label, loss.item(), "margin", net.margin)


def write(path, tensors, metadata):
    """Wide elements first, no gaps, data at a multiple of 64 bytes."""
    kinds = {"F16": "<f2", "F32": "<f4"}
    half_names = [n for n in tensors if n.startswith(("init", "input"))]
    rows = [(n, "F32") for n in tensors if n not in half_names] + [(n, "F16") for n in half_names]
    header, data, at = {"__metadata__": metadata}, [], 0
    for name, kind in rows:
        block = np.ascontiguousarray(tensors[name]).astype(kinds[kind]).tobytes()
        shape = list(np.shape(tensors[name]))
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + len(block)]}
        at += len(block)
        data.append(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))
    print(path.name, path.stat().st_size, "bytes")


def main():
    rng, out = np.random.default_rng(SEED), {}
    values = make_values(rng, skips=True)
    spec_items, other_items = make_items(rng, SPEC), make_items(rng, OTHER)
    inputs = [make_input(rng, i) for i in range(STEPS)]
    batches = [torch.tensor(x) for x in inputs]
    out.update({f"init/{n}": v for n, v in {**values, **spec_items}.items()})
    out.update({f"init.division/{n}": v for n, v in other_items.items()})
    out.update({f"input/{i}": x for i, x in enumerate(inputs)})
    net = Net({**values, **spec_items})
    train(net, batches, out)
    print("margin", net.margin)
    out.update({f"final/{n}": v.detach().numpy() for n, v in net.p.items()})
    evaluate(net, batches[0][:SCORED], out)
    for label in ("ae", "uae", "paper", "memae"):
        start = dict(values)
        if label == "ae":  # no skip: the first half of its input channels
            start["dec2.conv.weight"] = values["dec2.conv.weight"][: channels(2)]
        gradients(Net({**start, **(other_items if "division" in SETTINGS[label] else {})}),
                  label, batches[0], out)
    metadata = {name: f"{text} {COMMON}" for name, text in SETTINGS.items()}
    root = pathlib.Path(__file__).resolve().parent.parent
    write(root / "tests/golden/daad_plus.safetensors", out, metadata)


if __name__ == "__main__":
    main()
