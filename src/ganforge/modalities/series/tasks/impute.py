"""Gaps filled: many ways in which what is missing may have been, each a draw of G from what is given on both sides.

    ℓ = what is given, and a straight line across each gap        a, s = mean, standard deviation of what is given
    y = ℓ + s · g(e((ℓ − a) / s, a, s, m, k), z)   where m = 0, and x where m = 1
    D takes a step on   RpGAN(D(x, m, k), D(y, m, k)) + γ/2 (‖∂D/∂x‖² + ‖∂D/∂y‖²)
    G takes a step on   adversarial · RpGAN + score · (CRPS + energy score) / 2,   of `draws` fillings of the same gap

In training a block of each window is hidden, its length log-uniform from 1 to `longest`, anywhere in the window or
at an end of it; all columns of it, or some. Values that are missing in the data are hidden too, and no score sees them.
Losses as in `forecast`: Huang et al. 2024; Gneiting & Raftery 2007. g is a U-Net along time.

N: windows, V: channels of values, F: flags, Q: channels known in advance, K = V + F + Q, C: columns, T: steps,
M: draws.  x [N, K, T], m = given [N, V, T], known k [N, Q, T], z [N, L], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Spec, Terms, wide
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.series.filler import Filler, Reader, middle
from ganforge.modalities.series.nets import check
from ganforge.nets.base import Discriminator
from ganforge.signals import Steps, Usage
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task

AROUND = 4  # steps of a window that are given at least
AT_ENDS = 0.25  # how often a block is at the beginning or at the end of its window: a sixth of all each


class Impute(Task, kind="impute"):
    """What is missing in a series: G fills gaps from what is given around them, D scores the whole window."""

    shaping: ClassVar[tuple[str, ...]] = ("channels", "latent")
    changes: ClassVar[str] = "series"

    discriminator: Discriminator
    """The net that scores windows."""
    longest: int = Field(default=48, ge=1)
    """Steps of the longest block that is hidden in training. Longer gaps are filled piece by piece."""
    whole_rows: float = Field(default=0.5, ge=0, le=1)
    """Share of windows in which all columns are hidden; in the others some of the columns that have gaps in the data,
    or of all if none has."""
    channels: int = Field(default=48, ge=4)
    """Width of G's layers."""
    latent: int = Field(default=8, ge=1)
    """Numbers of the latent z for a whole window, and for each fourth step."""
    draws: int = Field(default=4, ge=2)
    """Fillings of each gap in a step of G."""
    adversarial: Rate = 0.1
    """Weight of the adversarial loss of G."""
    score: Rate = 1.0
    """Weight of the proper scores of G's draws: CRPS and energy score, in units of the scaled values."""
    gamma: Rate = 1.0
    """Weight of R1 and of R2."""

    def adapt(self, spec: Spec) -> Spec:
        check(spec.shape)
        if self.longest > spec.shape[1] - AROUND:
            raise UserError(
                f"task.longest={self.longest}: a window has {spec.shape[1]} steps, of which some must be given. Use "
                f"signal.window={2 * self.longest} or task.longest={max(1, spec.shape[1] // 2)}",
                code="impute.gap_too_long",
            )
        for field, there, reason in (
            ("window", spec.state.get("ends"), "gaps are filled in windows of one length, such as signal.window=96"),
            ("change", spec.state.get("change", "none") != "none", "gaps are filled by values; use signal.change=none"),
        ):
            if there:
                raise UserError(f"signal.{field}: {reason}", code="impute.not_for_signal")
        return Spec(spec.shape, state=spec.state | {"fills": True})

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        G = Filler(spec, self.channels, self.latent)
        seen = Spec((2 * G.values + G.known, spec.shape[1]), state=spec.state)
        return {"G": G, "D": Reader(self.discriminator.build(seen))}

    def phases(self) -> Sequence[Phase]:
        return [Phase("D", self.d_loss, trains=("D",), order=2), Phase("G", self.g_loss, trains=("G",))]

    def hidden(self, G: Filler, n: int, length: int, rng: Rng) -> Tensor:
        """1 where a block is hidden, [N, C, T]."""
        columns = len(G.usual)
        size = ((self.longest + 1) ** rng.uniform("length", (n,))).floor().clamp(1, self.longest)
        start = rng.uniform("start", (n,), -AT_ENDS, 1 + AT_ENDS) * (length - size + 1)
        start = torch.minimum(start.floor().clamp_min(0), length - size)
        steps = torch.arange(length, device=size.device)
        block = (steps >= start[:, None]) & (steps < (start + size)[:, None])  # [N, T]
        draws = rng.uniform("columns", (n, columns))
        some = ((draws < 0.5) & (G.usual > 0)).to(draws.dtype)
        one = torch.zeros_like(draws).scatter(1, (draws * G.usual).argmax(1, keepdim=True), 1.0)
        some = torch.where(some.sum(1, keepdim=True) > 0, some, one)
        every = (rng.uniform("rows", (n, 1)) < self.whole_rows).to(draws.dtype)
        chosen = torch.maximum(some, every) * (1 - G.never.to(draws.dtype))
        return chosen[:, :, None] * block[:, None].to(draws.dtype)

    def task_of(self, G: Filler, x: Tensor, rng: Rng) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Values [N, V, T] with missing ones along a line, what is given, what is asked for, and what is known."""
        present = G.present(x)
        hidden = self.hidden(G, len(x), x.shape[2], rng.at("gaps")).to(x.dtype)
        there, given = G.by_channel(present), G.by_channel(present * (1 - hidden))
        return x[:, : G.values], given, there - given, x[:, x.shape[1] - G.known :]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on real windows and on windows with a filled gap."""
        G = cast(Filler, nets.G)
        x, given, asked, known = self.task_of(G, wide(batch.x), rng)
        with torch.no_grad():
            seen = G.seen(x, given, known)
            filled = wide(G.drawn(x, given, seen, rng.normal("z", (len(x), G.width))))
        a, s = seen[1], seen[2]
        real, fake = x.detach().requires_grad_(), torch.where(asked > 0, filled, x).requires_grad_()
        on_real, on_fake = nets.D(real, given, known, a, s), nets.D(fake, given, known, a, s)
        slopes = torch.autograd.grad((on_real.sum(), on_fake.sum()), (real, fake), create_graph=True)
        weight = 0.5 * at(self.gamma, rng.samples)
        losses = {"adversarial": RpGan().d(on_real, on_fake)}
        losses |= {n: weight * g.flatten(1).square().sum(1) for n, g in zip(("r1", "r2"), slopes, strict=True)}
        return Terms(losses, latent.logit_stats(on_real, on_fake))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's adversarial loss of one draw, and the scores of several."""
        G = cast(Filler, nets.G)
        x, given, asked, known = self.task_of(G, wide(batch.x), rng)
        seen = G.seen(x, given, known)
        z = rng.normal("z", (len(x), self.draws * G.width)).view(-1, G.width)
        again, there, *rest = (part.repeat_interleave(self.draws, 0) for part in (x, given, *seen))
        made = G.drawn(again, there, rest, z)
        made = wide(made).unflatten(0, (len(x), self.draws))  # [N, M, V, T]
        fake = torch.where(asked > 0, made[:, 0], x)
        with torch.no_grad():
            on_real = nets.D(x, given, known, *seen[1:3])
        losses = {"adversarial": at(self.adversarial, rng.samples) * RpGan().g(
            nets.D(fake, given, known, *seen[1:3]), on_real
        )}  # fmt: skip
        crps, energy = scores(made, x, asked)
        losses["scores"] = at(self.score, rng.samples) * 0.5 * (crps + energy)
        return Terms(losses, {"gap_crps": crps.detach(), "gap_energy": energy.detach()})

    def directions(self) -> tuple[str, ...]:
        return ("",)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        """Windows [N, K, T] with what is flagged as missing filled by the draw z = 0."""
        G = cast(Filler, nets.G)
        given = G.by_channel(G.present(source))
        return self.filled(nets, source, given, source.new_zeros(len(source), G.width))

    def filled(self, nets: Nets, x: Tensor, given: Tensor, z: Tensor) -> Tensor:
        """Windows [N, K, T] with what is not given filled, and no flags of missing values.

        Args:
            given: [N, V, T].
        """
        G = cast(Filler, nets.G)
        known = x[:, x.shape[1] - G.known :]
        made = G(x[:, : G.values], given, known, z)
        flags = -torch.ones_like(x[:, G.values : x.shape[1] - G.known])
        return torch.cat([made, flags, known], 1)

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor] | None:
        """Real windows, and each with another filling of a gap in its middle."""
        G, x = cast(Filler, nets.G), batch.x
        given = G.by_channel(G.present(x) * (1 - middle(G, len(x), x.shape[2], self.longest).to(x.dtype)))
        z = block_normal(0, "shown", 0, 2 * len(x), G.width).to(x.device, x.dtype).chunk(2)
        return [x, *(self.filled(nets, x, given, some) for some in z)]

    def usage(self, file: str, spec: Spec) -> Usage | None:
        return Usage(
            "from ganforge.modalities.series.imputing import impute\n"
            f'table = impute("{file}", "gaps.csv", paths=20)  # a DataFrame',
            command("impute", file, "--data", "gaps.csv", "--out", "filled.csv"),
        )

    def next_steps(self, folder: Any, spec: Spec) -> Steps:
        return [("fill gaps", command("impute", folder, "--data", "gaps.csv", "--out", "filled.csv"))]


def scores(made: Tensor, x: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
    """CRPS, a mean over what was asked for, and the energy score of all of it, ÷ √ its number, each [N].

    Args:
        made: [N, M, V, T]. x: [N, V, T]. asked: 1 where values were hidden, [N, V, T].
    """
    many = made.shape[1]
    pairs = [(i, j) for i in range(many) for j in range(i + 1, many)]
    first, second = (made[:, [pair[k] for pair in pairs]] for k in (0, 1))  # [N, pairs, V, T]
    away, apart = ((v * asked[:, None]) for v in (made - x[:, None], first - second))
    count = asked.sum((1, 2)).clamp_min(1)
    crps = (away.abs().sum((2, 3)).mean(1) - 0.5 * apart.abs().sum((2, 3)).mean(1)) / count
    norms = [(v.square().sum((2, 3)) + 1e-12).sqrt().mean(1) for v in (away, apart)]
    return crps, (norms[0] - 0.5 * norms[1]) / count.sqrt()
