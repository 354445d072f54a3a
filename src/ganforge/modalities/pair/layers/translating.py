"""What nets that make images from images share: any size in, a known reach, grids doubled without a checkerboard.

How far a net looks. A pixel of the output depends on an interval of the source, which is followed back layer by layer:

    convolution k, stride s, padding p, dilation d     [a, b] → [a·s − p, b·s − p + d(k − 1)]
    transposed convolution k, s, p                     [a, b] → [⌈(a + p − k + 1) / s⌉, ⌊(b + p) / s⌋]
    a grid r times finer (shuffle, nearest)            [a, b] → [⌊a / r⌋, ⌊b / r⌋]
    a grid r times coarser (unshuffle)                 [a, b] → [a·r, b·r + r − 1]

The halo is the furthest that it leads from the place of the pixel, over all pixels of one period.

Doubling. A transposed convolution whose kernel is no multiple of its stride meets some pixels more often than others,
and the result shows it (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts"). Two ways around it: `nearest`
repeats each cell four times and convolves; `shuffle` makes four times the channels and lays them side by side (Shi et
al. 2016), with the weights of the four alike at the start (Aitken et al. 2017, "Checkerboard artifact free sub-pixel
convolution").

Instance norm looks at the whole image, and a tile of a large one would be normalized by itself: brighter or duller
than its neighbor. `InstanceNorm` can use moments of many parts of the image together; then every tile is normalized
alike, and the net has a finite halo.

x [N, C, h, w].
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec, wide

Padding = Literal["reflect", "zero", "replicate"]
Doubling = Literal["transposed", "nearest", "shuffle"]

MODES: dict[Padding, Literal["reflect", "zeros", "replicate"]] = {
    "reflect": "reflect", "zero": "zeros", "replicate": "replicate",
}  # fmt: skip
"""What torch calls them."""


class TranslatorNet(nn.Module):
    """Base of the nets that translators build.

    A subclass has `steps(x)`, which goes from a source that fits to the image, hidden layer by hidden layer.

    Args:
        depth: how many hidden layers `steps` yields before the image.
        scale: how many times as large as the source the image is.
        multiple: what fits is a multiple of it.
        least: the smallest side in px that the layers can work with, a multiple of `multiple`.
    """

    looks_at_all = False
    """Whether every pixel depends on the whole source, whatever the layers are."""

    def __init__(self, depth: int, scale: int = 1, multiple: int = 1, least: int = 1):
        super().__init__()
        self.depth, self.scale, self.multiple, self.least = depth, scale, multiple, least

    def steps(self, x: Tensor) -> Iterator[Tensor]:
        """The hidden layers in turn, `depth` of them, and at last the image."""
        raise NotImplementedError

    def forward(self, source: Tensor) -> Tensor:
        height, width = source.shape[2:]
        *_, image = self.steps(self.fitted(source))
        return image[:, :, : height * self.scale, : width * self.scale]

    def with_features(self, source: Tensor, layers: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """The image, and hidden layers by number as `features` gives them, in one pass."""
        height, width = source.shape[2:]
        x = self.fitted(source)
        every = [x, *self.steps(x)]
        return every[-1][:, :, : height * self.scale, : width * self.scale], [every[k] for k in layers]

    def features(self, source: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Hidden layers by number, from 1 to `depth`, and 0 for the source; nothing beyond the last one is computed."""
        if any(not 0 <= k <= self.depth for k in layers):
            raise ValueError(f"layers {list(layers)}: this net has the layers 0 to {self.depth}")
        x = self.fitted(source)
        found = {0: x}
        steps = self.steps(x)
        for k in range(1, max(layers, default=0) + 1):
            found[k] = next(steps)
        return [found[k] for k in layers]

    def fitted(self, source: Tensor) -> Tensor:
        """The source, made larger at its right and lower edge by its mirror image until it fits."""
        sides = [max(self.least, -(-side // self.multiple) * self.multiple) for side in source.shape[2:]]
        return mirrored(source, *sides).contiguous(memory_format=torch.channels_last)

    @property
    def halo(self) -> int | None:
        """How many px of the source around a pixel can change it, in use; None where the whole image can."""
        own = any(isinstance(m, InstanceNorm) and m.kept is None for m in self.modules())
        return None if own else self.settled_halo

    @property
    def settled_halo(self) -> int | None:
        """The halo while its instance norms are `settled`."""
        return None if self.looks_at_all else reach(self, self.scale, self.multiple)


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm: each channel of an image to mean 0 and variance 1 over its places (Ulyanov et al. 2016).

    For large images, which come in tiles, `settled` makes it go by moments of several parts of the image at once.
    These are no part of its state.
    """

    pooling = False
    kept: tuple[Tensor, Tensor] | None = None
    """Mean and variance [1, C, 1, 1] that images are normalized by; None for their own."""

    def forward(self, input: Tensor) -> Tensor:
        if self.pooling:
            x = wide(input)
            mean = x.mean((0, 2, 3), keepdim=True)
            self.kept = mean, (x - mean).square().mean((0, 2, 3), keepdim=True)
        if self.kept is None:
            return super().forward(input)
        mean, variance = self.kept
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            scale = scale * self.weight[:, None, None]
        shift = -mean * scale
        if self.affine:
            shift = shift + self.bias[:, None, None]
        return input * scale.to(input.dtype) + shift.to(input.dtype)


@contextlib.contextmanager
def settled(nets: Iterable[nn.Module], show: Callable[[], object]) -> Iterator[None]:
    """Within it instance norms go by what they saw in `show()`, which runs nets on parts of an image, in one batch."""
    norms = [layer for net in nets for layer in net.modules() if isinstance(layer, InstanceNorm)]
    try:
        for norm in norms:
            norm.pooling = True
        show()
        for norm in norms:
            norm.pooling = False
        yield
    finally:
        for norm in norms:
            norm.pooling, norm.kept = False, None


def mirrored(x: Tensor, height: int, width: int) -> Tensor:
    """x continued at its right and lower edge by its mirror image, back and forth where it is small."""
    for dim, side in ((2, height), (3, width)):
        if x.shape[dim] < side:
            x = x.index_select(dim, bounce(x.shape[dim], side).to(x.device))
    return x


def bounce(side: int, wanted: int) -> Tensor:
    """0, 1, ..., side − 1, side − 2, ..., 1, 0, 1, ...: `wanted` places that go back and forth."""
    period = max(2 * side - 2, 1)
    k = torch.arange(wanted) % period
    return torch.minimum(k, period - k) if side > 1 else torch.zeros_like(k)


def reach(net: nn.Module, scale: int, multiple: int) -> int:
    """The halo of a net whose layers are registered in the order in which the longest way leads through them."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.PixelShuffle, nn.PixelUnshuffle, nn.Upsample)
    layers = [m for m in net.modules() if isinstance(m, kinds)]
    furthest = 0
    for pixel in range(scale * multiple):
        low = high = pixel
        for layer in reversed(layers):
            low, high = behind(layer, low, high)
        furthest = max(furthest, pixel // scale - low, high - pixel // scale)
    return furthest


def behind(layer: nn.Module, low: int, high: int) -> tuple[int, int]:
    """The interval of a layer's input that an interval of its output depends on."""
    match layer:
        case nn.Conv2d():
            s, p, k = layer.stride[0], int(layer.padding[0]), layer.dilation[0] * (layer.kernel_size[0] - 1)
            return low * s - p, high * s - p + k
        case nn.ConvTranspose2d():
            s, p, k = layer.stride[0], int(layer.padding[0]), layer.kernel_size[0]
            return -((k - 1 - p - low) // s), (high + p) // s
        case nn.PixelShuffle():
            return low // layer.upscale_factor, high // layer.upscale_factor
        case nn.PixelUnshuffle():
            return low * layer.downscale_factor, (high + 1) * layer.downscale_factor - 1
        case nn.Upsample():
            factor = int(layer.scale_factor)  # type: ignore[arg-type]
            return low // factor, high // factor
    raise AssertionError(type(layer))


def conv(before: int, after: int, kernel: int, padding: Padding, stride: int = 1, dilation: int = 1, bias: bool = True):
    """A convolution that keeps the size, or with a stride has it; `padding` is what lies beyond the edge."""
    around = dilation * (kernel - 1) // 2
    return nn.Conv2d(before, after, kernel, stride, around, dilation, bias=bias, padding_mode=MODES[padding])


class Shuffle(nn.Sequential):
    """[N, before, h, w] → [N, after, r·h, r·w] by r² times the channels, laid side by side."""

    def __init__(self, before: int, after: int, padding: Padding, factor: int = 2, bias: bool = True):
        super().__init__(conv(before, after * factor**2, 3, padding, bias=bias), nn.PixelShuffle(factor))
        self.factor = factor

    @torch.no_grad()
    def even(self) -> None:
        """Gives the r² neighbors that come from one cell the same weights."""
        layer = self[0]
        assert isinstance(layer, nn.Conv2d)
        for tensor in (layer.weight, layer.bias):
            if tensor is not None:
                groups = tensor.unflatten(0, (-1, self.factor**2))
                groups.copy_(groups[:, :1].clone().expand_as(groups))


def doubling(before: int, after: int, how: Doubling, padding: Padding, kernel: int = 4, bias: bool = True) -> nn.Module:
    """[N, before, h, w] → [N, after, 2h, 2w]. `kernel`, 3 or 4, is that of the transposed convolution."""
    if how == "shuffle":
        return Shuffle(before, after, padding, bias=bias)
    if how == "nearest":
        return nn.Sequential(nn.Upsample(scale_factor=2), conv(before, after, 3, padding, bias=bias))
    return nn.ConvTranspose2d(before, after, kernel, 2, 1, output_padding=4 - kernel, bias=bias)


def normal_start(net: nn.Module) -> None:
    """N(0, 0.02) for weights and N(1, 0.02) for the scales of norms, biases 0, as pix2pix and CycleGAN have it."""
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.modules.batchnorm._NormBase) and layer.affine:
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)
    even_start(net)


def even_start(net: nn.Module) -> None:
    """Last of all: shuffled channels start without a checkerboard."""
    for layer in net.modules():
        if isinstance(layer, Shuffle):
            layer.even()


def scale_of(source: Spec, target: Spec, who: str, scales: Sequence[int] = (1,), least: int = 1) -> int:
    """How many times as large the target is.

    Raises:
        UserError: no images, a scale that is none of `scales`, or sources smaller than `least`.
    """
    for name, spec in (("source", source), ("target", target)):
        if len(spec.shape) != 3:
            raise UserError(
                f"{who} takes images [C, H, W] and returns images; a {name} here has the shape {list(spec.shape)}",
                code="nets.not_for_shape",
            )
    (h, w), (H, W) = source.shape[1:], target.shape[1:]
    if min(h, w) < least:
        raise UserError(
            f"{who}: a source of {h}×{w} px is too small; both sides must be at least {least} px. "
            f"Train on larger images: signal.size={least * max(1, H // h)} or more",
            code="nets.images_too_small",
        )
    scale = H // h
    if (h * scale, w * scale) != (H, W) or scale not in scales:
        known = ", ".join(map(str, scales))
        only = "keeps the size of the source" if tuple(scales) == (1,) else f"enlarges {known} times"
        raise UserError(f"{who} {only}, but here {h}×{w} is to become {H}×{W}", code="nets.wrong_scale")
    return scale
