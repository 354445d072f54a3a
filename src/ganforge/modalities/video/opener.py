"""Films at a path: folders and zips of them, single films to cut, strips, numbered frames, and arrays."""

from __future__ import annotations

from pathlib import Path

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.opener import Head, Opener
from ganforge.data.store import FolderStore, Store, is_hidden
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.video import arrays, container, stills
from ganforge.modalities.video.source import Film, Films, kind_of_images, open_store, part_of

CLEAR, MAYBE = 0.95, 0.3
"""Claims: films (animations and strips are images too, which claims 0.9); numbered frames, which images may be."""


class VideoOpener(Opener, kind="film"):
    """Folders and zips of films, and single ones to cut into clips."""

    signal = "film"
    takes = "films: a folder or zip of .mp4, .webm, .avi, .mov, .gif, strips or numbered frames, or one such file"
    endings = (".zip", ".npy", ".npz", ".gif", *sorted(container.ENDINGS))

    def claims(self, path: Path, head: Head) -> float:
        names = [name for name in head.names if not is_hidden(name)]
        if path.suffix.lower() in (".npy", ".npz") and head.store is None:
            return CLEAR if arrays.looks_right(path) else 0.0
        if not names:
            return CLEAR if head.store is None and _is_film(path) else 0.0
        films = sum(Path(name).suffix.lower() in container.ENDINGS for name in names)
        if films and (films + sum(name.lower().endswith(".gif") for name in names)) * 2 > len(names):
            return CLEAR
        images = [name for name in names if Path(name).suffix.lower() in stills.IMAGES]
        if len(images) * 2 <= len(names):
            return MAYBE if films else 0.0
        store = head.store or (ZipStore(path, head.name_encoding) if path.suffix.lower() == ".zip" else None)
        kind = "" if store is None else kind_of_images(store, images)
        return CLEAR if kind in ("animation", "strip") else MAYBE if kind or films else 0.0

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        if head.store is None and path.suffix.lower() in (".npy", ".npz"):
            return part_of(arrays.open_array(path, name), split, holdout)
        if head.store is None and not head.names:
            return _one_film(path, name)
        store: Store = head.store or ZipStore(path, head.name_encoding)
        found = open_store(store, name, split, head.labels, holdout)
        if found is None:
            raise _no_films(name)
        return found


def _is_film(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in container.ENDINGS or (suffix in stills.ANIMATED and stills.is_animated(path))


def _one_film(path: Path, name: str) -> Films:
    if not path.stat().st_size:
        raise UserError(f"data {name}: the file is empty", code="data.empty")
    suffix = path.suffix.lower()
    kind = "container" if suffix in container.ENDINGS else "animation" if stills.is_animated(path) else "strip"
    if kind == "strip" and not (suffix in stills.IMAGES and stills.is_strip(path)):
        raise _no_films(name)
    return Films(name, FolderStore(path.parent), [Film(kind, path.name, (path.name,))], None, ())


def _no_films(name: str) -> UserError:
    return UserError(
        f"data {name}: no films here. Expected .mp4, .webm, .avi, .mov, .mkv, animations (.gif, .apng, .webp), strips "
        "(square frames side by side in one image), folders of numbered frames, or uint8 arrays [N, T, H, W, C]",
        code="data.no_films",
    )
