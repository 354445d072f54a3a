"""Small models that change images, trained for a moment or not at all, and folders of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganforge.artifacts import bundle
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec, Terms
from ganforge.modalities.image.signal import Image as ImageSignal
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.signal import Pair
from ganforge.modalities.pair.tasks.paired import Paired
from ganforge.modalities.pair.tasks.translating import ChangesImages
from ganforge.nets.base import Translator
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam
from ganforge.registry import load_all
from ganforge.tasks.base import Phase, Task

load_all()


def spec_of(
    target: str = "RGB", source: str = "RGB", scale: int = 1, mask: bool = False, classes: tuple = (), side: int = 32
) -> Spec:
    """What a pair is, as the signal says it of data."""
    channels = {"L": 1, "RGB": 3, "RGBA": 4, "classes": len(classes)}
    shape = [channels[source] + mask, side // scale, side // scale]
    about = {"shape": shape, "mode": source, "classes": list(classes), "scale": scale, "mask": mask}
    return Spec((channels[target], side, side), state={"mode": target, "depth": 8, "source": about})


def model_file(path: Path, translator: Translator, spec: Spec, task: Task | None = None, samples: int = 0) -> Path:
    """Writes a bundle of an untrained translator."""
    degrade = Degrade.parse("boxes") if spec.state.get("source", {}).get("mask") else None
    signal = Pair(degrade=degrade) if "source" in spec.state else ImageSignal()
    task = task or Paired(translator=translator, terms=("l1",))
    recipe = Recipe(name="tiny", signal=signal, task=task, optimizers={"G": Adam()})
    torch.manual_seed(1)
    nets = task.players(spec)
    awake(nets)
    bundle.save(path, recipe, spec, {k: nets[k] for k in task.generators()}, samples)
    return path


def awake(nets: dict[str, nn.Module]) -> None:
    """Norms with statistics of their own, and weights large enough for pixels to move."""
    with torch.no_grad():
        for net in nets.values():
            for layer in net.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
                if isinstance(layer, nn.BatchNorm2d):
                    assert layer.running_mean is not None
                    assert layer.running_var is not None
                    layer.running_mean.normal_(0, 0.1)
                    layer.running_var.uniform_(0.02, 0.2)


def photo_like(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth colors with some edges and noise: uint8 [H, W, C]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for _ in range(channels):
        a, b, c = rng.uniform(0.01, 0.3, 3)
        planes.append(128 + 60 * np.sin(a * x + b * y) + 40 * np.sign(np.sin(c * x - 0.05 * y)))
    picture = np.stack(planes, 2) + rng.normal(0, 5, (height, width, channels))
    return picture.clip(0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, **extra: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path, **extra)
    return path


class TwoWays(ChangesImages, kind="test_two_ways"):
    """Two translators, as a CycleGAN has them."""

    translator: Translator

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        return {f"G_{way}": self.translator.build(spec, spec) for way in self.directions()}

    def generators(self) -> tuple[str, ...]:
        return ("G_ab", "G_ba")

    def phases(self) -> list[Phase]:
        return [Phase("G", self.loss, trains=self.generators())]

    def loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        return Terms({"l1": (nets.G_ab(batch.x) - batch.x).abs().flatten(1).mean(1)})

    def directions(self) -> tuple[str, ...]:
        return ("ab", "ba")

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        return nets[f"G_{direction or 'ab'}"](source)
