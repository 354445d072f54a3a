"""Tabular: new rows of a table, of any kind of columns, each on condition of a value of one of them.

Xu et al. 2019, "Modeling Tabular Data using Conditional GAN" (CTGAN); packs: Lin et al. 2018 (PacGAN).

    training by sampling: a discrete column, all alike; of it a category, by the logarithm of its frequency; a real row
    x with it. The category is the row's condition c: rare ones are seen, and G learns to make them when asked.

    repeat:
        d_steps times:  D takes a step on  objective.d(D(x, c), D(G(z, c), c)) + Σ weight · penalty     on packs of rows
        once:           G takes a step on  objective.g(D(G(z, c), c)) + match · H(c, G(z, c))
    G(z, c) = heads(raw(z, c)): tanh for values, a Gumbel-softmax for each choice
    H(c, ·) = −log softmax(raw)[c] within the block of c's column: what was asked for should be what is made

To sample, conditions are drawn as they occur in the data: a column, all alike, then a category by its frequency.

N: rows in the batch, m: rows in a pack, L: width of the latents, D: numbers a row, C: conditions (all categories of all
discrete columns).  x [N, D], c [N] in 0..C, z [N, L] ~ N(0, 1). Losses are [N/m], match [N].
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.dataset import Order
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms
from ganforge.losses.base import LossContext, Objective, Penalty
from ganforge.modalities.table.tasks.conditions import (
    CONDITION,
    BySampling,
    column_shares,
    conditions_of,
    with_conditions,
)  # fmt: skip
from ganforge.modalities.table.tasks.rowmaker import RowMaker, rows_of
from ganforge.modalities.table.tasks.target import USUAL_WIDTHS, TargetNet, has_target, target_net
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator, couples_batch
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.synthesis import weighted_losses
from ganforge.tasks.view import View, join


class Tabular(Task, kind="tabular"):
    """New rows of a table, on condition of a category of one of its columns (CTGAN)."""

    generator: Generator
    """The net that makes the raw numbers of rows."""
    discriminator: Discriminator
    """The net that scores packs of rows."""
    objective: Objective
    """The game that the two play."""
    penalties: tuple[Penalty, ...] = ()
    """Prices on D's behavior."""
    conditional: bool = True
    """Tell both players a category of each row, and train on rare categories more often than they occur."""
    target_share: float | None = Field(default=None, gt=0, lt=1)
    """Share of the rows that are made on condition of the target, where it is discrete; the other discrete columns
    share the rest. By default every column has the same share."""
    target_widths: tuple[int, ...] | Literal["auto"] = ()
    """Units of the hidden layers of a net C that learns the target from the other columns, from which new rows draw
    their target, as in `task.target_widths=[64,64] optimizers.C=adam`; empty: without such a net; auto: [64, 64] where
    the target is discrete, else none."""
    target_dropout: float = Field(default=0.25, ge=0, lt=1)
    """Share of the units of that net that are left out at a time."""
    match: Rate = 1.0
    """Weight of the cross-entropy between the category that G was asked for and what it makes."""
    temperature: float = Field(default=0.2, gt=0)
    """τ of the Gumbel-softmax: lower is nearer to one-hot, higher is easier to learn from."""
    d_steps: int = Field(default=1, ge=1)
    """Steps of D for each step of G, each on fresh rows."""
    pack: int = Field(default=10, ge=1)
    """Rows that D scores together (PacGAN). It must divide the batch."""

    shaping = (*Task.shaping, "target_widths")
    optional = ("C",)

    def finalize(self, spec: Spec) -> Task:
        if self.target_widths != "auto":
            return self
        return replace(self, target_widths=USUAL_WIDTHS if has_target(spec) else ())

    def generators(self) -> tuple[str, ...]:
        return ("G", "C") if self.target_widths else ("G",)

    def adapt(self, spec: Spec) -> Spec:
        if "blocks" not in spec.state:
            raise UserError(
                "task.kind=tabular generates rows of a table, but this data is not a table. Use data=TABLE.csv "
                "signal=table, or another recipe",
                code="data.not_a_table",
            )
        for penalty in self.penalties:
            penalty.check(spec)
            if penalty.every > 1:
                raise UserError(
                    f"task.penalties: {penalty.kind} with every={penalty.every}: this task supports every=1 only",
                    code="task.penalty_not_every_step",
                )
        state = spec.state if self.conditional else {k: v for k, v in spec.state.items() if k != "conditions"}
        return Spec(spec.shape, state=state)

    def check(self, batch: int) -> None:
        if batch % self.pack:
            fits = self.pack * max(1, round(batch / self.pack))
            raise UserError(
                f"task.pack={self.pack} does not divide the {batch} rows that D sees at a time. Set batch={fits} "
                "(times accumulate), or a pack that divides it",
                code="task.pack_not_a_divisor",
            )

    def min_samples(self, batch: int) -> int:
        return min(batch, 2)  # rows may come more than once in a batch

    def order(self, spec: Spec, data: Iterable[Batch]) -> Order | None:
        conditions = conditions_of(spec)
        return BySampling(conditions, data, column_shares(spec, self.target_share)) if conditions else None

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return latent.nearest_for_both(self.generator, self.discriminator, shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        seen = with_conditions(spec)
        net = RowMaker(self.generator.build(seen), spec, self.temperature, self.target_share)
        D = self.discriminator.build(Spec((self.pack * spec.shape[0],), self.pack * seen.classes))
        if couples_batch(D):
            raise UserError(
                f"task.discriminator={self.discriminator.kind}: it has batch norm or another layer that mixes the "
                "samples of a batch, but here D scores each pack on its own. Use task.discriminator=tabular, or "
                "set norm=none in it",
                code="task.discriminator_mixes_batch",
            )
        players: dict[str, nn.Module] = {"G": net, "D": PackJudge(D, self.pack, seen.classes)}
        if isinstance(self.target_widths, tuple) and self.target_widths:
            players["C"] = target_net(spec, self.target_widths, self.target_dropout, self.target_share)
        return players

    def phases(self) -> Sequence[Phase]:
        order = max((penalty.order for penalty in self.penalties), default=1)
        return [
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps, order=order),
            Phase("G", self.g_loss, trains=("G",)),
            *([Phase("C", self.c_loss, trains=("C",))] if self.target_widths else []),
        ]

    def c_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """C's loss on real rows."""
        return Terms({"target": cast(TargetNet, nets.C).loss(batch.x)})

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on packs of real rows and on packs of fakes with the same conditions."""
        view = self._view(nets, batch, rng)
        with torch.no_grad():
            fake = view.join(self._fakes(nets, batch, rng)[0])
        real = view.join(batch.x)
        on_real, on_fake = together(view, real, fake)
        losses = {"adversarial": self.objective.d(on_real.logits, on_fake.logits)}
        context = LossContext(view.critic, real, fake, on_real=on_real, on_fake=on_fake, player=nets.D)
        losses |= weighted_losses("penalties", self.penalties, context, nets, rng)
        return Terms(losses, latent.logit_stats(on_real.logits, on_fake.logits))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on new fakes."""
        view = self._view(nets, batch, rng)
        fake, raw = self._fakes(nets, batch, rng)
        on_fake = view(view.join(fake), "fake")
        real_logits = None
        if self.objective.uses_real:
            with torch.no_grad():
                real_logits = view(view.join(batch.x), "real").logits
        losses = {"adversarial": self.objective.g(on_fake.logits, real_logits)}
        if CONDITION in batch.extra:
            losses["match"] = at(self.match, rng.samples) * _maker(nets).mismatch(raw, batch.extra[CONDITION])
        return Terms(losses)

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        """Rows [n, D], each choice one-hot. A condition in `request.extra` is kept to where G has learned it."""
        if not self.target_widths:
            return rows_of(_maker(nets), request, self.latents(request))
        C = cast(TargetNet, nets.C)
        if CONDITION in request.extra:
            asked = C.conditions(request.extra[CONDITION].to(request.device))
            request = replace(request, extra={**request.extra, CONDITION: asked})
        made = rows_of(_maker(nets), request, self.latents(request))
        draws = block_normal(request.seed, "target", request.start, request.n, made.shape[1])
        return C.drawn(made, torch.special.ndtr(draws).to(made.device, made.dtype))

    def _fakes(self, nets: Nets, batch: Batch, rng: Rng) -> tuple[Tensor, Tensor]:
        """Rows [N, D], and the raw numbers [N, D] that they were made of."""
        z = rng.normal("z", (len(batch), self.generator.latent))
        return nets.G(z, batch.extra.get(CONDITION), rng.uniform("choices", batch.x.shape))

    def _view(self, nets: Nets, batch: Batch, rng: Rng) -> View:
        return View(nets.D, batch.extra.get(CONDITION), rng, nets.memory, self.pack)


