"""A clean copy of a data set: PNG files, and JPEGs as they are, and a manifest; a zip with class folders, or a folder
of tar shards."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ganforge.core.commands import command
from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file, atomic_files, check_new, output_to
from ganforge.core.names import folder_names, safe_name, writable
from ganforge.core.progress import Bar
from ganforge.core.refusals import PartlyDone, Refusal
from ganforge.data.base import DataSource
from ganforge.data.shard_writer import ShardWriter
from ganforge.modalities.image.drawing import png_of
from ganforge.modalities.image.inspect import fingerprint, picture_shape
from ganforge.modalities.image.jpeg import stripped
from ganforge.modalities.image.sources.folder import MANIFEST

EPOCH = (1980, 1, 1, 0, 0, 0)  # so that the same images always give the same zip


def pack(source: DataSource, out: Path, *, duplicates: bool = False, force: bool = False) -> dict:
    """Writes every readable image of a source to the zip `out`, and returns its manifest.

    Training on the zip uses the same pixels and labels as training on the source.

    Args:
        source: the data source.
        out: the zip to write.
        duplicates: keep images with the same pixels as an earlier one.
        force: overwrite an existing file.

    Raises:
        UserError: the source cannot be opened, has no readable image, or `out` exists or cannot be written.
    """
    out = Path(out)
    check_new(out, force=force)
    return write(source.open(), out, duplicates)


def pack_images(dataset: Dataset, out: Path, *, duplicates: bool, force: bool, shards: int | None = None) -> list[str]:
    """Like `pack`, for an open data set; returns messages about the zip.

    Args:
        shards: bytes of each tar file, if a folder of tar shards is written instead.

    Raises:
        UserError: as in `pack`.
        PartlyDone: it was written without the unreadable images.
    """
    check_new(out, force=force)
    made = write(dataset, out, duplicates) if shards is None else write_shards(dataset, out, duplicates, shards)
    jpegs = sum(name.endswith(".jpg") for name in made["files"])
    kept = f" ({jpegs:,} of them JPEGs as they are, without EXIF but for the orientation)" if jpegs else ""
    left_out = f"{len(made['unreadable'])} unreadable and {len(made['duplicates'])} duplicates left out"
    files = [out] if shards is None else sorted(out.iterdir())
    size = sum(file.stat().st_size for file in files)
    within = "" if shards is None else f" in {len(made['shards']):,} shards"
    said = [
        f"{out}: {made['count']:,} images{kept}{within}, {left_out}, {size / 2**20:,.1f} MiB",
        "train on it: " + command("train", "dcgan", f"data={out}"),
    ]
    if made["unreadable"]:
        raise PartlyDone([Refusal(*pair) for pair in made["unreadable"]], f"{MANIFEST} in {out}", said)
    return said


def write(dataset: Dataset, out: Path, duplicates: bool) -> dict:
    """Writes the zip atomically; returns its manifest."""
    with output_to(out), atomic_file(out) as file:
        return _write(dataset, file, duplicates)


def write_shards(dataset: Dataset, out: Path, duplicates: bool, size: int) -> dict:
    """Writes a folder of tar shards of about `size` bytes each; returns its manifest. The one in the folder names no
    files, of which there may be millions."""
    left, names = Left(dataset), list[str]()
    with output_to(out):
        with atomic_files(out) as folder:
            with ShardWriter(folder, size) as shards:
                for index, _, label, ending, data in images(dataset, duplicates, left):
                    names.append(f"{index:09d}{ending}")
                    known = {} if label is None else {".cls": str(label).encode()}
                    shards.add(f"{index:09d}", {ending: data} | known)
            manifest = {
                "format": shards.format,
                "source": PurePosixPath(dataset.name).name,
                "count": len(names),
                "classes": list(dataset.classes),
                "shards": shards.written,
                **left.plain(),
            }
            text = writable(json.dumps(manifest, ensure_ascii=False, indent=1))
            (folder / MANIFEST).write_text(text, encoding="utf-8")
        for old in {path.name for path in out.glob("*.tar")} - {shard["name"] for shard in shards.written}:
            (out / old).unlink()  # of an earlier, longer set that is replaced
        return manifest | {"files": names}


def _write(dataset: Dataset, path: Path, keep_duplicates: bool) -> dict:
    folders, base = folder_names(dataset.classes), PurePosixPath(dataset.name).name
    sources: dict[str, str] = {}
    classes: Counter[int] = Counter()
    left = Left(dataset)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for index, where, label, ending, data in images(dataset, keep_duplicates, left):
            name = f"{index:08d}-{safe_name(PurePosixPath(where).stem)}{ending}"
            if label is not None:
                name = f"{folders[label]}/{name}"
                classes[label] += 1
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data)
            sources[name] = where
        manifest = {
            "format": "ganforge-pack",
            "version": 1,
            "source": base,
            "count": len(sources),
            "classes": [
                {"folder": folder, "name": name, "count": classes[k]}
                for k, (folder, name) in enumerate(zip(folders, dataset.classes, strict=True))
            ],
            **left.plain(),
            "files": sources,
        }
        text = writable(json.dumps(manifest, ensure_ascii=False, indent=1))
        archive.writestr(zipfile.ZipInfo(MANIFEST, EPOCH), text, zipfile.ZIP_DEFLATED)
    return manifest


class Left:
    """What is left out of a copy: (image, reason), and (image, the earlier one with the same pixels)."""

    def __init__(self, dataset: Dataset):
        self.unreadable: list[tuple[str, str]] = list(dataset.skipped)
        self.same: list[tuple[str, str]] = []

    def plain(self) -> dict:
        pairs = {"unreadable": self.unreadable, "duplicates": self.same}
        return {name: [list(pair) for pair in found] for name, found in pairs.items()}


def images(dataset: Dataset, keep_duplicates: bool, left: Left) -> Iterator[tuple[int, str, int | None, str, bytes]]:
    """The readable images of a data set: (index, origin, label, extension, content of its file).

    Raises:
        UserError: there is none.
    """
    base, seen, count = PurePosixPath(dataset.name).name, dict[bytes, str](), 0
    with Bar("packing", len(dataset)) as bar:
        for index in range(len(dataset)):
            bar.advance(1)
            where = dataset.describe(index).replace(dataset.name, base)  # paths on this machine are not to be shared
            try:
                item = dataset.read(index)
            except Exception as error:  # any failure of one image must not prevent packing the others
                refusal = Refusal.of(where, error)
                left.unreadable.append((error.where if isinstance(error, BadItem) else where, refusal.why))
                continue
            picture_shape(dataset, item.shape)
            key = fingerprint(item)
            if not keep_duplicates and key in seen:
                left.same.append((where, seen[key]))
                continue
            seen.setdefault(key, where)
            label = None if dataset.labels is None else int(dataset.labels[index])
            jpeg = stripped(dataset.encoded(index) or b"", item)
            count += 1
            yield index, where, label, ".png" if jpeg is None else ".jpg", png_of(item) if jpeg is None else jpeg
    if not count:
        raise UserError(
            f"data {dataset.name}: none of its {len(dataset)} images can be read; nothing was written",
            code="data.none_readable",
        )
