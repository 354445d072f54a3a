"""Texts as a signal: lines or paragraphs as tokens, and back.

N: texts, T: tokens, K: bits of a token (`tokens`).  prepared int32 [T], x [N, K, T] of ±1, decoded: str [N].
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field
from torch import Tensor

from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.text import choose, drawing, findings, inspect, tokens
from ganforge.modalities.text.example import write_example
from ganforge.modalities.text.metrics import verse
from ganforge.modalities.text.reading import IDEOGRAPH
from ganforge.modalities.text.text_set import TextSet
from ganforge.signals import Card, Exporter, Gallery, Inspection, Nearest, Noun, Rule, Signal, Steps, Usage

log = logging.getLogger("ganforge")


def write_lines(samples: Sequence[str], path: Path, spec: Spec) -> None:
    """A text a line; texts of several lines with an empty line between them."""
    several = any("\n" in text for text in samples)
    path.write_text(("\n\n" if several else "\n").join(map(str, samples)) + "\n", encoding="utf-8")


def write_entries(samples: Sequence[str], path: Path, spec: Spec) -> None:
    """An object with the key `text` a line."""
    lines = [json.dumps({"text": str(text)}, ensure_ascii=False) for text in samples]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_table(samples: Sequence[str], path: Path, spec: Spec) -> None:
    """A column `text`."""
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text",), *((str(text),) for text in samples)])


class Text(Signal, kind="texts"):
    """Texts in any language: each is a line, a paragraph, a sentence or a file."""

    noun: ClassVar[Noun] = Noun("text", "texts", "a set of texts")
    array_name: ClassVar[str] = "texts"
    hub_task: ClassVar[str] = "text-generation"
    metrics: ClassVar[tuple[str, ...]] = ("text_bleu", "text_perplexity", "text_fd", "text_copies")
    exporters: ClassVar[Mapping[str, Exporter]] = {".txt": write_lines, ".jsonl": write_entries, ".csv": write_table}
    gallery: ClassVar[Gallery | None] = Gallery(most=30, columns=1)
    n_generated: ClassVar[int] = 2_000
    rules: ClassVar[Sequence[Rule]] = findings.RULES

    tokenizer: Literal["auto", "characters", "words", "bytes", "bpe", "jieba"] = "auto"
    """What a token is: a character; a frequent word, with a token for each character of all others; a byte of UTF-8; a
    frequent run of bytes (bpe, by the package tokenizers); or as words, with those of Chinese by a dictionary (jieba).
    auto: characters of Chinese, Japanese and of short texts, such as names; else words."""
    length: int = Field(default=128, ge=2)
    """The most tokens of a text; longer ones are cut, and counted."""
    vocabulary: int = Field(default=4_096, ge=16, le=65_000)
    """The most tokens; rarer characters are never generated."""

    @property
    def data_statistics(self) -> str:
        return phrase("the frequent words and characters of its texts")

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str | Mapping[str, Any]:
        return write_example(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.inspection(dataset)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(dataset, machine)

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        if translates:
            return ("text_style", "text_perplexity")
        known = "".join(spec.state["tokens"]) if spec.state["tokenizer"] in ("characters", "jieba") else ""
        if len(IDEOGRAPH.findall(known)) <= len(known) / 2:
            return self.metrics
        return (*self.metrics, "text_form", *(["text_verse"] if verse.known() else []))

    def at(self, spec: Spec) -> Self:
        return replace(self, tokenizer=spec.state["tokenizer"], length=max(2, spec.shape[1]))

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        found = set_of(dataset)
        texts, known = found.texts, found.known
        kind = choose.tokenizer_for(known) if self.tokenizer == "auto" else self.tokenizer
        state: dict[str, Any] = tokens.learned(known, kind, self.vocabulary - tokens.FIRST)
        codec = tokens.Codec(state)
        lengths, unknown, total = [], 0, 0
        for text in texts:
            numbers = codec.encode(text)
            lengths.append(len(numbers) + 1)
            unknown += numbers.count(tokens.UNKNOWN)
            total += len(numbers)
        longest = min(max(lengths), self.length)
        cut = sum(length > self.length for length in lengths)
        if cut:
            log.warning(
                "data %s: %s of %s texts are longer than %s tokens and cut there (signal.length)",
                dataset.name, f"{cut:,}", f"{len(texts):,}", self.length,
            )  # fmt: skip
        if unknown:
            log.warning(
                "data %s: %s of %s characters are rare (beyond the %s most frequent) and are never generated "
                "(signal.vocabulary)", dataset.name, f"{unknown:,}", f"{total:,}", f"{self.vocabulary:,}",
            )  # fmt: skip
        state |= {"cut": cut, "unknown": unknown}
        shape = (tokens.bits(tokens.size(state)), max(2, longest))
        reached = tuple(nearest(shape))
        if reached != shape:
            raise UserError(
                f"data {dataset.name}: these nets cannot make texts of {shape[1]} tokens. Use the recipe "
                "text-latent-small",
                code="nets.not_for_shape",
            )
        return Spec(shape, len(dataset.classes), tuple(dataset.classes), state)

    def stored(self, spec: Spec) -> tuple[int, ...]:
        return (spec.shape[1],)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        return tokens.Codec(spec.state).padded(str(item), spec.shape[1])

    def prepare_all(self, dataset: Dataset, spec: Spec) -> np.ndarray:
        codec = tokens.Codec(spec.state)
        return np.stack([codec.padded(text, spec.shape[1]) for text in set_of(dataset).texts])

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        return tokens.to_bits(stored, spec.shape[0])

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, K, T] → an array of str [N]."""
        codec = tokens.Codec(spec.state)
        return np.array(
            [codec.decode(row) for row in tokens.to_numbers(x, tokens.size(spec.state)).tolist()], dtype=str
        )

    def returned(self, samples: np.ndarray, spec: Spec) -> list[str]:
        return samples.tolist()

    def describe(self, spec: Spec) -> str:
        kind, most = spec.state["tokenizer"], spec.shape[1]
        return phrase("a text of up to {most} tokens ({kind})", most=most, kind=kind)

    def card(self, spec: Spec) -> Card:
        named = spec.state["tokenizer"]
        return Card(
            phrase("texts of up to {most} tokens", most=spec.shape[1]),
            (phrase("Vocabulary: {count:,} tokens ({kind}).", count=tokens.size(spec.state), kind=named),),
            missing=("reverse_perplexity",),
            copied=("text_copies",),
        )  # fmt: skip

    def usage(self, file: str, spec: Spec) -> Usage:
        return Usage(
            f'model = gf.load("{file}")\ntexts = model.tempered(0.9).sample(20)  # a list of str',
            command("sample", file, "-n", 20, "--temperature", 0.9, "--out", "new.txt"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("make more", command("sample", folder, "-n", 20, "--temperature", 0.9, "--out", "new.txt"))]

    def batch_size(self, spec: Spec) -> int:
        return 256

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        """The texts, one below the other."""
        several = any("\n" in text for text in samples)
        shown = ("\n\n" if several else "\n").join(map(str, samples))
        return [Media(shown.encode("utf-8", "replace"), "text/plain")]

    def frame(self, sample: str, spec: Spec) -> np.ndarray:
        return drawing.drawn(str(sample))

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        """One .txt file a text, numbered."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{start + k:06d}.txt" for k in range(len(samples))]
        for path, text in zip(paths, samples, strict=True):
            path.write_text(f"{text}\n", encoding="utf-8")
        return paths


def set_of(dataset: Dataset) -> TextSet:
    """A data set, if it is one of texts.

    Raises:
        UserError: it holds something else.
    """
    if isinstance(dataset, TextSet):
        return dataset
    raise UserError(
        f"data {dataset.name}: the text signal needs texts: a .txt, .md or .jsonl file, or a column of a table "
        "(data.signal=texts)",
        code="data.not_text",
    )
