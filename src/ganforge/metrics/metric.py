"""Base class of metrics: a metric reads a comparison and returns results, each with its protocol."""

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
    """One or several values that are computed together. A bare string may contain a number of samples, and fields:
    `fd5k`, `psnr(channel=Y, crop=4)`."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """Its requirements, among: moments (of features), features, probabilities, labels (of both sides), conditions (of
    both sides), train, heldout, pairs, latents."""
    signals: ClassVar[tuple[str, ...]] = ("*",)
    """The kinds of signal that it supports; "*" is any, or all that the extractor supports."""
    values: ClassVar[Mapping[str, Meaning]] = {}
    """The meanings of its values, by the stems of their names: {"fd": Meaning(...)}. The first one determines the best
    model during training."""
    any_size: ClassVar[bool] = False
    """Whether it processes pair by pair, so that whole images may have different sizes."""
    n: PositiveCount | None = None
    """Number of generated samples to use: 5k, 50k. By default all."""

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        name, fields = called(text) or (text, {})
        match = None if name in cls.kinds else BARE.fullmatch(name)
        return ({"kind": name} if match is None else {"kind": match["kind"], "n": match["n"]}) | fields

    def meaning_of(self, name: str) -> Meaning:
        """The meaning of the value with this name; empty if this metric does not define it."""
        return self.values.get(stem_of(name, self.values), Meaning(""))

    def lacks(self, comparison: Comparison) -> str:
        """Unmet requirements of the metric, as a phrase; empty if there are none."""
        reasons = {
            "moments": (comparison.has_encoder, phrase("an extractor of features")),
            "features": (comparison.has_encoder, phrase("an extractor of features")),
            "probabilities": (
                comparison.has_encoder and comparison.encoder.classes,
                phrase("an extractor with a classifier"),
            ),
            "labels": (
                comparison.real.labels is not None and comparison.fake.labels is not None,
                phrase("labels of the real and of the generated samples"),
            ),
            "conditions": (
                comparison.real.vectors is not None and comparison.fake.vectors is not None,
                phrase("conditions of the real and of the generated samples"),
            ),
            "train": (comparison.known_train, phrase("the samples that the generator was trained on")),
            "heldout": (comparison.heldout is not None, phrase("real samples that the generator was not trained on")),
            "pairs": (comparison.paired, phrase("pairs: generated samples that each correspond to a real one")),
            "latents": (comparison.latents is not None, phrase("the generator itself, not samples of it")),
        }
        return joined([reason for need, (there, reason) in reasons.items() if need in self.needs and not there])

    def compute(self, comparison: Comparison) -> list[Result]:
        """The results, each with its protocol.

        Raises:
            UserError: there are too few samples, or they are not supported.
        """
        raise NotImplementedError


def keeps_features(metrics: Sequence[Metric]) -> bool:
    """Whether some metrics need the features of each sample, and not only their moments."""
    sizes = {metric.n for metric in metrics if "moments" in metric.needs}
    return len(sizes) > 1 or any({"features", "probabilities"} & metric.needs for metric in metrics)


def measure(metrics: Sequence[Metric], comparison: Comparison, refused: list[Refusal] | None = None) -> list[Result]:
    """The results of several metrics on one comparison; each side passes through the extractor once.

    Args:
        refused: a list to which failing metrics are added while the others are computed; None: the first failure is
            raised.

    Raises:
        UserError: a requirement of a metric is not met (raised before anything is computed), or its `compute` fails;
            with `refused`, only if all metrics fail.
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
    comparison.keep = keeps_features(possible)
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
