#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the weights files of tests/golden and tests/fuzz/corpus/weights. Run by hand:

    python3 tools/make-golden-weights.py          (needs PyTorch 2.x on the CPU)

One state dict in each kind of file: a contiguous tensor, a transposed one, a slice that shares its
storage, tied weights, f16, bf16, f64, a counter, a scalar, and NaN. ONNX is written byte by byte,
so that no ONNX package is needed and each way to hold values occurs. Values are small multiples of
1/8, exact in every type; the test knows them by rule: element i of a base tensor is (i - 3) / 8.
"""
import pathlib
import struct
import zipfile
from collections import OrderedDict

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
CORPUS = ROOT / "tests" / "fuzz" / "corpus" / "weights"
FLOAT, INT64, FLOAT16, DOUBLE, BFLOAT16 = 1, 7, 10, 11, 16


def base(*shape, dtype=torch.float32):
    count = 1
    for n in shape:
        count *= n
    return ((torch.arange(count, dtype=torch.float64) - 3) / 8).to(dtype).reshape(shape)


def state_dict():
    whole = base(4, 3)
    tied = base(2, 2)
    sd = OrderedDict()
    sd["conv.weight"] = base(2, 3, 2, 2)
    sd["turned"] = base(3, 4).t()
    sd["slice"] = whole[1:3, 1:]
    sd["tied.a"] = tied
    sd["tied.b"] = tied
    sd["half"] = base(5, dtype=torch.float16)
    sd["brain"] = base(5, dtype=torch.bfloat16)
    sd["wide"] = base(5, dtype=torch.float64)
    sd["scalar"] = torch.tensor(0.75)
    sd["nan"] = torch.tensor([float("nan"), 1.0, float("inf")])
    sd["parameter"] = torch.nn.Parameter(base(3))
    sd["bn.num_batches_tracked"] = torch.tensor(7)
    sd._metadata = OrderedDict([("", {"version": 1})])
    return sd


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def block(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, kind, dims, *fields, packed=False):
    d = block(1, b"".join(map(varint, dims))) if packed else b"".join(number(1, n) for n in dims)
    return block(5, d + number(2, kind) + block(8, name.encode()) + b"".join(fields))


def bits(t):
    return t.contiguous().view(torch.int16).tolist()


def onnx(extra=b""):
    floats = base(2, 3, 2, 2).flatten().tolist()
    half, brain = bits(base(5, dtype=torch.float16)), bits(base(5, dtype=torch.bfloat16))
    half, brain = [[v & 0xffff for v in x] for x in (half, brain)]
    parts = [
        tensor("conv.weight", FLOAT, [2, 3, 2, 2], block(9, struct.pack("<24f", *floats))),
        tensor("half", FLOAT16, [5], block(5, b"".join(map(varint, half))), packed=True),
        tensor("brain", BFLOAT16, [5], *[number(5, v) for v in brain]),
        tensor("wide", DOUBLE, [5], block(10, struct.pack("<5d", *[(i - 3) / 8 for i in range(5)]))),
        tensor("single", FLOAT, [2], *[varint(4 << 3 | 5) + struct.pack("<f", (i - 3) / 8) for i in range(2)]),
        tensor("scalar", FLOAT, [], block(4, struct.pack("<f", 0.75))),
        tensor("steps", INT64, [1], block(7, varint(7))),
        extra,
    ]
    graph = block(1, b"") + block(2, b"net") + b"".join(parts)
    return number(1, 8) + block(2, b"by hand") + block(7, graph) + block(8, number(2, 17))


def deflated(source, target):
    with zipfile.ZipFile(source) as a, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as b:
        for info in a.infolist():
            b.writestr(zipfile.ZipInfo(info.filename), a.read(info), zipfile.ZIP_DEFLATED)


def big_endian(target):
    """The archive a big-endian machine would write, of one float storage."""
    small = GOLDEN / "big.tmp"
    torch.save(OrderedDict(a=base(3)), small)
    with zipfile.ZipFile(small) as a, zipfile.ZipFile(target, "w") as b:
        for info in a.infolist():
            data = a.read(info)
            if "/data/" in info.filename:
                data = struct.pack(">3f", *struct.unpack("<3f", data))
            if info.filename.endswith("byteorder"):
                data = b"big"
            b.writestr(zipfile.ZipInfo(info.filename), data)
    small.unlink()


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    sd = state_dict()
    torch.save(sd, GOLDEN / "weights_zip.pth")
    torch.save(sd, GOLDEN / "weights_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "best": 0.5, "args": ["a", (1, None, True)], "state_dict": sd},
               GOLDEN / "weights_nested.pth", pickle_protocol=4)
    deflated(GOLDEN / "weights_zip.pth", GOLDEN / "weights_deflated.pth")
    big_endian(GOLDEN / "weights_big.pth")
    (GOLDEN / "weights.onnx").write_bytes(onnx())
    external = tensor("far", FLOAT, [2], block(13, block(1, b"location") + block(2, b"w.bin")), number(14, 1))
    (GOLDEN / "weights_external.onnx").write_bytes(onnx(external))
    for name in ("zip.pth", "legacy.pth", "deflated.pth", "big.pth"):
        (CORPUS / name).write_bytes((GOLDEN / f"weights_{name}").read_bytes())
    (CORPUS / "small.onnx").write_bytes(onnx())


main()
