"""Critics that score patches, not the whole image: PatchGAN, the critic of single pixels, and one at several scales.

Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", section 6.1.2; Wang et al. 2018,
"High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs" (pix2pixHD), section 3.2.

    patchgan      C64 → C128 → C256 → C512 → 1        4×4, stride 2, the last two of stride 1: patches of 70×70 px
    pixel         C64 → C128 → 1                      1×1: each pixel for itself
    multiscale    several PatchGANs, each on an image half as large as that of the one before

LeakyReLU 0.2; a norm after all but the first and the last. The logits of a sample, [P], stand for overlapping patches.

A label adds ⟨e(c), mean of the last hidden map⟩ to all logits of a sample: the projection of Miyato & Koyama 2018.

x [N, C, H, W]; with a source beside it, C counts both.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.pair.layers.translating import normal_start
from ganforge.nets.base import Discriminator, DiscriminatorOutput
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast
from ganforge.nets.layers.spectral import spectral

Norm = Literal["batch", "instance", "spectral", "none"]
NORMS: dict[str, Callable[[int], list[nn.Module]]] = {
    "batch": lambda channels: [nn.BatchNorm2d(channels)],
    "instance": lambda channels: [nn.InstanceNorm2d(channels)],
    "spectral": lambda channels: [],  # normalizes the weights instead
    "none": lambda channels: [],
}


class PatchNet(nn.Module):
    """Blocks, then one number a place. The net of `PatchGan` and of `PixelCritic`.

    Args:
        blocks: maps in turn; the last has `features` channels.
        head: from the last map to [N, 1, h, w].
    """

    def __init__(self, blocks: list[nn.Module], head: nn.Conv2d, classes: int, norm: Norm):
        super().__init__()
        self.layout = ChannelsLast()
        self.blocks = nn.ModuleList(blocks)
        self.head = head
        normal_start(self)
        self.label = LabelTable(classes, head.in_channels, 0.02) if classes else None
        if norm == "spectral":
            spectral(self)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        logits, maps = self.judge(x, c)
        return DiscriminatorOutput(logits.flatten(1), maps[-1].mean((2, 3)), layers=maps)

    def judge(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """The logits at their places, [N, 1, h, w], and the hidden maps."""
        maps = []
        h = self.layout(x)
        for block in self.blocks:
            h = block(h)
            maps.append(h)
        logits = self.head(h)
        if self.label is not None:
            logits = logits + (self.label(c) * h.mean((2, 3))).sum(1)[:, None, None, None]
        return logits, maps


class MultiscaleNet(nn.Module):
    """The net of `Multiscale`."""

    def __init__(self, nets: list[PatchNet]):
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        found, maps, features = [], [], []
        for k, net in enumerate(self.nets):
            assert isinstance(net, PatchNet)
            if k:
                x = avg_pool2d(x, 3, 2, 1, count_include_pad=False)
            logits, hidden = net.judge(x, c)
            found.append(logits)
            maps += hidden
            features.append(hidden[-1].mean((2, 3)))
        # Coarse logits are repeated to the number of the finest ones, so that each scale weighs the same in a mean.
        size = found[0].shape[2:]
        alike = [found[0], *(interpolate(logits, size, mode="nearest-exact") for logits in found[1:])]
        return DiscriminatorOutput(torch.cat(alike, 1).flatten(1), torch.cat(features, 1), layers=maps)


def patch_net(colors: int, classes: int, channels: int, top: int, layers: int, norm: Norm) -> PatchNet:
    """A PatchGAN: `layers` halvings and two convolutions of stride 1."""
    widths = [colors, *(min(channels << k, top) for k in range(layers + 1))]
    bias = norm in ("none", "spectral")  # a norm would remove a bias before it
    blocks: list[nn.Module] = []
    for k, (before, after) in enumerate(pairwise(widths)):
        own = [] if k == 0 else NORMS[norm](after)
        layer = nn.Conv2d(before, after, 4, 1 if k == layers else 2, 1, bias=bias or k == 0)
        blocks.append(nn.Sequential(layer, *own, nn.LeakyReLU(0.2)))
    return PatchNet(blocks, nn.Conv2d(widths[-1], 1, 4, 1, 1), classes, norm)


def at_least(shape: tuple[int, ...], least: int, who: str) -> tuple[int, ...]:
    """The nearest [C, H, W] with sides of `least` px or more.

    Raises:
        UserError: `shape` is not that of an image.
    """
    if len(shape) != 3:
        raise UserError(
            f"{who} takes images [C, H, W], not samples of shape {list(shape)}; try mlp", code="nets.not_for_shape"
        )
    return (shape[0], *(max(side, least) for side in shape[1:]))


def refuse_smaller(spec: Spec, least: int, who: str) -> None:
    """
    Raises:
        UserError: the images of a spec are smaller than `least`; says the nearest size.
    """
    near = at_least(spec.shape, least, who)
    if near != spec.shape:
        h, w = spec.shape[1:]
        raise UserError(
            f"{who}: images of {h}×{w} px are too small; the nearest size is {near[1]}×{near[2]} "
            f"(sides of at least {least} px)",
            code="nets.images_too_small",
        )


class PatchGan(Discriminator, kind="patchgan"):
    """Scores overlapping patches of an image, 70×70 px each with three layers, as in pix2pix."""

    channels: int = Field(default=64, ge=1)
    """Channels of the first map; each further one has twice the number."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a map."""
    layers: int = Field(default=3, ge=1, le=6)
    """Halvings: 1 for patches of 16 px, 2 for 34, 3 for 70, 4 for 142, 5 for 286."""
    norm: Norm = "batch"
    """Batch norm (pix2pix), instance norm (CycleGAN), spectral norm of all weights, or none."""

    @property
    def least(self) -> int:
        return 3 << self.layers  # a map of 3 cells, on which the last two convolutions leave one

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return at_least(shape, self.least, "patchgan")

    def build(self, spec: Spec) -> nn.Module:
        refuse_smaller(spec, self.least, "patchgan")
        return patch_net(spec.shape[0], spec.classes, self.channels, self.max_channels, self.layers, self.norm)


