"""How much made texts share with the texts that they should be: ROUGE (Lin 2004), as F1.

    ROUGE-n   of the n-grams of both, each counted as often as it stands in both
    ROUGE-L   of their longest common subsequence
    F1 = 2 · shared / (n-grams of the one + n-grams of the other)

Words are those of `bleu.words`, in small letters. Beside each value that of the source's own beginning, cut to as many
words as the made text has: a baseline that summaries of news seldom beat by much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.text.bleu import Words, grams, words

CHUNK = 256
NAMES = ("text_rouge1", "text_rouge2", "text_rougel")


class TextRouge(Metric, kind="text_rouge"):
    """ROUGE-1, ROUGE-2 and ROUGE-L of texts made from others."""

    needs: ClassVar[frozenset[str]] = frozenset({"pairs"})
    signals: ClassVar[tuple[str, ...]] = ("text_pairs",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "text_rouge1": Meaning("Words that a text shares with the one it should be (F1, ROUGE-1).", "higher", 1.0),
        "text_rouge2": Meaning(
            "Pairs of words that a text shares with the one it should be (F1, ROUGE-2).", "higher", 1.0
        ),
        "text_rougel": Meaning(
            "Words in the same order as in the text that it should be (F1, ROUGE-L).", "higher", 1.0
        ),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        real, made = (in_words(comparison.batches(name, n, CHUNK)) for name in ("real", "fake"))
        sources = comparison.real.sources
        begun: list[Words] = []
        if sources is not None:
            begun = [s[: len(m)] for s, m in zip(in_words(sources.parts(CHUNK, n)), made, strict=True)]
        found = []
        for name, score in zip(NAMES, SCORES, strict=True):
            values = [score(a, b) for a, b in zip(made, real, strict=True)]
            detail: dict[str, Any] = {"sd": float(np.std(values) / len(values) ** 0.5)}
            if begun:
                lead = float(np.mean([score(a, b) for a, b in zip(begun, real, strict=True)]))
                said = phrase("the beginning of the source, as long as the text: {value:.4g}", value=lead)
                detail |= {"lead": lead, "notes": [said]}
            found.append(Result(f"{name}{short_count(n)}", float(np.mean(values)), comparison.protocol(self.n), detail))
        return found


def in_words(parts: Any) -> list[Words]:
    return [words(str(text).lower()) for part in parts for text in part]


def f1(shared: int, one: int, other: int) -> float:
    return 2 * shared / (one + other) if one + other else 0.0


def of_grams(one: Words, other: Words, n: int) -> float:
    a, b = grams(one, n), grams(other, n)
    return f1((a & b).total(), Counter(a).total(), Counter(b).total())


def of_sequence(one: Words, other: Words) -> float:
    return f1(common(one, other), len(one), len(other))


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for a in one:
        before = 0
        for k, b in enumerate(other, 1):
            before, row[k] = row[k], before + 1 if a == b else max(row[k], row[k - 1])
    return row[-1]


SCORES = (lambda a, b: of_grams(a, b, 1), lambda a, b: of_grams(a, b, 2), of_sequence)
