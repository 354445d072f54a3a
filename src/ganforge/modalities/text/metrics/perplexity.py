"""How likely generated texts are to a model of real ones, and real ones to a model of generated ones.

    forward perplexity = exp(mean −log p of a word)   of generated texts under a language model of the real ones
    reverse perplexity                                of unseen real texts under one trained on the generated ones

Forward is low for texts that are all alike; reverse then is high, as it is where words or phrases are missing. Both
beside the same of real texts: unseen ones under the first model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.text import reference_lm
from ganforge.modalities.text.metrics import sides
from ganforge.modalities.text.metrics.curves import spread


class TextPerplexity(Metric, kind="text_perplexity"):
    """Forward and reverse perplexity, by small language models that are trained here."""

    signals: ClassVar[tuple[str, ...]] = ("texts",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "reverse_perplexity": Meaning(
            "How surprised a language model of the generated texts is by unseen real ones.", "lower"
        ),
        "forward_perplexity": Meaning(
            "How surprised a language model of the real texts is by generated ones; low also where all are alike."
        ),
    }
    steps: int = Field(default=sides.STEPS, ge=1)
    """Steps of training of each language model."""

    def compute(self, comparison: Comparison) -> list[Result]:
        learned, unseen = sides.parted(comparison)
        fake = sides.side(comparison, "fake", self.n)
        known, real = sides.vocabulary(comparison), sides.real_model(comparison, self.steps)
        test, made = known.encoded(unseen), known.encoded(fake)
        floor = math.exp(reference_lm.nll(real, test))
        reverse = math.exp(min(50.0, reference_lm.nll(sides.model_of(comparison, fake, self.steps), test)))
        as_many = sides.model_of(comparison, spread(learned, len(fake)), self.steps)
        few = math.exp(reference_lm.nll(as_many, test))
        protocol = comparison.protocol(self.n) | {
            "lm": f"LSTM {reference_lm.UNITS}, {self.steps} steps", "n_train": len(learned), "n_test": len(unseen),
        }  # fmt: skip
        notes = [
            phrase("trained on as many real texts: {few:.4g}; on all {all:.4g}", few=few, all=floor),
        ]
        return [
            Result(f"reverse_perplexity[{len(fake)}]", reverse, protocol, {"floor": few, "notes": notes}),
            Result(
                f"forward_perplexity[{len(fake)}]", math.exp(reference_lm.nll(real, made)), protocol,
                {"floor": floor, "notes": [phrase("unseen real texts: {floor:.4g}", floor=floor)]},
            ),
        ]  # fmt: skip
