"""Sets of image files: a folder or a zip, with class folders or without, with train/ and test/ or without."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.progress import Bar
from ganforge.data.store import Store, common_folder, is_hidden
from ganforge.modalities.image import files as pictures

MANIFEST = "ganforge.json"
SPLITS = {"train": ("train", "training"), "test": ("test", "testing")}
OTHER_SPLITS = ("val", "valid", "validation", "dev")


class PictureDataset(Dataset):
    """Image files, decoded when they are read.

    Attributes:
        files: their names in the store, sorted.
        ignored: how many files of other kinds lie beside them, by extension.
    """

    signal = "image"

    def __init__(self, name: str, store: Store, files: Sequence[str], labels: np.ndarray | None,
                 classes: Sequence[str], ignored: Counter[str]):  # fmt: skip
        self.name, self.store, self.files, self.labels, self.classes = name, store, list(files), labels, tuple(classes)
        self.ignored = ignored
        self.skipped: list[tuple[str, str]] = []
        self._headers: list[tuple[tuple[int, ...], str] | None] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> np.ndarray:
        file = self.files[index]
        return pictures.decode(self.store.open(file), file)

    def describe(self, index: int) -> str:
        return self.files[index]

    @property
    def nbytes(self) -> int:
        """Size of the files."""
        return sum(self.store.size(file) for file in self.files)

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        """Of the files whose header can be read."""
        return dict(Counter(found for found in self._read_headers() if found))

    def each_shape(self) -> list[tuple[int, ...] | None]:
        return [found and found[0] for found in self._read_headers()]

    def _read_headers(self) -> list[tuple[tuple[int, ...], str] | None]:
        """Of all files; None for those that cannot be read. The first call reads them all; the answer is kept."""
        if self._headers is None:
            headers = []
            with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool, Bar("reading images", len(self)) as bar:
                for found in pool.map(self._header, self.files, chunksize=64):
                    bar.advance(1)
                    headers.append(found)
            self._headers = headers
        return self._headers

    def _header(self, file: str) -> tuple[tuple[int, ...], str] | None:
        try:
            return pictures.header(self.store.open(file), file)
        except BadItem:  # counted and named when it is read
            return None


def open_store(store: Store, name: str, split: str) -> PictureDataset | None:
    """The set of all images in a store; None where there is none.

    Raises:
        UserError: the split asked for is not there.
    """
    shown = [n for n in sorted(store.names()) if not is_hidden(n)]
    files = [n for n in shown if pictures.is_picture(n)]
    if not files:
        return None
    ignored = Counter(Path(n).suffix.lower() or "(none)" for n in shown if not pictures.is_picture(n))
    if MANIFEST in shown:
        ignored[".json"] -= 1
    prefix = common_folder(files)
    files, prefix = _split(files, prefix, split, name)
    labels, classes = _classes(files, prefix, _manifest(store, shown))
    return PictureDataset(name, store, files, labels, classes, +ignored)


def _split(files: list[str], prefix: str, split: str, name: str) -> tuple[list[str], str]:
    """The files of train/ or test/ where the top folders are these two; all files where they are not."""
    tops = {f[len(prefix) :].split("/", 1)[0] for f in files if "/" in f[len(prefix) :]}
    known = {top: part for top in tops for part, names in SPLITS.items() if top.lower() in names}
    apart = set(known.values()) == set(SPLITS) and all(t in known or t.lower() in OTHER_SPLITS for t in tops)
    if not apart or any("/" not in f[len(prefix) :] for f in files):
        if split != "train" and prefix.strip("/").rsplit("/", 1)[-1].lower() not in SPLITS[split]:
            raise UserError(
                f"data {name}: split={split} needs the folders train and test in it; without data.split "
                "all images are used",
                code="data.split_not_found",
            )
        return files, prefix
    chosen = {top for top, part in known.items() if part == split}
    files = [f for f in files if f[len(prefix) :].split("/", 1)[0] in chosen]
    return files, common_folder(files)


def _classes(
    files: Sequence[str], prefix: str, manifest: Sequence[tuple[str, str]] | None
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels by folder, where every image lies exactly one folder deep; else none."""
    if manifest:
        folders, names = [f for f, _ in manifest], [n for _, n in manifest]
        prefix = ""
    else:
        folders = sorted({f[len(prefix) :].split("/", 1)[0] for f in files if "/" in f})
        if all(f.isdecimal() for f in folders):
            folders.sort(key=lambda f: (int(f), f))  # 2 before 10
        names = folders
    one_deep = all(f[len(prefix) :].count("/") == 1 for f in files)
    number = {folder: k for k, folder in enumerate(folders)}
    if not one_deep or any(f[len(prefix) :].split("/", 1)[0] not in number for f in files):
        return None, ()
    return np.array([number[f[len(prefix) :].split("/", 1)[0]] for f in files], np.int64), tuple(names)


def _manifest(store: Store, shown: Sequence[str]) -> list[tuple[str, str]] | None:
    """(folder, class name) in the order of the labels, as `data pack` writes them; None without a readable manifest."""
    if MANIFEST not in shown:
        return None
    source = store.open(MANIFEST)
    text = source.read_bytes() if isinstance(source, Path) else source.read()
    try:
        classes = json.loads(text)["classes"]
        return [(str(c["folder"]), str(c["name"])) for c in classes] or None
    except (ValueError, KeyError, TypeError):  # another program's file of that name
        return None
