"""Text as a condition: a sentence becomes the numbers of its tokens, which a text encoder reads (`nets.sentences`).

    tokens      words, in lower case; each Chinese character, kana or hangul syllable by itself; marks are left out
    numbers     k of each token: 0 no token, 1 a word that the vocabulary lacks, 2.. the words of the vocabulary

Text is normalized by NFKC, so that full-width letters and ligatures are the same as plain ones. Nothing is downloaded:
the vocabulary is that of the captions, and is stored with the condition, in the spec of a model.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.core.condition_kinds import Condition, Value
from ganforge.core.errors import UserError, did_you_mean

UNKNOWN = "?"
"""A word that the vocabulary lacks, as it is shown."""
FIRST = 2
"""The number of the first word of a vocabulary."""
MOST_WORDS = 8_192
"""Words of a vocabulary, at most; rarer ones count as unknown."""
MOST_TOKENS = 64
"""Tokens of a text, at most."""
ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003134f"
"""Characters that are tokens by themselves: kana, Chinese characters, hangul."""
TOKEN = re.compile(rf"[{ALONE}]|[^\W_{ALONE}]+(?:['’][^\W_{ALONE}]+)*")
CHARACTER = re.compile(rf"[{ALONE}]")


def tokens_of(text: str) -> list[str]:
    """The tokens of a text; none if it holds no letters and no digits."""
    return TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def joined(tokens: Iterable[str]) -> str:
    """Tokens as one text: words with spaces between them, characters that are tokens without."""
    text = ""
    for token in tokens:
        close = not text or (CHARACTER.match(token) and CHARACTER.match(text[-1]))
        text += token if close else f" {token}"
    return text


@dataclass(frozen=True)
class Text(Condition, kind="text"):
    """A sentence. `length` is the largest number of its tokens."""

    vocabulary: tuple[str, ...]
    length: int

    def __post_init__(self) -> None:
        words = self.vocabulary
        if not (1 <= len(words) <= MOST_WORDS and all(isinstance(w, str) and w for w in words)):
            raise ValueError(f"the condition {self.name!r} has a vocabulary of {len(words)} words")
        if type(self.length) is not int or not 1 <= self.length <= MOST_TOKENS:
            raise ValueError(f"the condition {self.name!r} has texts of {self.length!r} tokens")
        object.__setattr__(self, "places", {word: FIRST + k for k, word in enumerate(words)})

    @classmethod
    def of(cls, name: str, texts: Iterable[str], length: int = MOST_TOKENS) -> Text:
        """The condition that some texts are values of: their most frequent words, and their length.

        Args:
            length: tokens of a text at most; longer texts are cut.
        """
        split = [tokens_of(text)[:length] for text in texts]
        count = Counter(token for tokens in split for token in tokens)
        words = sorted(count, key=lambda word: (-count[word], word))[:MOST_WORDS]
        return cls(name, tuple(words), max(map(len, split), default=1))

    @property
    def known(self) -> int:
        return self.length

    @property
    def size(self) -> int:
        """How many numbers a token can be."""
        return FIRST + len(self.vocabulary)

    def numbers(self, value: Any) -> np.ndarray:
        places: dict[str, int] = vars(self)["places"]
        found = np.zeros(self.length)
        tokens = [places.get(token, 1) for token in tokens_of(value)][: self.length]
        found[: len(tokens)] = tokens
        return found

    def value(self, numbers: np.ndarray) -> Value:
        words = (UNKNOWN, *self.vocabulary)
        return joined(words[min(max(round(float(k)), 1), len(words)) - 1] for k in numbers if k > 0.5)

    def read(self, text: str) -> Value:
        tokens = tokens_of(text)
        if not tokens:
            raise UserError(f"{self.name}={text!r}: no words in it", code="condition.empty_text")
        if len(tokens) > self.length:
            raise UserError(
                f"{self.name}={text!r}: {len(tokens)} words, and the longest caption that the model was trained with "
                f"has {self.length}. Use fewer words",
                code="condition.text_too_long",
            )
        if len(self.strange(text)) == len(tokens):
            raise UserError(
                f"{self.name}={text!r}: the captions that the model was trained with have none of these "
                f"words{self.nearest(tokens[0])} ({self.said()})",
                code="condition.unknown_words",
            )
        return joined(tokens)

    def strange(self, text: str) -> list[str]:
        """The tokens of a text that the vocabulary lacks."""
        places: dict[str, int] = vars(self)["places"]
        return [token for token in dict.fromkeys(tokens_of(text)) if token not in places]

    def nearest(self, token: str) -> str:
        """The word of the vocabulary that a token may be meant as, as a hint."""
        return did_you_mean(token, self.vocabulary)

    def said(self) -> str:
        some = ", ".join(self.vocabulary[:8])
        return f"up to {self.length} words, of {len(self.vocabulary):,} such as {some}"
