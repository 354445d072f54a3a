"""FastGAN: a light generator in which coarse grids gate fine ones, and a discriminator that reconstructs its input.

Liu et al. 2021, "Towards Faster and Stabilized GAN Training for High-fidelity Few-shot Image Synthesis".

    G            z → 4×4 → (double, convolution, norm, gate) for each finer grid → x
                 noise, scaled by one weight per layer, in every second one of them
    excitation   fine ← fine · σ(W₂ swish(W₁ ∗ pool₄(coarse)))     for a grid and the one 16 times as fine (4 → 64)
    D            x → (convolution, half | pool → mean of both) for each coarser grid down to 8×8 → logits per cell
                 → their mean
    reconstruction   x̂ = dec(features at 8×8),  x̂' = dec(a quadrant of the features at 16×16);
                 loss of D for real samples: mean |x̂ − x| + mean |x̂' − that quadrant of x|

A D whose features suffice to reconstruct an image uses all of it, and overfits later, which is needed for training on a
hundred images. Gates (gated linear units, Dauphin et al. 2017) and spectral norm (`layers.spectral`) are used in both
nets.

Grids are halved as in `layers.pyramid`. Below 128 pixels, where no grid is 16 times as fine as another, excitation
spans a factor of 4. A label is added to z in G and projected in D, as in `nets.dcgan`.

N samples, x [N, C, H, W], maps h [N, K, h, w], logits [N].
"""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from ganforge.core.rng import normal_like
from ganforge.core.types import Spec
from ganforge.modalities.image.layers.pyramid import Size, check_picture, grids, nearest_picture
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast
from ganforge.nets.layers.spectral import spectral

REBUILT = 4
"""Maximum number of doublings from a grid to the reconstructed image: 8×8 → 128×128."""


def levels(channels: int, top: int, count: int) -> list[int]:
    """Number of channels of each grid, coarsest first: `channels` on the finest, doubled on each coarser one, at most
    `top`."""
    return [min(channels << k, top) for k in reversed(range(count))]


def normal_init(net: nn.Module) -> None:
    """N(0, 0.02) for convolutions and N(1, 0.02) for the scales of norms, as in DCGAN."""
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)


def conv(before: int, after: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, stride, padding, bias=False)


def gated(before: int, after: int) -> list[nn.Module]:
    """Convolution, norm and gated linear unit: half of the channels gate the other half."""
    return [conv(before, 2 * after), nn.BatchNorm2d(2 * after), nn.GLU(dim=1)]


class Double(nn.Module):
    """Nearest-neighbor upsampling by 2 to `size`, whose halves were rounded up."""

    def __init__(self, size: Size):
        super().__init__()
        self.size = size

    def forward(self, h: Tensor) -> Tensor:
        return interpolate(h, scale_factor=2, mode="nearest")[..., : self.size[0], : self.size[1]]


class Noise(nn.Module):
    """Adds noise to every cell, equal for all channels, with a learned strength that starts at 0; none in evaluation
    mode."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, h: Tensor) -> Tensor:
        return h + self.strength * normal_like(h[:, :1]) if self.training else h


class Excitation(nn.Module):
    """Gates for the channels of a fine grid, from a coarse grid: [N, coarse, h, w] → [N, fine, 1, 1]."""

    def __init__(self, coarse: int, fine: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(4), conv(coarse, fine, 4, padding=0), nn.SiLU(), conv(fine, fine, 1, padding=0)
        )

    def forward(self, coarse: Tensor) -> Tensor:
        return self.layers(coarse).sigmoid()


class FastGanG(nn.Module):
    """The net of `FastGanGenerator`."""

    def __init__(self, latent: int, widths: list[int], sizes: list[Size], colors: int, classes: int):
        super().__init__()
        self.project = nn.Linear(latent, 2 * widths[0] * sizes[0][0] * sizes[0][1], bias=False)
        self.start = nn.Sequential(
            nn.Unflatten(1, (2 * widths[0], *sizes[0])), ChannelsLast(), nn.BatchNorm2d(2 * widths[0]), nn.GLU(dim=1)
        )
        self.grids = nn.ModuleList()
        for k, (before, after) in enumerate(pairwise(widths)):
            layers = [Double(sizes[k + 1]), *gated(before, after)]
            if k % 2 == 0:
                layers[2:2] = [Noise()]
                layers += [conv(after, 2 * after), Noise(), nn.BatchNorm2d(2 * after), nn.GLU(dim=1)]
            self.grids.append(nn.Sequential(*layers))
        self.span = 4 if len(sizes) > 5 else 2
        pairs = zip(widths, widths[self.span :], strict=False)
        self.excite = nn.ModuleList(Excitation(coarse, fine) for coarse, fine in pairs)
        self.paint = nn.Sequential(conv(widths[-1], colors), nn.Tanh())
        normal_init(self)
        self.label = LabelTable(classes, self.project.out_features, 0.02) if classes else None
        spectral(self.grids)
        spectral(self.excite)
        spectral(self.paint)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.project(z)
        if self.label is not None:
            h = h + self.label(c)
        maps = [self.start(h)]
        for k, grid in enumerate(self.grids, start=1):
            h = grid(maps[-1])
            maps.append(h * self.excite[k - self.span](maps[k - self.span]) if k >= self.span else h)
        return self.paint(maps[-1])


class Down(nn.Module):
    """Downsampling by 2, rounded up: the mean of convolutions and of average pooling."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.deep = nn.Sequential(
            conv(before, after, 3, stride=2),
            nn.BatchNorm2d(after),
            nn.LeakyReLU(0.2),
            conv(after, after),
            nn.BatchNorm2d(after),
            nn.LeakyReLU(0.2),
        )
        self.straight = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True),
            conv(before, after, 1, padding=0),
            nn.BatchNorm2d(after),
            nn.LeakyReLU(0.2),
        )

    def forward(self, h: Tensor) -> Tensor:
        return (self.deep(h) + self.straight(h)) / 2