class PackJudge(nn.Module):
    """D: a net that judges packs, for single rows x [N, D] with their conditions c [N].

    Each row of a pack has a condition: m labels at once, of which the net's table of labels adds up the vectors.
    """

    offsets: Tensor

    def __init__(self, net: nn.Module, m: int, conditions: int):
        super().__init__()
        self.net, self.m = net, m
        offsets = torch.tensor([conditions * k for k in range(m)])  # torch.arange under an Allowance imports a compiler
        self.register_buffer("offsets", offsets, persistent=False)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        return self.net(join(x, self.m), None if c is None else c.reshape(-1, self.m) + self.offsets)


def together(view: View, real: Tensor, fake: Tensor) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
    """D's outputs on real and on fake packs, from one pass.

    D judges each pack by itself, so that nothing else changes, and its first layer is as wide as a whole pack: to take
    the gradient of its weights once rather than twice saves an eighth of a step on a CPU.
    """
    labels = None if view.c is None else torch.cat([view.c, view.c])
    seen = replace(view, c=labels)(torch.cat([real, fake]), "both")
    n = len(real)
    features = (None, None) if seen.features is None else (seen.features[:n], seen.features[n:])
    return DiscriminatorOutput(seen.logits[:n], features[0]), DiscriminatorOutput(seen.logits[n:], features[1])


def _maker(nets: Nets) -> RowMaker:
    return cast(RowMaker, nets.G)
