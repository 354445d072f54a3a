"""Fréchet distance of features of texts: what a model of real texts makes of them, and which runs of letters they have.

    features = mean state of a language model of the real texts over the words ‖ counts of runs of one to three words
               and characters by a fixed random projection

d'Autume et al. 2019 (ScratchGAN) use a sentence encoder with downloaded weights; this one is trained here, so values
compare within one data set only. Beside it the floor: as many real texts against the rest of them.

N: texts, D: features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from zlib import crc32

import numpy as np
from pydantic import Field

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.statistics import moments
from ganforge.modalities.text import reference_lm
from ganforge.modalities.text.bleu import Words
from ganforge.modalities.text.metrics import sides
from ganforge.modalities.text.model import TokenModel
from ganforge.modalities.text.reference_lm import Vocabulary

BAGS = 64
MOST = 5_000  # texts of a side
LONGEST_RUN = 3


class TextDistance(Metric, kind="text_fd"):
    """Fréchet distance of states of a language model and of projected n-grams."""

    signals: ClassVar[tuple[str, ...]] = ("texts",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "text_fd": Meaning("Distance of the distributions of features of whole texts.", "lower", 0.0)
    }
    steps: int = Field(default=sides.STEPS, ge=1)
    """Steps of training of the language model."""

    def compute(self, comparison: Comparison) -> list[Result]:
        known, model = sides.vocabulary(comparison), sides.real_model(comparison, self.steps)
        real, fake = sides.side(comparison, "real"), sides.side(comparison, "fake", self.n)
        order = comparison.draws("text_fd").permutation(len(real))[: 2 * MOST]
        found = features(model, known, [real[k] for k in order])
        size = min(len(fake), len(real) // 2, MOST)  # the distance of few texts is larger, so the floor has as many
        rest = moments(found[size:])
        floor = frechet_distance(rest, moments(found[:size]))
        value = frechet_distance(rest, moments(features(model, known, fake[:size])))
        protocol = comparison.protocol(self.n) | {
            "lm": f"LSTM {reference_lm.UNITS}, {self.steps} steps",
            "features": found.shape[1],
        }
        notes = [phrase("as many real texts: {floor:.4g}", floor=floor)]
        return [Result(f"text_fd[{size}]", value, protocol, {"floor": floor, "notes": notes})]


def features(model: TokenModel, known: Vocabulary, texts: Sequence[Words]) -> np.ndarray:
    """float64 [N, D]; both parts have a mean squared length of about 1."""
    states = reference_lm.states(model, known.encoded(texts)).astype(np.float64)
    return np.hstack([states / np.sqrt(states.shape[1]) * 4, bags(texts)])


def bags(texts: Sequence[Words]) -> np.ndarray:
    """The runs of up to three words of each text, each run as a random sign at a random place, [N, BAGS]."""
    found = np.zeros((len(texts), BAGS))
    for row, text in zip(found, texts, strict=True):
        runs = [" ".join(text[k : k + n]) for n in range(1, LONGEST_RUN + 1) for k in range(len(text) - n + 1)]
        for run in runs:
            code = crc32(run.encode("utf-8", "replace"))
            row[code % BAGS] += 1 if code >> 31 else -1
        row /= max(1.0, len(runs)) ** 0.5
    return found / np.sqrt(BAGS) * 4
