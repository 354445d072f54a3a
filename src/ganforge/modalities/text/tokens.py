"""Tokens: from texts to integers and back, without loss for all characters of the training texts.

    characters   a token a character (Unicode code point)
    words        a token for each frequent word with the space before it (or mark), else a token for each character
    bytes        a token a byte of UTF-8
    bpe          a token for each byte, and for the pairs of tokens that stand together most often (`pieces`)
    jieba        as words, with the words of Chinese by a dictionary (`pieces`)

Token 0 ends a text (and fills what follows), token 1 stands for characters that the training texts do not have.

The nets get the bits of tokens as ±1: x [N, K, T] with 2^K ≥ V, so that any net and any likelihood of numbers can take
them (Chen, Zhang & Hinton 2022, "Analog Bits").

N: texts, T: tokens, V: size of the vocabulary, K: bits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ganforge.core.types import Spec
from ganforge.modalities.text import pieces

Tokenizer = Literal["characters", "words", "bytes", "bpe", "jieba"]
END, UNKNOWN, FIRST = 0, 1, 2
SHOWN_UNKNOWN = "\ufffd"
PIECE = re.compile(r" ?\w+| ?[^\w\s]|\s")
BYTES = 256


def learned(texts: Sequence[str], kind: Tokenizer, most: int) -> dict[str, Any]:
    """The state of a codec: the kind, the tokens that the texts need (at most `most`) and, of bpe, its pairs."""
    if kind == "bpe":
        known, pairs = pieces.learned_pairs(texts, most)
        return {"tokenizer": kind, "tokens": known, "pairs": pairs}
    return {"tokenizer": kind, "tokens": vocabulary(texts, kind, most)}


def vocabulary(texts: Iterable[str], kind: Tokenizer, most: int) -> list[str]:
    """The characters and words that texts need, most frequent first: at most `most`. Of bytes none are listed."""
    if kind == "bytes":
        return []
    letters: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for text in texts:
        letters.update(text)
        if kind != "characters":
            words.update(words_of(text, kind))
    alone = [letter for letter, _ in _ranked(letters)][:most]
    frequent = [word for word, _ in _ranked(words) if len(word) > 1][: most - len(alone)]
    return alone + frequent


def words_of(text: str, kind: Tokenizer) -> list[str]:
    """The words of a text, together the text."""
    return pieces.chinese_words(text) if kind == "jieba" else PIECE.findall(text)


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def size(state: Mapping[str, Any]) -> int:
    """V, with the two tokens that stand for no character."""
    return FIRST + (BYTES if state["tokenizer"] == "bytes" else len(state["tokens"]))


def bits(count: int) -> int:
    """K for a vocabulary of `count` tokens."""
    return max(1, (count - 1).bit_length())


class Codec:
    """Encodes and decodes texts with the vocabulary in `Spec.state`."""

    def __init__(self, state: Mapping[str, Any]):
        self.kind: Tokenizer = state["tokenizer"]
        self.tokens: Sequence[str] = state["tokens"]
        self.numbers = {token: k for k, token in enumerate(self.tokens, FIRST)}
        self.pairs: Sequence[Sequence[str]] = state.get("pairs", ())
        self.coder: pieces.PairCoder | None = None

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without the one that ends it."""
        if self.kind == "bytes":
            return [byte + FIRST for byte in text.encode("utf-8", "replace")]
        if self.kind == "bpe":
            self.coder = self.coder or pieces.PairCoder(self.tokens, self.pairs)
            return [number + FIRST for number in self.coder.encode(text)]
        find = self.numbers.get
        if self.kind == "characters":
            return [find(letter, UNKNOWN) for letter in text]
        found: list[int] = []
        for piece in words_of(text, self.kind):
            whole = find(piece)
            found += [find(letter, UNKNOWN) for letter in piece] if whole is None else [whole]
        return found

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of tokens, up to the first that ends it."""
        known: list[int] = []
        for number in numbers:
            if number == END:
                break
            known.append(int(number))
        if self.kind == "bytes":
            return bytes(n - FIRST for n in known if FIRST <= n < FIRST + BYTES).decode("utf-8", "replace")
        last = FIRST + len(self.tokens)
        if self.kind == "bpe":
            return pieces.text_of(self.tokens[n - FIRST] for n in known if FIRST <= n < last)
        return "".join(self.tokens[n - FIRST] if FIRST <= n < last else SHOWN_UNKNOWN for n in known)

    def padded(self, text: str, length: int) -> np.ndarray:
        """int32 [length], cut where it is longer."""
        found = np.zeros(length, np.int32)
        numbers = self.encode(text)[:length]
        found[: len(numbers)] = numbers
        return found


def to_bits(numbers: Tensor, count: int) -> Tensor:
    """Tokens [N, T] as ±1 [N, count, T], the lowest bit first."""
    places = torch.arange(count, device=numbers.device)[:, None]
    return ((numbers.long()[:, None] >> places) & 1).float() * 2 - 1


def to_numbers(x: Tensor, most: int) -> Tensor:
    """The tokens int64 [N, T] whose bits have the signs of x [N, K, T]; what is beyond the vocabulary is unknown."""
    weights = 2 ** torch.arange(x.shape[1], device=x.device)
    numbers = ((x.detach() > 0).long() * weights[:, None]).sum(1)
    return torch.where(numbers < most, numbers, UNKNOWN)


def vocabulary_of(spec: Spec) -> int:
    """V of a spec: that of its texts or, without any, all that its bits can tell apart."""
    return size(spec.state) if "tokenizer" in spec.state else 2 ** min(spec.shape[0], 16)
