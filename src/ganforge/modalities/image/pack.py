"""A clean zip of a data set: PNG files, and JPEGs as they are, in class folders, and a manifest."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

from ganforge.core.commands import command
from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.names import folder_names, safe_name, writable
from ganforge.core.progress import Bar
from ganforge.core.refusals import PartlyDone, Refusal
from ganforge.data.base import DataSource
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
    refuse_existing(out, force)
    return write(source.open(), out, duplicates)


def pack_images(dataset: Dataset, out: Path, *, duplicates: bool, force: bool) -> list[str]:
    """Like `pack`, for an open data set; returns messages about the zip.

    Raises:
        UserError: as in `pack`.
        PartlyDone: the zip was written without the unreadable images.
    """
    refuse_existing(out, force)
    made = write(dataset, out, duplicates)
    jpegs = sum(name.endswith(".jpg") for name in made["files"])
    kept = f" ({jpegs:,} of them JPEGs as they are, without EXIF but for the orientation)" if jpegs else ""
    left_out = f"{len(made['unreadable'])} unreadable and {len(made['duplicates'])} duplicates left out"
    said = [
        f"{out}: {made['count']:,} images{kept}, {left_out}, {out.stat().st_size / 2**20:,.1f} MiB",
        "train on it: " + command("train", "dcgan", f"data={out}"),
    ]
    if made["unreadable"]:
        raise PartlyDone([Refusal(*pair) for pair in made["unreadable"]], f"{MANIFEST} in {out}", said)
    return said


def refuse_existing(out: Path, force: bool) -> None:
    if out.exists() and not force:
        raise UserError(
            f"{out}: already exists; choose another name or overwrite it with --force", code="output.exists"
        )


def write(dataset: Dataset, out: Path, duplicates: bool) -> dict:
    """Writes the zip atomically; returns its manifest."""
    try:
        with atomic_file(out) as file:
            return _write(dataset, file, duplicates)
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror or error})", code="output.not_writable") from None


def _write(dataset: Dataset, path: Path, keep_duplicates: bool) -> dict:
    folders, base = folder_names(dataset.classes), PurePosixPath(dataset.name).name
    seen: dict[bytes, str] = {}
    sources: dict[str, str] = {}
    unreadable: list[tuple[str, str]] = list(dataset.skipped)
    same: list[tuple[str, str]] = []
    classes: Counter[int] = Counter()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive, Bar("packing", len(dataset)) as bar:
        for index in range(len(dataset)):
            bar.advance(1)
            where = dataset.describe(index).replace(dataset.name, base)  # paths on this machine are not to be shared
            try:
                item = dataset.read(index)
            except Exception as error:  # any failure of one image must not prevent packing the others
                refusal = Refusal.of(where, error)
                unreadable.append((error.where if isinstance(error, BadItem) else where, refusal.why))
                continue
            picture_shape(dataset, item.shape)
            key = fingerprint(item)
            if not keep_duplicates and key in seen:
                same.append((where, seen[key]))
                continue
            seen.setdefault(key, where)
            label = None if dataset.labels is None else int(dataset.labels[index])
            jpeg = stripped(dataset.encoded(index) or b"", item)
            ending = ".png" if jpeg is None else ".jpg"
            name = f"{index:08d}-{safe_name(PurePosixPath(where).stem)}{ending}"
            if label is not None:
                name = f"{folders[label]}/{name}"
                classes[label] += 1
            archive.writestr(zipfile.ZipInfo(name, EPOCH), png_of(item) if jpeg is None else jpeg)
            sources[name] = where
        if not sources:
            raise UserError(
                f"data {dataset.name}: none of its {len(dataset)} images can be read; no zip was made",
                code="data.none_readable",
            )
        manifest = {
            "format": "ganforge-pack",
            "version": 1,
            "source": base,
            "count": len(sources),
            "classes": [
                {"folder": folder, "name": name, "count": classes[k]}
                for k, (folder, name) in enumerate(zip(folders, dataset.classes, strict=True))
            ],
            "unreadable": [list(pair) for pair in unreadable],
            "duplicates": [list(pair) for pair in same],
            "files": sources,
        }
        text = writable(json.dumps(manifest, ensure_ascii=False, indent=1))
        archive.writestr(zipfile.ZipInfo(MANIFEST, EPOCH), text, zipfile.ZIP_DEFLATED)
    return manifest
