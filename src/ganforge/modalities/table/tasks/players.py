"""Who plays when rows of a table are made: G with its heads, and D on packs of rows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ganforge.core.rng import block_normal
from ganforge.core.types import Request, Spec, wide
from ganforge.modalities.table.heads import Columns
from ganforge.modalities.table.tasks.by_sampling import CONDITION, conditions_of
from ganforge.nets.base import DiscriminatorOutput
from ganforge.tasks.view import join


class RowMaker(nn.Module):
    """G: a net of raw numbers and the heads that turn these into rows.

    Args:
        net: (z, c) → raw numbers [N, D].
        spec: of the rows.
        temperature: τ of the heads while training.
    """

    edges: Tensor
    places: Tensor
    real: Tensor
    first: Tensor

    def __init__(self, net: nn.Module, spec: Spec, temperature: float):
        super().__init__()
        self.net, self.temperature = net, temperature
        (self.width,) = spec.shape
        self.heads = Columns(self.width, spec.state["blocks"])
        conditions = conditions_of(spec)
        widest = max((c["width"] for c in conditions), default=1)
        masses, places, real, first = [], [], [], []
        for column in conditions:
            # of each of its categories: where the categories of the column are in a row, padded, and which it is
            block = [column["block_start"] + min(k, column["width"] - 1) for k in range(widest)]
            share = np.asarray(column["frequencies"], np.float64)
            masses += (share / share.sum() / len(conditions)).tolist()
            places += [block] * column["width"]
            real += [[k < column["width"] for k in range(widest)]] * column["width"]
            first += range(column["width"])
        own = {
            "edges": torch.tensor(np.cumsum(masses), dtype=torch.float32),  # [C]
            "places": torch.tensor(places, dtype=torch.int64).reshape(-1, widest),  # [C, widest]
            "real": torch.tensor(real, dtype=torch.bool).reshape(-1, widest),  # [C, widest]
            "first": torch.tensor(first, dtype=torch.int64),  # [C]
        }
        for name, tensor in own.items():
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, z: Tensor, c: Tensor | None, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Rows [N, D] that can be learned from, and the raw numbers [N, D] that they were made of."""
        raw = wide(self.net(z, c))  # exponentials of bf16 would be coarse
        return self.heads(raw, uniform, self.temperature), raw

    def sample(self, z: Tensor, c: Tensor | None, uniform: Tensor) -> Tensor:
        """Rows [N, D] as real ones are."""
        return self.heads.draw(wide(self.net(z, c)), uniform)

    def mismatch(self, raw: Tensor, c: Tensor) -> Tensor:
        """−log of the probability [N] that a row has the category it was asked for."""
        scores = raw.gather(1, self.places[c]).masked_fill(~self.real[c], -torch.inf)  # [N, widest]
        return nn.functional.cross_entropy(scores, self.first[c], reduction="none")

    def conditions(self, uniform: Tensor, wanted: Tensor | None) -> Tensor | None:
        """Conditions [N] as they occur in the data, from uniform draws [N], but for those wanted (where not −1)."""
        if not len(self.edges):
            return None
        drawn = torch.searchsorted(self.edges, uniform.contiguous()).clamp_(max=len(self.edges) - 1)
        return drawn if wanted is None else torch.where(wanted >= 0, wanted, drawn)


class PackJudge(nn.Module):
    """D: a net that judges packs, for single rows x [N, D] with their conditions c [N].

    Each row of a pack has a condition: m labels at once, of which the net's table of labels adds up the vectors.
    """

    offsets: Tensor

    def __init__(self, net: nn.Module, m: int, conditions: int):
        super().__init__()
        self.net, self.m = net, m
        self.register_buffer("offsets", conditions * torch.arange(m), persistent=False)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        return self.net(join(x, self.m), None if c is None else c.reshape(-1, self.m) + self.offsets)


def rows_of(G: RowMaker, request: Request, latents: Tensor) -> Tensor:
    """Rows [n, D] for a request, as real ones are, each on its condition where G knows any."""
    wanted = request.extra.get(CONDITION)
    wanted = None if wanted is None else wanted.to(request.device)
    draws = block_normal(request.seed, "rows", request.start, request.n, 1 + G.width)
    uniform = torch.special.ndtr(draws).to(request.device, request.dtype)  # [n, 1 + D]
    return G.sample(latents.to(request.device, request.dtype), G.conditions(uniform[:, 0], wanted), uniform[:, 1:])
