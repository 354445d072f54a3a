"""Stands for `ganforge` and for the child of the studio, at once: trains nothing, and writes what they do."""

import fcntl
import json
import signal
import sys
import time
from pathlib import Path

LOSSES = {"loss/D": 0.5, "loss/G": 0.7}
NUMBER = {"type": "integer", "minimum": 1, "description": "How many."}
SCHEMA = {
    "$defs": {
        "Adam": {
            "type": "object",
            "properties": {
                "kind": {"const": "adam"},
                "lr": {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/Cosine"}]},
            },
        },
        "Small": {
            "type": "object",
            "description": "A small net.",
            "properties": {"kind": {"const": "small"}, "width": {"type": "integer", "minimum": 1, "default": 8}},
        },
        "Wide": {
            "type": "object",
            "description": "A wide net.",
            "properties": {"kind": {"const": "wide"}, "depth": {"type": "number", "default": 0.5}},
        },
        "Read": {"type": "object", "properties": {"kind": {"const": "read"}, "weights": {"type": "string"}}},
        "Task": {
            "type": "object",
            "properties": {
                "kind": {"const": "synthesis"},
                "net": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in ("Small", "Wide", "Read")]},
                "side": {"anyOf": [{"oneOf": [{"$ref": "#/$defs/Small"}]}, {"type": "null"}]},
                "roles": {"type": "object", "additionalProperties": {"enum": ["integer", "ordinal"]}},
                "parts": {"type": "array", "items": {"oneOf": [{"$ref": "#/$defs/Small"}, {"$ref": "#/$defs/Wide"}]}},
            },
        },
        "Cosine": {"type": "object", "properties": {"kind": {"const": "cosine"}, "start": {"type": "number"}}},
        "Sgd": {"type": "object", "properties": {"kind": {"const": "sgd"}, "momentum": {"type": "number"}}},
    },
    "properties": {
        "name": {"type": "string"},
        "data": {"type": "object", "properties": {"path": {"type": "string"}, "limit": NUMBER}},
        "samples": NUMBER,
        "limit": {"anyOf": [NUMBER, {"type": "null"}]},
        "precision": {"enum": ["fp32", "bf16"], "type": "string"},
        "recompute": {"type": "boolean"},
        "weights": {"type": "string"},
        "task": {"oneOf": [{"$ref": "#/$defs/Task"}]},
        "noise": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "optimizers": {"additionalProperties": {"oneOf": [{"$ref": "#/$defs/Adam"}, {"$ref": "#/$defs/Sgd"}]}},
        "terms": {"type": "array", "items": {"oneOf": [{"$ref": "#/$defs/Sgd"}, {"$ref": "#/$defs/Adam"}]}},
    },
}
VALUES = {
    "name": "demo",
    "data": {"kind": "digits", "path": "x", "limit": 3},
    "samples": 1000,
    "limit": None,
    "precision": "fp32",
    "recompute": False,
    "weights": "w.bin",
    "task": {
        "kind": "synthesis",
        "net": {"kind": "small", "width": 16},
        "side": None,
        "parts": [{"kind": "small", "width": 3}],
        "roles": {},
    },
    "noise": 0.5,
    "optimizers": {"G": {"kind": "adam", "lr": 0.1}, "D": {"kind": "adam", "lr": {"kind": "cosine", "start": 0.2}}},
    "terms": [{"kind": "sgd", "momentum": 0.9}],
}


def child(words: list[str]) -> None:
    if words[0] == "recipes":
        one = {"summary": "A demo.", "values": VALUES}
        found = {"schema": SCHEMA, "recipes": {"demo": one, "dcgan": one}, "sets": ["digits"]}
    elif words[1].endswith("broken"):
        found = {"error": {"code": "data.not_found", "message": f"{words[1]}: nothing here"}}
    elif words[1].endswith("crash"):
        raise SystemExit("no document")
    else:
        choice = {"recipe": "demo", "fields": ["task.augment=ada", "samples=1000"], "reasons": []}
        columns = [{"name": "age", "kind": "integer"}]
        facts = {"name": words[1], "count": 3, "classes": {"<img src=x onerror=alert(1)>": 3}, "recipes": {},
                 "modes": {"RGB": 2, "L": 1}, "depths": {"8": 3}, "columns": columns}  # fmt: skip
        table = [["age"], ["31"]]
        found = {"facts": facts, "hints": [], "choice": choice, "no_choice": "", "sheet": "", "rows": table}
        found["asked"] = time.time()
    print(json.dumps(found))


def train(words: list[str]) -> None:
    if "samples=13" in words:
        raise SystemExit("error: samples=13: an unlucky number")
    resumed = "--resume" in words
    folder = Path(words[words.index("--resume" if resumed else "--run-dir") + 1])
    lock = (folder / ".lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    stubborn = "samples=666" in words
    signal.signal(signal.SIGINT, signal.SIG_IGN if stubborn else lambda *_: sys.exit(end(folder, "interrupted")))
    print("words", *words, flush=True)
    if not resumed:
        (folder / "recipe.yaml").write_text("name: demo\ndata: {kind: digits}\nsamples: 5000\n")
    log(folder, "resume" if resumed else "start", 0)
    log(folder, "tick", 1000, **LOSSES)
    deadline = time.monotonic() + 200  # the fixture ends it before
    while time.monotonic() < deadline:
        time.sleep(0.02)


def end(folder: Path, reason: str) -> int:
    log(folder, "end", 1000, reason=reason, seconds=1.0)
    return 0


def log(folder: Path, event: str, samples: int, **more: object) -> None:
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps({"event": event, "samples": samples, "t": time.time(), **more}) + "\n")


if __name__ == "__main__":
    {"child": child, "train": train, "evaluate": lambda words: time.sleep(200)}[sys.argv[1]](sys.argv[2:])
