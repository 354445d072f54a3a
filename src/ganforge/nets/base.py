"""Base classes of nets. A component holds the configuration; `build(spec)` returns a plain `nn.Module`."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable

from torch import Tensor, nn

from ganforge.core.allowance import may_be_weightless
from ganforge.core.component import Component
from ganforge.core.types import DiscriminatorOutput, Spec

__all__ = [
    "Discriminator",
    "DiscriminatorOutput",
    "Encoder",
    "Generator",
    "Layered",
    "Likelihood",
    "Preparable",
    "Refiner",
    "Translator",
    "couples_batch",
]


class Generator(Component, family="generator"):
    """Generates samples: `forward(z, c)` takes z [N, latent] and c int64 [N] or None, and returns [N, *spec.shape].

    If `spec.classes` is 0, the module ignores the labels `c`.
    """

    within_one: ClassVar[bool] = True
    """Whether the output is bounded to [-1, 1]; otherwise decoding clips it."""
    latent: int = 100
    """Dimension of the latent vector z, which is drawn from a standard normal distribution."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The closest sample shape that this net can generate."""
        return shape

    def truncate(self, z: Tensor, truncation: float) -> Tensor:
        """Latents [N, latent] for more typical samples; `truncation` in (0, 1], where 1 leaves z unchanged."""
        return z * truncation

    def build(self, spec: Spec) -> nn.Module:
        """A newly initialized module; uses torch's global random generator."""
        raise NotImplementedError


@runtime_checkable
class Layered(Protocol):
    """A generator whose layers each read latents, which may therefore be those of different samples."""

    layers: int
    """Number of layers that do."""

    def layered(self, zs: Tensor, c: Tensor | None = None) -> Tensor:
        """zs [N, layers, L], the latents of each layer → samples [N, *shape]."""
        ...


class Discriminator(Component, family="discriminator"):
    """Scores samples: `forward(x, c)` takes x [N, *spec.shape] and c int64 [N] or None, and returns a
    `DiscriminatorOutput`.

    A net that scores patches returns logits [N, P], one per patch, and also accepts images of other sizes than in the
    spec.
    """

    def __init_subclass__(cls, **kwargs: Any):
        if "build" in vars(cls):
            cls.build = may_be_weightless(cls.build)
        super().__init_subclass__(**kwargs)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The closest sample shape that this net supports."""
        return shape

    def build(self, spec: Spec) -> nn.Module:
        """A newly initialized module; uses torch's global random generator."""
        raise NotImplementedError


class Translator(Component, family="translator"):
    """Translates images: `forward(source)`, source [N, Cs, h, w] → [N, Ct, h·s, w·s] for a net of scale s.

    The module accepts any h and w: it pads by reflection to a supported size and crops its output. Its properties are
    attributes of the module (`nets.layers.translating.TranslatorNet`):

        scale: s.
        multiple: sizes that are multiples of it need no padding; the output is equivariant to shifts by it.
        halo: radius in source px of the receptive field of an output pixel; None if it is the whole image.
        depth: number of hidden layers that `features` can return.

    `features(source, layers)` returns the hidden layers with these numbers, [N, F, h', w'] each; 0 is the source
    itself. `with_features(source, layers)` returns the image and these, in one pass.
    """

    def check(self, source: Spec, target: Spec) -> None:
        """Checks the shapes of source and target, before anything is built.

        Raises:
            UserError: samples are not images, the scale is not supported, or images are too small (the message states
                the minimum size).
        """

    def build(self, source: Spec, target: Spec) -> nn.Module:
        """A newly initialized module; uses torch's global random generator."""
        raise NotImplementedError


class Refiner(Component, family="refiner"):
    """Generates the finest frequency band of an image: `forward(z, low, c)` takes noise z [N, H·W], one value per
    pixel, the image without this band, low [N, *spec.shape], and c int64 [N] or None, and returns the band [N,
    *spec.shape]. Its attribute `size` is (H, W).
    """

    def build(self, spec: Spec) -> nn.Module:
        """A newly initialized module; uses torch's global random generator."""
        raise NotImplementedError


class Encoder(Component, family="encoder"):
    """Maps samples to distributions of latents: `forward(x, c)` → mean and log variance, each [N, latent]."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        """A newly initialized module; uses torch's global random generator."""
        raise NotImplementedError


class Likelihood(Component, family="likelihood"):
    """Interprets the raw output of a generator as parameters of a distribution p(x | z).

    The module has two methods: `nll(raw, x)` returns −log p(x | z) [N]; `draw(raw, uniform)` returns samples [N,
    *spec.shape], computed from uniform draws of the shape of `raw` or, where the module says another one, of
    `uniforms`.
    """

    tempered: ClassVar[bool] = False
    """Whether `draw` also takes a `temperature`: below 1 it prefers what is likely, above 1 it varies more."""
    reads_latents: ClassVar[bool] = False
    """Whether `raw` may be latents [N, L], which no generator has made anything of."""

    def build(self, spec: Spec, raw: tuple[int, ...] | None = None) -> nn.Module:
        """A new module; its parameters are trained together with the generator.

        Args:
            raw: shape of `raw` for one sample, by default that of samples; [L] for one that reads latents itself.
        """
        raise NotImplementedError


@runtime_checkable
class Preparable(Protocol):
    """A layer that has a faster form for inference, when its weights no longer change."""

    def for_inference(self) -> nn.Module:
        """A module with the same inputs and, up to rounding, the same outputs as this one in evaluation mode.

        It may share tensors with this layer. Its convolutions and linear layers are modules of their own, so that they
        can be converted to another dtype; everything else takes the dtype of its input.
        """
        ...


def couples_batch(net: nn.Module) -> bool:
    """Whether the output for a sample in training mode depends on the other samples of the batch.

    This is the case with batch norm, and with layers whose class sets `couples_batch = True`. Per-sample gradients are
    then undefined, so gradient penalties and differential privacy cannot be used.
    """
    return any(
        isinstance(layer, nn.modules.batchnorm._BatchNorm) or getattr(layer, "couples_batch", False) is True
        for layer in net.modules()
    )
