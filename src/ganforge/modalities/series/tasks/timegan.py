"""TimeGAN (Yoon, Jarrett & van der Schaar 2019): a GAN in the latent sequence of an autoencoder, with a supervisor that
says what the next latent is.

    H = E(x), x̃ = R(H), Ê = G(z), Ĥ = S(Ê), x̂ = R(Ĥ)
    reconstruction = ‖x − x̃‖²,   supervised = ‖H_{t+1} − S(H)_t‖²,   moments = |σ(x̂) − σ(x)| + |μ(x̂) − μ(x)|
    1.  E, R take steps on   10 √reconstruction
    2.  S takes steps on     supervised
    3.  twice: G, S on       BCE(D(Ĥ), 1) + γ BCE(D(Ê), 1) + 100 √supervised + 100 moments
               E, R on       10 √reconstruction + 0.1 supervised
        once:  D on          BCE(D(H), 1) + BCE(D(Ĥ), 0) + γ BCE(D(Ê), 0)   where that loss is above 0.15

Three stages of the same length, γ = 1, a third of `Recipe.samples` each by default. All five nets are stacks of GRUs;
z_t is uniform with as many numbers as x_t; latents and x̂ lie in [0, 1] by a sigmoid, and x̂ becomes 2 x̂ − 1.

Departures: D's step is scaled by 0 below 0.15 and not left out, so Adam's moments still fade; the series are
not reversed, as the published loader does.

N samples, T steps, K channels, F units.  x [N, K, T] in [-1, 1], H, Ê, Ĥ [N, T, F], z [N, T, K], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganforge.core.component import PositiveCount
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.modalities.series.nets import check
from ganforge.modalities.series.tasks import noise
from ganforge.tasks.base import Phase, Task

LEAST_LOSS = 0.15  # of D, below which it is not trained
TINY = 1e-12


class Stack(nn.Module):
    """GRUs and a linear layer at every step: [N, T, inputs] → [N, T, outputs]."""

    def __init__(self, inputs: int, units: int, layers: int, outputs: int, steps: int = 0, sigmoid: bool = True):
        super().__init__()
        self.shape = (inputs, steps)
        self.gru = nn.GRU(inputs, units, layers, batch_first=True)
        self.out = nn.Linear(units, outputs)
        self.sigmoid = sigmoid

    def forward(self, x: Tensor) -> Tensor:
        y = self.out(self.gru(x)[0])
        return y.sigmoid() if self.sigmoid else y


class TimeGan(Task, kind="timegan"):
    """A GAN in the latent sequence of a recurrent autoencoder: E, R, G, S and D."""

    shaping: ClassVar[tuple[str, ...]] = ("units", "layers")

    units: int = Field(default=24, ge=1)
    """Units of all GRUs."""
    layers: int = Field(default=3, ge=1)
    """Layers of all of them, of the supervisor one less."""
    stage: PositiveCount = 6_400_000
    """Samples of each of the first two stages; 50,000 steps of 128 in the paper's code."""
    gamma: float = Field(default=1.0, ge=0)
    """Weight of the losses of Ê, which the supervisor has not seen."""
    moments: float = Field(default=100.0, ge=0)
    """Weight of the moments of x̂."""

    def adapt(self, spec: Spec) -> Spec:
        check(spec.shape)
        return Spec(spec.shape, state=spec.state)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        k, f, n = spec.shape[0], self.units, self.layers
        return {
            "E": Stack(k, f, n, f),
            "R": Stack(f, f, n, k),
            "G": Stack(k, f, n, f, spec.shape[1]),
            "S": Stack(f, f, max(1, n - 1), f),
            "D": Stack(f, f, n, 1, sigmoid=False),
        }

    def generators(self) -> tuple[str, ...]:
        return ("G", "S", "R")

    def phases(self) -> Sequence[Phase]:
        joint = 2 * self.stage
        return [
            Phase("E0", self.embedding_loss, trains=("E", "R"), until=self.stage),
            Phase("S", self.supervisor_loss, trains=("S",), after=self.stage, until=joint),
            Phase("G", self.g_loss, trains=("G", "S"), after=joint),
            Phase("E", self.autoencoder_loss, trains=("E", "R"), after=joint),
            Phase("D", self.d_loss, trains=("D",), every=2, after=joint),
        ]

    def embedding_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        x = sequence(batch.x)
        return Terms({"reconstruction": 10 * root((x - nets.R(nets.E(x))).square())})

    def supervisor_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        with torch.no_grad():
            h = nets.E(sequence(batch.x))
        return Terms({"supervised": supervised(nets, h)})

    def autoencoder_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        x = sequence(batch.x)
        h = nets.E(x)
        return Terms({"reconstruction": 10 * root((x - nets.R(h)).square()), "supervised": 0.1 * supervised(nets, h)})

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's and S's loss: the critic's, the supervisor's, and that of the moments of x̂."""
        x = sequence(batch.x)
        e, h = self._made(nets, x, rng)
        made = nets.R(h)
        with torch.no_grad():
            real = nets.E(x)
        sd = (made.var(0, unbiased=False) + 1e-6).sqrt() - (x.var(0, unbiased=False) + 1e-6).sqrt()
        moments = (sd.abs() + (made.mean(0) - x.mean(0)).abs()).mean()
        return Terms(
            {
                "adversarial": softplus(-wide(nets.D(h))).mean((1, 2)),
                "unsupervised": self.gamma * softplus(-wide(nets.D(e))).mean((1, 2)),
                "supervised": 100 * root(supervised(nets, real)),
                "moments": self.moments * moments.expand(len(x)),
            }
        )

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's cross-entropy on H, Ĥ and Ê, while it is above 0.15."""
        x = sequence(batch.x)
        with torch.no_grad():
            real, (e, h) = nets.E(x), self._made(nets, x, rng)
        on_real, on_h, on_e = (wide(nets.D(part)) for part in (real, h, e))
        loss = (softplus(-on_real) + softplus(on_h) + self.gamma * softplus(on_e)).mean((1, 2))
        at_work = (loss.detach().mean() > LEAST_LOSS).to(loss.dtype)
        stats = {"logit/real": on_real.detach().mean((1, 2)), "logit/fake": on_h.detach().mean((1, 2))}
        return Terms({"adversarial": at_work * loss}, stats)

    def latents(self, request: Request) -> Tensor:
        return noise.rows(request)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        channels, steps = nets.G.shape  # type: ignore[misc]
        z = noise.taken(noise.rows(request), int(channels) * int(steps))
        z = torch.special.ndtr(z.to(request.device, request.dtype)).unflatten(1, (int(steps), int(channels)))
        return 2 * nets.R(nets.S(nets.G(z))).transpose(1, 2) - 1

    def _made(self, nets: Nets, x: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """Ê and Ĥ of fresh noise."""
        e = nets.G(rng.uniform("z", x.shape))
        return e, nets.S(e)


def sequence(x: Tensor) -> Tensor:
    """[N, K, T] in [-1, 1] → [N, T, K] in [0, 1]."""
    return (x.transpose(1, 2) + 1) / 2


def supervised(nets: Nets, h: Tensor) -> Tensor:
    """How far the supervisor is off the next latent, [N]."""
    return (h[:, 1:] - nets.S(h)[:, :-1]).square().mean((1, 2))


def root(squares: Tensor) -> Tensor:
    """√ of the mean over the batch and all else, once for each sample: the paper's losses are roots of means."""
    return (squares.mean() + TINY).sqrt().expand(len(squares))
