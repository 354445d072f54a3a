"""Whole volumes from volumes of which a half is hidden, after pix2pix (Isola et al. 2017) in three dimensions.

    G: s → y          the volume from its visible part
    D takes a step on   objective.d(D(s, x), D(s, y)) + Σ weight · penalty
    G takes a step on   objective.g(D(s, y)) + distance · mean |y − x|

D sees the visible part with the whole, so that a volume that does not go on from what is seen is told from a real one.

N: samples in the batch.  s, x, y [N, C, S, S, S], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Spec, Terms, wide
from ganforge.losses.base import LossContext, Objective, Penalty
from ganforge.modalities.shape.nets.completion import CompletionNet
from ganforge.nets.base import Discriminator
from ganforge.signals import Steps, Usage
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.synthesis import leaf, weighted_losses
from ganforge.tasks.user_translators import UserTranslator


class Completion(Task, kind="completion"):
    """Completes volumes: G makes the whole from a part, D scores both together."""

    shaping: ClassVar[tuple[str, ...]] = ("channels",)
    changes: ClassVar[str] = "volumes"
    shows: ClassVar[tuple[str, ...]] = ("source", "made", "real")

    discriminator: Discriminator
    """The net that scores a visible part and a whole volume, stacked on their channels."""
    objective: Objective
    """The adversarial loss."""
    penalties: tuple[Penalty, ...] = ()
    """Penalties on D, such as r1."""
    channels: int = Field(default=24, ge=1)
    """Channels of G's finest grid; coarser ones have two and four times as many."""
    distance: Rate = 10.0
    """Weight of the mean distance of G's volume to the real one."""

    def adapt(self, spec: Spec) -> Spec:
        if spec.state.get("hidden", "none") == "none":
            raise UserError(
                "task: this recipe completes volumes, and no part of them is hidden. Use signal.hidden=half",
                code="task.needs_pairs",
            )
        return Spec(spec.shape, state=spec.state)  # labels are not used

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.discriminator.nearest(shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        both = Spec((2 * spec.shape[0], *spec.shape[1:]), state=spec.state)
        return {"G": CompletionNet(self.channels, spec), "D": self.discriminator.build(both)}

    def phases(self) -> Sequence[Phase]:
        order = max([1, *(p.order for p in self.penalties)])
        return [Phase("D", self.d_loss, trains=("D",), order=order), Phase("G", self.g_loss, trains=("G",))]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on real volumes and on G's, each with its visible part."""
        source = batch.extra["source"]
        with torch.no_grad():
            made = nets.G(source).to(batch.x)
        at_ = {penalty.gradient_at for penalty in self.penalties}
        real = leaf(torch.cat([source, batch.x], 1), "real" in at_)
        fake = leaf(torch.cat([source, made], 1), "fake" in at_)
        on_real, on_fake = nets.D(real), nets.D(fake)
        context = LossContext(
            critic=lambda x: nets.D(x).logits, real=real, fake=fake, on_real=on_real, on_fake=on_fake,
            deterministic=True, player=nets.D,
        )  # fmt: skip
        losses = {"adversarial": self.objective.d(on_real.logits, on_fake.logits)}
        losses |= weighted_losses("penalties", self.penalties, context, nets, rng)
        return Terms(losses, latent.logit_stats(on_real.logits, on_fake.logits))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on what it makes of the visible parts."""
        source = batch.extra["source"]
        made = nets.G(source)
        on_fake = nets.D(torch.cat([source, made.to(source)], 1)).logits
        real = None
        if self.objective.uses_real:
            with torch.no_grad():
                real = nets.D(torch.cat([source, batch.x], 1)).logits
        away = (wide(made) - batch.x).abs().flatten(1).mean(1)
        losses = {"adversarial": self.objective.g(on_fake, real), "distance": at(self.distance, rng.samples) * away}
        return Terms(losses, {"l1": away.detach()})

    def directions(self) -> tuple[str, ...]:
        return ("",)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        return nets.G(source)

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor]:
        source = batch.extra["source"]
        return [source, nets.G(source), batch.x]

    def user_translator(
        self, bundle: Any, name: str, direction: str | None = None, tile: int | None = None
    ) -> UserTranslator:
        from ganforge.modalities.shape.translators import FileCompleter  # a model in use; training needs none of it

        return FileCompleter(bundle, name)

    def usage(self, file: str, spec: Spec) -> Usage:
        side = spec.shape[1]
        return Usage(
            f'model = gf.load("{file}")\nwhole = model.translate("part.npy")  # float32 [{side}, {side}, {side}]',
            command("translate", file, "parts/", "--out", "whole/"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("use it", command("translate", folder, "parts/", "--out", "whole/"))]
