"""Pairs of texts as a signal: each text with the one that it is to be made from, such as a summary with its article.

N: pairs, T: tokens of a text, S: of a source, K: bits of a token.  prepared int32 [T + S], x [N, K, T] of ±1,
extra["source"] [N, K, S] of ±1, decoded: str [N].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field
from torch import Tensor

from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Spec
from ganforge.modalities.text import choose, tokens
from ganforge.modalities.text.example import write_pairs
from ganforge.modalities.text.signal import Text
from ganforge.modalities.text.text_set import PairedTexts
from ganforge.signals import Card, Nearest, Noun, Rule, Usage


class TextPairs(Text, kind="text_pairs"):
    """Texts, each made from another one: summaries from articles, titles from texts."""

    noun: ClassVar[Noun] = Noun("text", "texts", "a set of pairs of texts")
    hub_task: ClassVar[str] = "summarization"
    metrics: ClassVar[tuple[str, ...]] = ("text_rouge",)
    rules: ClassVar[Sequence[Rule]] = ()

    source_length: int = Field(default=256, ge=2)
    """The most tokens of a source; longer ones are cut."""

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> Mapping[str, Any]:
        return write_pairs(folder, n)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        paired(dataset)
        if len(dataset) < choose.FEWEST:
            raise UserError(
                f"data {dataset.name}: {len(dataset)} pairs are too few to learn from; at least {choose.FEWEST} are "
                "needed",
                code="text.too_few",
            )
        reason = "text2text-small: writes a text from its source, with words copied from it"
        return Choice(f"{len(dataset):,} pairs of texts; {machine}", "text2text-small", (), (reason,))

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        return self.metrics

    def at(self, spec: Spec) -> Self:
        return replace(super().at(spec), source_length=max(2, spec.state["source"]))

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        pairs = paired(dataset)
        spec = super().spec(pairs, nearest)
        codec = tokens.Codec(spec.state)
        longest = max(len(codec.encode(text)) + 1 for text in pairs.sources.texts)
        return replace(spec, state=spec.state | {"source": max(2, min(longest, self.source_length))})

    def stored(self, spec: Spec) -> tuple[int, ...]:
        return (spec.shape[1] + spec.state["source"],)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        codec, lengths = tokens.Codec(spec.state), (spec.shape[1], spec.state["source"])
        return np.hstack([codec.padded(str(text), n) for text, n in zip(item, lengths, strict=True)])

    def prepare_all(self, dataset: Dataset, spec: Spec) -> np.ndarray:
        sides = ((paired(dataset).texts, spec.shape[1]), (paired(dataset).sources.texts, spec.state["source"]))
        codec = tokens.Codec(spec.state)
        return np.hstack([np.stack([codec.padded(text, n) for text in texts]) for texts, n in sides])

    def batch(self, stored: Tensor, labels: Tensor | None, spec: Spec, rng: Rng) -> Batch:
        source = tokens.to_bits(stored[:, spec.shape[1] :], spec.shape[0])
        return Batch(self.encode(stored[:, : spec.shape[1]], spec, rng), None, {"source": source})

    def has_sources(self, spec: Spec) -> bool:
        return True

    def sources(self, batch: Batch, spec: Spec) -> np.ndarray:
        return self.decode(batch.extra["source"], spec)

    def card(self, spec: Spec) -> Card:
        said = phrase("texts of up to {most} tokens, each made from a source", most=spec.shape[1])
        return replace(super().card(spec), samples=said, missing=(), copied=())

    def usage(self, file: str, spec: Spec) -> Usage:
        return Usage(
            f'model = gf.load("{file}")\nshort = model.translate("A long text ...")  # a str',
            command("translate", file, "articles.txt", "--out", "summaries.txt"),
        )


def paired(dataset: Dataset) -> PairedTexts:
    """The pairs of a data set.

    Raises:
        UserError: it has none.
    """
    if isinstance(dataset, PairedTexts):
        return dataset
    raise UserError(
        f"data {dataset.name}: pairs of texts are needed. Name both columns of a .csv, .tsv or .jsonl file: "
        "data.kind=texts data.path=FILE data.column=SUMMARY data.source=ARTICLE",
        code="text.not_paired",
    )
