"""The target of a row from its other columns: a net C that learns p(target | others) from real rows.

A generator learns how often values occur, and which go together, long before the fine dependence of one column on all
others. C learns just that, by cross-entropy, and new rows draw their target from it: p(row) = G(others) · C(target |
others). Zhao et al. 2021 (CTAB-GAN) train such a classifier too, but use it as a loss of G.

    C minimizes  w(t) · (−log softmax(C(x without target)))[t]

    categories: t is the category, w(t) how often it occurs over how often it is trained on
    numbers:    t is one of B equal parts of the range of one of the M modes, w(t) = 1; within a part p is constant

N: rows, D: numbers a row, K: categories of the target, or M · B.  x [N, D], t [N] in 0..K, u [N, D] uniform.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec, wide
from ganforge.modalities.table.heads import TINY
from ganforge.modalities.table.tasks.conditions import column_shares, conditions_of
from ganforge.nets.layers.dropout import FastDropout

USUAL_WIDTHS = (64, 64)
RARE = 0.02
"""A target that is less frequent is asked of G."""
PARTS = 32
"""B: of the range of a mode, which is ±4 standard deviations wide."""


def target_net(spec: Spec, widths: tuple[int, ...], dropout: float, of_target: float | None) -> TargetNet:
    """C for the rows of a spec.

    Args:
        spec: of the rows, with a target.
        widths: units of the hidden layers.
        dropout: share of these that are left out at a time.
        of_target: as `column_shares` has it.

    Raises:
        UserError: the table has no target, or one of categories in a task without conditions.
    """
    if (column := _discrete_target(spec)) is not None:
        return CategoryTarget(spec, column, widths, dropout, of_target)
    if blocks := _number_target(spec):
        return NumberTarget(spec.shape[0], blocks, widths, dropout)
    raise UserError(
        "task.target_widths: a net for the target needs target=COLUMN and, for a column of categories, "
        "task.conditional=true. Leave task.target_widths out, or set these",
        code="task.no_target",
    )


def has_target(spec: Spec) -> bool:
    """Whether rows have a target that a net can learn."""
    return _discrete_target(spec) is not None or bool(_number_target(spec))


def _discrete_target(spec: Spec) -> int | None:
    """Which of the columns with conditions is the target."""
    return next((k for k, c in enumerate(conditions_of(spec)) if c["column"] == spec.state.get("target")), None)


def _number_target(spec: Spec) -> list[dict[str, Any]]:
    """The blocks of a target of numbers or dates: the value, and the mode where there are several."""
    found = [block for block in spec.state["blocks"] if block["column"] == spec.state.get("target")]
    return found if found and found[0]["role"] == "value" and found[0]["activation"] == "tanh" else []


class TargetNet(nn.Module, ABC):
    """C.

    Args:
        place: where the target is in a row.
        sizes: D, the units of the hidden layers, and K.
        dropout: share of these units that are left out at a time.
    """

    def __init__(self, place: slice, sizes: tuple[int, ...], dropout: float):
        super().__init__()
        self.place = place
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes[:-1]):
            layers += [nn.Linear(a, b), nn.LeakyReLU(0.2), FastDropout(dropout)]
        self.net = nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))

    def forward(self, x: Tensor) -> Tensor:
        """Logits [N, K] of the target of rows [N, D], whatever their target is."""
        others = x.clone()
        others[:, self.place] = 0
        return wide(self.net(others))

    @abstractmethod
    def loss(self, x: Tensor) -> Tensor:
        """[N]: the weighted cross-entropy of real rows."""

    @abstractmethod
    def drawn(self, x: Tensor, uniform: Tensor, never: Sequence[int] = ()) -> Tensor:
        """Rows [N, D] with a target drawn from C, which is never one of some places in a row (a missing value)."""

    def conditions(self, c: Tensor) -> Tensor:
        """The conditions [N] that G is to meet, −1 where none."""
        return c


class CategoryTarget(TargetNet):
    """C of a column of categories, the `at`-th of those with conditions."""

    weights: Tensor
    asked: Tensor

    def __init__(self, spec: Spec, at: int, widths: tuple[int, ...], dropout: float, of_target: float | None):
        entries = conditions_of(spec)
        of = entries[at]
        place = slice(of["block_start"], of["block_start"] + of["width"])
        super().__init__(place, (spec.shape[0], *widths, of["width"]), dropout)
        real = np.asarray(of["frequencies"], float) / sum(of["frequencies"])
        logs = np.log1p(of["frequencies"])
        share = column_shares(spec, of_target)[at]
        trained = share * logs / logs.sum() + (1 - share) * real  # conditions on other columns hardly change it
        self.register_buffer("weights", torch.tensor(real / trained, dtype=torch.float32), persistent=False)
        places = torch.arange(sum(c["width"] for c in entries)) - of["start"]
        frequent = torch.tensor(real >= RARE)
        own = (places >= 0) & (places < of["width"])
        asked = ~own | ~frequent[places.clamp(0, of["width"] - 1)]
        self.register_buffer("asked", asked, persistent=False)

    def loss(self, x: Tensor) -> Tensor:
        t = x[:, self.place].argmax(1)
        return self.weights[t] * nn.functional.cross_entropy(self(x), t, reduction="none")

    def conditions(self, c: Tensor) -> Tensor:
        """Not a frequent target, which C draws; rows with it are picked."""
        return torch.where((c >= 0) & ~self.asked[c.clamp_min(0)], -1, c)

    def drawn(self, x: Tensor, uniform: Tensor, never: Sequence[int] = ()) -> Tensor:
        gumbel = -(-uniform[:, self.place].clamp_min(TINY).log()).log()
        scores = self(x) + gumbel
        barred = [k for k in range(scores.shape[1]) if self.place.start + k in never]
        scores[:, barred] = -torch.inf
        result = x.clone()
        result[:, self.place] = nn.functional.one_hot(scores.argmax(1), scores.shape[1]).to(x.dtype)
        return result


class NumberTarget(TargetNet):
    """C of a column of numbers or dates, whose blocks are a value in [-1, 1] and perhaps one of M modes.

    The mode of a missing number has one part that matters: its value is 0.
    """

    def __init__(self, width: int, blocks: list[dict[str, Any]], widths: tuple[int, ...], dropout: float):
        self.start = blocks[0]["start"]
        self.modes = blocks[1]["width"] if len(blocks) > 1 else 0
        place = slice(self.start, self.start + 1 + self.modes)
        super().__init__(place, (width, *widths, max(1, self.modes) * PARTS), dropout)

    def loss(self, x: Tensor) -> Tensor:
        part = ((x[:, self.start] + 1) * (PARTS / 2)).long().clamp(0, PARTS - 1)
        mode = x[:, self.start + 1 : self.start + 1 + self.modes].argmax(1) if self.modes else 0
        return nn.functional.cross_entropy(self(x), mode * PARTS + part, reduction="none")

    def drawn(self, x: Tensor, uniform: Tensor, never: Sequence[int] = ()) -> Tensor:
        """By one uniform draw a row: the inverse of the distribution function, linear within a part."""
        scores = self(x).double()  # [N, K]
        for mode in range(self.modes):
            if self.start + 1 + mode in never:
                scores[:, mode * PARTS : (mode + 1) * PARTS] = -torch.inf
        upto = scores.softmax(1).cumsum(1)
        u = uniform[:, self.start : self.start + 1].double() * upto[:, -1:]
        chosen = torch.searchsorted(upto, u, right=True).clamp_max(upto.shape[1] - 1)  # [N, 1]
        below = nn.functional.pad(upto, (1, 0)).gather(1, chosen)
        within = (u - below) / (upto.gather(1, chosen) - below).clamp_min(TINY)
        result = x.clone()
        value = (chosen % PARTS + within.clamp(0, 1)) * (2 / PARTS) - 1
        result[:, self.start] = value.squeeze(1).to(x.dtype)
        if self.modes:
            mode = nn.functional.one_hot(chosen.squeeze(1) // PARTS, self.modes)
            result[:, self.start + 1 : self.start + 1 + self.modes] = mode.to(x.dtype)
        return result
