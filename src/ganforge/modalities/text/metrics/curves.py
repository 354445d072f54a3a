"""Quality and diversity of texts along a range of temperatures, beside those of models that need no GAN.

    text_bleu, text_self_bleu   BLEU-4 of generated texts against unseen real ones; of each against the other generated
    text_bleu_gap               BLEU-4 minus that of a language model, sampled at the temperature at which its self-BLEU
                                is the same (the nearest, where it is beyond its curve)

A single BLEU says nothing: texts that are all alike reach a high one. Caccia et al. 2020, "Language GANs Falling
Short". The language model is an LSTM of words trained here on the real texts; an n-gram model is drawn beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.language import phrase
from ganforge.core.plot.charts import Chart, lines
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.text import reference_lm
from ganforge.modalities.text.bleu import References, Words, bleu, self_bleu
from ganforge.modalities.text.metrics import sides
from ganforge.modalities.text.ngram import NGram

ORDER = 4
TEMPERATURES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3)
Curve = list[tuple[float, float, float]]
"""(temperature, self-BLEU, BLEU) of each."""


class TextBleu(Metric, kind="text_bleu"):
    """BLEU-4 against self-BLEU-4 along temperatures, beside a language model and an n-gram model."""

    signals: ClassVar[tuple[str, ...]] = ("texts",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "text_bleu_gap": Meaning(
            "BLEU-4 beyond that of a language model at the same self-BLEU-4; below 0 the language model is better.",
            "higher",
        ),
        "text_bleu": Meaning("How many runs of up to four words also occur in unseen real texts (BLEU-4).", "higher"),
        "text_self_bleu": Meaning(
            "How much generated texts repeat each other (BLEU-4 of each against the others).", "lower"
        ),
    }
    texts: int = Field(default=500, ge=20)
    """Texts of each model and temperature, and of the real ones that they are compared with each other."""
    steps: int = Field(default=sides.STEPS, ge=1)
    """Steps of training of the language model."""

    def compute(self, comparison: Comparison) -> list[Result]:
        learned, unseen = sides.parted(comparison)
        references = References(unseen[: 10 * self.texts], ORDER)
        fake = sides.side(comparison, "fake", self.n)
        curves = self.curves(comparison, learned, references)
        own = point(fake[: self.texts], references)
        gap, beyond = (own[1] - at_same(own[0], curves[name]) for name in ("lm", "n-gram"))
        of_real = point(spread(learned, self.texts), references)
        protocol = comparison.protocol(self.n) | {
            "order": ORDER, "texts": min(self.texts, len(fake)), "references": min(len(unseen), 10 * self.texts),
            "lm": f"LSTM {reference_lm.UNITS}, {self.steps} steps",
        }  # fmt: skip
        detail: dict[str, Any] = {
            "floor": of_real[1],
            "curves": curves,
            "of_real": {"self_bleu": of_real[0], "bleu": of_real[1]},
            "notes": [phrase("real texts: BLEU {bleu:.3f} at self-BLEU {own:.3f}", bleu=of_real[1], own=of_real[0])],
            "plots": [drawn(curves, own, of_real)],
        }
        found = min(self.texts, len(fake))
        return [
            Result(f"text_bleu_gap[{found}]", gap, protocol, {"notes": [_beside(own, gap, beyond)], "n_gram": beyond}),
            Result(f"text_bleu[{found}]", own[1], protocol, detail),
            Result(f"text_self_bleu[{found}]", own[0], protocol, {"floor": of_real[0]}),
        ]

    def curves(self, comparison: Comparison, learned: Sequence[Words], references: References) -> dict[str, Curve]:
        """Of the model itself, where it has a temperature, and of both baselines."""
        draws = comparison.draws("text curves")
        known, model = sides.vocabulary(comparison), sides.real_model(comparison, self.steps)
        counted = NGram(learned, ORDER)
        found: dict[str, Curve] = {"lm": [], "n-gram": []} | ({"model": []} if comparison.tempered else {})
        for k, t in enumerate(TEMPERATURES):
            comparison.progress("texts at several temperatures", k, len(TEMPERATURES))
            some = {
                "lm": reference_lm.drawn(model, known, self.texts, t, draws),
                "n-gram": counted.draw(self.texts, t, draws),
            }
            if comparison.tempered:
                some["model"] = sides.as_words(comparison.tempered(t, self.texts))
            for name, texts in some.items():
                found[name].append((t, *point(texts, references)))
        return found


def point(texts: Sequence[Words], references: References) -> tuple[float, float]:
    """(self-BLEU, BLEU) of texts."""
    return self_bleu(texts, ORDER), bleu(texts, references)


def at_same(own: float, curve: Curve) -> float:
    """BLEU on a curve at a self-BLEU, linear between its points; beyond them, that of the nearest."""
    points = sorted((x, y) for _, x, y in curve)
    return float(np.interp(own, [x for x, _ in points], [y for _, y in points]))


def spread(texts: Sequence[Words], count: int) -> list[Words]:
    """Some texts, evenly over all."""
    places = np.unique(np.linspace(0, len(texts) - 1, min(count, len(texts))).round().astype(int))
    return [texts[k] for k in places]


def _beside(own: tuple[float, float], gap: float, beyond: float) -> str:
    return phrase(
        "BLEU {bleu:.3f} at self-BLEU {own:.3f}; the language model there {other:.3f}, the n-gram model {counted:.3f}",
        bleu=own[1],
        own=own[0],
        other=own[1] - gap,
        counted=own[1] - beyond,
    )


def drawn(curves: Mapping[str, Curve], own: tuple[float, float], real: tuple[float, float]) -> dict[str, Any]:
    """The plot of all curves: to the left of and above another one is better."""
    names = {"model": phrase("this model"), "lm": phrase("language model"), "n-gram": phrase("n-gram")}
    series = {names[name]: sorted((x, y) for _, x, y in curve) for name, curve in curves.items()}
    if "model" not in curves:
        series[names["model"]] = [own]
    series[phrase("real texts")] = [real]
    chart = Chart(
        phrase("quality and diversity at temperatures {low:g} to {high:g}", low=TEMPERATURES[0], high=TEMPERATURES[-1]),
        "", series, axis=phrase("BLEU-4"), across=phrase("self-BLEU-4 (lower: more diverse)"),
    )  # fmt: skip
    return {"title": chart.title, "drawing": lines(chart)}
