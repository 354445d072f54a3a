"""Images in CIFAR-10's binary format: records of one label byte and 3 · 32 · 32 pixels, channel by channel."""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data.arrays import ArrayDataset
from ganforge.modalities.image.sources.arrays import from_arrays

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

CIFAR_RECORD = 1 + 3 * 32 * 32


def cifar_parts(names: Sequence[str]) -> dict[str, list[str]]:
    """The names of CIFAR-10's binary batches among some file names, in order: {"train": [...], "test": [...]}."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        base = name.rsplit("/", 1)[-1]
        if re.fullmatch(r"data_batch_\d+\.bin", base):
            found.setdefault("train", []).append(name)
        elif base == "test_batch.bin":
            found.setdefault("test", []).append(name)
    return found


def from_cifar(name: str, batches: Sequence[tuple[str, bytes]], classes: Sequence[str] = CIFAR10) -> ArrayDataset:
    """The data set from (file name, content) of CIFAR-10's binary batches.

    Raises:
        UserError: a batch is truncated.
    """
    arrays = []
    for where, data in batches:
        if not data or len(data) % CIFAR_RECORD:
            raise UserError(
                f"{where}: {len(data):,} bytes are not a whole number of CIFAR-10 records of {CIFAR_RECORD} bytes; "
                "it is truncated or not a CIFAR-10 batch",
                code="data.damaged",
            )
        arrays.append(np.frombuffer(data, np.uint8).reshape(-1, CIFAR_RECORD))
    records = np.concatenate(arrays)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return from_arrays(name, images, records[:, 0], classes)


def read_tar(path: Path, split: str) -> list[tuple[str, bytes]] | None:
    """CIFAR-10's batches in a .tar or .tar.gz file; None if it has none for that split.

    Members are read, but not unpacked, so malicious names in the archive have no effect.
    """
    try:
        with tarfile.open(path) as archive:
            members = {m.name: m for m in archive.getmembers() if m.isfile()}
            names = cifar_parts(list(members)).get(split)
            if not names:
                return None
            return [(f"{path}:{n}", _content(archive, members[n])) for n in names]
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path}: damaged or truncated ({error}); download the file again", code="data.damaged"
        ) from None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return (file or io.BytesIO()).read()
