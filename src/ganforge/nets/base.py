"""The kinds of nets. A net's component holds its sizes; `build(spec)` returns a plain `nn.Module`."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from ganforge.core.allowance import may_be_weightless
from ganforge.core.component import Component
from ganforge.core.types import DiscriminatorOutput, Spec

__all__ = [
    "Discriminator",
    "DiscriminatorOutput",
    "Encoder",
    "Generator",
    "Likelihood",
    "Refiner",
    "Translator",
    "couples_batch",
]


class Generator(Component, family="generator"):
    """Makes samples: `forward(z, c)` takes z [N, latent] and c int64 [N] or None, and returns [N, *spec.shape].

    With `spec.classes` above 0 the module takes labels into account; else it ignores `c`.
    """

    within_one: ClassVar[bool] = True
    """Whether images lie within [-1, 1]; where they may exceed it slightly, decoding clips them."""
    latent: int = 100
    """Width of the latent z, drawn from a standard normal."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The sample shape nearest to the one wanted that this net can make."""
        return shape

    def truncate(self, z: Tensor, truncation: float) -> Tensor:
        """Latents [N, latent] that make more typical samples; `truncation` in (0, 1], where 1 leaves z as it is."""
        return z * truncation

    def build(self, spec: Spec) -> nn.Module:
        """A fresh module with initialized weights, drawn from torch's global generator."""
        raise NotImplementedError


class Discriminator(Component, family="discriminator"):
    """Scores samples: `forward(x, c)` takes x [N, *spec.shape] and c int64 [N] or None; gives a `DiscriminatorOutput`.

    A net that scores patches returns logits [N, P], one for each patch, and takes images of other sizes than that of
    the spec too.
    """

    def __init_subclass__(cls, **kwargs: Any):
        if "build" in vars(cls):
            cls.build = may_be_weightless(cls.build)
        super().__init_subclass__(**kwargs)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The sample shape nearest to the requested one that this net can score."""
        return shape

    def build(self, spec: Spec) -> nn.Module:
        """A fresh module with initialized weights, drawn from torch's global generator."""
        raise NotImplementedError


class Translator(Component, family="translator"):
    """Makes an image from an image: `forward(source)`, source [N, Cs, h, w] → [N, Ct, h·s, w·s] for a net of scale s.

    The module takes any h and w: it pads by reflection to what it needs and cuts what it made. What the use of it
    must know are attributes of the module (`nets.layers.translating.TranslatorNet`):

        scale: s.
        multiple: sizes that need no padding are multiples of it; what begins at a multiple of it comes out alike.
        halo: how many px of the source around a pixel can change it; None where the whole image can.
        depth: how many hidden layers `features` can show.

    `features(source, layers)` gives some of its hidden layers, [N, F, h', w'] each, by number; 0 is the source itself.
    """

    def check(self, source: Spec, target: Spec) -> None:
        """Looks at what is to be made of what, before anything is built.

        Raises:
            UserError: samples that are no images, a scale that this net cannot reach, or images that are too small
                (says the least size).
        """

    def build(self, source: Spec, target: Spec) -> nn.Module:
        """A fresh module with initialized weights, drawn from torch's global generator."""
        raise NotImplementedError


class Refiner(Component, family="refiner"):
    """Makes what an image lacks: `forward(z, low, c)` takes noise z [N, H·W], a number a pixel, an image without its
    finest band low [N, *spec.shape] and c int64 [N] or None, and returns that band [N, *spec.shape]. Its attribute
    `size` is (H, W).
    """

    def build(self, spec: Spec) -> nn.Module:
        """A fresh module with initialized weights, drawn from torch's global generator."""
        raise NotImplementedError


class Encoder(Component, family="encoder"):
    """Maps a sample to latent space: `forward(x, c)` → mean and log variance, each [N, latent]."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        """A fresh module with initialized weights, drawn from torch's global generator."""
        raise NotImplementedError


class Likelihood(Component, family="likelihood"):
    """Reads a generator's raw output as the parameters of a distribution p(x | z).

    The module has two methods: `nll(raw, x)` returns −log p(x | z) [N], and `draw(raw, uniform)` returns samples
    [N, *spec.shape] from uniform draws of that shape.
    """

    def build(self, spec: Spec) -> nn.Module:
        """A fresh module; its parameters are what the distribution learns in addition to the generator."""
        raise NotImplementedError


def couples_batch(net: nn.Module) -> bool:
    """Whether what a net makes of a sample while it trains depends on the other samples of the batch.

    So it is with batch norm, and with every layer whose class says `couples_batch = True`. Such an output has no
    per-sample gradient: penalties on it and differential privacy need a net that scores each sample independently.
    """
    return any(
        isinstance(layer, nn.modules.batchnorm._BatchNorm) or getattr(layer, "couples_batch", False) is True
        for layer in net.modules()
    )
