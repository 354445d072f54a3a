"""Can a net that knows real photos find a label map again in the photo that was made from it?

Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", section 4, where it is called
the FCN score; there the net is the FCN-8s of Long, Shelhamer & Darrell 2015, "Fully Convolutional Networks for Semantic
Segmentation", section 5 of which has the figures. Here a small net learns it from the real pairs (see `segmenter`).

    n_ij: pixels of class i in the label map that the net takes for class j;  t_i = Σ_j n_ij
    pixel accuracy = Σ_i n_ii / Σ_i t_i
    class accuracy = mean over classes of  n_ii / t_i
    IoU            = mean over classes of  n_ii / (t_i + Σ_j n_ji − n_ii)

over the classes that the label maps hold. Beside each stands what the same net says of the real photos of the same
label maps: the upper bound. It has seen neither: it learns from the pairs of the training where others are judged,
and else from three quarters of the pairs, and the last quarter alone is judged. Scenes are alike (the sky is above), so
there is a score by chance, too: that of the real photos against the label map of another pair.

Figures of different segmenters (data, seed, resolution: all in the stamp) cannot be compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, SampleSet, short_count
from ganforge.modalities.image.extractors.resize import resize, rgb
from ganforge.modalities.pair.labelmaps import fitted
from ganforge.modalities.pair.metrics import segmenter
from ganforge.modalities.pair.metrics.segmenter import VOID, Segmenter

LARGEST = 128  # px: the longer side of what the net sees
MOST = 2_000  # pairs that it learns from
FEWEST = 8  # pairs, where some are used for training and others for evaluation
NEAR = 0.1  # of the way from chance to real photos, below which a model is hardly better than chance
PART = 16
SMALL = 64  # levels of label maps are below it, but for the one that PASCAL VOC and Cityscapes keep for "no class"


@dataclass(frozen=True, eq=False)
class Split:
    """Which pairs the net is trained on, and which ones it is evaluated on.

    Attributes:
        side: the training samples. train_rows: positions in it. judged: positions in the sides that are compared; both
            ascending.
    """

    side: SampleSet
    train_rows: np.ndarray
    judged: np.ndarray


class Segmentation(Metric, kind="segmentation"):
    """For photos made from label maps: how well a net that learned from real pairs finds the maps again (FCN score)."""

    needs: ClassVar[frozenset[str]] = frozenset({"pairs"})
    signals: ClassVar[tuple[str, ...]] = ("pair",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "iou": Meaning(
            "How well a net trained on real pairs recovers the label map from an image made from it: intersection "
            "over union, averaged over the classes.",
            "higher",
            1,
        ),
        "iou_of_real": Meaning("The same for the real images: the upper bound."),
        "pixel_accuracy": Meaning(
            "The share of pixels for which that net predicts the class of the label map.", "higher", 1
        ),
        "pixel_accuracy_of_real": Meaning("The same for the real images: the upper bound."),
        "class_accuracy": Meaning(
            "The same within each class, averaged: rare classes count as much as common ones.", "higher", 1
        ),
        "class_accuracy_of_real": Meaning("The same for the real images: the upper bound."),
    }
    void: tuple[str, ...] | None = None
    """Classes that mean "no class", as levels (11) or colors (#e0e0c0): ignored in training and evaluation. By default
    level 255 beside levels below 64, as in PASCAL VOC and Cityscapes, else none."""
    steps: int = Field(default=segmenter.STEPS, ge=1)
    """Training steps of the net, with batches of 8: 300 take about a minute on one core for images of 128 px."""

    def lacks(self, comparison: Comparison) -> str:
        lacking = super().lacks(comparison)
        source = comparison.facts.get("source", {})
        if lacking or (source.get("mode") == "classes" and comparison.real.sources is not None):
            return lacking
        return (
            "label maps that the images were made from (train with signal.source=classes if yours were not recognized)"
        )

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        classes = comparison.facts["source"]["classes"]
        void = self.void_of(classes)
        known = [str(name) for name in classes if str(name) not in void]
        if len(known) < 2:
            raise UserError(
                f"metric 'segmentation': {len(known)} classes besides void; at least 2 are needed",
                code="metric.too_few_classes",
            )
        places = np.full(256, VOID, np.uint8)  # from the place among all classes to that among those that count
        places[[k for k, name in enumerate(classes) if str(name) not in void]] = np.arange(len(known))
        split = split_of(comparison, n)
        net, digest, size = self._net(comparison, split, places, len(known))
        truth = maps_of(comparison.real, split.judged, size, places)
        share = float((truth == VOID).float().mean())
        if share == 1:
            raise UserError(
                "metric 'segmentation': every pixel of the label maps is void; nothing can be evaluated",
                code="metric.all_void",
            )
        found, real = (confusion(comparison, name, split.judged, net, truth, size) for name in ("fake", "real"))
        chance = confusion(comparison, "real", split.judged, net, truth.roll(1, 0), size)
        protocol = comparison.protocol(n) | {
            "segmenter": digest,
            "resolution": f"{size[0]}×{size[1]}",
            "steps": self.steps,
            "classes": len(known),
            "void": round(share, 4),
            "learnt_from": f"{len(split.train_rows)} {'of the' if split.side is comparison.real else 'training'} pairs",
            "judged": f"{len(split.judged)} other ones",
        }
        end = f"{short_count(len(split.judged))}[segmenter@{digest[:8]} {size[0]}×{size[1]}]"
        results = []
        for name, figure in FIGURES.items():
            for of, table in (("", found), ("-of-real", real)):
                detail: dict[str, Any] = {"by_chance": figure(chance)}
                detail |= {"per_class": per_class(table, known)} if figure is mean_iou else {}
                results.append(Result(f"{name}{of}{end}", figure(table), protocol, detail))
        notes = notes_on(found, real, chance)
        if notes:
            results[0].detail["notes"] = notes
        return results

    def void_of(self, classes: Sequence[int | str]) -> set[str]:
        """Those of the classes that say nothing.

        Raises:
            UserError: one of the void ones is no class.
        """
        names = [str(name) for name in classes]
        if self.void is None:
            levels = [level for level in classes if isinstance(level, int)]
            small = [level for level in levels if level < SMALL]
            return {"255"} if len(small) > 1 and sorted(levels) == [*sorted(small), 255] else set()
        void = {name.strip().lower() for name in self.void}
        strange = sorted(void - set(names))
        if strange:
            raise UserError(
                f"metric 'segmentation': void {', '.join(strange)} is not among the classes ({', '.join(names)})",
                code="metric.unknown_class",
            )
        return void

    def _net(
        self, comparison: Comparison, split: Split, places: np.ndarray, classes: int
    ) -> tuple[Segmenter, str, tuple[int, int]]:
        """The net, a hash of its weights, and the size of what it sees."""
        side = split.side
        size = size_of(next(side.parts(1, 1)).shape[1:3])

        def pairs() -> tuple[Tensor, Tensor]:
            photos = torch.cat([photos_of(part, size) for part in side.chosen(split.train_rows, PART)])
            return photos, maps_of(side, split.train_rows, size, places)

        def report(done: int) -> None:
            comparison.progress("training a segmenter on real pairs", done, self.steps)

        key = [side.fingerprint, hashlib.sha256(split.train_rows.tobytes()).hexdigest(), size, places.tolist()]
        cache = comparison.cache if side.fingerprint else None
        net, digest = segmenter.trained_or_cached(pairs, key, classes, cache, comparison.seed, self.steps, report)
        return net.to(comparison.device), digest, size


def split_of(comparison: Comparison, n: int) -> Split:
    """Unseen pairs to judge: all of the first n where the training had others, else a quarter of them, drawn.

    Raises:
        UserError: too few to set some apart.
    """
    real, train = comparison.real, comparison.train
    same = train is real or (real.fingerprint and train.fingerprint == real.fingerprint)
    if not same and train.sources is not None:
        return Split(train, spread(np.arange(train.n)), np.arange(n))
    if n < FEWEST:
        raise UserError(
            f"{real.name}: {n} pairs are too few to train on some and evaluate on others: at least {FEWEST} are needed",
            code="metric.too_few_samples",
        )
    judged = np.sort(comparison.draws("segmentation").permutation(n)[: n // 4])
    return Split(real, spread(np.setdiff1d(np.arange(real.n), judged)), judged)


def spread(rows: np.ndarray) -> np.ndarray:
    """At most `MOST` of some rows, evenly."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST)).round().astype(np.int64))]


def size_of(shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width of what the net sees of images: their own, up to `LARGEST`."""
    scale = min(1.0, LARGEST / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def photos_of(part: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Decoded images [N, H, W, C] as the net sees them: uint8 [N, 3, h, w]."""
    return resize(rgb(part), *size, "pil-bicubic").round().to(torch.uint8)


def maps_of(side: SampleSet, rows: np.ndarray, size: tuple[int, int], places: np.ndarray) -> Tensor:
    """The label maps of some samples of a side: uint8 [N, h, w], `VOID` where the class is unknown."""
    assert side.sources is not None
    parts = side.sources.chosen(rows, PART)
    return torch.from_numpy(places[np.stack([fitted(one[..., 0], *size, "stretch") for part in parts for one in part])])


@torch.inference_mode()
def confusion(
    comparison: Comparison, name: str, rows: np.ndarray, net: Segmenter, truth: Tensor, size: tuple[int, int]
) -> np.ndarray:
    """n_ij: pixels of class i in the label maps that are taken for class j in the photos of a side; int64 [K, K]."""
    classes, done = net.head.out_channels, 0
    table = np.zeros((classes, classes), np.int64)
    for part in comparison.side(name).chosen(rows, PART):
        found = net(photos_of(part, size).float().to(comparison.device)).argmax(1).cpu()  # [n, h, w]
        asked = truth[done : done + len(part)]
        known = asked != VOID
        pairs = asked[known].long() * classes + found[known]
        table += torch.bincount(pairs, minlength=classes**2).view(classes, classes).numpy()
        done += len(part)
        comparison.progress(f"segmenting {name} images", done, len(rows))
    return table


def ious(table: np.ndarray) -> np.ndarray:
    """Each class's right pixels over all that are of it or taken for it, [K]; NaN for those that no label map holds."""
    right, asked, said = table.diagonal(), table.sum(1), table.sum(0)
    return np.where(asked > 0, right / np.maximum(asked + said - right, 1), np.nan)


def mean_iou(table: np.ndarray) -> float:
    return float(np.nanmean(ious(table)))


def pixel_accuracy(table: np.ndarray) -> float:
    return float(table.diagonal().sum() / table.sum())


def class_accuracy(table: np.ndarray) -> float:
    there = table.sum(1) > 0
    return float((table.diagonal()[there] / table.sum(1)[there]).mean())


FIGURES: dict[str, Callable[[np.ndarray], float]] = {
    "iou": mean_iou,
    "pixel-accuracy": pixel_accuracy,
    "class-accuracy": class_accuracy,
}
"""Of a confusion table n_ij [K, K]."""


def per_class(table: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    return {name: float(iou) for name, iou in zip(names, ious(table), strict=True) if not np.isnan(iou)}


def notes_on(found: np.ndarray, real: np.ndarray, chance: np.ndarray) -> list[str]:
    """What the confusion tables say of the segmenter, and of images that have little to do with their label maps."""
    notes = []
    accuracy, commonest = pixel_accuracy(real), float(real.sum(1).max() / real.sum())
    if accuracy <= commonest:
        notes.append(
            phrase(
                "The segmenter is right in {accuracy:.0%} of the pixels of real photos, and always predicting the most "
                "common class in {commonest:.0%}: it has learned too little to evaluate with. It needs more real pairs "
                "or more steps.",
                accuracy=accuracy,
                commonest=commonest,
            )
        )
    iou, best, least = (mean_iou(table) for table in (found, real, chance))
    if iou - least < NEAR * (best - least):
        notes.append(
            phrase(
                "An iou of {iou:.2f} is about that of real photos with the label maps of other photos ({least:.2f}): "
                "the images do not follow their label maps.",
                iou=iou,
                least=least,
            )
        )
    return notes
