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
from typing import cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.dataset import Order
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import LossContext, Objective, Penalty
from ganforge.modalities.table.heads import Columns
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator, couples_batch
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.synthesis import weighted_losses
from ganforge.tasks.view import View, join

CONDITION = "condition"
"""Its name in `Batch.extra` and `Request.extra`: int64 [N], a position in the conditional vector; −1 for any."""


FINE = 2**53
"""A draw is one of so many, as fine as a double can tell them apart."""


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
    match: Rate = 1.0
    """Weight of the cross-entropy between the category that G was asked for and what it makes."""
    temperature: float = Field(default=0.2, gt=0)
    """τ of the Gumbel-softmax: lower is nearer to one-hot, higher is easier to learn from."""
    d_steps: int = Field(default=1, ge=1)
    """Steps of D for each step of G, each on fresh rows."""
    pack: int = Field(default=10, ge=1)
    """Rows that D scores together (PacGAN). It must divide the batch."""

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
        return BySampling(conditions, data) if conditions else None

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return latent.nearest_for_both(self.generator, self.discriminator, shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        seen = with_conditions(spec)
        net = RowMaker(self.generator.build(seen), spec, self.temperature)
        D = self.discriminator.build(Spec((self.pack * spec.shape[0],), self.pack * seen.classes))
        if couples_batch(D):
            raise UserError(
                f"task.discriminator={self.discriminator.kind}: it has batch norm or another layer that mixes the "
                "samples of a batch, but here D scores each pack on its own. Use task.discriminator=tabular, or "
                "set norm=none in it",
                code="task.discriminator_mixes_batch",
            )
        return {"G": net, "D": PackJudge(D, self.pack, seen.classes)}

    def phases(self) -> Sequence[Phase]:
        order = max((penalty.order for penalty in self.penalties), default=1)
        return [
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps, order=order),
            Phase("G", self.g_loss, trains=("G",)),
        ]

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
        """G's loss on fresh fakes."""
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
        return rows_of(_maker(nets), request, self.latents(request))

    def _fakes(self, nets: Nets, batch: Batch, rng: Rng) -> tuple[Tensor, Tensor]:
        """Rows [N, D], and the raw numbers [N, D] that they were made of."""
        z = rng.normal("z", (len(batch), self.generator.latent))
        return nets.G(z, batch.extra.get(CONDITION), rng.uniform("choices", batch.x.shape))

    def _view(self, nets: Nets, batch: Batch, rng: Rng) -> View:
        return View(nets.D, batch.extra.get(CONDITION), rng, nets.memory, self.pack)


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


class BySampling(Order):
    """Rows by condition: a column, all alike, a category by the logarithm of how often it occurs, a row that has it.

    Args:
        conditions: the discrete columns, as `Spec.state["conditions"]` lists them.
        data: all rows once, encoded.
    """

    def __init__(self, conditions: Sequence[dict], data: Iterable[Batch]):
        chosen = [
            torch.stack([_block(batch.x, c).argmax(1).to(torch.int32) for c in conditions]).to("cpu").numpy()
            for batch in data
        ]
        codes = np.concatenate(chosen, axis=1)  # [K, n]: the category of every row in each discrete column
        counts = [np.bincount(of, minlength=c["width"]) for of, c in zip(codes, conditions, strict=True)]
        self.pool = np.stack(
            [np.argsort(of, kind="stable").astype(np.int32) for of in codes]
        ).ravel()  # rows by category
        self.count = np.concatenate(counts)  # [C]
        starts = [k * codes.shape[1] + np.cumsum(of) - of for k, of in enumerate(counts)]
        self.start = np.concatenate(starts)  # [C] in the pool
        logs = [np.log1p(of) for of in counts]  # 0 for a category that no row has
        self.edges = np.cumsum(np.concatenate([log / log.sum() / len(conditions) for log in logs]))  # [C]

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        draws = Rng(seed, start, "by sampling").integers("draws", (2, count), FINE).numpy() / FINE  # in [0, 1)
        condition = np.searchsorted(self.edges, draws[0] * self.edges[-1], side="right")
        rows = self.pool[self.start[condition] + (draws[1] * self.count[condition]).astype(np.int64)]
        return rows.astype(np.int64), {CONDITION: condition}


def rows_of(G: RowMaker, request: Request, latents: Tensor) -> Tensor:
    """Rows [n, D] for a request, as real ones are, each on its condition where G knows any."""
    wanted = request.extra.get(CONDITION)
    wanted = None if wanted is None else wanted.to(request.device)
    draws = block_normal(request.seed, "rows", request.start, request.n, 1 + G.width)
    uniform = torch.special.ndtr(draws).to(request.device, request.dtype)  # [n, 1 + D]
    return G.sample(latents.to(request.device, request.dtype), G.conditions(uniform[:, 0], wanted), uniform[:, 1:])


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


def _block(x: Tensor, column: dict) -> Tensor:
    return x[:, column["block_start"] : column["block_start"] + column["width"]]


def conditions_of(spec: Spec) -> list[dict]:
    """The discrete columns whose categories can be asked for, in the order of the conditional vector."""
    return spec.state.get("conditions", [])


def with_conditions(spec: Spec) -> Spec:
    """The spec as the nets see it: every category of every discrete column is a label."""
    return replace(spec, classes=sum(c["width"] for c in conditions_of(spec)))
