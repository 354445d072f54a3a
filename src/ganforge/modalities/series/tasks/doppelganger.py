"""DoppelGANger (Lin et al. 2020): attributes first, then the series on them; the scale of each series is an attribute.

    a = label (one-hot) ‖ (max + min)/2, (max − min)/2 by channel;   f = x by its own maximum and minimum, in [-1, 1]
    â = MLP 3×100 (z_a, then z_m for the scale);   f̂ = LSTM 100 (â, z_t), which makes `emits` steps a tick
    D:  MLP 5×200 on (a, f)        D_a: MLP 5×200 on a alone
    both: Wasserstein with gradient penalty 10; G takes a step on −D − D_a

WGAN-GP, Adam 1e-3 (β₁ 0.5), one step of each player, batch 100 as in its code's example of web traffic.

Departures: a is made in one pass of two MLPs, without batch norm; series of unequal length have their end as a channel.

N samples, T steps, K channels, A attributes.  x, f [N, K, T], a [N, A], losses [N].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.modalities.series.nets import check
from ganforge.modalities.series.tasks import noise
from ganforge.nets.layers.labels import as_vectors
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task

STATIC = 5  # numbers of noise for each part of the attributes
TICK = 5  # numbers of noise a tick
PENALTY = 10.0
LEAST = 1e-4


def mlp(inputs: int, width: int, layers: int, outputs: int) -> nn.Sequential:
    sizes = [inputs, *[width] * layers]
    hidden = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], outputs))


class Maker(nn.Module):
    """G: noise → attributes [N, A] and features [N, K, T]."""

    def __init__(self, spec: Spec, emits: int, width: int, units: int):
        super().__init__()
        self.classes, (self.channels, self.steps), self.emits = spec.classes, spec.shape, emits
        self.ticks = -(-self.steps // emits)
        self.label = mlp(STATIC, width, 3, spec.classes) if spec.classes else None
        self.scale = mlp(STATIC + spec.classes, width, 3, 2 * self.channels)
        self.lstm = nn.LSTM(TICK + spec.classes + 2 * self.channels, units, batch_first=True)
        self.out = nn.Linear(units, emits * self.channels)

    @property
    def noise(self) -> int:
        """Numbers of noise that a sample takes."""
        return 2 * STATIC + TICK * self.ticks

    def forward(self, z: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """c: the labels that are asked for; by default the net makes them too."""
        first, second, rest = z.split([STATIC, STATIC, TICK * self.ticks], 1)
        parts = []
        if self.label is not None:
            made = self.label(first).softmax(1)
            parts.append(made if c is None else as_vectors(c, self.classes, z.dtype))
        middle, spread = self.scale(torch.cat([second, *parts], 1)).chunk(2, 1)
        attributes = torch.cat([*parts, torch.tanh(middle), torch.sigmoid(spread)], 1)
        ticks = torch.cat([rest.unflatten(1, (self.ticks, TICK)), attributes[:, None].expand(-1, self.ticks, -1)], 2)
        states, _ = self.lstm(ticks)
        steps = torch.tanh(self.out(states)).unflatten(2, (self.emits, self.channels)).flatten(1, 2)
        return attributes, steps[:, : self.steps].transpose(1, 2)


class DoppelGanger(Task, kind="doppelganger"):
    """Attributes and scale first, then a series on them: G against a critic of both and one of attributes."""

    shaping: ClassVar[tuple[str, ...]] = ("emits", "width", "units", "critic_width", "conditional")

    emits: int = Field(default=6, ge=1)
    """Steps that the LSTM makes a tick (`sample_len`): about 50 ticks a series are advised."""
    width: int = Field(default=100, ge=1)
    """Units of the layers that make attributes."""
    units: int = Field(default=100, ge=1)
    """Units of the LSTM."""
    critic_width: int = Field(default=200, ge=1)
    """Units of the five layers of each critic."""
    conditional: bool = False
    """Learn the label as an attribute."""

    def adapt(self, spec: Spec) -> Spec:
        check(spec.shape)
        return latent.with_labels(spec, self.conditional)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        attributes = spec.classes + 2 * spec.shape[0]
        return {
            "G": Maker(spec, self.emits, self.width, self.units),
            "D": mlp(attributes + math.prod(spec.shape), self.critic_width, 5, 1),
            "D_a": mlp(attributes, self.critic_width, 5, 1),
        }

    def phases(self) -> Sequence[Phase]:
        return [Phase("D", self.d_loss, trains=("D", "D_a"), order=2), Phase("G", self.g_loss, trains=("G",))]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """Both critics' Wasserstein losses with gradient penalties."""
        real = parted(batch.x, batch.c, nets.G.classes)  # type: ignore[arg-type]
        with torch.no_grad():
            fake = self._made(nets, len(batch), rng)
        losses = {}
        for name, critic, pair in (
            ("whole", nets.D, [joined(*side) for side in (real, fake)]),
            ("attributes", nets.D_a, [side[0] for side in (real, fake)]),
        ):
            a, b = map(wide, pair)
            losses[name] = (critic(b) - critic(a))[:, 0]
            share = rng.uniform(f"between {name}", (len(a), 1)).to(a.dtype)
            between = (a + share * (b - a)).detach().requires_grad_()
            (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            losses[f"penalty {name}"] = PENALTY * (slope.norm(dim=1) - 1).square()
        return Terms(losses)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        attributes, features = self._made(nets, len(batch), rng)
        whole = nets.D(joined(attributes, features))[:, 0]
        return Terms({"whole": -whole, "attributes": -nets.D_a(attributes)[:, 0]})

    def latents(self, request: Request) -> Tensor:
        return noise.rows(request)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        z = noise.taken(noise.rows(request), nets.G.noise)  # type: ignore[arg-type]
        labels = None if request.labels is None else request.labels.to(request.device)
        attributes, features = nets.G(z.to(request.device, request.dtype), labels)
        channels = features.shape[1]
        middle, spread = attributes[:, -2 * channels : -channels], attributes[:, -channels:]
        return middle[..., None] + spread[..., None] * features

    def _made(self, nets: Nets, n: int, rng: Rng) -> tuple[Tensor, Tensor]:
        return nets.G(rng.normal("z", (n, nets.G.noise)))  # type: ignore[arg-type]


def parted(x: Tensor, c: Tensor | None, classes: int) -> tuple[Tensor, Tensor]:
    """Real windows as attributes [N, A] and features [N, K, T]."""
    high, low = x.amax(2), x.amin(2)
    middle, spread = (high + low) / 2, ((high - low) / 2).clamp_min(LEAST)
    label = [as_vectors(c, classes, x.dtype)] if c is not None and classes else []
    return torch.cat([*label, middle, spread], 1), (x - middle[..., None]) / spread[..., None]


def joined(attributes: Tensor, features: Tensor) -> Tensor:
    return torch.cat([attributes, features.flatten(1)], 1)
