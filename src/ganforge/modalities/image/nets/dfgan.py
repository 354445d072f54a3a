"""DF-GAN: one stage of residual blocks, in each of which the sentence changes every layer.

Tao, Tang, Wu, Jing, Bao & Xu 2022, "DF-GAN: A Simple and Effective Baseline for Text-to-Image Synthesis"; attention of
regions to words: Xu et al. 2018, "AttnGAN: Fine-Grained Text to Image Generation with Attentional Generative
Adversarial Networks".

    G: z → linear → base grid → blocks of doubled sides → convolution 3×3, tanh
       block    x ↑2, + F(x),  F = twice: affine, LeakyReLU, affine, LeakyReLU, convolution 3×3
       affine   γ(s) · x + β(s);  γ, β: two linear layers of the sentence and the latent s = [e, z]
       words    after a block: x + g · V(context),  context of a region = Σ_t softmax_t(x · k_t) v_t over the words t
    D: x → convolution 3×3 → blocks of halved sides → [h, e at every place] → two convolutions → logit
       block    mean pool of x, + g · F(x),  F = convolution 4×4 of stride 2, then 3×3, with LeakyReLU;  g starts at 0

LeakyReLU 0.2. Departures: the last two convolutions of D work for any base grid (their mean over places is taken).

N: samples, T words, E their width, z [N, L], c [N, K] vectors of conditions, x [N, C, H, W].
"""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu, scaled_dot_product_attention

from ganforge.core.types import Spec
from ganforge.modalities.image.nets.dcgan import layout, levels, nearest_picture
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import as_vectors
from ganforge.nets.sentences.base import Encoded

HIDDEN = 256
"""Units between the two linear layers of an affine."""
WIDTH = "word_width"
"""Where a spec says how wide the vectors of words are."""


def _mlp(code: int, channels: int, value: float) -> nn.Sequential:
    """Two linear layers whose output starts near one value."""
    last = nn.Linear(HIDDEN, channels)
    nn.init.normal_(last.weight, 0.0, 0.01)
    nn.init.constant_(last.bias, value)
    return nn.Sequential(nn.Linear(code, HIDDEN), nn.ReLU(), last)


class Affine(nn.Module):
    """γ(s) · x + β(s), then LeakyReLU."""

    def __init__(self, channels: int, code: int):
        super().__init__()
        self.scale, self.shift = _mlp(code, channels, 1.0), _mlp(code, channels, 0.0)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        return leaky_relu(self.scale(code)[:, :, None, None] * x + self.shift(code)[:, :, None, None], 0.2)


class UpBlock(nn.Module):
    """[N, before, h, w] → [N, after, 2h, 2w]."""

    def __init__(self, before: int, after: int, code: int):
        super().__init__()
        self.affines = nn.ModuleList(Affine(channels, code) for channels in (before, before, after, after))
        self.first, self.second = nn.Conv2d(before, after, 3, 1, 1), nn.Conv2d(after, after, 3, 1, 1)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        x = interpolate(x, scale_factor=2.0)
        a, b, c, d = self.affines
        h = self.first(b(a(x, code), code))
        return self.skip(x) + self.second(d(c(h, code), code))


