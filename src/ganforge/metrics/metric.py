"""A metric reads a comparison and returns results, each with its protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ganforge.core.component import Component, PositiveCount
from ganforge.core.errors import UserError
from ganforge.core.language import joined, phrase
from ganforge.core.overrides import called
from ganforge.core.refusals import Refusal
from ganforge.metrics.comparison import Comparison
from ganforge.metrics.meaning import Meaning, stem_of
from ganforge.metrics.result import Result

BARE = re.compile(r"(?P<kind>[a-z][a-z_-]*?)-?(?P<n>\d+(\.\d+)?[kKmM]?)")


class Metric(Component, family="metric"):
    """A figure, or a few that are computed together. A bare string may end in a number of samples, and have fields:
    `fd5k`, `psnr(channel=Y, crop=4)`."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """What it cannot do without, of: moments (of features), features, probabilities, labels (of both sides), train,
    heldout, pairs, latents."""
    signals: ClassVar[tuple[str, ...]] = ("*",)
    """The kinds of signal that it has a meaning for; "*" is any, or all that an extractor reads."""
    values: ClassVar[Mapping[str, Meaning]] = {}
    """What its figures tell and which way each is better, by the stems of their names: {"fd": Meaning(...)}. The first
    decides which model is the best while one trains."""
    any_size: ClassVar[bool] = False
    """Whether it goes pair by pair, so that it can look at whole images, each of a size of its own."""
    n: PositiveCount | None = None
    """How many generated samples to look at: 5k, 50k. By default all there are."""

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        name, fields = called(text) or (text, {})
        match = None if name in cls.kinds else BARE.fullmatch(name)
        return ({"kind": name} if match is None else {"kind": match["kind"], "n": match["n"]}) | fields

    def meaning_of(self, name: str) -> Meaning:
        """What a figure of that name tells; empty for one that this metric says nothing of."""
        return self.values.get(stem_of(name, self.values), Meaning(""))

    def lacks(self, comparison: Comparison) -> str:
        """What the metric needs and this comparison does not have, as half a sentence; empty where nothing is."""
        reasons = {
            "moments": (comparison.has_encoder, phrase("an extractor of features")),
            "features": (comparison.has_encoder, phrase("an extractor of features")),
            "probabilities": (
                comparison.has_encoder and comparison.encoder.classes,
                phrase("an extractor that names classes"),
            ),
            "labels": (
                comparison.real.labels is not None and comparison.fake.labels is not None,
                phrase("labels of the real and of the generated samples"),
            ),
            "train": (comparison.known_train, phrase("the samples that the generator was trained on")),
            "heldout": (comparison.heldout is not None, phrase("real samples that the generator was not trained on")),
            "pairs": (comparison.paired, phrase("pairs: generated samples that each belong to a real one")),
            "latents": (comparison.latents is not None, phrase("the generator itself, not samples of it")),
        }
        return joined([reason for need, (there, reason) in reasons.items() if need in self.needs and not there])

    def compute(self, comparison: Comparison) -> list[Result]:
        """The figures, each with its protocol.

        Raises:
            UserError: too few samples, or samples that it cannot work with.
        """
        raise NotImplementedError


def measure(metrics: Sequence[Metric], comparison: Comparison, refused: list[Refusal] | None = None) -> list[Result]:
    """The figures of several metrics on one comparison; each side goes through the extractor once.

    Args:
        refused: what is said of the metrics that cannot be had, while the others are computed, is added here; None: the
            first one ends it.

    Raises:
        UserError: a metric lacks something (says what, before anything is computed), or as its `compute`; where
            `refused` is given, only if that is so of all of them.
    """
    possible = []
    for metric in metrics:
        if not (lacking := metric.lacks(comparison)):
            comparison.count("fake", metric.n)
            possible.append(metric)
            continue
        error = UserError(
            f"metric {metric.kind!r} needs {lacking}. Leave it out of the metrics, or provide what it needs",
            code="metric.requirement_missing",
        )
        if refused is None or len(metrics) == 1:
            raise error
        refused.append(Refusal.of(metric.kind, error))
    fresh = {"features", "probabilities"}
    sizes = {metric.n for metric in possible if "moments" in metric.needs}
    comparison.keep = len(sizes) > 1 or any(fresh & metric.needs for metric in possible)
    results: list[Result] = []
    errors: list[UserError] = []
    for k, metric in enumerate(possible):
        comparison.progress(f"metric {metric.kind}", k, len(possible))
        try:
            results += metric.compute(comparison)
        except UserError as error:
            if refused is None:
                raise
            refused.append(Refusal.of(metric.kind, error))
            errors.append(error)
    if errors and not results:
        raise errors[0]
    return results
