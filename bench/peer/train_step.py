#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same training steps as bench/train_step, in PyTorch: one line of JSON.

  train_step.py FILE [--layout plain|channels_last] [--amp] [--threads 2] [--warm 2] [--steps 5]

FILE is what train_step --save wrote.
"""
import argparse
import json
import resource
import statistics
import time

import torch

import daad


def order(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def onednn_version():
    for line in torch.__config__.show().splitlines():
        if "DNN" in line and " v" in line:
            return line.split(" v", 1)[1].split()[0]
    return "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--layout", default="plain", choices=("plain", "channels_last"))
    parser.add_argument("--amp", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    tensors, meta = daad.read_safetensors(a.file)
    settings = json.loads(meta["settings"])
    inputs = [tensors[f"input/{i}"] for i in range(4)]
    weights = {k[len("init/"):]: v for k, v in tensors.items() if k.startswith("init/")}
    gen, disc = daad.networks(weights, settings, *inputs[0].shape[1:])
    del tensors, weights
    if a.layout == "channels_last":
        inputs = [x.to(memory_format=torch.channels_last) for x in inputs]
        gen = gen.to(memory_format=torch.channels_last)
        disc = disc.to(memory_format=torch.channels_last) if disc else None
    training = daad.Training(gen, disc, settings, a.amp)
    losses, wall, cpu = [], [], []
    for step in range(a.warm + a.steps):
        start, start_cpu = time.perf_counter(), time.process_time()
        loss = training.step(inputs[step % 4])
        if step < 4:
            losses.append(loss)
        if step >= a.warm:
            wall.append(1e3 * (time.perf_counter() - start))
            cpu.append(1e3 * (time.process_time() - start_cpu))
    print(json.dumps({
        "layout": a.layout, "amp": a.amp, "threads": a.threads, "losses": losses, "ms": order(wall),
        "cpu_ms": order(cpu), "rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "torch": torch.__version__, "vendor": "oneDNN " + onednn_version()}))


if __name__ == "__main__":
    main()
