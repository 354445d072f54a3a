"""The pieces of words that CLIP was trained with: byte-pair encoding.

Sennrich, Haddow & Birch 2016, "Neural Machine Translation of Rare Words with Subword Units"; on bytes: Radford et al.
2019. A word begins as its bytes, each a printable character, the last one marked as the end of the word; then the pair
that comes first in the list of merges is joined, again and again.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

START, END = "<|startoftext|>", "<|endoftext|>"
LAST = "</w>"
Table = tuple[dict[str, int], dict[tuple[str, str], int]]
"""The number of each piece, and the rank of each merge."""


def read(vocabulary: Path, merges: Path) -> Table:
    """The table of a model.

    Raises:
        ValueError: a file is something else. KeyError: it has no pieces for start and end.
    """
    numbers = json.loads(vocabulary.read_text(encoding="utf-8"))
    lines = [line.split() for line in merges.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    if not isinstance(numbers, dict) or any(len(line) not in (0, 2) for line in lines):
        raise ValueError(f"{vocabulary.name} or {merges.name} is not of a byte-pair encoding")
    if missing := {START, END} - numbers.keys():
        raise KeyError(min(missing))
    return numbers, {(line[0], line[1]): rank for rank, line in enumerate(line for line in lines if line)}


def pieces(word: str, numbers: dict[str, int], ranks: dict[tuple[str, str], int]) -> list[int]:
    """The numbers of the pieces of a word; those that the vocabulary lacks are left out."""
    shown = printable()
    parts = [shown[byte] for byte in word.encode()]
    parts[-1] += LAST
    while len(parts) > 1:
        pairs = list(pairwise(parts))
        best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        merged: list[str] = []
        for part in parts:
            joins = merged and (merged[-1], part) == best and not merged[-1].endswith(LAST)
            if joins:
                merged[-1] += part
            else:
                merged.append(part)
        parts = merged
    return [numbers[part] for part in parts if part in numbers]


def printable() -> dict[int, str]:
    """A printable character for each byte: itself where it is one, else the next that is free from 256 on."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in own]
    return {byte: chr(byte) for byte in own} | {byte: chr(256 + k) for k, byte in enumerate(rest)}
