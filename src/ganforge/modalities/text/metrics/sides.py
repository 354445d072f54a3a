"""What the metrics of texts share: the words of each side, and the models trained on real texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of
from ganforge.metrics.base import Comparison
from ganforge.modalities.text import reference_lm
from ganforge.modalities.text.bleu import Words, words
from ganforge.modalities.text.model import TokenModel
from ganforge.modalities.text.reference_lm import Vocabulary

FEWEST = 20
STEPS = 400  # of training a language model


def side(comparison: Comparison, name: str, n: int | None = None) -> list[Words]:
    """The texts of a side as words.

    Raises:
        UserError: there are too few.
    """
    found = comparison.once(("words", name, n), lambda: as_words(comparison.samples(name, n)))
    if len(found) < FEWEST:
        raise UserError(
            f"{comparison.side(name).name}: {len(found)} texts are too few; at least {FEWEST} are needed",
            code="metric.too_few_samples",
        )
    return found


def as_words(texts: Sequence[str] | np.ndarray) -> list[Words]:
    return [words(str(text)) for text in texts]


def parted(comparison: Comparison) -> tuple[list[Words], list[Words]]:
    """Real texts to learn from, and unseen ones: those held out or, where there are none, every tenth."""
    real = side(comparison, "real")
    if comparison.heldout is not None and comparison.heldout.n >= FEWEST:
        return real, side(comparison, "heldout")
    order = comparison.draws("text parts").permutation(len(real))
    cut = max(len(real) // 10, min(FEWEST, len(real) // 2))
    return [real[k] for k in order[cut:]], [real[k] for k in order[:cut]]


def vocabulary(comparison: Comparison) -> Vocabulary:
    """Of the real texts."""
    return comparison.once("text vocabulary", lambda: Vocabulary(parted(comparison)[0]))


def real_model(comparison: Comparison, steps: int) -> TokenModel:
    """A language model of the real texts."""
    return comparison.once(("text model", steps), lambda: model_of(comparison, parted(comparison)[0], steps))


def model_of(comparison: Comparison, texts: Sequence[Words], steps: int) -> TokenModel:
    """A language model of some texts, with the vocabulary of the real ones."""
    known = vocabulary(comparison)

    def progress(step: int) -> None:
        comparison.progress("training a language model for the metrics", step, steps)

    return reference_lm.trained(
        known.encoded(texts), known, steps, seed_of(comparison.seed, "text model") % 2**31, progress
    )
