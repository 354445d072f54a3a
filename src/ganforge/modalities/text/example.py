"""Texts to try things out with: short sentences of a small grammar."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

PARTS = (
    ("a", "the", "one", "every"),
    ("red", "small", "quiet", "old", "bright", "young"),
    ("cat", "boat", "horse", "train", "child", "bird"),
    ("sees", "finds", "follows", "likes", "leaves"),
    ("a", "the", "one", "every"),
    ("green", "tall", "new", "cold"),
    ("house", "tree", "river", "garden", "road", "field"),
)


def sentences(n: int, seed: int = 0) -> list[str]:
    """n sentences, no two the same as long as there are enough."""
    rng = np.random.default_rng(seed)
    found: dict[str, None] = {}
    for _ in itertools.repeat(None, 50 * n):
        found[" ".join(str(rng.choice(words)) for words in PARTS) + "."] = None
        if len(found) == n:
            break
    return list(found)


def write_example(folder: Path, n: int) -> str:
    """Writes a .txt file of 5 n / 4 sentences to a folder, since some are held back, and returns its path."""
    (folder / "sentences.txt").write_text("\n".join(sentences(n * 5 // 4)) + "\n", encoding="utf-8")
    return str(folder / "sentences.txt")


def write_pairs(folder: Path, n: int) -> dict[str, Any]:
    """Writes a .jsonl file of texts of two sentences, each with a summary: the first without its adjectives."""
    both = sentences(5 * n // 2)
    with (folder / "pairs.jsonl").open("w", encoding="utf-8") as file:
        for one, other in zip(both[::2], both[1::2], strict=False):
            words = one.removesuffix(".").split(" ")
            short = " ".join(words[k] for k in (2, 3, 6)) + "."
            file.write(json.dumps({"article": f"{one} {other}", "summary": short}) + "\n")
    return {
        "kind": "texts",
        "path": str(folder / "pairs.jsonl"),
        "column": "summary",
        "source": "article",
        "holdout": 0.2,
    }


OLD = {"a": "an olde", "the": "ye", "sees": "beholdeth", "finds": "findeth", "follows": "followeth", "likes": "loveth"}
OLD |= {"leaves": "forsaketh", "one": "some", "every": "each", "house": "manor", "road": "highway", "child": "babe"}


def in_old_style(sentence: str) -> str:
    """A sentence of the grammar with other words for the same things: what a transfer of its style should make."""
    words = sentence.removesuffix(".").split(" ")
    return " ".join(OLD.get(word, word) for word in words) + "!"


def write_styles(folder: Path, n: int) -> str:
    """Writes a folder of two files of n different sentences each, `modern.txt` and `old.txt`, and returns its path."""
    both = sentences(2 * n)
    (folder / "styles").mkdir()
    (folder / "styles" / "modern.txt").write_text("\n".join(both[::2]) + "\n", encoding="utf-8")
    old = map(in_old_style, both[1::2])
    (folder / "styles" / "old.txt").write_text("\n".join(old) + "\n", encoding="utf-8")
    return str(folder / "styles")