def decoder(channels: int, sizes: list[Size], colors: int) -> nn.Sequential:
    """A decoder from a map of sizes[0] to an image of sizes[-1], [N, channels, ...] → [N, colors, ...]."""
    widths = [channels, *(max(channels >> k, 8) for k in range(1, len(sizes)))]
    layers: list[nn.Module] = []
    for (before, after), size in zip(pairwise(widths), sizes[1:], strict=True):
        layers += [Double(size), *gated(before, after)]
    return nn.Sequential(*layers, conv(widths[-1], colors), nn.Tanh())


def quarters(h: Tensor, height: int, width: int) -> Tensor:
    """The four corners of [N, K, H, W], each [height, width]: [4, N, K, height, width]."""
    return torch.stack([h[..., top, left] for top in ends(height) for left in ends(width)])


def ends(side: int) -> tuple[slice, slice]:
    return slice(None, side), slice(-side, None)


class FastGanD(nn.Module):
    """The net of `FastGanDiscriminator`."""

    def __init__(self, widths: list[int], sizes: list[Size], colors: int, classes: int):
        super().__init__()
        last = min(1, len(sizes) - 1)  # 8×8, on which the logits are computed
        self.read = nn.Sequential(ChannelsLast(), conv(colors, widths[-1]), nn.LeakyReLU(0.2))
        downs = reversed([*pairwise(widths)][last:])
        self.downs = nn.ModuleList(Down(before, after) for after, before in downs)
        self.features = nn.Sequential(
            conv(widths[last], widths[last], 1, padding=0), nn.BatchNorm2d(widths[last]), nn.LeakyReLU(0.2)
        )
        self.logits = conv(widths[last], 1, 4, padding=0)
        self.sizes = sizes[last : last + REBUILT + 1]
        self.whole = decoder(widths[last], self.sizes, colors)
        halves = sizes[last + 1 : last + 2]
        self.part = None
        if halves:
            cells = tuple(max(side // 2, 1) for side in halves[0])
            self.part_sizes: list[Size] = [(cells[0] << k, cells[1] << k) for k in range(len(self.sizes) - 1)]
            self.part = decoder(widths[last + 1], self.part_sizes, colors)
        normal_init(self)
        self.label = LabelTable(classes, widths[last], 0.02) if classes else None
        spectral(self)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        maps = [self.read(x)]
        for down in self.downs:
            maps.append(down(maps[-1]))
        places = self.features(maps[-1])
        features = places.mean((2, 3))  # [N, F]
        logits = self.logits(places).mean((1, 2, 3))
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)
        return DiscriminatorOutput(logits, features, rebuilt=lambda: self.rebuilt(x.detach(), maps))

    def rebuilt(self, x: Tensor, maps: list[Tensor]) -> Tensor:
        """The reconstruction error [N] of x from the features: of the whole image, and of a random quadrant per
        sample."""
        off = (self.whole(maps[-1]) - adaptive_avg_pool2d(x, self.sizes[-1])).abs().mean((1, 2, 3))
        if self.part is None:
            return off
        corner, rows = torch.randint(4, (len(x),), device=x.device), torch.arange(len(x), device=x.device)
        part = self.part(quarters(maps[-2], *self.part_sizes[0])[corner, rows])
        wanted = quarters(x, *(max(side // 2, 1) for side in x.shape[2:]))[corner, rows]
        return off + (part - adaptive_avg_pool2d(wanted, self.part_sizes[-1])).abs().mean((1, 2, 3))


class FastGanGenerator(Generator, kind="fastgan"):
    """A light generator with gates from coarse to fine grids (FastGAN), for few images of 64 to 512 pixels."""

    latent: int = 256
    """Dimension of the latent z, drawn from a standard normal."""
    channels: int = Field(default=32, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid. 32 at 256 pixels in the paper."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid; 1024 in the paper."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "fastgan")

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "fastgan")
        sizes = grids(*spec.shape[1:])
        return FastGanG(
            self.latent, levels(self.channels, self.max_channels, len(sizes)), sizes, spec.shape[0], spec.classes
        )


class FastGanDiscriminator(Discriminator, kind="fastgan"):
    """A discriminator that can reconstruct its input (FastGAN); for the task `fastgan`."""

    channels: int = Field(default=32, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "fastgan")

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "fastgan")
        sizes = grids(*spec.shape[1:])
        return FastGanD(levels(self.channels, self.max_channels, len(sizes)), sizes, spec.shape[0], spec.classes)
