"""The smallest nets that make images from images and judge patches, and specs for them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Translator


class TinyNet(nn.Module):
    """Two convolutions; the image grows by repeating pixels."""

    def __init__(self, before: int, after: int, scale: int):
        super().__init__()
        self.scale, self.multiple, self.halo, self.depth = scale, 1, 2, 1
        self.first, self.last = nn.Conv2d(before, 6, 3, padding=1), nn.Conv2d(6, after, 3, padding=1)

    def forward(self, source: Tensor) -> Tensor:
        hidden = torch.tanh(self.first(source)).repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)
        return torch.tanh(self.last(hidden))

    def features(self, source: Tensor, layers: Sequence[int]) -> list[Tensor]:
        both = [source, torch.tanh(self.first(source))]
        return [both[k] for k in layers]

    def with_features(self, source: Tensor, layers: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        return self(source), self.features(source, layers)


class TinyTranslator(Translator, kind="tiny-translator"):
    """An image from an image with two convolutions."""

    def build(self, source: Spec, target: Spec) -> nn.Module:
        return TinyNet(source.shape[0], target.shape[0], target.shape[1] // source.shape[1])


class TinyJudge(nn.Module):
    """Patches of 4×4 px, judged each by itself."""

    def __init__(self, channels: int):
        super().__init__()
        self.first, self.last = nn.Conv2d(channels, 5, 4, 2, 1), nn.Conv2d(5, 1, 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        hidden = torch.tanh(self.first(x))
        return DiscriminatorOutput(self.last(hidden).flatten(1), hidden.mean((2, 3)), layers=[hidden])


class TinyCritic(Discriminator, kind="tiny-critic"):
    """A critic of patches with two convolutions."""

    def build(self, spec: Spec) -> nn.Module:
        return TinyJudge(spec.shape[0])


def pair_spec(side: int = 8, scale: int = 1, channels: int = 3, mask: bool = False) -> Spec:
    """Of RGB targets of `side` px made from sources of `channels` channels, `scale` times as small."""
    source = {"shape": [channels + mask, side // scale, side // scale], "mode": "RGB", "scale": scale, "mask": mask}
    return Spec((3, side, side), state={"mode": "RGB", "depth": 8, "source": source})
