"""G of a table: a net of raw numbers, and the heads that turn these into rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganforge.core.rng import block_normal
from ganforge.core.types import Request, Spec, wide
from ganforge.modalities.table.heads import Columns
from ganforge.modalities.table.tasks.conditions import CONDITION, column_shares, conditions_of


class RowMaker(nn.Module):
    """G: a net of raw numbers and the heads that turn these into rows.

    Args:
        net: (z, c) → raw numbers [N, D].
        spec: of the rows.
        temperature: τ of the heads while training.
        of_target: the share of rows that are made on condition of the target, as `column_shares` has it.
    """

    edges: Tensor
    places: Tensor
    real: Tensor
    first: Tensor
    shares: Tensor
    known: Tensor

    def __init__(self, net: nn.Module, spec: Spec, temperature: float, of_target: float | None = None):
        super().__init__()
        self.net, self.temperature = net, temperature
        (self.width,) = spec.shape
        self.heads = Columns(self.width, spec.state["blocks"])
        conditions = conditions_of(spec)
        widest = max((c["width"] for c in conditions), default=1)
        masses, places, real, first = [], [], [], []
        for column, of_column in zip(conditions, column_shares(spec, of_target), strict=True):
            # of each of its categories: where the categories of the column are in a row, padded, and which it is
            block = [column["block_start"] + min(k, column["width"] - 1) for k in range(widest)]
            share = np.asarray(column["frequencies"], np.float64)
            masses += (of_column * share / share.sum()).tolist()
            places += [block] * column["width"]
            real += [[k < column["width"] for k in range(widest)]] * column["width"]
            first += range(column["width"])
        shares, known = shares_of(spec)
        own = {
            "edges": torch.tensor(np.cumsum(masses), dtype=torch.float32),  # [C]
            "places": torch.tensor(places, dtype=torch.int64).reshape(-1, widest),  # [C, widest]
            "real": torch.tensor(real, dtype=torch.bool).reshape(-1, widest),  # [C, widest]
            "first": torch.tensor(first, dtype=torch.int64),  # [C]
            "shares": shares,  # [D]
            "known": known,  # [D]
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


def shares_of(spec: Spec) -> tuple[Tensor, Tensor]:
    """How often the table has each choice [D], and where that is known, bool [D]."""
    shares, known = torch.zeros(spec.shape[0]), torch.zeros(spec.shape[0], dtype=torch.bool)
    columns: dict[str, Any] = {c["name"]: c for c in spec.state.get("columns", ())}
    for block in spec.state["blocks"] if columns and spec.state.get("measured", True) else ():
        column, part = columns[block["column"]], slice(block["start"], block["start"] + block["width"])
        if block["role"] == "category":
            of = torch.tensor(column["counts"], dtype=torch.float64)
        elif block["role"] == "mode":
            weights = column["modes"].get("shares", column["modes"]["weights"])
            of = torch.tensor(weights, dtype=torch.float64)
            of = of / of.sum()
            if column["missing"]:
                of = torch.cat([of * (1 - column["missing"]), torch.tensor([column["missing"]], dtype=torch.float64)])
        else:
            continue
        shares[part], known[part] = (of / of.sum()).float(), True
    return shares, known


def rows_of(G: RowMaker, request: Request, latents: Tensor) -> Tensor:
    """Rows [n, D] for a request, as real ones are, each on its condition where G knows any."""
    wanted = request.extra.get(CONDITION)
    wanted = None if wanted is None else wanted.to(request.device)
    draws = block_normal(request.seed, "rows", request.start, request.n, 1 + G.width)
    uniform = torch.special.ndtr(draws).to(request.device, request.dtype)  # [n, 1 + D]
    return G.sample(latents.to(request.device, request.dtype), G.conditions(uniform[:, 0], wanted), uniform[:, 1:])
