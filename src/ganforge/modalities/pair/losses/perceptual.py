"""Feature extractors that compare images: the critics' own layers, VGG-19 if its weights are available, random filters.

    critic     D's hidden maps                                        Wang et al. 2018 (pix2pixHD); no other net needed
    vgg        VGG-19's maps before the ReLU, trained on ImageNet     Simonyan & Zisserman 2015; Wang et al. 2018
    random     ReLU of fixed random filters of several widths         Ustyuzhaninov et al. 2017, "What does it take to
                                                                      generate natural textures?"

x [N, C, H, W] in [-1, 1] → maps [N, F, h, w].
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import safetensors
import safetensors.torch
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad, relu

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Memory, wide
from ganforge.losses.base import PerceptualNet

BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Channels and convolutions of VGG-19's blocks; between two of them the grid is halved."""
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's images in [0, 1], as the net was trained."""
Place = Literal[
    "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4",
    "conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3", "conv5_4",
]  # fmt: skip


class Critic(PerceptualNet, kind="critic"):
    """The hidden layers of the task's own critics: always available, and trained on the same images."""


class Vgg(PerceptualNet, kind="vgg"):
    """VGG-19 trained on ImageNet, from a file of weights that you provide: what the papers use."""

    weights: str
    """Safetensors file of the weights (`features.0.weight` and so on), made from vgg19-dcbb9e9d.pth of the usual model
    zoo with benchmarks/convert_weights.py from the sources of ganforge."""
    places: tuple[Place, ...] = Field(default=("conv5_4",), min_length=1)
    """Feature maps to use, before their ReLU. ESRGAN: conv5_4; Real-ESRGAN: conv1_2, conv2_2, conv3_4, conv4_4,
    conv5_4."""

    def memory(self) -> dict[str, Tensor]:
        tensors = read(Path(self.weights).expanduser())
        before, wanted = 3, {}
        for place in self._needed():
            channels, number = BLOCKS[int(place[4]) - 1][0], numbers()[place]
            for part, shape in (("weight", (channels, before, 3, 3)), ("bias", (channels,))):
                found = tensors.get(f"features.{number}.{part}")
                if found is None or found.shape != shape:
                    raise UserError(
                        f"{self.weights}: are not the weights of VGG-19: features.{number}.{part} "
                        f"{'is missing' if found is None else f'has the shape {list(found.shape)}'}",
                        code="weights.other_net",
                    )
                wanted[f"{place}.{part}"] = wide(found)
            before = channels
        return wanted

    def maps(self, x: Tensor, memory: Memory) -> list[Tensor]:
        found: dict[str, Tensor] = {}
        mean, spread = (x.new_tensor(t).view(1, 3, 1, 1) for t in (MEAN, SPREAD))
        x = ((three(x) + 1) / 2 - mean) / spread
        for place in self._needed():
            if place.endswith("_1") and place != "conv1_1":
                x = max_pool2d(x, 2)
            x = conv2d(x, memory[f"{place}.weight"].to(x), memory[f"{place}.bias"].to(x), padding=1)
            found[place] = x
            x = relu(x)
        return [found[place] for place in self.places]

    def _needed(self) -> list[str]:
        """The convolutions up to the last place asked for."""
        return names()[: 1 + max(names().index(place) for place in self.places)]


class Random(PerceptualNet, kind="random"):
    """Fixed random filters of several widths at several scales: they respond to texture and color, not to objects."""

    filters: int = Field(default=32, ge=1)
    """Number of filters of each width."""
    widths: tuple[int, ...] = Field(default=(3, 5, 7, 11), min_length=1)
    """Widths of the filters in px, odd."""
    scales: int = Field(default=3, ge=1, le=6)
    """Number of scales: the image, the image halved, and so on."""

    def memory(self) -> dict[str, Tensor]:
        draws, found = Rng(0, stream="lens", dtype=torch.get_default_dtype()), {}
        for width in self.widths:
            if width % 2 == 0:
                raise UserError(
                    f"task.lens.widths: {width} is even; the width of a filter must be odd", code="loss.even_filter"
                )
            # He's spread: what comes out is about as wide as what goes in, whatever the width
            deviation = (2 / (3 * width**2)) ** 0.5
            found[f"filters.{width}"] = draws.normal(f"{width}", (self.filters, 3, width, width)) * deviation
        return found

    def maps(self, x: Tensor, memory: Memory) -> list[Tensor]:
        x, found = three(x), []
        for scale in range(self.scales):
            if scale:
                x = avg_pool2d(x, 2)
            parts = []
            for width in self.widths:
                around = min(width // 2, min(x.shape[2:]) - 1)  # what lies beyond a mirror is dark
                inner = pad(x, [around] * 4, mode="reflect")
                parts.append(relu(conv2d(inner, memory[f"filters.{width}"].to(x), padding=width // 2 - around)))
            found.append(torch.cat(parts, 1))
        return found


def names() -> list[str]:
    """conv1_1, conv1_2, conv2_1, ...: VGG-19's convolutions in their order."""
    return [f"conv{b + 1}_{k + 1}" for b, (_, times) in enumerate(BLOCKS) for k in range(times)]


def numbers() -> dict[str, int]:
    """At which place of `features` each convolution stands: a ReLU follows each, and a pooling each block."""
    return {name: 2 * k + int(name[4]) - 1 for k, name in enumerate(names())}


def three(x: Tensor) -> Tensor:
    """Gray as RGB; alpha over gray, so that invisible pixels make no difference. [N, 1..4, H, W] → [N, 3, H, W]."""
    if x.shape[1] in (2, 4):
        x = x[:, :-1] * (x[:, -1:] + 1) / 2
    return x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        UserError: no such file, a pickle, or a damaged safetensors file.
    """
    if not path.is_file():
        raise UserError(
            f"task.lens.weights: {path}: no such file. Without the weights of VGG-19, use task.lens=critic, or "
            "task.lens=random for style",
            code="weights.not_found",
        )
    with path.open("rb") as file:
        if file.read(2) in (b"PK", b"\x80\x02"):
            raise UserError(
                f"{path}: is a pickle, which can run any code when loaded, and was not opened. Convert it once "
                "with benchmarks/convert_weights.py from the sources of ganforge: "
                f"python convert_weights.py {path.name} {path.stem}.safetensors",
                code="weights.pickle",
            )
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise UserError(
            f"{path}: is not a complete safetensors file ({error}). Nothing was loaded", code="weights.unreadable"
        ) from None
