"""Texts in memory: a set of them, or of pairs, and the part that is trained on or held back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of


class TextSet(Dataset):
    """Texts in memory, normalized. Item k is a string array without axes.

    Attributes:
        texts: none is empty.
    """

    signal = "texts"

    def __init__(self, name: str, texts: list[str], labels: np.ndarray | None = None, classes: Sequence[str] = ()):
        self.name, self.texts, self.labels, self.classes = name, texts, labels, tuple(classes)
        self.skipped = []
        content = hashlib.sha256(repr(self.classes).encode())
        for text in texts:
            content.update(text.encode("utf-8", "surrogatepass") + b"\0")
        content.update(b"" if labels is None else labels.tobytes())
        self.digest = content.hexdigest()[:16]

    @property
    def known(self) -> list[str]:
        """All texts that there must be tokens for."""
        return self.texts

    def __len__(self) -> int:
        return len(self.texts)

    def read(self, index: int) -> np.ndarray:
        return np.array(self.texts[index])

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((), "text"): len(self)}

    def describe(self, index: int) -> str:
        return f"{self.name}[{index}] ({self.texts[index][:40]})"

    def some(self, rows: np.ndarray) -> TextSet:
        """The texts at these positions."""
        part = TextSet(
            self.name, [self.texts[k] for k in rows], None if self.labels is None else self.labels[rows], self.classes
        )
        part.skipped, part.understood, part.left_out = self.skipped, self.understood, self.left_out
        part.no_labels = self.no_labels
        return part


class PairedTexts(TextSet):
    """Texts, each with the one that it is to be made from. Item k is a string array [2]: text, source.

    Attributes:
        sources: what they are made from, in the same order; `source` is the same.
    """

    signal = "text_pairs"

    def __init__(self, name: str, texts: list[str], sources: list[str]):
        super().__init__(name, texts)
        self.source = self.sources = TextSet(f"{name} (sources)", sources)
        self.digest = hashlib.sha256((self.digest + self.sources.digest).encode()).hexdigest()[:16]

    @property
    def known(self) -> list[str]:
        return [*self.sources.texts, *self.texts]

    def read(self, index: int) -> np.ndarray:
        return np.array([self.texts[index], self.sources.texts[index]])

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((2,), "text"): len(self)}

    def some(self, rows: np.ndarray) -> PairedTexts:
        part = PairedTexts(self.name, [self.texts[k] for k in rows], [self.sources.texts[k] for k in rows])
        part.skipped, part.understood, part.left_out = self.skipped, self.understood, self.left_out
        return part


def part_of(whole: TextSet, split: str, holdout: float) -> TextSet:
    """The texts to train on, or those held back. Each is drawn by its content, so equal texts are on one side.

    Raises:
        UserError: the part held back is asked for, and it is empty.
    """
    if split == "all" or (split == "train" and not holdout):
        return whole
    back = np.array([seed_of("held back", text) / 2**63 < holdout for text in whole.texts])
    rows = np.flatnonzero(back if split == "test" else ~back)
    if not len(rows):
        raise UserError(
            f"data {whole.name}: none of its {len(whole):,} texts are {'held back' if split == 'test' else 'left'}. "
            "Set data.holdout=0.1",
            code="data.split_not_found",
        )
    part = whole.some(rows)
    if split == "train" and back.any():
        said = f"{back.sum():,} of {len(back):,} are held back for evaluation (data.holdout=0: none)"
        part.understood = (*part.understood, said)
    return part
