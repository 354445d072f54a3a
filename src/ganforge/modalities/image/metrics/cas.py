"""Classification accuracy score: the accuracy on real samples of a classifier trained only on generated ones.

Ravuri & Vinyals 2019, "Classification Accuracy Score for Conditional Generative Models". It measures the value of
generated samples as training data and, per class, what the model cannot generate.

    CAS = accuracy on real held-out samples of a net trained on generated samples and their labels

As a reference, the same net is trained on the same number of real samples with the same number of steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.image.extractors import fit
from ganforge.modalities.image.extractors.small import seen


class AccuracyScore(Metric, kind="cas"):
    """Accuracy on real samples of a classifier trained on generated ones (train on fake, test on real)."""

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    signals: ClassVar[tuple[str, ...]] = ("image", "pair")
    values: ClassVar[Mapping[str, Meaning]] = {
        "cas": Meaning("Accuracy on real test samples of a classifier that was trained on fakes alone.", "higher", 1),
    }
    steps: int | None = Field(default=None, ge=1)
    """Number of training steps of each classifier with batches of 128; by default as for the extractor `small`."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        test = "heldout" if comparison.heldout is not None and comparison.heldout.labels is not None else "real"
        train = "train" if comparison.train.labels is not None else "real"
        classes = 1 + max(int(comparison.labels(name).max()) for name in ("fake", test, train))
        y = torch.from_numpy(comparison.labels(test).astype(np.int64))
        x = torch.cat([seen(part).round().to(torch.uint8) for part in comparison.batches(test)])
        steps = fit.steps_for(n) if self.steps is None else self.steps
        accuracy, per_class = self._trained(comparison, "fake", n, classes, steps, x, y)
        detail: dict[str, Any] = {"per_class": per_class}
        if test != train:
            detail["real"], detail["per_class_real"] = self._trained(comparison, train, n, classes, steps, x, y)
        protocol = comparison.protocol(n) | {
            "classifier": "small",
            "steps": steps,
            "test": comparison.side(test).name,
            "n_test": len(x),
        }
        return [Result(f"cas{short_count(n)}[small net]", accuracy, protocol, detail)]

    def _trained(
        self, comparison: Comparison, side: str, n: int, classes: int, steps: int, x: Tensor, y: Tensor
    ) -> tuple[float, dict[str, float]]:
        """Accuracy on x, y, overall and per class, of a net trained on one side."""

        def told(title: str, done: int, total: int) -> None:
            comparison.progress(f"a classifier trained on {side} samples", done, total)

        total = comparison.side(side).n  # evenly spaced if there are more real ones, since they may be sorted by class
        rows = np.arange(n) if side == "fake" else np.linspace(0, total - 1, min(n, total)).round().astype(np.int64)
        pictures = seen(comparison.at(side, rows)).round().to(torch.uint8)
        labels = torch.from_numpy(comparison.labels(side)[rows].astype(np.int64))
        if pictures.shape[1:] != x.shape[1:]:
            raise UserError(
                f"metric 'cas': images of {comparison.side(side).name} and the test images differ in size or "
                "mode; convert them to one size and mode first",
                code="metric.shapes_differ",
            )
        right = fit.right(fit.fit(pictures, labels, classes, comparison.seed, told, steps), x, y)
        names = comparison.classes or tuple(str(k) for k in range(classes))
        return float(right.float().mean()), {
            names[k]: float(right[y == k].float().mean()) for k in np.unique(y.numpy()).tolist()
        }
