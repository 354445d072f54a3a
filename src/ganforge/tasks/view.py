"""Preprocessing of D's input: augmentation, noise and packing.

    augmentation        D(T(x)) for reals and fakes alike
    instance noise      D(x + σ ε), ε ~ N(0, 1)                     Sønderby et al. 2017; Arjovsky & Bottou 2017
    packing             D(x₁, ..., x_m): m samples, one output     Lin et al. 2018, "PacGAN"

N: samples in the batch, m: samples in a pack, M = N/m packs. x [N, C, ...], packs [M, m·C, ...], logits [M].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from ganforge.augment.base import State
from ganforge.core.rng import Rng
from ganforge.core.types import Memory, Spec, wide
from ganforge.nets.base import DiscriminatorOutput
from ganforge.nets.layers.labels import as_vectors


def join(x: Tensor, m: int) -> Tensor:
    """[N, C, ...] → [N/m, m·C, ...]: concatenates m consecutive samples along the channels."""
    return x if m == 1 else x.reshape(len(x) // m, m * x.shape[1], *x.shape[2:])


def split(packs: Tensor, m: int) -> Tensor:
    """[M, m·C, ...] → [M·m, C, ...]: the inverse of `join`."""
    return packs if m == 1 else packs.reshape(len(packs) * m, packs.shape[1] // m, *packs.shape[2:])


def packed_spec(spec: Spec, m: int) -> Spec:
    """The spec of D's input with packs of m samples, each with its label as one channel per class."""
    return Spec(((spec.shape[0] + spec.classes) * m, *spec.shape[1:]), state=spec.state)


class Packed(nn.Module):
    """A discriminator of packs whose input is single samples: x [N, C, ...], c [N] → the output for N/m packs.

    The samples of a pack may have different labels, so each label is encoded in the pack: 1 in the channel of its
    class.
    """

    def __init__(self, net: nn.Module, m: int, classes: int):
        super().__init__()
        self.net, self.m, self.classes = net, m, classes

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        if self.classes:
            maps = as_vectors(c, self.classes, x.dtype).view(len(x), self.classes, *[1] * (x.ndim - 2))
            x = torch.cat([x, maps.expand(-1, -1, *x.shape[2:])], 1)
        return self.net(join(x, self.m))


class Augmenting(Protocol):
    """What changes D's input, as `Augment.apply`."""

    def apply(self, x: Tensor, rng: Rng, memory: State, /) -> Tensor: ...


@dataclass(frozen=True)
class View:
    """D as used in one phase: packs [M, m·C, ...] → its output, with labels, augmentation and noise already applied.

    Attributes:
        D: the discriminator, for single samples. c: their labels [N], or None.
        rng, memory: those of the phase.
        m: samples per pack. noise: standard deviation of the noise. augment: the augmentation, or None.
    """

    D: nn.Module
    c: Tensor | None
    rng: Rng
    memory: Memory
    m: int = 1
    noise: float = 0.0
    augment: Augmenting | None = None

    def __call__(self, packs: Tensor, stream: str) -> DiscriminatorOutput:
        """D's output. Augmentation and noise are the same for equal `stream`."""
        x = split(packs, self.m)
        if self.augment is not None:
            x = self.augment.apply(x, self.rng.at(f"augment/{stream}"), self.memory.part("augment"))
        if self.noise:
            x = x + self.noise * self.rng.normal(f"noise/{stream}", x.shape).to(x)
        output = self.D(x, self.c)
        # in float32, since differences of logits in bf16 would be rounded again
        return output._replace(logits=wide(output.logits))

    @property
    def deterministic(self) -> bool:
        """Whether there is neither augmentation nor noise, so that equal inputs give equal outputs."""
        return self.augment is None and not self.noise

    def join(self, x: Tensor) -> Tensor:
        return join(x, self.m)

    def critic(self, packs: Tensor) -> Tensor:
        return self(packs, "critic").logits
