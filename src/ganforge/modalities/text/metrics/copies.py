"""What generated texts repeat: whole training texts, long runs of their words, and each other.

    text_copies     share of generated texts that are a training text, word for word
    copied_run      mean share of a text's words in the longest run that one training text has as well
    text_distinct   share of generated texts that no other one equals

Copies of short texts may be chance (there are few short names); unseen real texts show how often that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.text.bleu import Words
from ganforge.modalities.text.metrics import sides

MOST = 500  # texts whose longest runs are measured


class TextCopies(Metric, kind="text_copies"):
    """Copies of training texts, the longest copied runs, and repeated texts."""

    signals: ClassVar[tuple[str, ...]] = ("texts",)
    needs: ClassVar[frozenset[str]] = frozenset({"train"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "text_copies": Meaning("Share of texts that are a training text, word for word.", "lower", 0.0),
        "copied_run": Meaning("Share of a text in the longest run of words that a training text has, on average."),
        "text_distinct": Meaning("Share of texts that occur once.", "higher", 1.0),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        train, fake = sides.side(comparison, "train"), sides.side(comparison, "fake", self.n)
        known = set(train)
        protocol = comparison.protocol(self.n)
        runs = Runs(train)
        copied = [runs.longest(text) / len(text) for text in fake[:MOST] if text]
        copies: dict[str, Any] = {"notes": []}
        run: dict[str, Any] = {"notes": []}
        if comparison.heldout is not None:
            unseen = sides.side(comparison, "heldout")
            copies["of_heldout"] = sum(text in known for text in unseen) / len(unseen)
            run["of_heldout"] = float(np.mean([runs.longest(text) / len(text) for text in unseen[:MOST] if text]))
            copies["notes"].append(phrase("of unseen real texts {share:.2%}", share=copies["of_heldout"]))
            run["notes"].append(phrase("of unseen real texts {share:.2%}", share=run["of_heldout"]))
        counts = Counter(fake)
        often, times = counts.most_common(1)[0]
        distinct = {"most_often": " ".join(often)[:200], "times": times}
        n = len(fake)
        return [
            Result(f"text_copies[{n}]", sum(text in known for text in fake) / n, protocol, copies),
            Result(f"copied_run[{min(n, MOST)}]", float(np.mean(copied or [0.0])), protocol, run),
            Result(f"text_distinct[{n}]", sum(counts[text] == 1 for text in fake) / n, protocol, distinct),
        ]


class Runs:
    """Finds the longest run of words that a text shares with one of a set: n-grams of growing length, by hash."""

    def __init__(self, texts: Sequence[Words]):
        self.texts = texts
        self.known: dict[int, set[Words]] = {}

    def longest(self, text: Words) -> int:
        """Words of the longest run; 0 if no word is shared."""
        low, high = 0, len(text)
        while low < high:  # a run of n words holds runs of all smaller numbers
            middle = (low + high + 1) // 2
            known = self._of(middle)
            if any(text[k : k + middle] in known for k in range(len(text) - middle + 1)):
                low = middle
            else:
                high = middle - 1
        return low

    def _of(self, n: int) -> set[Words]:
        if n not in self.known:
            self.known[n] = {text[k : k + n] for text in self.texts for k in range(len(text) - n + 1)}
        return self.known[n]
