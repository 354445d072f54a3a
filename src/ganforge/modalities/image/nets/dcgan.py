"""DCGAN: convolutions only, batch norm, no pooling.

Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks".

    G: z [N, latent] → base grid [N, ch·2^(n−1), h, w] → n transposed convolutions 4×4, stride 2 → x [N, C, H, W]
       batch norm and ReLU after all but the last, tanh after that
    D: x [N, C, H, W] → n convolutions 4×4, stride 2 → a convolution over the base grid → logit [N]
       batch norm after all but the first, LeakyReLU 0.2

Both support other norms (`layers.norms`, `layers.spectral`). D can use batch statistics (`layers.minibatch`) right
before the logit, where no batch norm follows that would remove what all samples have in common.

Weights are initialized from N(0, 0.02). n depends on the size: 8 = 2·2², 28 = 7·2², 32 = 4·2³, 64 = 4·2⁴
(`layers.grid`). A base grid with more than 4 cells per side gets one more level with half as many: G crops its output
(4 → 8 → 7), D rounds down (7 → 3). Without it, a single linear layer scored all 49 cells of a 28×28 digit, and D
accepted strokes that did not form a digit.

A label is added to z in G, or combined with it by fully connected layers (`mapping`), whose output may also scale and
shift every layer (`modulation`). In D, ⟨e(c), features⟩ is added
to the logit: the projection of Miyato & Koyama 2018, "cGANs with Projection Discriminator".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.image.layers import grid
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.conditional_norm import ConditionalBatchNorm, by_vector
from ganforge.nets.layers.labels import LabelTable, as_vectors
from ganforge.nets.layers.memory import ChannelsLast
from ganforge.nets.layers.minibatch import Minibatch, minibatch_layer
from ganforge.nets.layers.norms import Reference, VirtualBatchNorm, WithoutReference, layer_norm
from ganforge.nets.layers.spectral import spectral

MAPPING = 256
"""Units of the layers that combine latent and label, if there are any."""
D_NORMS: dict[str, Callable[[int], list[nn.Module]]] = {
    "batch": lambda channels: [nn.BatchNorm2d(channels)],
    "layer": lambda channels: [layer_norm(channels)],
    "spectral": lambda channels: [],  # normalizes the weights instead
    "none": lambda channels: [],
}


def levels(channels: int, top: int, doublings: int) -> list[int]:
    """Number of channels of the hidden grids, finest first: doubled on each coarser grid, at most `top`."""
    return [min(channels << k, top) for k in range(doublings)]


def is_wide(base: Sequence[int]) -> bool:
    """Whether there is one more level below the base grid."""
    return max(base) > 4


class Cut(nn.Module):
    """[N, C, H', W'] → [N, C, H, W]: crops to the first rows and columns."""

    def __init__(self, height: int, width: int):
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : self.height, : self.width].contiguous(memory_format=torch.channels_last)


def normal_init(net: nn.Module) -> None:
    """N(0, 0.02) for weights, N(1, 0.02) for the scales of batch norm, 0 for biases."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


class Mapping(nn.Module):
    """z [N, L] and c → [N, MAPPING] by fully connected layers with LeakyReLU 0.2, which combine conditions that act
    together, as a shape and an angle do."""

    def __init__(self, latent: int, classes: int, layers: int):
        super().__init__()
        self.classes = classes
        sizes = [latent + classes, *[MAPPING] * layers]
        self.layers = nn.Sequential(
            *(part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.LeakyReLU(0.2)))
        )

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        return self.layers(torch.cat([z, as_vectors(c, self.classes, z.dtype)], 1) if self.classes else z)


