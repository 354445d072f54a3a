"""Who plays. A net's component holds its sizes; `build(spec)` returns a plain `nn.Module`."""

from __future__ import annotations

from torch import Tensor, nn

from ganforge.core.component import Component
from ganforge.core.types import Spec, Verdict

__all__ = ["Discriminator", "Generator", "Verdict", "couples_batch"]


class Generator(Component, family="generator"):
    """Makes samples: `forward(z, c)` takes z [N, latent] and c int64 [N] or None, and returns [N, *spec.shape].

    With `spec.classes` above 0 the module takes labels into account; else it ignores `c`.
    """

    latent: int = 100
    """Width of the latent z, drawn from a standard normal."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The sample shape nearest to the one wanted that this net can make."""
        return shape

    def truncate(self, z: Tensor, truncation: float) -> Tensor:
        """Latents [N, latent] that make more typical samples; `truncation` in (0, 1], where 1 leaves z as it is."""
        return z * truncation

    def build(self, spec: Spec) -> nn.Module:
        """A fresh module with initialised weights, drawn from torch's global generator."""
        raise NotImplementedError


class Discriminator(Component, family="discriminator"):
    """Judges samples: `forward(x, c)` takes x [N, *spec.shape] and c int64 [N] or None, and returns a `Verdict`."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The sample shape nearest to the one wanted that this net can judge."""
        return shape

    def build(self, spec: Spec) -> nn.Module:
        """A fresh module with initialised weights, drawn from torch's global generator."""
        raise NotImplementedError


def couples_batch(net: nn.Module) -> bool:
    """Whether what a net makes of a sample while it trains hangs on the other samples of the batch.

    So it is with batch norm, and with every layer whose class says `couples_batch = True`. Such a verdict has no
    gradient of one sample alone: prices on it and differential privacy need a net that judges each by itself.
    """
    return any(
        isinstance(layer, nn.modules.batchnorm._BatchNorm) or getattr(layer, "couples_batch", False) is True
        for layer in net.modules()
    )
