"""LPIPS: a perceptual distance of two images, from feature maps of an ImageNet classifier.

Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric":

    d(x, y) = Σ_l mean over positions of  Σ_c w_lc ( f̂_lc(x) − f̂_lc(y) )²

f̂_l: the map of stage l [N, C_l, H_l, W_l], normalized to length 1 along the channels at every position; w_l ≥ 0:
learned weights [C_l]. Images are in [−1, 1] and then normalized as for training the nets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.image.extractors import weights
from ganforge.modalities.image.extractors.resize import rgb
from ganforge.modalities.image.extractors.trunks import TRUNKS, Trunk
from ganforge.modalities.image.metrics.diversity import random_pairs
from ganforge.modalities.image.metrics.pairwise import pair_by_pair, pair_result

SMALLEST = {"alex": 31, "vgg": 16, "squeeze": 17}  # minimum image size in px for each trunk
SHIFT = (-0.030, -0.088, -0.188)
SPREAD = (0.458, 0.448, 0.450)
TrunkName = Literal["alex", "vgg", "squeeze"]
FILES = {
    "alex": ("alexnet-owt-7be5be79.pth", "7be5be79"),
    "vgg": ("vgg16-397923af.pth", "397923af"),
    "squeeze": ("squeezenet1_1-b8a52dc0.pth", "b8a52dc0"),
}


class Lpips(nn.Module):
    """x, y float [N, 3, H, W] in [−1, 1] → distances [N]."""

    shift: Tensor
    spread: Tensor

    def __init__(self, trunk: Trunk):
        super().__init__()
        self.trunk = trunk
        self.weights = nn.ParameterList([nn.Parameter(torch.ones(c)) for c in trunk.channels])
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(SPREAD).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        total = x.new_zeros(len(x))
        for weight, a, b in zip(self.weights, self.maps(x), self.maps(y), strict=True):
            total = total + ((a - b).square() * weight.view(1, -1, 1, 1)).sum(1).mean((1, 2))
        return total

    def maps(self, x: Tensor) -> list[Tensor]:
        """The maps of each stage, normalized to length 1 along the channels."""
        return [_unit(m) for m in self.trunk((x - self.shift) / self.spread)]


def _unit(maps: Tensor) -> Tensor:
    return maps / (maps.square().sum(1, keepdim=True).sqrt() + 1e-10)


def at_hand(trunk: TrunkName, cache: Path) -> bool:
    """Whether both weights files are in the cache."""
    return all(
        (cache / "weights" / name).is_file() for name in (f"{trunk}-imagenet.safetensors", f"lpips-{trunk}.safetensors")
    )


def load(trunk: TrunkName, file: str | None, heads: str | None, cache: Path | None) -> tuple[Lpips, str]:
    """LPIPS with weights from two files, and a hash of both.

    Args:
        file: weights of the trunk, named `features.N.weight`. heads: learned weights, named `lin0.model.1.weight`.

    Raises:
        UserError: a file is missing (the message says where to get and put it) or for another net.
    """
    original, sha256 = FILES[trunk]
    without = "psnr, ssim, ms-ssim, swd, and every distance of features under the extractor small"
    known = weights.KnownWeights(
        f"{trunk}-imagenet.safetensors", f"https://download.pytorch.org/models/{original}", f"{sha256}...", without
    )
    known_heads = weights.KnownWeights(
        f"lpips-{trunk}.safetensors",
        f"lpips/weights/v0.1/{trunk}.pth of https://github.com/richzhang/PerceptualSimilarity",
        "not published",
        without,
    )
    net = weights.blank(lambda: Lpips(TRUNKS[trunk]()))
    path = weights.find(file, cache, known, f"lpips (trunk {trunk})")
    tensors, _, digest = weights.read(path)
    weights.load_into(net.trunk, tensors, path, ignore=("classifier.", "lin"))
    path = weights.find(heads, cache, known_heads, f"lpips (learned weights for {trunk})")
    tensors, _, of_heads = weights.read(path)
    for k, weight in enumerate(net.weights):
        name = f"lin{k}.model.1.weight"
        found = tensors.get(name)
        if found is None or found.numel() != weight.numel() or bool((found < 0).any()):
            raise UserError(
                f"{path}: not the learned weights of LPIPS for {trunk}: {name!r} is missing, negative or "
                "has the wrong shape",
                code="weights.other_net",
            )
        weight.data.copy_(found.flatten())
    return net.eval().requires_grad_(False), f"{digest[:8]}+{of_heads[:8]}"


def to_unit(pictures: np.ndarray) -> Tensor:
    """Decoded images [N, H, W, C], 0 to 255, as input of the net: float32 [N, 3, H, W] in [−1, 1]."""
    return torch.from_numpy(rgb(pictures).astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1


class _Perceptual(Metric):
    """Base of metrics with LPIPS: the choice of the weights."""

    signals: ClassVar[tuple[str, ...]] = ("image", "pair")

    trunk: TrunkName = "alex"
    """The net whose feature maps are compared: alex, vgg or squeeze."""
    weights: str | None = None
    """Path of the trunk's ImageNet weights (safetensors); by default TRUNK-imagenet.safetensors in the cache."""
    heads: str | None = None
    """Path of the learned weights (safetensors); by default lpips-TRUNK.safetensors in the cache."""

    def net(self, comparison: Comparison) -> tuple[Lpips, str]:
        """The net on its device and the hash of its weights."""
        key = ("lpips", self.trunk, self.weights, self.heads)
        net, digest = comparison.once(key, lambda: load(self.trunk, self.weights, self.heads, comparison.cache))
        return net.to(comparison.device), digest

    def refuse_small(self, pictures: np.ndarray) -> None:
        """Raises UserError if the images are too small for the trunk."""
        side = min(pictures.shape[1:3])
        if side < SMALLEST[self.trunk]:
            fits = [name for name, least in SMALLEST.items() if side >= least]
            hint = f"trunk={fits[0]} supports them" if fits else "no trunk of LPIPS supports images this small"
            raise UserError(
                f"metric {self.kind!r}: {self.trunk} needs images of at least {SMALLEST[self.trunk]} px, and these "
                f"have {side}; {hint}",
                code="metric.images_too_small",
            )


