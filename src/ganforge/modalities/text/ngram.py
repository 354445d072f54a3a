"""An n-gram model: what counting words alone can do, beside every other model of texts.

Absolute discounting with interpolation (Ney, Essen & Kneser 1994):

    p(w | h) = max(count(hw) − d, 0) / count(h) + d · kinds(h) / count(h) · p(w | h without its first word)

h: the n − 1 words before, kinds(h): how many different words follow it; below all, every word is equally likely.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from ganforge.modalities.text.bleu import Words

DISCOUNT = 0.75
LONGEST = 512  # words of a drawn text


class NGram:
    """Counts of training texts. Word 0 begins and ends a text.

    Args:
        texts: as words; at least one.
        n: words of an n-gram.
    """

    def __init__(self, texts: Sequence[Words], n: int = 4):
        self.n = n
        self.words = ["", *sorted({word for text in texts for word in text})]
        number = {word: k for k, word in enumerate(self.words)}
        follows: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for text in texts:
            row = [0] * (n - 1) + [number[word] for word in text] + [0]
            for k in range(n - 1, len(row)):
                for size in range(n):
                    follows[tuple(row[k - size : k])][row[k]] += 1
        self.follows = {
            context: (np.fromiter(counts, np.int64), np.fromiter(counts.values(), np.float64))
            for context, counts in follows.items()
        }
        self.known: dict[tuple[int, ...], np.ndarray] = {}

    def next(self, context: tuple[int, ...]) -> np.ndarray:
        """Probabilities of all words after a context of at most n − 1 words, [V]."""
        if context not in self.follows:
            return self.next(context[1:])
        if context in self.known:
            return self.known[context]
        which, counts = self.follows[context]
        total = counts.sum()
        below = self.next(context[1:]) if context else np.full(len(self.words), 1 / len(self.words))
        found = DISCOUNT * len(which) / total * below
        found[which] += (counts - DISCOUNT) / total
        if len(context) < 2:  # these come again and again
            self.known[context] = found
        return found

    def draw(self, count: int, temperature: float, draws: np.random.Generator) -> list[Words]:
        """`count` texts, as words; none is empty."""
        found = []
        while len(found) < count:
            row = [0] * (self.n - 1)
            for _ in range(LONGEST):
                p = self.next(tuple(row[len(row) - self.n + 1 :])) ** (1 / temperature)
                if len(row) == self.n - 1:
                    p[0] = 0.0
                row.append(int(np.searchsorted(np.cumsum(p), draws.random() * p.sum())))
                if row[-1] == 0:
                    break
            found.append(tuple(self.words[k] for k in row[self.n - 1 :] if k))
        return found
