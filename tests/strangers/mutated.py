"""Model files as a stranger could send them: a good one with something in it changed, by a seed."""

from __future__ import annotations

import copy
import json
import random
import struct
from pathlib import Path
from typing import Any

NONSENSE = (
    0, -1, 1, 7, 2**31, 10**6, 10**12, -(10**15), 1e308, -0.5, "", "a", "x" * 5000, "mlp", None, True, [], {}, [[]],
    [0], [10**9] * 3, {"kind": "mlp"}, {"kind": "nothing"}, {"a": 1}, "../../etc/passwd", "\x00", "9" * 400,
)  # fmt: skip


def parts_of(file: Path) -> tuple[dict[str, Any], bytes]:
    """The header of a safetensors file, and what follows it."""
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def with_fields(file: Path, part: str, **fields: Any) -> bytes:
    """A model file whose recipe or spec has other values, by their path: `task__generator__channels=20000`."""
    header, body = parts_of(file)
    plain = json.loads(header["__metadata__"][part])
    for path, value in fields.items():
        *parents, last = path.split("__")
        node = plain
        for name in parents:
            node = node[name]
        node[last] = value
    header["__metadata__"][part] = json.dumps(plain)
    return joined(header, body)


def mutated(file: Path, seed: int) -> bytes:
    """One of many ways in which a file can be wrong, or not."""
    draw = random.Random(seed)
    header, body = parts_of(file)
    meta = header["__metadata__"]
    way = draw.choice(["recipe", "recipe", "recipe", "spec", "spec", "meta", "tensors", "bytes", "cut", "text"])
    if way in ("recipe", "spec"):
        plain = json.loads(meta[way])
        for _ in range(draw.choice([1, 1, 2, 5])):
            change_one(plain, draw)
        meta[way] = json.dumps(plain)
    elif way == "meta":
        name = draw.choice(list(meta))
        if draw.random() < 0.3:
            del meta[name]
        else:
            meta[name] = draw.choice(
                [json.dumps(copy.deepcopy(draw.choice(NONSENSE))), "[" * 100_000, "{", "", "NaN", meta[name][:-3]]
            )
    elif way == "tensors":
        name = draw.choice([name for name in header if name != "__metadata__"])
        tensor = header[name]
        match draw.randrange(4):
            case 0:
                tensor["shape"] = draw.choice([[], [0], [2**40], [2**63], tensor["shape"][::-1], [-1]])
            case 1:
                tensor["dtype"] = draw.choice(["F64", "I8", "BF16", "F8_E4M3", "BOOL", "U64", "X"])
            case 2:
                tensor["data_offsets"] = draw.choice([[0, 4], [0, 2**62], [8, 4], [-1, 3]])
            case _:
                header[f"{name}.other"] = header.pop(name)
    data = bytearray(joined(header, body))
    if way == "bytes":
        for _ in range(draw.choice([1, 10, 1000])):
            data[draw.randrange(len(data))] = draw.randrange(256)
    elif way == "cut":
        del data[draw.randrange(len(data)) :]
    elif way == "text":  # within the header, so that it often stays JSON
        (length,) = struct.unpack("<Q", data[:8])
        for _ in range(draw.choice([1, 3])):
            data[8 + draw.randrange(length)] = ord(draw.choice('0123456789"{}[],:ae\\- '))
    return bytes(data)


def change_one(plain: Any, draw: random.Random) -> None:
    """Changes, removes or adds one value at a place that all depths are equally likely for."""
    node = plain
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = draw.choice(keys)
        if isinstance(node[key], (dict, list)) and node[key] and draw.random() < 0.8:
            node = node[key]
            continue
        match draw.randrange(10):
            case 0:
                del node[key]
            case 1 if isinstance(node, dict):
                node[f"{key}_"] = copy.deepcopy(draw.choice(NONSENSE))
            case 2 if isinstance(node[key], int):
                node[key] = node[key] * draw.choice([2, 1000, -1, 10**7])
            case _:
                node[key] = copy.deepcopy(draw.choice(NONSENSE))
        return
