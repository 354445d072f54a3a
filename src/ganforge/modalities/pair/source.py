"""Two sets of images that belong together: image by image (pairs), or as sets (domains)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.base import DataSource
from ganforge.data.path import PathData
from ganforge.data.store import FolderStore
from ganforge.modalities.image import files as pictures
from ganforge.modalities.image.sources import folder
from ganforge.modalities.pair.coloring import Colored, holds_maps
from ganforge.modalities.pair.matching import part_of, partners, some_of
from ganforge.modalities.pair.views import Chosen, Half, Joined


class Pairs(DataSource, kind="pairs"):
    """Pairs of source and target images: two folders or zips with files of the same names (endings are ignored), or one
    folder or zip of images side by side."""

    words: ClassVar[tuple[str, ...]] = ("source", "target")
    places: ClassVar[tuple[str, ...]] = ("path", "source", "target")

    source: str = ""
    """The folder or zip of the input images: label maps, sketches, damaged images."""
    target: str = ""
    """The folder or zip of the target images."""
    path: str = ""
    """Instead of these two: a folder or zip of images that contain both, side by side."""
    sides: Literal["source,target", "target,source"] = "source,target"
    """Which is left and which is right in those."""
    unpaired: Literal["refuse", "skip"] = "refuse"
    """What to do with files without a partner."""
    split: Literal["train", "test"] = "train"
    """Which part to use if the data has both, or if some pairs are held out."""
    holdout: float = Field(default=0.0, ge=0, lt=1)
    """The share of the pairs held out from training for `ganforge evaluate`; always the same ones, chosen by name."""

    @property
    def held_back(self) -> float:
        return self.holdout

    def open(self) -> Dataset:
        if self.path and (self.source or self.target):
            raise UserError(
                "data: give either data.path (images side by side), or data.source and data.target",
                code="data.given_twice",
            )
        if self.path:
            return self._side_by_side(open_images(self.path, self._folders))
        if not self.source or not self.target:
            raise UserError(
                "data: say which images: data.source=FOLDER data.target=FOLDER (files of the same names), "
                "or data.path=FOLDER of images side by side",
                code="data.field_missing",
            )
        source, target = (open_images(path, self._folders) for path in (self.source, self.target))
        for dataset in (source, target):
            refuse_non_images(dataset)
        names, rows = partners(
            source,
            target,
            lambda both: f"Fix their names, or train only on the {both} pairs: data.unpaired=skip",
            skip=self.unpaired == "skip",
        )
        kept = part_of(names, self.split, self.holdout, target.name)
        names = [names[k] for k in kept]
        pairs = Chosen(target, rows[1][kept], names)
        pairs.source, pairs.signal = Chosen(source, rows[0][kept], names), "pair"
        return pairs

    @property
    def _folders(self) -> Literal["train", "test"]:
        """Which part of a path is opened: pairs are held out from the training part."""
        return "train" if self.holdout else self.split

    def _side_by_side(self, dataset: Dataset) -> Dataset:
        refuse_non_images(dataset)
        dataset = some_of(dataset, self.split, self.holdout)
        left, right = Half(dataset, 0), Half(dataset, 1)
        source, target = (left, right) if self.sides == "source,target" else (right, left)
        target.source, target.signal = source, "pair"
        return target


class Domains(DataSource, kind="domains"):
    """Two sets of images, A and B, to be translated into each other. They need not be paired."""

    words: ClassVar[tuple[str, ...]] = ("a", "b")
    places: ClassVar[tuple[str, ...]] = ("a", "b")

    a: str = ""
    """A folder or zip of images, or one image."""
    b: str = ""
    """The other one."""
    maps: Literal["colours", "levels"] = "colours"
    """How label maps (gray images of small values only) are shown: in colors, one per class, or unchanged, nearly
    black."""
    split: Literal["train", "test"] = "train"
    """Which part to use if the data has both, or if some images are held out."""
    holdout: float = Field(default=0.0, ge=0, lt=1)
    """The share of the images of each set held out from training for `ganforge evaluate`; always the same ones,
    chosen by name."""

    @property
    def held_back(self) -> float:
        return self.holdout

    def open(self) -> Dataset:
        if not self.a or not self.b:
            raise UserError(
                "data: say which two sets of images: data.a=FOLDER data.b=FOLDER", code="data.field_missing"
            )
        parts = [open_one_or_many(path, "train" if self.holdout else self.split) for path in (self.a, self.b)]
        for dataset in parts:
            refuse_non_images(dataset)
        parts = [some_of(dataset, self.split, self.holdout) for dataset in parts]
        if self.maps == "colours":
            parts = [Colored(dataset) if holds_maps(dataset) else dataset for dataset in parts]
        names = [Path(path).stem for path in (self.a, self.b)]
        return Joined(f"{self.a} and {self.b}", parts, names if names[0] != names[1] else ["a", "b"])


def open_images(path: str, split: Literal["train", "test"]) -> Dataset:
    """The set at a path, where nothing but images will do."""
    return PathData(path=path, split=split, signal="image").open()


def open_one_or_many(path: str, split: Literal["train", "test"]) -> Dataset:
    """The set at a path; of one image where the path is one."""
    file = Path(path).expanduser()
    if file.is_file() and pictures.is_picture(file.name):
        return folder.PictureDataset(path, FolderStore(file.parent), [file.name], None, (), Counter())
    return open_images(path, split)


def refuse_non_images(dataset: Dataset) -> None:
    """Raises UserError if a set contains anything but images, or none that can be read."""
    shapes = dataset.shapes()
    if any(len(shape) != 3 for shape, _ in shapes):
        raise UserError(f"data {dataset.name}: expected images, found other data", code="data.not_images")
    if not shapes:
        raise UserError(
            f"data {dataset.name}: none of its {len(dataset)} images can be read", code="data.none_readable"
        )
