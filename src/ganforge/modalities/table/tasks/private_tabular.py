"""New rows of a table in which a real row touches D alone, by itself: `private` with heads for columns.

Xu et al. 2019, "Modeling Tabular Data using Conditional GAN" (the rows and the heads of G); Xie et al. 2018,
"Differentially Private Generative Adversarial Network" (who meets real rows).

    repeat:
        d_steps times:  D takes a step on the rows  a(D(xᵢ)), i = 1..k   and   b(D(G(zⱼ))), j = 1..B
        once:           G takes a step on           objective.g(D(G(zⱼ)))
    G(z) = heads(raw(z)): tanh for values, a Gumbel-softmax for each choice

What CTGAN adds to that is left out, since a promise could not be kept with it. Training by sampling picks real rows by
how rare they are, and packs join them: neither leaves every row its own small chance and its own gradient. And without
conditions drawn as they occur in the data, which is not known, samples of a conditional G would not be as the table is.

k: real rows in the batch, B: fakes, L: width of the latents, D: numbers a row.  x [k, D], z [B, L] ~ N(0, 1).
"""

from __future__ import annotations

from typing import cast

from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Nets, Request, Spec
from ganforge.modalities.table.tasks.rowmaker import RowMaker, rows_of
from ganforge.tasks.private import Private


class PrivateTabular(Private, kind="private_tabular"):
    """New rows of a table from a generator that learns from a discriminator alone, for `privacy=dp_sgd`."""

    temperature: float = Field(default=0.2, gt=0)
    """τ of the Gumbel-softmax: lower is nearer to one-hot, higher is easier to learn from."""

    def adapt(self, spec: Spec) -> Spec:
        if "blocks" not in spec.state:
            raise UserError(
                "task.kind=private_tabular generates rows of a table, but this data is not a table. Use "
                "data=TABLE.csv signal=table, or another recipe",
                code="data.not_a_table",
            )
        if self.conditional:
            raise UserError(
                "task.conditional=true: this task generates rows without conditions, since the frequency of each "
                "value is not known. Set task.conditional=false; `ganforge sample --where` filters the generated "
                "rows",
                code="privacy.conditional_not_supported",
            )
        return Spec(spec.shape, state={**spec.state, "conditions": []})

    def sample(self, nets: Nets, request: Request) -> Tensor:
        return rows_of(cast(RowMaker, nets.G), request, self.latents(request))

    def _generator(self, spec: Spec) -> nn.Module:
        return RowMaker(self.generator.build(spec), spec, self.temperature)

    def _fakes(self, nets: Nets, count: int, c: Tensor | None, rng: Rng) -> Tensor:
        G = cast(RowMaker, nets.G)
        z = rng.normal("z", (count, self.generator.latent))
        rows, _ = G(z, c, rng.uniform("choices", (count, G.width)))
        return rows
