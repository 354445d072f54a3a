"""Classified tabular: CTGAN whose G also learns from a classifier that predicts one column from the others.

Zhao et al. 2021, "CTAB-GAN: Effective Table Data Synthesizing", section 3.1 (classification loss).

    C takes a step on   H(y, C(x))        of real rows (x, y)
    G's loss gets       classify · H(ŷ, C(x̂))   of its rows (x̂, ŷ)
    H of a choice is the cross-entropy with its (soft) one-hot, of a number the squared error within its mode

so that what is made of the column goes with what is made of the others, as it does in real rows. The column is the
target; where the table has none, the last one that is learned.

N: rows, D: numbers a row, W: numbers of the predicted column.  x with the W numbers set to 0, y those W.  H [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Spec, Terms, wide
from ganforge.modalities.table.tasks.tabular import Tabular
from ganforge.tasks.base import Phase


class ClassifiedTabular(Tabular, kind="classified_tabular"):
    """New rows of a table as `tabular` makes them, with a classifier that holds the target to the other columns."""

    classify: Rate = 1.0
    """Weight in G's loss of how badly the classifier predicts the target of generated rows."""
    classifier_widths: tuple[int, ...] = Field(default=(256, 128), min_length=1)
    """Units of the hidden layers of the classifier, first to last."""

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        return super().players(spec) | {"C": Classifier(self.classifier_widths, spec)}

    def phases(self) -> Sequence[Phase]:
        d, g = super().phases()
        return [d, Phase("C", self.c_loss, trains=("C",)), g]

    def c_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """C's loss on real rows."""
        return Terms({"predict": cast(Classifier, nets.C)(batch.x)})

    def _g_losses(self, nets: Nets, batch: Batch, rng: Rng, fake: Tensor) -> dict[str, Tensor]:
        return {"classify": at(self.classify, rng.samples) * cast(Classifier, nets.C)(fake)}


class Classifier(nn.Module):
    """C: how badly it predicts one column of rows [N, D] from the others, [N].

    Args:
        widths: units of its hidden layers.
        spec: of the rows.
    """

    others: Tensor

    def __init__(self, widths: Sequence[int], spec: Spec):
        super().__init__()
        blocks: list[dict[str, Any]] = spec.state["blocks"]
        names = {block["column"] for block in blocks}
        target = spec.state.get("target")
        name = target if target in names else blocks[-1]["column"]
        own = [block for block in blocks if block["column"] == name]
        self.start, self.stop = own[0]["start"], own[-1]["start"] + own[-1]["width"]
        self.parts = [(b["start"] - self.start, b["width"], b["activation"]) for b in own]
        others = torch.ones(spec.shape[0])
        others[self.start : self.stop] = 0
        self.register_buffer("others", others, persistent=False)
        sizes = [spec.shape[0], *widths]
        layers = [part for a, b in zip(sizes, widths, strict=False) for part in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
        self.net = nn.Sequential(*layers, nn.Linear(sizes[-1], self.stop - self.start))

    def forward(self, x: Tensor) -> Tensor:
        guess, y = wide(self.net(x * self.others)), x[:, self.start : self.stop]
        found = []
        for start, width, activation in self.parts:
            of_guess, of_y = guess[:, start : start + width], y[:, start : start + width]
            if activation == "softmax":
                found.append(-(of_y * of_guess.log_softmax(1)).sum(1))
            else:
                found.append(((of_guess.tanh() - of_y) ** 2).sum(1))
        return torch.stack(found).sum(0)
