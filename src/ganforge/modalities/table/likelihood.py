"""How likely a row of a table is, given a generator's raw output: TVAE's likelihood.

    a value:   x ~ N(tanh r, δ²), a δ each, learned
    a choice:  one-hot x ~ softmax(r) of its block                            Xu et al. 2019

r: raw output [N, D], x: encoded rows [N, D], u: uniform draws [N, D], −log p(x | r) [N].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec, wide
from ganforge.modalities.table.heads import Columns
from ganforge.nets.base import Likelihood
from ganforge.nets.likelihoods import LEAST_LOG, normal_nll


class ColumnsModule(nn.Module):
    """The distribution of `TableColumns`."""

    def __init__(self, spec: Spec):
        super().__init__()
        self.columns = Columns(spec.shape[0], spec.state["blocks"])
        self.log_spread = nn.Parameter(torch.full((len(self.columns.values),), -1.0))

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        raw, columns = wide(raw), self.columns
        choices = torch.where(columns.chosen, columns.log_softmax(raw) * x, 0.0)  # x is 1 at what was chosen
        away = x.index_select(1, columns.values) - self._values(raw)
        return normal_nll(away, self.log_spread).sum(1) - choices.sum(1)

    def draw(self, raw: Tensor, uniform: Tensor) -> Tensor:
        raw, columns = wide(raw), self.columns
        rows = columns.draw(raw, uniform)
        noise = torch.special.ndtri(uniform.index_select(1, columns.values).clamp(1e-6, 1 - 1e-6))
        spread = self.log_spread.clamp_min(LEAST_LOG).exp()
        return rows.index_copy(1, columns.values, self._values(raw) + spread * noise)

    def _values(self, raw: Tensor) -> Tensor:
        columns = self.columns
        return columns.with_values(raw, raw).index_select(1, columns.values)


class TableColumns(Likelihood, kind="columns"):
    """Rows of a table: normal noise around each value, its strength learned, and a probability for each choice."""

    def build(self, spec: Spec, raw: tuple[int, ...] | None = None) -> nn.Module:
        if "blocks" not in spec.state:
            raise UserError(
                "task.likelihood=columns is for rows of a table, but this data is not a table. Use data=TABLE.csv "
                "signal=table, or task.likelihood=gaussian",
                code="data.not_a_table",
            )
        return ColumnsModule(spec)
