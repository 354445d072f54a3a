"""Whether shapes are of the class asked for, by a small classifier that is trained on the real ones.

Each shape is a cloud in the unit ball, seen as how full the cells of an 8³ grid are. Kernel ridge regression learns the
classes of the training shapes, in closed form; a fifth of them is kept back to say how often it is right about real
ones.

    scores(f) = k(f, F) (k(F, F) + λ I)⁻¹ Y,   k(a, b) = exp(−‖a − b‖² / m),   m: the median of ‖a − b‖² in F

f [M, 512] features, standardized as those of the training shapes F [N, 512]; Y one-hot [N, K]; scores [M, K].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import one_hot

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.shape.metrics.clouds_of import CHUNK, cloud_of
from ganforge.modalities.shape.metrics.extractor import OccupancyEncoder

RIDGE = 1e-2
"""λ."""
KEPT_BACK = 0.2
FEWEST = 10
"""Training shapes; fewer tell no classes apart."""


class ShapeLabels(Metric, kind="shape_labels"):
    """Whether shapes are of the class asked for."""

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    signals: ClassVar[tuple[str, ...]] = ("volume", "cloud")
    values: ClassVar[Mapping[str, Meaning]] = {
        "class_as_asked": Meaning("Share of shapes that a classifier takes for the class asked for.", "higher", 1.0),
    }
    points: int = Field(default=512, ge=16)
    """Points of each shape."""
    most: int = Field(default=500, ge=FEWEST)
    """Shapes of each side."""

    def compute(self, comparison: Comparison) -> list[Result]:
        rows = {side: self._rows(comparison, side) for side in ("train", "fake")}
        known, made = (self._seen(comparison, side, rows[side]) for side in ("train", "fake"))
        truth = torch.from_numpy(comparison.labels("train")[rows["train"]].astype(np.int64))
        asked = comparison.labels("fake")[rows["fake"]]
        if len(known) < FEWEST:
            raise UserError(
                f"metric shape_labels: {len(known)} training shapes are too few; at least {FEWEST} are needed",
                code="metric.too_few_samples",
            )
        order = torch.from_numpy(comparison.draws("kept back").permutation(len(known)))
        kept, learned = order[: max(1, round(KEPT_BACK * len(known)))], order[max(1, round(KEPT_BACK * len(known))) :]
        classes = 1 + max(int(truth.max()), int(asked.max()))
        middle, spread = known[learned].mean(0), known[learned].std(0) + 1e-3
        seen = [(f - middle) / spread for f in (known[kept], made)]
        scores = classified((known[learned] - middle) / spread, truth[learned], torch.cat(seen), classes)
        answers = dict(zip(("kept", "made"), scores.argmax(1).split([len(kept), len(made)]), strict=True))
        possible = float((answers["kept"] == truth[kept]).float().mean())
        right = answers["made"].numpy() == asked
        names = comparison.classes or tuple(map(str, range(classes)))
        each = {names[k]: float(right[asked == k].mean()) for k in np.unique(asked).tolist()}
        note = phrase("accuracy on unseen real shapes: {accuracy:.1%}", accuracy=possible)
        detail = {"floor": possible, "per_class": each, "notes": [note]}
        protocol = comparison.protocol(len(made)) | {"points": self.points, "n_train": len(learned)}
        return [Result(f"class_as_asked{short_count(len(made))}", float(right.mean()), protocol, detail)]

    def _rows(self, comparison: Comparison, side: str) -> np.ndarray:
        count = comparison.count("fake", self.n) if side == "fake" else comparison.side(side).n
        return np.unique(np.linspace(0, count - 1, min(count, self.most)).round().astype(int))

    def _seen(self, comparison: Comparison, side: str, rows: np.ndarray) -> Tensor:
        """Features of some shapes of a side, [N, 512]."""
        parts = comparison.side(side).chosen(rows, CHUNK)
        clouds = np.stack([cloud_of(sample, comparison.facts, self.points) for part in parts for sample in part])
        return OccupancyEncoder(1.0).encode(clouds)[0]


def classified(known: Tensor, labels: Tensor, f: Tensor, classes: int) -> Tensor:
    """Scores [M, K] of features [M, D] by those of shapes of known classes [N, D]."""
    known, f = known.double(), f.double()
    among = torch.cdist(known, known).square()
    width = among.median().clamp_min(1e-9)
    weights = torch.linalg.solve(
        (-among / width).exp() + RIDGE * torch.eye(len(known), dtype=known.dtype), one_hot(labels, classes).double()
    )
    return (-torch.cdist(f, known).square() / width).exp() @ weights
