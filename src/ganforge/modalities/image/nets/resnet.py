"""Residual nets of WGAN-GP and SNGAN, with the projection of cGAN-PD and the attention of SAGAN.

Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", appendix F; Miyato et al. 2018, "Spectral Normalization
for Generative Adversarial Networks", tables 3 to 5; Miyato & Koyama 2018, "cGANs with Projection Discriminator"; Zhang
et al. 2019, "Self-Attention Generative Adversarial Networks".

    G: z [N, latent] → linear → base grid [N, C₀, h, w] → n blocks, each twice as fine → batch norm, ReLU, conv3, tanh
    D: x [N, C, H, W] → blocks → ReLU → sum over the cells, f [N, F] → logit = wᵀf + b (+ e(c)ᵀf with labels)

With labels, the batch norms of G's blocks have scales and offsets per class. D never has batch norm.

Channels for the sizes in the papers, with `channels` = 64; other sizes follow the same rule (H = h·2ⁿ, `layers.grid`):

            G                                        D
    32      256 everywhere, n = 3                    128 everywhere: ½ ½ – –
    48      512 256 128 64, from 6×6                 64 128 256 512 (all ½), 1024 –
    64      1024 512 256 128 64                      64 128 256 512 1024 (all ½)
    128     1024 1024 512 256 128 64                 64 128 256 512 1024 (all ½), 1024 –

½: the block halves the grid; –: it does not. Up to 32×32 all blocks have the same width; for 28×28, G starts from 7×7
and D ends there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu

from ganforge.core.types import Spec
from ganforge.modalities.image.layers.residual import DownBlock, UpBlock
from ganforge.modalities.image.layers.shapes import Layout, layout, nearest_picture
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.attention import SelfAttention
from ganforge.nets.layers.conditional_norm import by_label
from ganforge.nets.layers.init import xavier_init
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast
from ganforge.nets.layers.norms import layer_norm
from ganforge.nets.layers.spectral import spectral

ONE_WIDTH_TO = 32  # px of the longer side
DOUBLE = 5  # blocks of D that double the channels; further blocks only halve the grid, down to 4 cells

D_NORMS = {"layer": layer_norm, "spectral": lambda channels: nn.Identity(), "none": lambda channels: nn.Identity()}


def attended(grids: list[tuple[int, int]], size: tuple[int, int], most: int) -> int:
    """The index of the grid with attention: the finest with at most `most` cells per side and half the image, else the
    coarsest.

    Args:
        grids: (height, width), in any order.
        size: (height, width) of the image.
    """
    limit = min(most, max(size) // 2)
    fitting = [k for k, cells in enumerate(grids) if max(cells) <= limit]
    by_cells = [cells[0] * cells[1] for cells in grids]
    if fitting:
        return max(fitting, key=lambda k: (by_cells[k], -k))
    return by_cells.index(min(by_cells))


def widths(plan: Layout, channels: int, top: int) -> list[int]:
    """Number of channels of G on each grid, coarsest first."""
    if max(plan.size) <= ONE_WIDTH_TO:
        return [min(4 * channels, top)] * (plan.doublings + 1)
    return [min(channels << k, top) for k in reversed(range(plan.doublings + 1))]


def stages(plan: Layout, channels: int, top: int) -> list[tuple[int, bool]]:
    """D's blocks, finest first: number of channels, and whether the grid is halved."""
    height, width = plan.size

    def halve() -> bool:
        nonlocal height, width
        if height % 2 or width % 2:
            return False
        height, width = height // 2, width // 2
        return True

    if max(plan.size) <= ONE_WIDTH_TO:
        wide = min(2 * channels, top)
        return [(wide, halve()), (wide, halve()), (wide, False), (wide, False)]
    found = [(min(channels << k, top), halve()) for k in range(DOUBLE)]
    wide = found[-1][0]
    while min(height, width) > 4 and (halved := halve()):
        found.append((wide, halved))
    if found[-1][1] and min(height, width) > 2:
        found.append((wide, False))
    return found


