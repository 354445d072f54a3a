"""Films in one array: .npy, or .npz with its only array or one named videos, clips, frames or x; labels as y or labels.

uint8 [N, T, H, W, C] or [N, C, T, H, W] with C 1, 3 or 4; [T, H, W, C] is one film. Where films are asked for, also
gray ones without channels, [N, T, H, W] and [T, H, W], such as maps of rain.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data import file_sets
from ganforge.data.store import FolderStore
from ganforge.data.zip_store import UNREADABLE
from ganforge.modalities.video.film import Header
from ganforge.modalities.video.source import Film, Films

KEYS = ("videos", "clips", "frames", "x", "arr_0")
LABELS = ("labels", "label", "y")
CHANNELS = (1, 3, 4)


class ArrayFilms(Films):
    """The films of an array, which may be mapped from a file."""

    def __init__(self, path: Path, name: str, array: np.ndarray, labels: np.ndarray | None):
        films = [Film("array", f"{path.name}[{k}]", (path.name,)) for k in range(len(array))]
        classes = () if labels is None else tuple(str(k) for k in range(int(labels.max()) + 1))
        super().__init__(name, FolderStore(path.parent), films, labels, classes)
        self.array, self.rows = array, np.arange(len(array))

    def some(self, rows: np.ndarray) -> ArrayFilms:
        part = super().some(rows)
        assert isinstance(part, ArrayFilms)
        part.rows = self.rows[rows]
        return part

    def header(self, index: int) -> Header:
        frames, height, width = self.array.shape[1:4]
        return Header(frames, height, width, None)

    def frames(self, index: int, fps: float, start: float = 0.0):
        first = int(start * fps)
        return (((first + k) / fps, _rgb(pixels)) for k, pixels in enumerate(self.array[self.rows[index], first:]))

    def identity(self) -> str:
        found = file_sets.identity(self.store, [self.films[0].files[0]])
        if len(self.rows) == len(self.array):
            return found
        return hashlib.sha256(found.encode() + self.rows.tobytes()).hexdigest()


def channels_last(shape: tuple[int, ...]) -> bool | None:
    """Whether an array of that shape holds films with the channels last (True) or second (False); None: no films."""
    if len(shape) != 5 or 0 in shape:
        return None
    if shape[4] in CHANNELS and min(shape[2:4]) > 4:
        return True
    return False if shape[1] in CHANNELS and min(shape[3:]) > 4 else None


def looks_right(path: Path) -> bool:
    """Whether a file holds an array of films, by its header alone."""
    try:
        array, _ = _load(path)
    except (*UNREADABLE, ValueError, KeyError):
        return False
    return array.dtype == np.uint8 and channels_last(array.shape) is not None


def open_array(path: Path, name: str) -> ArrayFilms:
    """The films of an .npy or .npz file.

    Raises:
        UserError: it cannot be read, or its numbers are no films.
    """
    try:
        array, labels = _load(path)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise UserError(f"data {name}: not a readable array ({error})", code="data.damaged") from None
    if array.ndim == 3:
        array = array[None]  # one gray film
    if array.ndim == 4:
        array = array[None] if array.shape[3] in CHANNELS else array[..., None]
    last = channels_last(array.shape)
    if last is None or array.dtype != np.uint8:
        raise UserError(
            f"data {name}: films in an array are uint8 [N, T, H, W, C] (films, frames, height, width, channels), or "
            f"[N, T, H, W] in gray, and "
            f"this is {array.dtype} {list(array.shape)}. For values from 0 to 1: (255 * x).astype('uint8')",
            code="data.not_films",
        )
    if labels is not None and (labels.shape != (len(array),) or labels.dtype.kind not in "iu" or labels.min() < 0):
        raise UserError(
            f"data {name}: labels must be whole numbers from 0, one for each of the {len(array)} films",
            code="data.labels_do_not_fit",
        )
    found = ArrayFilms(path, name, array if last else np.moveaxis(array, 1, 4), labels)
    if not last:
        found.understood = ("its second axis read as channels",)
    return found


def _load(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return loaded, None
    with loaded:
        keys = [key for key in loaded.files if key not in LABELS]
        key = next((key for key in KEYS if key in keys), keys[0] if len(keys) == 1 else None)
        if key is None:
            raise ValueError(f"no array named {', '.join(KEYS[:4])}; it has {', '.join(loaded.files)}")
        labels = next((loaded[name].astype(np.int64) for name in LABELS if name in loaded.files), None)
        return loaded[key], labels


def _rgb(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[2] == 1:
        return np.ascontiguousarray(np.repeat(pixels, 3, axis=2))
    if pixels.shape[2] == 4:  # what is transparent becomes black
        return (pixels[..., :3] * (pixels[..., 3:] / 255)).round().astype(np.uint8)
    return np.ascontiguousarray(pixels)
