"""A clean zip of a data set: upright PNG files in class folders, and a manifest."""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

from ganforge.core.commands import command
from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.names import writable
from ganforge.core.progress import Bar
from ganforge.core.refusals import PartlyDone, Refusal
from ganforge.data.base import DataSource
from ganforge.modalities.image.drawing import png_of
from ganforge.modalities.image.inspect import fingerprint, picture_shape
from ganforge.modalities.image.sources.folder import MANIFEST

EPOCH = (1980, 1, 1, 0, 0, 0)  # the same images give the same zip, whenever it is made


def pack(source: DataSource, out: Path, *, duplicates: bool = False, force: bool = False) -> dict:
    """Writes every readable image of a source into the zip `out`, and returns the manifest that is in it.

    The pixels are those that training would see; reading the zip back gives the same ones, with the same labels.

    Args:
        source: where the images are.
        out: the zip to write.
        duplicates: keep images whose pixels are the same as an earlier one's.
        force: write over a file that exists.

    Raises:
        UserError: the source cannot be opened, has nothing readable, or `out` exists or cannot be written.
    """
    out = Path(out)
    refuse_existing(out, force)
    return write(source.open(), out, duplicates)


def pack_images(dataset: Dataset, out: Path, *, duplicates: bool, force: bool) -> list[str]:
    """As `pack`, of a set that is open; returns what there is to say of the zip.

    Raises:
        UserError: as `pack`.
        PartlyDone: the zip is made, without the images that cannot be read.
    """
    refuse_existing(out, force)
    made = write(dataset, out, duplicates)
    left_out = f"{len(made['unreadable'])} unreadable and {len(made['duplicates'])} duplicates left out"
    said = [
        f"{out}: {made['count']:,} images, {left_out}, {out.stat().st_size / 2**20:,.1f} MiB",
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
    """Writes the zip whole or not at all; returns its manifest."""
    try:
        with atomic_file(out) as file:
            return _write(dataset, file, duplicates)
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror or error})", code="output.not_writable") from None


def _write(dataset: Dataset, path: Path, keep_duplicates: bool) -> dict:
    folders, base = _folders(dataset.classes), PurePosixPath(dataset.name).name
    seen: dict[bytes, str] = {}
    sources: dict[str, str] = {}
    unreadable: list[tuple[str, str]] = list(dataset.skipped)
    same: list[tuple[str, str]] = []
    classes: Counter[int] = Counter()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive, Bar("packing", len(dataset)) as bar:
        for index in range(len(dataset)):
            bar.advance(1)
            where = dataset.describe(index).replace(
                dataset.name, base
            )  # what lies where on this disk is nobody's business
            try:
                item = dataset.read(index)
            except Exception as error:  # whatever one image does to a decoder, the others can be packed
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
            name = f"{index:08d}-{_safe(PurePosixPath(where).stem)}.png"
            if label is not None:
                name = f"{folders[label]}/{name}"
                classes[label] += 1
            archive.writestr(zipfile.ZipInfo(name, EPOCH), png_of(item))
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


def _safe(text: str) -> str:
    """A name that every system takes as that of a file."""
    return re.sub(r"[^\w\-+. ]", "_", text).strip(". ")[:80] or "_"


def _folders(classes: tuple[str, ...]) -> list[str]:
    """A folder for each class; two whose names become the same are distinguished by their numbers."""
    names = [_safe(name) for name in classes]
    counts = Counter(name.lower() for name in names)
    return [name if counts[name.lower()] == 1 else f"{name}-{k}" for k, name in enumerate(names)]