class ResnetG(nn.Module):
    """The net of `ResnetGenerator`."""

    def __init__(
        self, latent: int, plan: Layout, widths: list[int], classes: int, attention: int = 0, normed: bool = False
    ):
        super().__init__()
        self.project = nn.Linear(latent, widths[0] * plan.base[0] * plan.base[1])
        self.grid = nn.Sequential(nn.Unflatten(1, (widths[0], *plan.base)), ChannelsLast())
        blocks: list[nn.Module] = [UpBlock(a, b, lambda n: by_label(n, classes)) for a, b in pairwise(widths)]
        if attention:
            place = attended(plan.grids, plan.size, attention)
            blocks.insert(place, SelfAttention(widths[place]))
        self.blocks = nn.ModuleList(blocks)
        self.paint = nn.Sequential(
            nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.Conv2d(widths[-1], plan.colors, 3, padding=1), nn.Tanh()
        )
        xavier_init(self)
        if normed:
            spectral(self)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.grid(self.project(z))
        for block in self.blocks:
            h = block(h, c)
        return self.paint(h)


class ResnetD(nn.Module):
    """The net of `ResnetDiscriminator`, and of BigGAN's.

    Args:
        stages: number of channels of each block, and whether it halves the grid.
        wide: whether blocks change the number of channels in the first convolution instead of the second.
        init: weight initialization.
    """

    def __init__(
        self,
        plan: Layout,
        stages: list[tuple[int, bool]],
        classes: int,
        norm: Literal["spectral", "layer", "none"] = "spectral",
        pool: Literal["sum", "mean"] = "sum",
        attention: int = 0,
        wide: bool = False,
        init: Callable[[nn.Module], None] = xavier_init,
    ):
        super().__init__()
        blocks: list[nn.Module] = []
        grids: list[tuple[int, int]] = []
        before, (height, width) = plan.colors, plan.size
        for k, (after, down) in enumerate(stages):
            hidden = after if wide or k == 0 else before
            blocks.append(DownBlock(before, hidden, after, down, D_NORMS[norm], first=k == 0))
            height, width = (height // 2, width // 2) if down else (height, width)
            grids.append((height, width))
            before = after
        if attention:
            place = attended(grids, plan.size, attention)
            blocks.insert(place + 1, SelfAttention(stages[place][0]))
        self.blocks = nn.Sequential(ChannelsLast(), *blocks)
        self.pool = {"sum": torch.sum, "mean": torch.mean}[pool]
        self.head = nn.Linear(before, 1)
        self.label = LabelTable(classes, before, (2 / (classes + before)) ** 0.5) if classes else None
        init(self)
        if norm == "spectral":
            spectral(self)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        features = self.pool(relu(self.blocks(x)), dim=(2, 3))  # [N, F]
        logits = self.head(features).squeeze(1)
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)
        return DiscriminatorOutput(logits, features)


class ResnetGenerator(Generator, kind="resnet"):
    """Residual blocks with batch norm, as in WGAN-GP and SNGAN."""

    latent: int = Field(default=128, ge=1)
    """Dimension of the latent z, drawn from a standard normal."""
    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest grid, doubled on each coarser grid; up to 32×32, four times as many on all
    grids."""
    max_channels: int = Field(default=1024, ge=1)
    """Maximum number of channels of a grid."""
    attention: int = Field(default=0, ge=0)
    """Self-attention on the finest grid with at most this many cells per side and at most half the image size; 0:
    none."""
    spectral: bool = False
    """Use spectral norm for all weights, as in SAGAN."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "resnet")

    def build(self, spec: Spec) -> nn.Module:
        plan = layout(spec, "resnet generator")
        channels = widths(plan, self.channels, self.max_channels)
        return ResnetG(self.latent, plan, channels, spec.classes, self.attention, self.spectral)


class ResnetDiscriminator(Discriminator, kind="resnet"):
    """Residual blocks without batch norm, sum pooling and label projection, as in SNGAN."""

    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest grid, doubled on each coarser grid; up to 32×32, twice as many on all grids."""
    max_channels: int = Field(default=1024, ge=1)
    """Maximum number of channels of a grid."""
    norm: Literal["spectral", "layer", "none"] = "spectral"
    """Normalization: spectral norm of the weights (SNGAN), layer norm, or none (WGAN-GP)."""
    pool: Literal["sum", "mean"] = "sum"
    """Pooling over the cells of the last grid: sum (SNGAN) or mean (WGAN-GP)."""
    attention: int = Field(default=0, ge=0)
    """Self-attention on the finest grid with at most this many cells per side and at most half the image size; 0:
    none."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "resnet")

    def build(self, spec: Spec) -> nn.Module:
        plan = layout(spec, "resnet discriminator")
        blocks = stages(plan, self.channels, self.max_channels)
        return ResnetD(plan, blocks, spec.classes, self.norm, self.pool, self.attention)