class DcganG(nn.Module):
    """The net of `DcganGenerator`."""

    def __init__(
        self,
        latent: int,
        hidden: list[int],
        base: tuple[int, int],
        colors: int,
        classes: int,
        norm: Literal["batch", "virtual"] = "batch",
        reference: int = 64,
        mapping: int = 0,
        modulation: bool = False,
    ):
        super().__init__()
        norms: dict[str, Callable[[int], nn.Module]] = {
            "batch": (lambda c: by_vector(c, MAPPING)) if modulation else nn.BatchNorm2d,
            "virtual": lambda c: VirtualBatchNorm(c, reference),
        }
        widths = hidden[::-1]  # coarsest first
        start = ((base[0] + 1) // 2, (base[1] + 1) // 2) if is_wide(base) else base
        self.project = nn.Linear(MAPPING if mapping else latent, widths[0] * start[0] * start[1], bias=False)
        self.grid = nn.Unflatten(1, (widths[0], *start))
        layers: list[nn.Module] = [ChannelsLast(), norms[norm](widths[0]), nn.ReLU()]
        cut: list[nn.Module] = [Cut(*base)] if is_wide(base) else []
        for before, after in pairwise(widths):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), *cut, norms[norm](after), nn.ReLU()]
            cut = []
        if norm == "virtual":
            layers.append(WithoutReference(reference))
        layers += [nn.ConvTranspose2d(widths[-1], colors, 4, 2, 1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        normal_init(self)
        # The scale of a one-hot label concatenated to z: with labels as strong as all of z, G soon ignores z
        # (measured).
        self.label = LabelTable(classes, self.project.out_features, 0.02) if classes and not mapping else None
        self.mapping = Mapping(latent, classes, mapping) if mapping else None
        self.reference = Reference(reference, latent, classes) if norm == "virtual" else None

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.reference is not None:
            z, c = self.reference(z, c)
        if self.mapping is not None:
            z = self.mapping(z, c)
        h = self.project(z)
        if self.label is not None:
            h = h + self.label(c)
        h = self.grid(h)
        for layer in self.layers:
            h = layer(h, z) if isinstance(layer, ConditionalBatchNorm) else layer(h)
        return h


class DcganD(nn.Module):
    """The net of `DcganDiscriminator`."""

    def __init__(
        self,
        hidden: list[int],
        base: tuple[int, int],
        colors: int,
        classes: int,
        norm: Literal["batch", "layer", "spectral", "none"] = "batch",
        minibatch: Minibatch = "none",
    ):
        super().__init__()
        bias = not D_NORMS[norm](1)  # a bias before a norm would be removed by it
        layers: list[nn.Module] = [ChannelsLast(), nn.Conv2d(colors, hidden[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for before, after in pairwise(hidden):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=bias), *D_NORMS[norm](after), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        end = (max(base[0] // 2, 1), max(base[1] // 2, 1)) if is_wide(base) else base
        features = hidden[-1] * end[0] * end[1]
        across = minibatch_layer(minibatch, features)
        features += across.extra if across else 0
        self.head = nn.Linear(features, 1)  # equivalent to a convolution over the whole base grid
        normal_init(self)
        self.across = across
        self.label = LabelTable(classes, features, 0.02) if classes else None
        if norm == "spectral":
            spectral(self)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        features = self.layers(x)  # [N, F]
        if self.across is not None:
            features = self.across(features)
        logits = self.head(features).squeeze(1)
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)
        return DiscriminatorOutput(logits, features)


class DcganGenerator(Generator, kind="dcgan"):
    """Transposed convolutions with batch norm (DCGAN)."""

    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest hidden grid; doubled on each coarser grid."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""
    norm: Literal["batch", "virtual"] = "batch"
    """Normalization: batch norm, or virtual batch norm, with which samples do not depend on their batch (slower)."""
    reference: int = Field(default=64, ge=2)
    """Size of the reference batch of virtual batch norm."""
    mapping: int = Field(default=0, ge=0)
    """Number of fully connected layers that combine latent and label before the first grid, for several conditions that
    act together; 0: the label is added to the first grid."""
    modulation: bool = False
    """Also scale and shift every layer by what these layers make of latent and label (conditional batch norm)."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape)

    def build(self, spec: Spec) -> nn.Module:
        colors, *base, doublings = layout(spec, "dcgan generator")
        if self.modulation and (not self.mapping or self.norm != "batch"):
            raise UserError(
                "dcgan generator: modulation needs mapping of at least 1, and norm=batch", code="nets.no_modulation"
            )
        hidden = levels(self.channels, self.max_channels, doublings + is_wide(base))
        sizes = (self.latent, hidden, (base[0], base[1]), colors, spec.classes)
        return DcganG(*sizes, self.norm, self.reference, self.mapping, self.modulation)


class DcganDiscriminator(Discriminator, kind="dcgan"):
    """Convolutions of stride 2 with batch norm (DCGAN)."""

    channels: int = Field(default=64, ge=1)
    """Number of channels of the finest hidden grid; doubled on each coarser grid."""
    max_channels: int = Field(default=512, ge=1)
    """Maximum number of channels of a grid."""
    norm: Literal["batch", "layer", "spectral", "none"] = "batch"
    """Normalization: batch norm (cannot be used with gradient penalties), layer norm, spectral norm of the weights, or
    none."""
    minibatch: Minibatch = "none"
    """Batch statistics that D sees, against mode collapse: standard deviation (stddev), learned distances
    (discrimination), or none."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape)

    def build(self, spec: Spec) -> nn.Module:
        colors, *base, doublings = layout(spec, "dcgan discriminator")
        hidden = levels(self.channels, self.max_channels, doublings + is_wide(base))
        return DcganD(hidden, (base[0], base[1]), colors, spec.classes, self.norm, self.minibatch)


def nearest_picture(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The closest [C, H, W] whose sides are those of a base grid times a power of two.

    Raises:
        UserError: `shape` is not the shape of an image.
    """
    if len(shape) != 3:
        raise UserError(
            f"dcgan nets are for images [C, H, W], not for samples of shape {list(shape)}; try mlp",
            code="nets.not_for_shape",
        )
    return (shape[0], *grid.nearest(shape[1], shape[2]))


def layout(spec: Spec, who: str) -> tuple[int, int, int, int]:
    """(colors, base height, base width, doublings) of a spec.

    Raises:
        UserError: the net does not support that size; the message states the closest supported one.
    """
    near = nearest_picture(spec.shape)
    colors, height, width = spec.shape
    found = grid.split(height, width)
    if found and found[2] == 1:  # a D with a single convolution is too weak: 8×8 starts from 2×2
        found = grid.split(height, width, base_min=2)
    if found is None:
        raise UserError(
            f"{who}: does not support {height}×{width} images; the nearest size is {near[1]}×{near[2]} "
            f"(sides must be a grid of {grid.BASE_MIN} to {grid.BASE_MAX} cells, doubled one or more times)",
            code="nets.unreachable_size",
        )
    return (colors, *found)
