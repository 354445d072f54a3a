"""Tokenizers that need a package: byte-pair encoding (`tokenizers`) and Chinese words (`jieba`).

Byte-pair encoding (Sennrich et al. 2016) of bytes: each byte is written as a visible character, and the pairs that
stand together most often become tokens, one after the other. Any text can be encoded. Decoding needs no package.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Iterable, Sequence

from ganforge.core.errors import UserError
from ganforge.core.extras import need

BYTES = 256


def learned_pairs(texts: Iterable[str], most: int) -> tuple[list[str], list[list[str]]]:
    """The tokens of byte-pair encoding, those of single bytes first, and the pairs that make up the others, in order.

    Args:
        most: tokens at most.

    Raises:
        MissingExtra: the package is not installed. UserError: fewer tokens than bytes.
    """
    need("tokenizers", "byte-pair encoding (signal.tokenizer=bpe)")
    if most < BYTES:
        raise UserError(
            f"signal.vocabulary={most + 2}: byte-pair encoding needs a token for each byte; at least {BYTES + 2}",
            code="text.vocabulary_too_small",
        )
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    coder = Tokenizer(models.BPE())
    coder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    coder.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=most, initial_alphabet=alphabet, show_progress=False)
    )
    found = json.loads(coder.to_str())["model"]
    known = sorted(found["vocab"], key=found["vocab"].__getitem__)
    pairs = [pair.split(" ") if isinstance(pair, str) else list(pair) for pair in found["merges"]]
    return known, pairs


class PairCoder:
    """Encodes texts by pairs that were learned.

    Args:
        known: the tokens; the number of a token is its place.
        pairs: the pairs that are joined, in order.
    """

    def __init__(self, known: Sequence[str], pairs: Sequence[Sequence[str]]):
        need("tokenizers", "byte-pair encoding (signal.tokenizer=bpe)")
        from tokenizers import Tokenizer, models, pre_tokenizers

        vocabulary = {token: k for k, token in enumerate(known)}
        self.coder = Tokenizer(models.BPE(vocabulary, [(a, b) for a, b in pairs]))
        self.coder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)

    def encode(self, text: str) -> list[int]:
        return self.coder.encode(text, add_special_tokens=False).ids


@functools.cache
def byte_of() -> dict[str, int]:
    """The byte that each visible character stands for: itself, or those that are not visible from 256 on."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(BYTES) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(BYTES + k): byte for k, byte in enumerate(others)}


def text_of(tokens: Iterable[str]) -> str:
    """The text of tokens of bytes; bytes that are no valid UTF-8 are replaced."""
    table = byte_of()
    return bytes(table[letter] for token in tokens for letter in token).decode("utf-8", "replace")


def chinese_words(text: str) -> list[str]:
    """The words of a text, by a dictionary; together they are the text.

    Raises:
        MissingExtra: the package is not installed.
    """
    need("jieba", "Chinese words (signal.tokenizer=jieba)")
    import jieba

    jieba.setLogLevel(logging.WARNING)  # it says on stderr that it reads its dictionary
    return jieba.lcut(text, HMM=False)  # words of the dictionary only: the same in every context