class LpipsDistance(_Perceptual, kind="lpips"):
    """LPIPS of pairs of a generated and a real image: their perceptual distance, 0 for equal ones."""

    needs: ClassVar[frozenset[str]] = frozenset({"pairs"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "lpips": Meaning("Perceptual distance of pairs.", "lower", 0),
    }
    any_size: ClassVar[bool] = True

    @torch.inference_mode()
    def compute(self, comparison: Comparison) -> list[Result]:
        net, digest = self.net(comparison)

        def of(real: np.ndarray, other: np.ndarray) -> Tensor:
            self.refuse_small(real)
            return net(to_unit(real).to(comparison.device), to_unit(other).to(comparison.device))

        n, found = pair_by_pair(self, comparison, of)
        name = f"lpips{short_count(n)}[{self.trunk}@{digest[:8]}]"
        return [pair_result(name, comparison, n, found, {"trunk": self.trunk, "weights": digest})]


class LpipsDiversity(_Perceptual, kind="lpips-diversity"):
    """Mean LPIPS of random pairs of generated images of a class; near 0 if the model generates the same image
    repeatedly."""

    values: ClassVar[Mapping[str, Meaning]] = {
        "lpips_diversity": Meaning("Perceptual distance between generated images.", "higher"),
    }

    pairs: int = Field(default=1000, ge=1)
    """Number of random pairs drawn from the real and from the generated images."""

    @torch.inference_mode()
    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        found, digest = {}, ""
        for side, count in (("fake", n), ("real", comparison.real.n)):
            labels = None if comparison.side(side).labels is None else comparison.labels(side, count)
            first, second = random_pairs(count, labels, self.pairs, comparison.draws(f"lpips {side}"))
            pictures = comparison.at(side, np.concatenate([first, second]))
            self.refuse_small(pictures)
            net, digest = self.net(comparison)
            parts = []
            for start in range(0, self.pairs, 16):
                stop = min(start + 16, self.pairs)
                x = to_unit(pictures[start:stop]).to(comparison.device)
                y = to_unit(pictures[self.pairs + start : self.pairs + stop]).to(comparison.device)
                parts.append(net(x, y).cpu())
                comparison.progress(f"lpips of {side} pairs", min(start + 16, self.pairs), self.pairs)
            found[side] = torch.cat(parts)
        protocol = comparison.protocol(n) | {"pairs": self.pairs, "within_class": comparison.fake.labels is not None}
        detail = {"real": float(found["real"].mean())}
        sd = float(found["fake"].double().std(correction=0))
        detail |= {"sd": sd, "error": sd / self.pairs**0.5}
        name = f"lpips-diversity{short_count(n)}[{self.trunk}@{digest[:8]}]"
        provenance = protocol | {"trunk": self.trunk, "weights": digest}
        return [Result(name, float(found["fake"].double().mean()), provenance, detail)]
