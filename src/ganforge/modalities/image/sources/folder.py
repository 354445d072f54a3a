"""Sets of image files: a folder or a zip, with class folders or without, with train/ and test/ or without.

Folders are interpreted by `data.layout`; files are selected by `listing`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.dataset import BadItem, Dataset, Reading
from ganforge.core.marks import NEEDED, is_marked
from ganforge.core.names import readable
from ganforge.data import file_sets, layout
from ganforge.data.shards import ShardStore
from ganforge.data.store import Store, notice_of
from ganforge.modalities.image import files as pictures
from ganforge.modalities.image.exif import taken
from ganforge.modalities.image.sources.listing import listing

MANIFEST = "ganforge.json"


class PictureDataset(Dataset):
    """Image files, decoded on access.

    Attributes:
        files: names in the store, sorted.
        ignored: number of files of other types, by extension.
    """

    signal = "image"

    def __init__(self, name: str, store: Store, files: Sequence[str], labels: np.ndarray | None,
                 classes: Sequence[str], ignored: Counter[str]):  # fmt: skip
        self.name, self.store, self.files, self.labels, self.classes = name, store, list(files), labels, tuple(classes)
        self.ignored = ignored
        self.skipped: list[tuple[str, str]] = []
        self._headers: list[pictures.Facts | BadItem] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> np.ndarray:
        return pictures.decode(self.store.open(self.files[index]), self.describe(index))

    def encoded(self, index: int) -> bytes:
        source = self.store.open(self.files[index])
        return source.read_bytes() if isinstance(source, Path) else source.read()

    def describe(self, index: int) -> str:
        return readable(self.files[index])

    def record(self, index: int) -> Mapping[str, Any]:
        try:
            return taken(self.store.open(self.files[index]))
        except BadItem:  # reported when it is read
            return {}

    @property
    def nbytes(self) -> int:
        """Size of the files in bytes."""
        return sum(self.store.size(file) for file in self.files)

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        """Shapes of the files with readable headers."""
        return dict(Counter((found.shape, found.dtype) for found in self._readable_headers()))

    def each_shape(self) -> list[tuple[int, ...] | None]:
        return [None if isinstance(found, BadItem) else found.shape for found in self._read_headers()]

    def unreadable(self) -> dict[str, int]:
        """Number of files with unreadable headers by reason, most frequent first."""
        reasons = Counter(found.why for found in self._read_headers() if isinstance(found, BadItem))
        return dict(reasons.most_common())

    def reading(self) -> list[Reading]:
        said = list(self.understood)
        found = [] if self._headers is None else self._readable_headers()  # already read for the shapes
        left_out = pictures.left_out(found)
        said += left_out
        if not said:
            return []
        text = f"data {self.name}: {len(self):,} image{'s' * (len(self) != 1)}; {'; '.join(said)}"
        return [Reading(text, bool(self.left_out or left_out))]

    def identity(self) -> str:
        return file_sets.identity(self.store, self.files)

    def _readable_headers(self) -> list[pictures.Facts]:
        return [found for found in self._read_headers() if isinstance(found, pictures.Facts)]

    def _read_headers(self) -> list[pictures.Facts | BadItem]:
        """Headers of all files, or the reason if one cannot be read. Cached after the first call."""
        if self._headers is None:
            self._headers = file_sets.of_each(self._header, self.files, "reading images")
        return self._headers

    def _header(self, file: str) -> pictures.Facts | BadItem:
        try:
            return pictures.facts(self.store.open(file), file)
        except BadItem as error:  # reported when it is read
            return error


def open_store(
    store: Store, name: str, split: str = "train", labels: layout.Labels = "auto", generated: bool = False
) -> PictureDataset | None:
    """The data set of all images in a store; None if there are none.

    Args:
        labels: which folder is used as the label.
        generated: whether images that a model generated are used, too, if they lie among others.

    Raises:
        UserError: the requested split does not exist.
    """
    listed = listing(store)
    if not listed.images:
        return None
    images, made = listed.images, [] if generated else _generated(store, listed.images)
    if 0 < len(made) < len(images):  # if all are, they are meant
        images = sorted(set(images) - set(made))
    else:
        made = []
    found = layout.read(images, split, labels, name, _manifest(store, listed.names))
    dataset = PictureDataset(name, store, found.files, found.labels, found.classes, listed.ignored)
    dataset.no_labels, dataset.domains = found.no_labels, found.domains
    own = notice_of(made, "image", "generated by ganforge left out; data.generated=true: use them too")
    dataset.understood = (*found.sentences, *listed.sentences(), *own)
    dataset.left_out = found.left_out or listed.left_out or bool(made)
    dataset.blocks = store.blocks(found.files) if isinstance(store, ShardStore) else None
    return dataset


def _generated(store: Store, images: Sequence[str]) -> list[str]:
    """The images with the mark of generated ones. It costs about ten microseconds per PNG or GIF."""
    return [name for name in images if name.lower().endswith((".png", ".gif")) and is_marked(store.start(name, NEEDED))]


def _manifest(store: Store, shown: Sequence[str]) -> list[tuple[str, str]] | None:
    """(folder, class name) in the order of the labels, as `data pack` writes them; None without a readable manifest."""
    if MANIFEST not in shown:
        return None
    try:
        source = store.open(MANIFEST)
        text = source.read_bytes() if isinstance(source, Path) else source.read()
        classes = json.loads(text)["classes"]
        return [(str(c["folder"]), str(c["name"])) for c in classes] or None
    except (BadItem, ValueError, KeyError, TypeError):  # a file of the same name from another program
        return None
