"""What D is shown of samples: augmented, with noise on them, several joined into one.

    augmentation        D(T(x)) for reals and fakes alike
    instance noise      D(x + σ ε), ε ~ N(0, 1)                     Sønderby et al. 2017; Arjovsky & Bottou 2017
    packing             D(x₁, ..., x_m): m samples, one output     Lin et al. 2018, "PacGAN"

N: samples in the batch, m: samples in a pack, M = N/m packs. x [N, C, ...], packs [M, m·C, ...], logits [M].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganforge.augment.base import Augment
from ganforge.core.rng import Rng
from ganforge.core.types import Memory, Spec, wide
from ganforge.nets.base import DiscriminatorOutput


def join(x: Tensor, m: int) -> Tensor:
    """[N, C, ...] → [N/m, m·C, ...]: m samples that follow one another, side by side in the channels."""
    return x if m == 1 else x.reshape(len(x) // m, m * x.shape[1], *x.shape[2:])


def split(packs: Tensor, m: int) -> Tensor:
    """[M, m·C, ...] → [M·m, C, ...]: `join` undone."""
    return packs if m == 1 else packs.reshape(len(packs) * m, packs.shape[1] // m, *packs.shape[2:])


def packed_spec(spec: Spec, m: int) -> Spec:
    """The spec of what D scores when m samples are packed, each with its label as one channel a class."""
    return Spec(((spec.shape[0] + spec.classes) * m, *spec.shape[1:]), state=spec.state)


class Packed(nn.Module):
    """A discriminator of packs that takes single samples: x [N, C, ...], c [N] → the output for N/m packs.

    The labels of a pack may differ, so each sample brings its own into the pack: 1 in the channel of its class.
    """

    def __init__(self, net: nn.Module, m: int, classes: int):
        super().__init__()
        self.net, self.m, self.classes = net, m, classes

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        if self.classes:
            if c is None:
                raise ValueError(f"a net for {self.classes} classes needs a label for each sample, got None")
            maps = one_hot(c, self.classes).to(x).view(len(x), self.classes, *[1] * (x.ndim - 2))
            x = torch.cat([x, maps.expand(-1, -1, *x.shape[2:])], 1)
        return self.net(join(x, self.m))


@dataclass(frozen=True)
class View:
    """D as one phase uses it: packs [M, m·C, ...] → its output, with everything else closed over.

    Attributes:
        D: the discriminator, taking single samples. c: their labels [N], or None.
        rng, memory: of the phase.
        m: samples in a pack. noise: standard deviation of the noise. augment: or None.
    """

    D: nn.Module
    c: Tensor | None
    rng: Rng
    memory: Memory
    m: int = 1
    noise: float = 0.0
    augment: Augment | None = None

    def __call__(self, packs: Tensor, stream: str) -> DiscriminatorOutput:
        """D's output. One stream always draws the same augmentation and the same noise."""
        x = split(packs, self.m)
        if self.augment is not None:
            x = self.augment.apply(x, self.rng.at(f"augment/{stream}"), self.memory.part("augment"))
        if self.noise:
            x = x + self.noise * self.rng.normal(f"noise/{stream}", x.shape).to(x)
        output = self.D(x, self.c)
        # differences of logits in bf16 would round a second time
        return output._replace(logits=wide(output.logits))

    @property
    def deterministic(self) -> bool:
        """Whether it draws neither augmentation nor noise, so that equal inputs give equal outputs."""
        return self.augment is None and not self.noise

    def join(self, x: Tensor) -> Tensor:
        return join(x, self.m)

    def critic(self, packs: Tensor) -> Tensor:
        return self(packs, "critic").logits
