"""BLEU of texts against all others at once, and self-BLEU, by a table of the greatest counts.

Papineni et al. 2002; Zhu et al. 2018 (Texygen) for self-BLEU:

    BLEU-n = brevity · (Π_k≤n p_k)^{1/n},  p_k = Σ_g min(count(g), greatest count of g in a reference) / Σ_g count(g)

over the n-grams g of k words of one text; the mean over texts. A precision of 0 counts as 0.1 / Σ count (smoothing
method 1). brevity = exp(1 − r / c) where the text is shorter (c words) than the reference nearest in length (r).

Self-BLEU has each text against all others, never against itself: kept are the two greatest counts with their owner.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from ganforge.modalities.text.reading import CJK

WORD = re.compile(f"[{CJK}]|[^\\W{CJK}]+|[^\\w\\s]")
SMOOTH = 0.1
Words = tuple[str, ...]


def words(text: str) -> Words:
    """The words of a text: each Chinese or Japanese character, each run of other letters, each mark."""
    return tuple(WORD.findall(text))


def grams(text: Words, n: int) -> Counter[Words]:
    return Counter(text[k : k + n] for k in range(len(text) - n + 1))


class References:
    """Texts to compare with: for every n-gram the two greatest counts, and which text has the greatest.

    Args:
        texts: as words.
        n: longest n-grams.
    """

    def __init__(self, texts: Sequence[Words], n: int):
        self.n = n
        self.tables: list[dict[Words, tuple[int, int, int]]] = [{} for _ in range(n)]
        for k, text in enumerate(texts):
            for size, table in enumerate(self.tables, 1):
                for gram, count in grams(text, size).items():
                    most, second, owner = table.get(gram, (0, 0, -1))
                    if count > most:
                        table[gram] = (count, most, k)
                    elif count > second:
                        table[gram] = (most, count, owner)
        self.counts = Counter(map(len, texts))
        self.lengths = sorted(self.counts)

    def score(self, text: Words, itself: int = -1) -> float:
        """BLEU-n of a text in [0, 1]. `itself`: its own place among the references, which is left out."""
        if not text:
            return 0.0
        logs = 0.0
        for size, table in enumerate(self.tables, 1):
            found = total = 0
            for gram, count in grams(text, size).items():
                most, second, owner = table.get(gram, (0, 0, -1))
                found += min(count, second if owner == itself and itself >= 0 else most)
                total += count
            total = max(total, 1)
            logs += math.log((found or SMOOTH) / total) / self.n
        nearest = self._nearest(len(text), itself >= 0)
        brevity = 1.0 if len(text) >= nearest else math.exp(1 - nearest / len(text))
        return brevity * math.exp(logs)

    def _nearest(self, length: int, without_one: bool) -> int:
        """The length of a reference that is nearest, the shorter of two."""
        if length in self.counts and not (without_one and self.counts[length] == 1):
            return length
        at = bisect_left(self.lengths, length)
        others = [n for n in self.lengths[max(0, at - 1) : at + 2] if not (without_one and n == length)]
        return min(others or [length], key=lambda n: (abs(n - length), n))


def bleu(texts: Sequence[Words], references: References) -> float:
    """Mean BLEU of texts."""
    return sum(references.score(text) for text in texts) / len(texts)


def self_bleu(texts: Sequence[Words], n: int) -> float:
    """Mean BLEU-n of each text against the others."""
    references = References(texts, n)
    return sum(references.score(text, k) for k, text in enumerate(texts)) / len(texts)
