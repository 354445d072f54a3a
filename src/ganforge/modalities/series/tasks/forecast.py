"""Forecasts: many ways in which a series goes on, each a draw of G from what was seen of it.

    a, s = last value, standard deviation of the past, by channel          u = (x − a) / s
    y = G(p, z) = a + s · (W u_p + g(e(u_p), z)),   W: a map from steps to steps, from 0: the last value stays
    D takes a step on   RpGAN(D(p, y_real), D(p, G(p, z))) + γ/2 (‖∂D/∂(p, y_real)‖² + ‖∂D/∂(p, ŷ)‖²)
    G takes a step on   adversarial · RpGAN + score · (CRPS + energy score) / 2,   of `draws` futures of the same past

RpGAN, R1 and R2 as in Huang et al. 2024. The two scores are proper (Gneiting & Raftery 2007): no forecast but the true
distribution makes them smallest on average, which a critic alone does not give within minutes; generators trained by
them: Pacchiardi et al. 2024. W is the linear forecast of Zeng et al. 2023 (NLinear).

    CRPS = mean_i |y_i − y| − ½ mean_{i≠j} |y_i − y_j|,  by channel and step      energy score: the same of the norms

N: windows in the batch, K: channels, P: steps of the past, H: of the future, T = P + H, L: width of z, M: draws.
x [N, K, T], p [N, K, P], y [N, K, H], z [N, L], losses [N].  Where more is known in advance (`known`), x has Q further
channels: G and D see them, and G makes none.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad

from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Spec, Terms, wide
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.series.nets import check
from ganforge.modalities.series.windows import known_in
from ganforge.nets.base import Discriminator
from ganforge.signals import Steps, Usage
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task

SLOPE = 0.2
LEAST = 0.02  # the scale of a past that does not move, in units of scaled values


class Continuation(nn.Module):
    """G: `forward(past, z, ahead)` → the future, [N, K, H].

    Args:
        channels: K. known: Q; the past has K + Q channels then, and `ahead` [N, Q, H] is what is known of the future.
    """

    def __init__(self, channels: int, past: int, future: int, width: int, latent: int, known: int = 0):
        super().__init__()
        self.channels, self.past, self.future, self.width = channels, past, future, width
        self.linear = nn.Parameter(torch.zeros(channels, past, future))
        sizes = (channels + known, width, width, width)
        self.read = nn.ModuleList(nn.Conv1d(a, b, 5, 2, 2) for a, b in itertools.pairwise(sizes))
        self.code = nn.Linear(2 * width + 2 * channels, width)
        self.steps = -(-future // 4)
        self.start = nn.Sequential(
            nn.Linear(width + latent, 2 * width), nn.LeakyReLU(SLOPE), nn.Linear(2 * width, width * self.steps)
        )
        self.grow = nn.ModuleList(nn.Conv1d(width, width, 5, padding=2) for _ in range(2))
        self.out = nn.Conv1d(width, channels, 5, padding=2)
        self.join = nn.Conv1d(width + known, width, 5, padding=2) if known else None

    def scale(self, past: Tensor) -> tuple[Tensor, Tensor]:
        """The last value and the scale of a past, each [N, K, 1]."""
        return past[..., -1:], past.std(2, keepdim=True).clamp_min(LEAST)

    def seen(self, past: Tensor) -> tuple[Tensor, Tensor]:
        """What the past alone says: the linear forecast [N, K, H] in units of u, and a code [N, width]."""
        past, given = past[:, : self.channels], past[:, self.channels :]
        a, s = self.scale(past)
        u = (past - a) / s
        h = torch.cat([u, given], 1)
        for layer in self.read:
            h = leaky_relu(layer(h), SLOPE)
        facts = torch.cat([h.mean(2), h[..., -1], a[..., 0], s[..., 0].log()], 1)
        return torch.einsum("nkp,kph->nkh", u, self.linear), leaky_relu(self.code(facts), SLOPE)

    def drawn(self, past: Tensor, seen: tuple[Tensor, Tensor], z: Tensor, ahead: Tensor) -> Tensor:
        """One future for each row of z, from what `seen` gave for the same rows."""
        linear, code = seen
        h = self.start(torch.cat([code, z], 1)).unflatten(1, (self.width, self.steps))
        for layer in self.grow:
            h = leaky_relu(layer(h.repeat_interleave(2, 2)), SLOPE)
        if self.join is not None:
            h = h[..., : self.future]
            h = h + leaky_relu(self.join(torch.cat([h, ahead], 1)), SLOPE)
        a, s = self.scale(past[:, : self.channels])
        return a + s * (linear + self.out(h)[..., : self.future])

    def forward(self, past: Tensor, z: Tensor, ahead: Tensor) -> Tensor:
        return self.drawn(past, self.seen(past), z, ahead)


class Reader(nn.Module):
    """D: a critic of windows in units of their past."""

    def __init__(self, net: nn.Module, channels: int, past: int):
        super().__init__()
        self.net, self.channels, self.past = net, channels, past

    def forward(self, x: Tensor) -> Tensor:
        x, given = x[:, : self.channels], x[:, self.channels :]
        past = x[..., : self.past]
        a, s = past[..., -1:], past.std(2, keepdim=True).clamp_min(LEAST)
        return self.net(torch.cat([(x - a) / s, given], 1)).logits


class Forecast(Task, kind="forecast"):
    """How a series goes on: G continues the past of a window, D scores the whole window."""

    shaping: ClassVar[tuple[str, ...]] = ("future", "channels", "latent")
    changes: ClassVar[str] = "series"

    future: int = Field(default=24, ge=1)
    """Steps that are forecast; the rest of a window is what the forecast is made from."""
    discriminator: Discriminator
    """The net that scores windows."""
    channels: int = Field(default=64, ge=4)
    """Width of G's layers."""
    latent: int = Field(default=32, ge=1)
    """Width of the latent z of a draw."""
    draws: int = Field(default=4, ge=2)
    """Futures of each past in a step of G."""
    adversarial: Rate = 0.1
    """Weight of the adversarial loss of G."""
    score: Rate = 1.0
    """Weight of the proper scores of G's draws: CRPS and energy score, in units of the scaled values."""
    gamma: Rate = 1.0
    """Weight of R1 and of R2."""

    def past_of(self, spec: Spec) -> int:
        return spec.shape[1] - self.future

    def adapt(self, spec: Spec) -> Spec:
        check(spec.shape)
        if self.past_of(spec) < 4:
            raise UserError(
                f"task.future={self.future}: windows of {spec.shape[1]} steps leave {max(self.past_of(spec), 0)} to "
                f"forecast from. Use signal.window={5 * self.future}, or fewer steps",
                code="forecast.no_past",
            )
        if spec.state.get("ends"):
            raise UserError(
                "signal.window=0: a forecast is learned from windows of one length, such as signal.window=96",
                code="forecast.whole_series",
            )
        return Spec(spec.shape, state=spec.state)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        past, known = self.past_of(spec), known_in(spec.state)
        channels = spec.shape[0] - known
        return {
            "G": Continuation(channels, past, self.future, self.channels, self.latent, known),
            "D": Reader(self.discriminator.build(Spec(spec.shape, state=spec.state)), channels, past),
        }

    def phases(self) -> Sequence[Phase]:
        return [Phase("D", self.d_loss, trains=("D",), order=2), Phase("G", self.g_loss, trains=("G",))]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on real windows and on windows with another future."""
        x = wide(batch.x)
        with torch.no_grad():
            fake = self._continued(nets, x, rng.normal("z", (len(x), self.latent)))
        real, fake = x.detach().requires_grad_(), wide(fake).requires_grad_()
        on_real, on_fake = nets.D(real), nets.D(fake)
        slopes = torch.autograd.grad((on_real.sum(), on_fake.sum()), (real, fake), create_graph=True)
        weight = 0.5 * at(self.gamma, rng.samples)
        losses = {"adversarial": RpGan().d(on_real, on_fake)}
        losses |= {n: weight * s.flatten(1).square().sum(1) for n, s in zip(("r1", "r2"), slopes, strict=True)}
        return Terms(losses, latent.logit_stats(on_real, on_fake))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's adversarial loss of one draw, and the scores of several."""
        G, x = cast(Continuation, nets.G), wide(batch.x)
        past, ahead = x[..., : -self.future], x[:, G.channels :, -self.future :]
        y = x[:, : G.channels, -self.future :]
        seen = G.seen(past)
        again, linear, code, known = (part.repeat_interleave(self.draws, 0) for part in (past, *seen, ahead))
        z = rng.normal("z", (len(x), self.draws * self.latent)).view(-1, self.latent)
        futures = wide(G.drawn(again, (linear, code), z, known)).unflatten(0, (len(x), self.draws))  # [N, M, K, H]
        fake = torch.cat([past, torch.cat([futures[:, 0], ahead], 1)], 2)
        with torch.no_grad():
            on_real = nets.D(x)
        losses = {"adversarial": at(self.adversarial, rng.samples) * RpGan().g(nets.D(fake), on_real)}
        crps, energy = scores(futures, y)
        losses["scores"] = at(self.score, rng.samples) * 0.5 * (crps + energy)
        return Terms(losses, {"crps": crps.detach(), "energy": energy.detach()})

    def directions(self) -> tuple[str, ...]:
        return ("",)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        """The future [N, K, H] of each past [N, K, P], or of the past of each window [N, K + Q, T], by the draw z = 0.

        Of pasts alone, what is known in advance goes on as at their end.
        """
        past, ahead = source[..., : nets.G.past], source[:, nets.G.channels :, nets.G.past :]
        if ahead.shape[2] == 0:
            ahead = past[:, nets.G.channels :, -1:].expand(-1, -1, self.future)
        return nets.G(past, source.new_zeros(len(source), self.latent), ahead)

    def paths(
        self, nets: Nets, past: Tensor, horizon: int, count: int, seed: int, ahead: Tensor | None = None
    ) -> Tensor:
        """`count` futures of each past, [N, M, K, horizon]. Beyond `future` steps, a draw goes on from its own steps.

        Args:
            past: encoded, [N, K + Q, P].
            ahead: what is known of the future, [N, Q, at least horizon]; None where nothing is.
        """
        n, length, channels = len(past), past.shape[2], past.shape[1]
        found, blocks = past.repeat_interleave(count, 0), -(-horizon // self.future)
        ahead = past.new_zeros(n, 0, horizon) if ahead is None else ahead
        short = blocks * self.future - ahead.shape[2]  # of the last block, whose end is cut off
        ahead = pad(ahead, (0, max(0, short)))
        for k in range(blocks):
            z = block_normal(seed, f"path {k}", 0, len(found), self.latent).to(past.device, past.dtype)
            known = ahead[..., k * self.future : (k + 1) * self.future].repeat_interleave(count, 0)
            found = torch.cat([found, torch.cat([nets.G(found[..., -length:], z, known), known], 1)], 2)
        return found[:, : channels - ahead.shape[1], length : length + horizon].unflatten(0, (n, count))

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor] | None:
        """Real windows, and each with another future."""
        z = block_normal(0, "shown", 0, 2 * len(batch), self.latent).to(batch.x.device, batch.x.dtype).chunk(2)
        return [batch.x, *(self._continued(nets, batch.x, some) for some in z)]

    def usage(self, file: str, spec: Spec) -> Usage | None:
        verb = command("forecast", file, "--data", "recent.csv", "--horizon", self.future, "--out", "fan.csv")
        return Usage(
            "from ganforge.modalities.series.forecasting import forecast\n"
            f'paths = forecast("{file}", "recent.csv", horizon={self.future}, paths=100)  # a DataFrame',
            verb,
        )

    def next_steps(self, folder: Any, spec: Spec) -> Steps:
        words = ("--data", "recent.csv", "--horizon", self.future, "--out", "fan.csv")
        return [("forecast", command("forecast", folder, *words))]

    def _continued(self, nets: Nets, x: Tensor, z: Tensor) -> Tensor:
        """Windows with another future."""
        past, ahead = x[..., : -self.future], x[:, nets.G.channels :, -self.future :]
        return torch.cat([past, torch.cat([nets.G(past, z, ahead), ahead], 1)], 2)


def scores(futures: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """CRPS, a mean over channels and steps, and energy score, a mean over channels of norms over steps ÷ √H, each [N].

    Args:
        futures: [N, M, K, H]. y: [N, K, H].
    """
    many = futures.shape[1]
    pairs = [(i, j) for i in range(many) for j in range(i + 1, many)]
    first, second = (futures[:, [pair[k] for pair in pairs]] for k in (0, 1))  # [N, pairs, K, H]
    away, apart = futures - y[:, None], first - second
    crps = away.abs().mean((1, 2, 3)) - 0.5 * apart.abs().mean((1, 2, 3))
    size = y.shape[2] ** 0.5
    norms = [(v.square().sum(3) + 1e-12).sqrt().mean((1, 2)) / size for v in (away, apart)]
    return crps, norms[0] - 0.5 * norms[1]
