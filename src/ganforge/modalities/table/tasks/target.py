"""The target of a row from its other columns: a net C that learns p(target | others) from real rows.

A generator learns how often values occur, and which go together, long before the fine dependence of one column on all
others. C learns just that, by cross-entropy, and new rows draw their target from it: p(row) = G(others) · C(target |
others). Zhao et al. 2021 (CTAB-GAN) train such a classifier too, but use it as a loss of G.

    C minimizes  w(t) · (−log softmax(C(x without target)))[t]

    w(t): how often t occurs over how often it is trained on

N: rows, D: numbers a row, K: values of the target.  x [N, D], t [N] in 0..K, u [N, D] uniform.
"""

from __future__ import annotations

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


def has_discrete_target(spec: Spec) -> bool:
    """Whether rows have a target that they can be generated for: a column of categories, in a conditional task."""
    return any(c["column"] == spec.state.get("target") for c in conditions_of(spec))


class TargetNet(nn.Module):
    """C.

    Args:
        spec: of the rows, with a discrete target.
        widths: units of the hidden layers.
        dropout: share of these that are left out at a time.
        of_target: as `column_shares` has it.

    Raises:
        UserError: the table has no target that is discrete.
    """

    weights: Tensor
    asked: Tensor

    def __init__(self, spec: Spec, widths: tuple[int, ...], dropout: float, of_target: float | None):
        super().__init__()
        entries = conditions_of(spec)
        at = next((k for k, c in enumerate(entries) if c["column"] == spec.state.get("target")), None)
        if at is None:
            raise UserError(
                "task.target_widths: a net for the target needs target=COLUMN, a column of categories, and "
                "task.conditional=true. Leave task.target_widths out, or set these",
                code="task.no_discrete_target",
            )
        of = entries[at]
        self.place = slice(of["block_start"], of["block_start"] + of["width"])
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
        sizes = [spec.shape[0], *widths]
        layers: list[nn.Module] = []
        for a, b in zip(sizes, widths, strict=False):
            layers += [nn.Linear(a, b), nn.LeakyReLU(0.2), FastDropout(dropout)]
        self.net = nn.Sequential(*layers, nn.Linear(sizes[-1], of["width"]))

    def forward(self, x: Tensor) -> Tensor:
        """Logits [N, K] of the target of rows [N, D], whatever their target is."""
        others = x.clone()
        others[:, self.place] = 0
        return wide(self.net(others))

    def loss(self, x: Tensor) -> Tensor:
        """[N]: the weighted cross-entropy of real rows."""
        t = x[:, self.place].argmax(1)
        return self.weights[t] * nn.functional.cross_entropy(self(x), t, reduction="none")

    def conditions(self, c: Tensor) -> Tensor:
        """The conditions [N] that G is to meet: not a frequent target, which C draws (−1); rows with it are picked."""
        return torch.where((c >= 0) & ~self.asked[c.clamp_min(0)], -1, c)

    def drawn(self, x: Tensor, uniform: Tensor) -> Tensor:
        """Rows [N, D] with a target drawn from C."""
        gumbel = -(-uniform[:, self.place].clamp_min(TINY).log()).log()
        chosen = (self(x) + gumbel).argmax(1)
        result = x.clone()
        result[:, self.place] = nn.functional.one_hot(chosen, result[:, self.place].shape[1]).to(x.dtype)
        return result
