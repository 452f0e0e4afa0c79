# SPDX-License-Identifier: Apache-2.0
"""DAAD's networks in PyTorch, as a PyTorch user would write them, for comparison of speed.

Parameters and batches come from a safetensors file (bench/job.h) or a model file, by our names; the
recipe and the shape from the settings in its metadata. Only what the presets need is here: division
"spec", addressing "sharp", Adam with a constant rate.
"""
import json
import math
import struct

import torch
import torch.nn.functional as F
from torch import nn

LEAK, EPS, MOMENTUM = 0.2, 1e-5, 0.1


def read_safetensors(path, prefix=""):
    """(tensors whose names begin with prefix, without it; metadata)."""
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name.startswith(prefix) and entry.get("dtype") == "F32":
            begin, end = entry["data_offsets"]
            flat = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
            tensors[name[len(prefix):]] = flat.reshape(entry["shape"]).clone()
    return tensors, header.get("__metadata__", {})


class Shape:
    def __init__(self, settings, height, width):
        side = min(height, width)
        w = int(settings["width"])
        self.variant = settings["variant"]
        self.levels = min(int(math.log2(side // 4)), 5)
        self.disc_levels = int(math.log2(side // 4))
        self.channels = [0] + [w * min(2 ** l, 8) for l in range(self.levels)]
        self.disc_channels = [w * min(2 ** l, 8) for l in range(self.disc_levels)]
        first = max(self.levels - 2, 2)
        self.skips = [] if self.variant == "ae" else list(range(first, self.levels))
        has_memory = self.variant in ("daad", "daad+")
        self.memory_levels = list(range(first, self.levels + 1)) if has_memory else []
        self.items = int(settings["items"])
        if has_memory and (settings["division"] != "spec" or settings["block"] or
                           settings["addressing"] != "sharp"):
            raise SystemExit("the peer knows division=spec and addressing=sharp alone")


class Memory(nn.Module):
    """Blocks of `edge` x `edge` cells over all channels, each replaced by a mixture of items."""

    def __init__(self, shape, level):
        super().__init__()
        self.edge = 2 if level == shape.levels else 4
        self.items = nn.Parameter(torch.empty(shape.items, self.edge ** 2 * shape.channels[level]))

    def forward(self, f):
        (n, c, h, w), e = f.shape, self.edge
        parts = f.reshape(n, c, h // e, e, w // e, e).permute(0, 2, 4, 3, 5, 1)
        q = parts.reshape(-1, e * e * c)
        unit = lambda a: a / (a.norm(dim=1, keepdim=True) + 1e-8)
        weight = torch.softmax(unit(q) @ unit(self.items).T / 0.1, dim=1)
        with torch.no_grad():
            kept = weight > 1.0 / len(self.items)
            kept.scatter_(1, weight.argmax(dim=1, keepdim=True), True)
        weight = weight * kept
        weight = weight / weight.sum(dim=1, keepdim=True)
        parts = (weight @ self.items).reshape(n, h // e, w // e, e, e, c)
        return parts.permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)


def block(before, after, transposed=False, norm=True, act=None):
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    layers = [kind(before, after, 4, stride=2, padding=1, bias=not norm)]
    if norm:
        layers.append(nn.BatchNorm2d(after, eps=EPS, momentum=MOMENTUM))
    return nn.Sequential(*layers, act) if act else nn.Sequential(*layers)


class Generator(nn.Module):
    def __init__(self, shape, bands):
        super().__init__()
        self.shape, c = shape, shape.channels
        self.enc = nn.ModuleList(
            block(c[l - 1] if l > 1 else bands, c[l], norm=l > 1, act=nn.LeakyReLU(LEAK))
            for l in range(1, shape.levels + 1))
        self.dec = nn.ModuleList(
            block(c[l] * (2 if l in shape.skips else 1), c[l - 1] if l > 1 else bands, True, l > 1,
                  nn.ReLU() if l > 1 else nn.Tanh())
            for l in range(shape.levels, 0, -1))
        self.memory = nn.ModuleList(Memory(shape, l) for l in shape.memory_levels)

    def forward(self, x):
        e = {}
        for level, layer in enumerate(self.enc, 1):
            x = e[level] = layer(x)
        for memory, level in zip(self.memory, self.shape.memory_levels):
            e[level] = memory(e[level])
        y = e[self.shape.levels]
        for level, layer in zip(range(self.shape.levels, 0, -1), self.dec):
            y = layer(torch.cat([y, e[level]], 1) if level in self.shape.skips else y)
        return y


class Discriminator(nn.Module):
    def __init__(self, shape, bands, cells):
        super().__init__()
        c = shape.disc_channels
        self.disc = nn.ModuleList(block(c[l - 1] if l else bands, c[l], norm=l > 0, act=nn.LeakyReLU(LEAK))
                                  for l in range(len(c)))
        self.logit = nn.Linear(c[-1] * cells, 1)

    def forward(self, x):
        for layer in self.disc:
            x = layer(x)
        return x, self.logit(x.flatten(1))

    def keep_statistics(self, on):
        for m in self.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.track_running_stats = not on


def our_names(net, levels):
    """(our name of the tensor, place in the module)."""
    for kind in ("enc", "dec", "disc"):
        for i, layer in enumerate(getattr(net, kind, ())):
            name = f"{kind}{levels - i if kind == 'dec' else i + 1}"
            for part, short in (("0", "conv"), ("1", "norm")):
                if len(layer) <= int(part) or not hasattr(layer[int(part)], "weight"):
                    continue
                module = layer[int(part)]
                yield f"{name}.{short}.weight", module.weight
                if module.bias is not None:
                    yield f"{name}.{short}.bias", module.bias
                if short == "norm":
                    yield f"{name}.norm.stats", (module.running_mean, module.running_var)
    for i, memory in enumerate(getattr(net, "memory", ())):
        yield f"memory{i + 1}.items", memory.items
    if hasattr(net, "logit"):
        yield "logit.weight", net.logit.weight
        yield "logit.bias", net.logit.bias


@torch.no_grad()
def load(net, tensors, levels):
    for name, places in our_names(net, levels):
        value = tensors[name]
        if isinstance(places, tuple):
            for row, place in zip(value, places):
                place.copy_(row)
        else:
            place = places
            place.copy_(value.reshape(place.shape))


def networks(tensors, settings, bands, height, width):
    """Generator, discriminator or None, with these weights."""
    shape = Shape(settings, height, width)
    gen = Generator(shape, bands)
    load(gen, tensors, shape.levels)
    if shape.variant != "daad+":
        return gen, None
    cells = (height >> shape.disc_levels) * (width >> shape.disc_levels)
    disc = Discriminator(shape, bands, cells)
    load(disc, tensors, shape.levels)
    return gen, disc


class Training:
    """One step of the main stage; `amp` runs the networks under bf16 autocast."""

    def __init__(self, gen, disc, settings, amp=False):
        self.gen, self.disc, self.settings, self.amp = gen, disc, settings, amp
        self.optimizers = [self.adam(net) for net in (gen, disc) if net]

    def adam(self, net):
        s = self.settings
        options = dict(lr=float(s["lr"]), betas=(float(s["beta1"]), float(s["beta2"])),
                       eps=float(s["adam-eps"]))
        try:
            return torch.optim.Adam(net.parameters(), fused=True, **options)
        except (RuntimeError, TypeError):
            return torch.optim.Adam(net.parameters(), **options)

    def autocast(self):
        return torch.autocast("cpu", torch.bfloat16, enabled=self.amp)

    def step(self, x):
        s = {k: float(self.settings[k]) for k in ("l-rec", "l-adv", "l-ali")}
        with self.autocast():
            made = self.gen(x)
        if self.disc:
            self.step_disc(x, made.detach())
        loss = s["l-rec"] * F.mse_loss(made.float(), x)
        if self.disc:
            self.disc.requires_grad_(False)
            self.disc.keep_statistics(True)
            with self.autocast():
                with torch.no_grad():
                    real, _ = self.disc(x)
                feature, logit = self.disc(made)
            logit, feature, real = logit.float(), feature.float(), real.float()
            adv = F.binary_cross_entropy_with_logits(logit, torch.ones_like(logit))
            loss = loss + s["l-adv"] * adv + s["l-ali"] * F.mse_loss(feature, real)
        self.descend(self.optimizers[0], loss)
        if self.disc:
            self.disc.keep_statistics(False)
            self.disc.requires_grad_(True)
        return loss.item()

    def step_disc(self, x, made):
        with self.autocast():
            real, fake = self.disc(x)[1], self.disc(made)[1]
        bce = F.binary_cross_entropy_with_logits
        real, fake = real.float(), fake.float()
        self.descend(self.optimizers[1], bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake)))

    @staticmethod
    def descend(optimizer, loss):
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
