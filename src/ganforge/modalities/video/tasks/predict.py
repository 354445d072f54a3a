"""How a film goes on: G makes the next frames from the last ones and from noise, D scores whole pieces of film.

    p: the last k frames,  y = G(p, z): the next s;  then G goes on from its own frames, `rollout` times in all
    D takes a step on   objective.d(D(p, y_real), D(p, y)) + Σ weight · penalty,         of each piece (p, y)
    G takes a step on   adversarial · objective.g(D(p, y)) + score · CRPS(y¹ ... yᴹ),    of `draws` futures of each past

    CRPS = mean_i |yⁱ − y_real| − ½ mean_{i≠j} |yⁱ − yʲ|,  by pixel

The score is proper (Gneiting & Raftery 2007): draws that all blur to the mean do worse than draws that differ as real
futures do. Training on its own frames keeps long predictions from drifting. The same form serves series (`forecast`).

A share of the pasts is a single frame, given k times, so that a still image can be continued.

N: clips in the batch, M: draws, k: frames of the past, s: frames at a time, R: rollout.  x [N, C, T, H, W] films,
pieces [R·N, C·(k+s), H, W].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Memory, Nets, Spec, Terms, wide
from ganforge.losses.base import Objective, Penalty
from ganforge.modalities.video.nets.motion import nearest_film
from ganforge.modalities.video.nets.predictor import Predictor
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.signals import Steps, Usage
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.critics import DiscriminatorLosses, lazy_phases
from ganforge.tasks.user_translators import UserTranslator


class Labeled(nn.Module):
    """A critic with the labels c [N] of a batch, for any number of pieces of each film, x [R·N, ...]."""

    def __init__(self, net: nn.Module, c: Tensor):
        super().__init__()
        self.net, self.c = net, c

    def forward(self, x: Tensor) -> DiscriminatorOutput:
        return self.net(x, self.c.repeat(len(x) // len(self.c)))


class Predict(Task, kind="predict"):
    """How films go on: G continues the last frames of a clip, D scores what was given and made together."""

    shaping: ClassVar[tuple[str, ...]] = ("conditional", "past", "step", "channels", "latent")
    changes: ClassVar[str] = "films"

    past: int = Field(default=4, ge=1)
    """Frames that a prediction is made from."""
    step: int = Field(default=4, ge=1)
    """Frames that are made at a time."""
    rollout: int = Field(default=2, ge=1)
    """Times in a row that G goes on from its own frames in training."""
    single: float = Field(default=0.2, ge=0, le=1)
    """Share of the pasts in training that are one frame repeated, so that a still image can be continued."""
    discriminator: Discriminator
    """The net that scores pieces of film, as images with all frames on the channels."""
    objective: Objective
    """The adversarial loss."""
    penalties: tuple[Penalty, ...] = ()
    """Penalties on D, such as r1."""
    conditional: bool = False
    """Condition G and D on the class label, such as the action."""
    channels: int = Field(default=32, ge=4)
    """Channels of G's finest grid."""
    latent: int = Field(default=32, ge=1)
    """Width of the latent z of a draw."""
    draws: int = Field(default=2, ge=2)
    """Futures of each past in a step of G."""
    adversarial: Rate = 0.2
    """Weight of G's adversarial loss."""
    score: Rate = 100.0
    """Weight of the CRPS of G's draws, a mean over pixels in [-1, 1]."""

    @property
    def d_losses(self) -> DiscriminatorLosses:
        return DiscriminatorLosses(self.objective, self.penalties)

    def adapt(self, spec: Spec) -> Spec:
        if len(spec.shape) != 4:
            raise UserError(
                f"task predict: samples of shape {list(spec.shape)} are no films [C, T, H, W]",
                code="task.not_for_shape",
            )
        need = self.past + self.rollout * self.step
        if spec.shape[1] < need:
            raise UserError(
                f"task.past={self.past}, step={self.step}, rollout={self.rollout}: a clip must have {need} frames, and "
                f"these have {spec.shape[1]}. Use longer clips (signal.frames={need}), or smaller numbers",
                code="task.clips_too_short",
            )
        return latent.with_labels(spec, self.conditional)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        near = nearest_film(shape, "predict")
        reached = self.discriminator.nearest(self.seen(near))
        return near if reached[1:] == near[2:] else nearest_film((*near[:2], *reached[1:]), "predict")

    def seen(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a piece, as D sees it."""
        return (shape[0] * (self.past + self.step), *shape[2:])

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        G = Predictor(spec.shape[0], self.past, self.step, self.channels, self.latent, spec.classes)
        D = self.discriminator.build(replace(spec, shape=self.seen(spec.shape)))
        self.d_losses.refuse(Spec(self.seen(spec.shape)), {"D": D})
        return {"G": G, "D": D}

    def memory(self, spec: Spec) -> Memory:
        critics = {"D": self.players(spec)["D"]} if self.penalties else {}
        return Memory(self.d_losses.memory(critics))

    def phases(self) -> Sequence[Phase]:
        d_losses = self.d_losses
        return [
            Phase("D", self.d_loss, trains=("D",), order=d_losses.order),
            *lazy_phases(d_losses, ("D",), self._lazy),
            Phase("G", self.g_loss, trains=("G",)),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on pieces of real films and of predicted ones."""
        real, fake = self._both(nets, batch, rng)
        losses, seen = self.d_losses.d("D", with_labels(nets, batch.c), real, fake, rng)
        return Terms(losses, seen.stats)

    def _lazy(self, penalty: Penalty):
        def loss(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            real, fake = self._both(nets, batch, rng)
            critics = with_labels(nets, batch.c)
            return Terms(self.d_losses.penalty_losses(penalty, "D", critics, real, fake, rng))

        return loss

    def _both(self, nets: Nets, batch: Batch, rng: Rng) -> tuple[Tensor, Tensor]:
        """Pieces of real films and of predicted ones, [R·N, C·(k+s), H, W]."""
        past, future = self.windows(batch.x, rng)
        with torch.no_grad():
            made = self.rolled(nets, past, batch.c, rng, 1)
        return self.pieces(past, future).to(batch.x), self.pieces(past, made).to(batch.x)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's adversarial loss on one draw, and the CRPS of several."""
        D = with_labels(nets, batch.c).D
        past, future = self.windows(batch.x, rng)
        again = past.repeat_interleave(self.draws, 0)
        labels = None if batch.c is None else batch.c.repeat_interleave(self.draws, 0)
        made = self.rolled(nets, again, labels, rng, self.draws).unflatten(0, (len(past), self.draws))
        on_fake = D(self.pieces(past, made[:, 0]))
        with torch.no_grad():
            on_real = D(self.pieces(past, future)) if self.objective.uses_real else None
        adversarial = self.d_losses.g(on_fake, on_real).unflatten(0, (self.rollout, len(past))).mean(0)
        crps = pixel_crps(wide(made), wide(future))
        losses = {"adversarial": at(self.adversarial, rng.samples) * adversarial}
        losses["crps"] = at(self.score, rng.samples) * crps
        return Terms(losses, {"crps/levels": crps.detach() * 127.5})

    def windows(self, x: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """A random piece of each film: its past [N, C, k, H, W], and its future [N, C, R·s, H, W]."""
        n, length = len(x), self.past + self.rollout * self.step
        start = (rng.uniform("start", (n, 1)) * (x.shape[2] - length + 1)).long()
        times = start + torch.arange(length, device=x.device)
        alone = rng.uniform("single", (n, 1)) < self.single
        times = torch.where(alone, times.clamp_min(start + self.past - 1), times)
        rows = torch.arange(n, device=x.device)[:, None]
        film = x.transpose(1, 2)[rows, times].transpose(1, 2)
        return film[:, :, : self.past], film[:, :, self.past :]

    def rolled(self, nets: Nets, past: Tensor, c: Tensor | None, rng: Rng, draws: int) -> Tensor:
        """What G makes of each past, going on from its own frames, [N, C, R·s, H, W].

        Args:
            draws: rows in a row that belong to one film of the batch.
        """
        found = past
        for k in range(self.rollout):
            z = rng.normal(f"z{k}", (len(past) // draws, draws * self.latent)).view(-1, self.latent).to(past)
            found = torch.cat([found, nets.G(found[:, :, -self.past :], z, c).to(found)], 2)
        return found[:, :, self.past :]

    def pieces(self, past: Tensor, future: Tensor) -> Tensor:
        """Each `past + step` frames of films, as they follow from each other, stacked: [R·N, C·(k+s), H, W]."""
        whole = torch.cat([past, future], 2)
        starts = range(0, self.rollout * self.step, self.step)
        return torch.cat([whole[:, :, k : k + self.past + self.step].flatten(1, 2) for k in starts])

    def directions(self) -> tuple[str, ...]:
        return ("",)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        """The next frames [N, C, s, H, W] of each film [N, C, T, H, W], from its first `past` frames and z = 0."""
        labels = torch.zeros(len(source), dtype=torch.long, device=source.device) if self.conditional else None
        return nets.G(source[:, :, : self.past], source.new_zeros(len(source), self.latent), labels)

    def paths(self, nets: Nets, past: Tensor, c: Tensor | None, frames: int, count: int, seed: int) -> Tensor:
        """`count` continuations of each past, [N, M, C, frames, H, W].

        Args:
            past: encoded, [N, C, k, H, W].
        """
        n = len(past)
        found = past.repeat_interleave(count, 0)
        labels = None if c is None else c.repeat_interleave(count, 0)
        for k in range(-(-frames // self.step)):
            z = block_normal(seed, f"prediction {k}", 0, len(found), self.latent).to(past.device, past.dtype)
            made = nets.G(found[:, :, -self.past :], z, labels).clamp(-1, 1)
            found = torch.cat([found, made], 2)
        return found[:, :, self.past : self.past + frames].unflatten(0, (n, count))

    def user_translator(
        self, bundle: Any, name: str, direction: str | None = None, tile: int | None = None
    ) -> UserTranslator:
        raise UserError(
            f"{name}: this model continues films and translates none. Use: "
            + command("predict", name, "--data", "start.mp4", "--out", "next.mp4"),
            code="predict.not_a_translator",
        )

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor] | None:
        """Real clips, and two continuations of their first frames."""
        past, rest = batch.x[:, :, : self.past], batch.x.shape[2] - self.past
        made = self.paths(nets, past, batch.c, rest, 2, 0)
        return [batch.x, *(torch.cat([past, made[:, k]], 2) for k in range(2))]

    def usage(self, file: str, spec: Spec) -> Usage | None:
        verb = command("predict", file, "--data", "start.mp4", "--frames", 16, "--out", "next.mp4")
        return Usage(
            "from ganforge.modalities.video.predicting import predict\n"
            f'clips = predict("{file}", "start.mp4", frames=16, n=4)  # uint8 [4, 16, {spec.shape[2]}, '
            f"{spec.shape[3]}, 3]",
            verb,
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        words = ("--data", "start.mp4", "--frames", 16, "--out", "next.mp4")
        return [("predict", command("predict", folder, *words))]


def with_labels(nets: Nets, c: Tensor | None) -> Nets:
    """The nets, with a critic that knows the labels of the batch."""
    return nets if c is None else Nets({**nets.players, "D": Labeled(nets.D, c)}, nets.memory)


def pixel_crps(made: Tensor, real: Tensor) -> Tensor:
    """CRPS by pixel, its mean [N].

    Args:
        made: [N, M, C, T, H, W]. real: [N, C, T, H, W].
    """
    many = made.shape[1]
    away = (made - real[:, None]).abs().flatten(1).mean(1)
    pairs = [(i, j) for i in range(many) for j in range(i + 1, many)]
    apart = torch.stack([(made[:, i] - made[:, j]).abs().flatten(1).mean(1) for i, j in pairs]).mean(0)
    return away - 0.5 * apart
