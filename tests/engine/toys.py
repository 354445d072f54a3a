"""The smallest honest cases that the engine must hold: no image, several critics, memory, second derivatives.

Imported by the engine's tests and, as a plugin, by the processes that they start and kill.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ganforge.core.component import build
from ganforge.core.dataset import Dataset
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Memory, Nets, Request, Spec, Terms
from ganforge.data.base import DataSource
from ganforge.losses.base import LossContext, Penalty
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from ganforge.signals import Nearest, Signal
from ganforge.tasks.base import Phase, Task

load_all()


class PointSet(Dataset):
    """Points in the plane on four spots, each spot a class."""

    def __init__(self, count: int):
        self.name, self.skipped = "toy points", []
        self.labels, self.classes = np.arange(count) % 4, ("east", "north", "west", "south")
        angle = self.labels * np.pi / 2
        noise = np.random.default_rng(0).normal(0, 0.05, (count, 2))
        self.points = (np.stack([np.cos(angle), np.sin(angle)], 1) + noise).astype(np.float32)

    def __len__(self) -> int:
        return len(self.points)

    def read(self, index: int) -> np.ndarray:
        return self.points[index]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((2,), "float32"): len(self)}


class ToyPoints(DataSource, kind="toy-points"):
    """Four spots in the plane."""

    count: int = 512

    def open(self) -> Dataset:
        return PointSet(self.count)


class Plane(Signal, kind="toy-plane"):
    """Points: a signal that is no image."""

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        return Spec(nearest((2,)), len(dataset.classes), dataset.classes)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        return item

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        return stored.float()

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        return x.float().cpu().numpy()


class ToyGenerator(Generator, kind="toy"):
    """A small MLP with batch norm, so that a resume has buffers to restore."""

    latent: int = 4
    norm: bool = True

    def build(self, spec: Spec) -> nn.Module:
        return ToyG(self.latent, spec, self.norm)


class DeafGenerator(Generator, kind="toy-deaf"):
    """Hears no latent: one sample a label, whatever is asked for. A mode collapse from the start."""

    latent: int = 4

    def build(self, spec: Spec) -> nn.Module:
        return DeafG(spec)


class DeafG(nn.Module):
    def __init__(self, spec: Spec):
        super().__init__()
        self.net = ToyG(1, spec, norm=False)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.net(z[:, :1] * 0, c)


class ToyG(nn.Module):
    def __init__(self, latent: int, spec: Spec, norm: bool):
        super().__init__()
        self.classes = spec.classes
        norm_layer = nn.BatchNorm1d(16) if norm else nn.Identity()
        self.net = nn.Sequential(
            nn.Linear(latent + spec.classes, 16), norm_layer, nn.ReLU(), nn.Linear(16, spec.shape[0])
        )

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.classes:
            z = torch.cat([z, nn.functional.one_hot(c, self.classes).to(z)], 1)  # type: ignore[arg-type]
        return self.net(z)


class ToyDiscriminator(Discriminator, kind="toy"):
    """A small MLP with dropout, so that a resume has draws to repeat."""

    dropout: float = 0.2

    def build(self, spec: Spec) -> nn.Module:
        return ToyD(spec, self.dropout)


class ToyD(nn.Module):
    def __init__(self, spec: Spec, dropout: float):
        super().__init__()
        self.classes = spec.classes
        width = spec.shape[0] + spec.classes
        self.body = nn.Sequential(nn.Linear(width, 16), nn.Softplus(), nn.Dropout(dropout))
        self.head = nn.Linear(16, 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        if self.classes:
            x = torch.cat([x, nn.functional.one_hot(c, self.classes).to(x)], 1)  # type: ignore[arg-type]
        features = self.body(x)
        return DiscriminatorOutput(self.head(features).squeeze(1), features)


class SquaredGradient(Penalty, kind="toy-squared-gradient"):
    """‖∇D‖² on real samples: its own gradient takes a second derivative."""

    def loss(self, play: LossContext) -> Tensor:
        real = play.real.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(play.critic(real).sum(), real, create_graph=True)
        return gradient.square().flatten(1).sum(1)


class Crowd(Task, kind="toy-crowd"):
    """Two generators, three critics, and a running mean of the reals that outlives a step."""

    def adapt(self, spec: Spec) -> Spec:
        return Spec(spec.shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        critics = {name: ToyDiscriminator(dropout=0.0).build(spec) for name in ("D1", "D2", "D3")}
        return {name: ToyGenerator(norm=False).build(spec) for name in ("G", "H")} | critics

    def memory(self, spec: Spec) -> Memory:
        return Memory({"mean": torch.zeros(spec.shape), "steps": torch.zeros((), dtype=torch.int64)})

    def generators(self) -> tuple[str, ...]:
        return ("G", "H")

    def phases(self) -> Sequence[Phase]:
        critics = ("D1", "D2", "D3")
        return [
            Phase("critics", self.critics, trains=critics, repeats=2),
            Phase("gradient", self.gradient, trains=critics, every=3, gain=3, order=2),
            Phase("makers", self.makers, trains=("G", "H")),
        ]

    def critics(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        nets.memory["mean"] = nets.memory["mean"].lerp(batch.x.mean(0), 0.1)
        nets.memory["steps"] = nets.memory["steps"] + 1
        fake = (nets.G(rng.normal("z", (len(batch), 4))) + nets.H(rng.normal("y", (len(batch), 4)))).detach()
        return Terms({d: nets[d](fake).logits - nets[d](batch.x).logits for d in ("D1", "D2", "D3")})

    def gradient(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        play = LossContext(lambda x: nets.D1(x).logits + nets.D2(x).logits + nets.D3(x).logits, batch.x, batch.x)
        return Terms({"squared": SquaredGradient().loss(play)})

    def makers(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        fake = nets.G(rng.normal("z", (len(batch), 4))) + nets.H(rng.normal("y", (len(batch), 4)))
        pull = (fake - nets.memory["mean"]).square().sum(1)
        return Terms({"fool": -nets.D1(fake).logits - nets.D2(fake).logits, "pull": 0.01 * pull})

    def latents(self, request: Request) -> Tensor:
        return torch.zeros(request.n, 4)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        return nets.G(self.latents(request))


PLAIN = {
    "data": "toy-points",
    "signal": "toy-plane",
    "samples": 640,
    "batch": 16,
    "checkpoint_every": 160,
    "log_every": 64,
    "callbacks": [],
    "ema": {"half_life": 100},
}


@recipe("toy-gan")
def toy_gan() -> Recipe:
    """A GAN on four spots: dropout, batch norm, a second derivative, n_critic 2, a schedule and clipping."""
    task = {
        "kind": "synthesis", "generator": "toy", "discriminator": "toy", "objective": "non_saturating",
        "penalties": [{"kind": "toy-squared-gradient", "every": 2, "weight": 0.1}], "d_steps": 2, "conditional": True,
    }  # fmt: skip
    rate = {"kind": "linear", "start": 1e-2, "end": 1e-3, "over": 640}
    optimizers = {"G": {"kind": "adam", "lr": rate}, "D": {"kind": "adam", "lr": 1e-2, "clip": 1.0}}
    return build(Recipe, {"name": "toy-gan", "task": task, "optimizers": optimizers, **PLAIN})


@recipe("toy-crowd")
def toy_crowd() -> Recipe:
    """Two generators, three critics and memory."""
    optimizers = {"G": "sgd", "H": "rmsprop", "D1": "adafactor", "D2": "adamw", "D3": {"kind": "sgd", "momentum": 0.9}}
    return build(Recipe, {"name": "toy-crowd", "task": "toy-crowd", "optimizers": optimizers, **PLAIN})
