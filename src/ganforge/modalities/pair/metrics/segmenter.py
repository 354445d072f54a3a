"""A small net for semantic segmentation, trained on real photos and their label maps.

A U-Net (Ronneberger, Fischer & Brox 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation") of four
halvings with batch norm. Trained on crops of three quarters of either side, half of them mirrored, by cross-entropy:

    loss = − mean over known pixels of  log softmax(net(x))_y

x uint8 [N, 3, H, W], y uint8 [N, H, W] with `VOID` where the class is unknown, K classes; B images a step,
crops [h, w].
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from ganforge.core.rng import Rng
from ganforge.metrics.base import cached
from ganforge.modalities.image.extractors import fit, weights
from ganforge.modalities.image.pixels import crop, mirrored

VOID = 255  # no class: label maps have at most 255 of them
WIDTHS = (16, 32, 64, 96, 128)  # of the maps, finest first
BATCH = 8
STEPS = 300
RECIPE = 1  # increased when the net or its training changes, so that older cached nets are not used


def _block(before: int, after: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class Segmenter(nn.Module):
    """Images [N, 3, H, W], 0 to 255, of any size → logits [N, K, H, W]."""

    def __init__(self, classes: int):
        super().__init__()
        pairs = list(itertools.pairwise(WIDTHS))
        self.downs = nn.ModuleList([_block(3, WIDTHS[0])])
        self.downs.extend(nn.Sequential(_block(fine, coarse, 2), _block(coarse, coarse)) for fine, coarse in pairs)
        self.ups = nn.ModuleList(_block(coarse + fine, fine) for fine, coarse in reversed(pairs))
        self.head = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x / 127.5 - 1
        maps = []
        for down in self.downs:
            x = down(x)
            maps.append(x)
        for up, like in zip(self.ups, reversed(maps[:-1]), strict=True):
            x = up(torch.cat([interpolate(x, like.shape[2:]), like], 1))  # sides that are odd fit too
        return self.head(x)


def trained(x: Tensor, y: Tensor, classes: int, seed: int, steps: int, report: Callable[[int], None]) -> Segmenter:
    """A net that finds y in x. In evaluation mode, on the CPU."""
    net = fit.seeded(lambda: Segmenter(classes), seed, "segmenter")
    size = (-(-x.shape[2] * 3 // 4), -(-x.shape[3] * 3 // 4))
    spare = (x.shape[2] - size[0], x.shape[3] - size[1])

    def loss(step: int) -> Tensor:
        rng = Rng(seed, step, "segmenter")
        rows = rng.integers("rows", (BATCH,), len(x))
        places = torch.stack([rng.integers(f"crop {k}", (BATCH,), spare[k] + 1) for k in (0, 1)], 1)  # [B, 2]
        both = crop(torch.cat([x[rows], y[rows, None]], 1), places, *size)  # [B, 4, h, w]
        both = mirrored(both, rng.uniform("flip", (BATCH,)) < 0.5)
        target = both[:, 3].long()
        total = cross_entropy(net(both[:, :3].float()), target, ignore_index=VOID, reduction="sum")
        return total / (target != VOID).sum().clamp(min=1)  # a mean over none would be no number

    return fit.descend(net, loss, steps, report)


def trained_or_cached(
    make: Callable[[], tuple[Tensor, Tensor]],
    key: Sequence[object],
    classes: int,
    cache: Path | None,
    seed: int,
    steps: int,
    report: Callable[[int], None],
) -> tuple[Segmenter, str]:
    """The net and a hash of its weights: from the cache if it is there, else trained.

    Args:
        make: gives x and y.
        key: what these depend on, JSON.
        cache: the folder that it is kept in; None: nowhere.
    """
    digest = hashlib.sha256(json.dumps([RECIPE, *key, classes, seed, steps, torch.get_num_threads()]).encode())
    path = None if cache is None else cache / "extractors" / f"segmenter-{digest.hexdigest()[:24]}.safetensors"

    def read(file: Path) -> Segmenter:
        net = weights.blank(lambda: Segmenter(classes))
        weights.load_into(net, weights.read(file)[0], file)
        return net.eval().requires_grad_(False)

    net = cached(
        path,
        lambda: trained(*make(), classes, seed, steps, report),
        read,
        lambda file, net: weights.write(file, net.state_dict(), {}),
    )
    return net, weights.digest_of(net.state_dict())