class PixelCritic(Discriminator, kind="pixel"):
    """Scores each pixel separately, by its color alone, as pix2pix's 1×1 critic does."""

    channels: int = Field(default=64, ge=1)
    """Channels of the first map; the second has twice the number."""
    norm: Norm = "batch"
    """Batch norm, instance norm, spectral norm of all weights, or none."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return at_least(shape, 2, "pixel")

    def build(self, spec: Spec) -> nn.Module:
        refuse_smaller(spec, 2, "pixel")
        C = self.channels
        bias = self.norm in ("none", "spectral")
        blocks: list[nn.Module] = [
            nn.Sequential(nn.Conv2d(spec.shape[0], C, 1), nn.LeakyReLU(0.2)),
            nn.Sequential(nn.Conv2d(C, 2 * C, 1, bias=bias), *NORMS[self.norm](2 * C), nn.LeakyReLU(0.2)),
        ]
        return PatchNet(blocks, nn.Conv2d(2 * C, 1, 1), spec.classes, self.norm)


class Multiscale(Discriminator, kind="multiscale"):
    """Several PatchGANs, each on an image half as large as that of the one before, as in pix2pixHD."""

    scales: int = Field(default=3, ge=1, le=5)
    """How many PatchGANs."""
    channels: int = Field(default=64, ge=1)
    """Channels of the first map of each; each further map has twice the number."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a map."""
    layers: int = Field(default=3, ge=1, le=6)
    """Halvings in each: 3 for patches of 70 px of the image that it sees."""
    norm: Norm = "instance"
    """Instance norm (pix2pixHD), batch norm, spectral norm of all weights, or none."""

    @property
    def least(self) -> int:
        return (3 << self.layers) << (self.scales - 1)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return at_least(shape, self.least, "multiscale")

    def build(self, spec: Spec) -> nn.Module:
        refuse_smaller(spec, self.least, "multiscale")
        sizes = (spec.shape[0], spec.classes, self.channels, self.max_channels, self.layers, self.norm)
        return MultiscaleNet([patch_net(*sizes) for _ in range(self.scales)])
