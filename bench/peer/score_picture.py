#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The score of one picture with a trained model, in PyTorch: one line of JSON.

  score_picture.py MODEL [--layout plain|channels_last] [--threads 2] [--warm 3] [--runs 20]

From 8-bit pixels to the score R and the smoothed map, as bench/score_picture.
"""
import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F

import daad
from train_step import order


def picture(height, width, bands):
    y, x, b = torch.meshgrid(*(torch.arange(n) for n in (height, width, bands)), indexing="ij")
    return ((7 * x + 13 * y + 31 * b + 3 * (x * y % 17)) & 255).to(torch.uint8)


def gaussian(sigma):
    radius = int(-(-2 * sigma // 1))
    at = torch.arange(-radius, radius + 1)
    row = torch.exp(-0.5 * (at / sigma) ** 2)
    return (row / row.sum()).reshape(1, 1, 1, -1)


@torch.inference_mode()
def score(gen, pixels, row, layout):
    x = (pixels.permute(2, 0, 1)[None].float() * (2 / 255) - 1).contiguous(memory_format=layout)
    error = ((x - gen(x)) ** 2).mean(1, keepdim=True)
    r = row.shape[-1] // 2
    smooth = F.conv2d(F.pad(error, (r, r, r, r), mode="replicate"), row)
    smooth = F.conv2d(smooth, row.transpose(2, 3))
    return error.mean().item(), smooth


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--layout", default="plain", choices=("plain", "channels_last"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm", type=int, default=3)
    parser.add_argument("--runs", type=int, default=20)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    tensors, meta = daad.read_safetensors(a.model)
    about = json.loads(meta["oddity"])
    bands, height, width = (about["input"][k] for k in ("channels", "height", "width"))
    gen, _ = daad.networks(tensors, about["config"], bands, height, width)
    layout = torch.contiguous_format if a.layout == "plain" else torch.channels_last
    gen = gen.eval().to(memory_format=layout)
    pixels, row = picture(height, width, bands), gaussian(about["config"]["sigma"] * height / 256)
    wall, cpu, value = [], [], 0.0
    for i in range(a.warm + a.runs):
        start, start_cpu = time.perf_counter(), time.process_time()
        value, _ = score(gen, pixels, row, layout)
        if i >= a.warm:
            wall.append(1e3 * (time.perf_counter() - start))
            cpu.append(1e3 * (time.process_time() - start_cpu))
    print(json.dumps({"layout": a.layout, "threads": a.threads, "score": value, "ms": order(wall),
                      "cpu_ms": order(cpu),
                      "rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