class WordAttention(nn.Module):
    """Each region of x looks for the words that concern it."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.keys, self.values = nn.Linear(width, channels), nn.Linear(width, channels)
        self.gain = nn.Parameter(torch.full((), 0.1))

    def forward(self, x: Tensor, words: Encoded) -> Tensor:
        regions = x.flatten(2).transpose(1, 2)  # [N, h·w, C]
        keys, values = self.keys(words.words), self.values(words.words)
        context = scaled_dot_product_attention(regions, keys, values, attn_mask=words.there[:, None])
        return x + self.gain * context.transpose(1, 2).reshape(x.shape)


class DfganG(nn.Module):
    """The net of `DfganGenerator`."""

    takes_words = True

    def __init__(
        self, latent: int, widths: list[int], base: tuple[int, int], colors: int, classes: int, attends: dict[int, int]
    ):
        super().__init__()
        self.classes = classes
        self.project = nn.Linear(latent, widths[0] * base[0] * base[1])
        self.grid = nn.Unflatten(1, (widths[0], *base))
        self.blocks = nn.ModuleList(UpBlock(a, b, latent + classes) for a, b in pairwise(widths))
        self.words = nn.ModuleDict({str(k): WordAttention(widths[k + 1], width) for k, width in attends.items()})
        self.out = nn.Conv2d(widths[-1], colors, 3, 1, 1)

    def forward(self, z: Tensor, c: Tensor | None = None, words: Encoded | None = None) -> Tensor:
        code = torch.cat([z, as_vectors(c, self.classes, z.dtype)], 1) if self.classes else z
        x = self.grid(self.project(z))
        for k, block in enumerate(self.blocks):
            x = block(x, code)
            if words is not None and str(k) in self.words:
                x = self.words[str(k)](x, words)
        return torch.tanh(self.out(leaky_relu(x, 0.2)))


class DownBlock(nn.Module):
    """[N, before, h, w] → [N, after, h/2, w/2]."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.first = nn.Conv2d(before, after, 4, 2, 1, bias=False)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        h = leaky_relu(self.second(leaky_relu(self.first(x), 0.2)), 0.2)
        return avg_pool2d(self.skip(x), 2) + self.gain * h


class DfganD(nn.Module):
    """The net of `DfganDiscriminator`."""

    def __init__(self, widths: list[int], colors: int, classes: int, base: int):
        super().__init__()
        self.classes = classes
        self.first = nn.Conv2d(colors, widths[0], 3, 1, 1)
        self.blocks = nn.ModuleList(DownBlock(a, b) for a, b in pairwise(widths))
        self.joint = nn.Conv2d(widths[-1] + classes, 2 * widths[0], 3, 1, 1, bias=False)
        self.out = nn.Conv2d(2 * widths[0], 1, min(4, base), bias=False)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = self.first(x)
        for block in self.blocks:
            h = block(h)
        features = leaky_relu(h, 0.2).mean((2, 3))
        if self.classes:
            places = as_vectors(c, self.classes, h.dtype)[:, :, None, None].expand(-1, -1, *h.shape[2:])
            h = torch.cat([h, places], 1)
        return DiscriminatorOutput(self.out(leaky_relu(self.joint(h), 0.2)).mean((1, 2, 3)), features)


class DfganGenerator(Generator, kind="dfgan"):
    """Residual blocks whose every layer is scaled and shifted by the sentence (DF-GAN), with attention to its words."""

    channels: int = Field(default=32, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid."""
    max_channels: int = Field(default=256, ge=1)
    """Maximum number of channels of a grid."""
    attention: tuple[int, ...] = (32, 64)
    """Heights in px of the grids whose regions look at the words, if the condition is a text; none in DF-GAN."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape)

    def build(self, spec: Spec) -> nn.Module:
        colors, *base, doublings = layout(spec, "dfgan generator")
        widths = [*levels(self.channels, self.max_channels, doublings + 1)[::-1]]
        width = spec.state.get(WIDTH, 0)
        attends = {k: width for k in range(doublings) if width and base[0] << (k + 1) in self.attention}
        return DfganG(self.latent, widths, (base[0], base[1]), colors, spec.classes, attends)


class DfganDiscriminator(Discriminator, kind="dfgan"):
    """Residual blocks of halved sides; the sentence joins the coarsest grid, and one logit says whether the sample is
    real and fits it (DF-GAN)."""

    channels: int = Field(default=32, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid."""
    max_channels: int = Field(default=256, ge=1)
    """Maximum number of channels of a grid."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape)

    def build(self, spec: Spec) -> nn.Module:
        colors, *base, doublings = layout(spec, "dfgan discriminator")
        return DfganD(levels(self.channels, self.max_channels, doublings + 1), colors, spec.classes, min(base))
