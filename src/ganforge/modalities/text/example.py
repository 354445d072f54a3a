"""Texts to try things out with: short sentences of a small grammar."""

from __future__ import annotations

import itertools
from pathlib import Path

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
