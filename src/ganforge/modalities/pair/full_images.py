"""Full-size images, each with its target: what papers on restoration evaluate.

    real       the image, cut at its lower and right edge to a multiple of the scale
    source     what the degradation makes of it, drawn for each image from the seed: the same in every evaluation; or
               the file that belongs to it
    made       what `ganforge translate` makes of the source, in tiles where it is large
    baseline   the result without a model: the source itself, or its bicubic enlargement; none for label maps,
               and none where holes are filled

What was made lies in a temporary folder: no more than one image is ever held, and none is made twice. A `SampleSet`
of such images gives them one by one, uint8 [1, H, W, C].

N images, [H, W, C] a target, [H/s, W/s, Cs] its source, s the scale.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of
from ganforge.core.types import Spec
from ganforge.metrics.base import Progress, SampleSet
from ganforge.modalities.image import drawing
from ganforge.modalities.image import pixels as pictures
from ganforge.modalities.pair.degrade import resample
from ganforge.modalities.pair.matching import first, partners
from ganforge.modalities.pair.signal import Pair
from ganforge.modalities.pair.source import refuse_non_images
from ganforge.modalities.pair.translate import ImageTranslator

WHITE = 255
SAME = "the source itself"
"""The baseline where nothing is enlarged."""


@dataclass(frozen=True, eq=False)
class FullImages:
    """Full-size images to evaluate.

    Attributes:
        real, made: the two sides. baseline, source: further ones, or None; a source is as large as what is made of it.
        names: of the images. sizes: their heights and widths.
        left_out: why others could not be read.
    """

    real: SampleSet
    made: SampleSet
    names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    baseline: SampleSet | None = None
    source: SampleSet | None = None
    left_out: tuple[str, ...] = ()

    @property
    def least(self) -> int:
        """The shortest side of any image, in px."""
        return min(min(size) for size in self.sizes)


@dataclass(frozen=True)
class Given:
    """The input of a translator, and its target.

    Attributes:
        target: uint8 [H, W, C]. source: uint8 [h, w, Cs], or a label map. mask: uint8 [h, w, 1], or None.
    """

    target: np.ndarray
    source: np.ndarray
    mask: np.ndarray | None = None


# --- a model


def translated(
    use: ImageTranslator, dataset: Dataset, name: str, seed: int, most: int | None, progress: Progress | None
) -> FullImages:
    """The output of a translator for full-size images.

    Args:
        dataset: targets, with their sources unless these are made from them.
        name: of the model, for messages.
        most: the maximum number of images; of more, evenly spread ones are taken.

    Raises:
        UserError: none of the images can be read, or a label map holds classes that the model does not know.
    """
    signal, spec = use.signal, use.bundle.spec
    count = len(dataset) if most is None else min(most, len(dataset))
    disk_cache, rows, sizes, left_out = DiskCache(), [], [], []
    for k, row in enumerate(np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist()):
        try:
            given = given_of(signal, spec, dataset, row, seed)
        except BadItem as error:
            left_out.append(str(error))
            continue
        made = np.concatenate(list(use(given.source, given.mask).bands))
        disk_cache.put(f"{row}-made", pictures.to_mode(made, spec.state["mode"], WHITE))
        disk_cache.put(f"{row}-source", shown(given, spec))
        if has_baseline(spec):
            disk_cache.put(f"{row}-baseline", without_model(given, spec))
        rows.append(row)
        sizes.append(given.target.shape[:2])
        resample.weights.cache_clear()  # they are as large as an image, and the next one has another size
        if progress is not None:
            progress(f"full-size images through {name}", k + 1, count)
    if not rows:
        raise UserError(f"{dataset.name}: no image can be read: {first(left_out)}", code="data.none_readable")

    def kept(which: str, called: str) -> SampleSet:
        return one_by_one(called, rows, lambda row: disk_cache.get(f"{row}-{which}"))

    scale = spec.state["source"]["scale"]
    return FullImages(
        one_by_one(dataset.name, rows, lambda row: target_of(signal, spec, dataset, row)),
        kept("made", name),
        tuple(dataset.describe(row) for row in rows),
        tuple(sizes),
        kept("baseline", f"bicubic ×{scale}" if scale > 1 else SAME) if has_baseline(spec) else None,
        kept("source", "source"),
        tuple(left_out),
    )


def target_of(signal: Pair, spec: Spec, dataset: Dataset, row: int) -> np.ndarray:
    """What should be made, uint8 [H, W, C].

    Raises:
        BadItem: the image cannot be read, or is smaller than the scale.
    """
    scale = spec.state["source"]["scale"]
    item = pictures.to_mode(pictures.to_depth(dataset.read(row), 8), spec.state["mode"], signal.background)
    height, width = (side // scale * scale for side in item.shape[:2])
    if not height or not width:
        raise BadItem(dataset.describe(row), f"{item.shape[1]}×{item.shape[0]} px cannot be made {scale} times smaller")
    return item[:height, :width]


def given_of(signal: Pair, spec: Spec, dataset: Dataset, row: int, seed: int) -> Given:
    """A target with its source; raises as `target_of`."""
    target, state = target_of(signal, spec, dataset, row), spec.state["source"]
    if signal.degrade is not None:
        degraded = signal.degrade.apply_to_images(target, seed_of(seed, "whole pictures", row))
        return Given(target, degraded[..., :-1], degraded[..., -1:]) if state["mask"] else Given(target, degraded)
    assert dataset.source is not None
    source = dataset.source.read(row)
    if state["mode"] != "classes":
        source = pictures.to_mode(pictures.to_depth(source, 8), state["mode"], signal.background)
    return Given(target, source)


def has_baseline(spec: Spec) -> bool:
    """Whether a source is an image that can be compared with its target."""
    return spec.state["source"]["mode"] != "classes" and not spec.state["source"]["mask"]


def without_model(given: Given, spec: Spec) -> np.ndarray:
    """The source at the size and in the mode of its target: as it is, or enlarged by the cubic that papers use."""
    source = given.source
    if spec.state["source"]["scale"] > 1:
        x = torch.from_numpy(np.ascontiguousarray(source.transpose(2, 0, 1))).float()[None]
        x = resample.bicubic(x, *given.target.shape[:2]).round().clamp(0, 255).byte()
        source = x[0].permute(1, 2, 0).numpy()
    return pictures.to_mode(source, spec.state["mode"], WHITE)


def shown(given: Given, spec: Spec) -> np.ndarray:
    """The source as a visible image of the size of the target: pixels repeated, holes white, classes in grays."""
    source, state = given.source, spec.state["source"]
    if state["mode"] == "classes" and not isinstance(state["classes"][0], str):  # levels; colors are seen as they are
        gray = np.zeros(256, np.uint8)
        gray[state["classes"]] = np.linspace(0, 255, len(state["classes"]))
        source = gray[source[..., :1]]
    if given.mask is not None:
        source = np.where(given.mask >= WHITE // 2 + 1, np.uint8(WHITE), source)
    return pictures.to_mode(drawing.enlarge(source, state["scale"]), spec.state["mode"], WHITE)


# --- two sets


def by_name(real: Dataset, made: Dataset, mode: str | None, progress: Progress | None) -> FullImages:
    """Pairs the images of two sets by name, each at its own size.

    Args:
        mode: L, RGB or RGBA, to bring all to; by default gray where both of a pair are, else RGB.

    Raises:
        UserError: names without a partner, or pairs whose sizes differ (lists them); none can be read.
    """
    for dataset in (real, made):
        refuse_non_images(dataset)
    names, (of_made, of_real) = partners(made, real, lambda both: "Fix their names, or remove those files")
    sizes = [[dataset.each_shape()[k] for k in rows] for dataset, rows in ((real, of_real), (made, of_made))]
    apart = [
        f"{name}: {one[1]}×{one[0]} in {real.name}, {other[1]}×{other[0]} in {made.name}"
        for name, one, other in zip(names, *sizes, strict=True)
        if one is not None and other is not None and one[:2] != other[:2]
    ]
    if apart:
        raise UserError(
            f"{len(apart)} of {len(names)} pairs differ in size (width×height); only images of the same size can be "
            f"compared:\n  {first(apart)}",
            code="data.sizes_differ",
        )

    def pair(k: int) -> tuple[np.ndarray, np.ndarray]:
        one, other = real.read(int(of_real[k])), made.read(int(of_made[k]))
        gray = one.shape[2] <= 2 and other.shape[2] <= 2
        return alike(one, mode or ("L" if gray else "RGB")), alike(other, mode or ("L" if gray else "RGB"))

    good, found, left_out = [], [], []
    for k in range(len(names)):
        try:
            found.append(pair(k)[0].shape[:2])
            good.append(k)
        except BadItem as error:
            left_out.append(str(error))
        if progress is not None:
            progress("reading pairs", k + 1, len(names))
    if not good:
        raise UserError(f"no pair can be read: {first(left_out)}", code="data.none_readable")
    return FullImages(
        one_by_one(real.name, good, lambda k: pair(k)[0]),
        one_by_one(made.name, good, lambda k: pair(k)[1]),
        tuple(names[k] for k in good),
        tuple(found),
        left_out=tuple(left_out),
    )


def alike(item: np.ndarray, mode: str) -> np.ndarray:
    """An image in a mode, alpha over white; of its own depth."""
    return pictures.to_mode(item, mode, int(np.iinfo(item.dtype).max))


# --- sides


class DiskCache:
    """Arrays in a temporary folder, which is removed with this object."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ganforge-evaluate-")

    def put(self, name: str, item: np.ndarray) -> None:
        """
        Raises:
            UserError: it cannot be written (the disk is full).
        """
        try:
            np.save(Path(self.folder.name) / name, item, allow_pickle=False)
        except OSError as error:
            raise UserError(
                f"{self.folder.name}: generated images could not be stored there ({error.strerror or error}). Set "
                "TMPDIR to another folder for temporary files",
                code="disk.write_failed",
            ) from None

    def get(self, name: str) -> np.ndarray:
        return np.load(Path(self.folder.name) / f"{name}.npy", allow_pickle=False)


def one_by_one(name: str, rows: Sequence[int], read: Callable[[int], np.ndarray]) -> SampleSet:
    """A side that gives images of any size, each in a part of its own."""

    def draw(size: int) -> Iterator[np.ndarray]:
        for row in rows:
            yield read(row)[None]

    return SampleSet(name, len(rows), draw)
