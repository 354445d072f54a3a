"""Access to files in a zip, whatever it claims of itself."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import BinaryIO

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError
from ganforge.core.names import likeliest
from ganforge.core.surroundings import refuse_machine_faults
from ganforge.data.store import notice_of

MAX_MEMBER = 2**30  # maximum bytes of a file in a zip, unpacked: more is considered a decompression bomb
UTF8_NAME = 0x800
"""The zip flag of a file whose name is UTF-8."""


class ZipStore:
    """Files in a zip, read one by one; nothing is ever unpacked to disk.

    Args:
        encoding: encoding of the names that are not marked as UTF-8; by default the most likely one.
    """

    def __init__(self, path: Path, encoding: str | None = None):
        try:
            self.zip = zipfile.ZipFile(path)  # stays open with the data set; reading from several threads is safe
        except UNREADABLE as error:
            refuse_machine_faults(error)
            raise UserError(
                f"data {path}: not a readable zip file ({error}); it may be truncated", code="data.damaged"
            ) from None
        self.encoding, names = names_in(self.zip, encoding)
        for info, name in zip(self.zip.infolist(), names, strict=True):
            if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
                raise UserError(
                    f"data {path}: contains the file name {info.filename!r}, which points outside the archive. "
                    "The whole archive is rejected (nothing was unpacked); make a new one from files that you trust",
                    code="data.unsafe_zip",
                )
        files = [(name, info) for info, name in zip(self.zip.infolist(), names, strict=True) if not name.endswith("/")]
        self.members = dict(files)
        self.twice = [name for name, count in Counter(name for name, _ in files).items() if count > 1]

    def names(self) -> list[str]:
        return list(self.members)

    def size(self, name: str) -> int:
        return self.members[name].file_size

    def start(self, name: str, count: int) -> bytes:
        try:
            with self.zip.open(self.members[name]) as file:
                return file.read(count)
        except UNREADABLE:  # reported when the file is opened
            return b""

    def notices(self) -> list[str]:
        said = notice_of(self.twice, "file name", "more than once in the archive, only the last file of each is read")
        if self.encoding not in (None, "utf-8"):
            said.append(f"file names read as {self.encoding} (data.name_encoding={self.encoding})")
        return said

    def open(self, name: str) -> Path | BinaryIO:
        info = self.members[name]
        if info.flag_bits & 1:
            raise BadItem(name, "encrypted; unpack the archive with its password first")
        if info.file_size > MAX_MEMBER:
            raise BadItem(name, f"claims {info.file_size:,} bytes unpacked (a decompression bomb?)")
        try:
            data = self.zip.read(info)
        except UNREADABLE as error:
            refuse_machine_faults(error)
            raise BadItem(name, f"damaged in the archive ({error})") from None
        if not data:
            raise BadItem(name, "an empty file")
        return io.BytesIO(data)


UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError)
"""Exceptions raised when reading a damaged or unsupported file in a zip."""


def names_in(archive: zipfile.ZipFile, encoding: str | None) -> tuple[str | None, list[str]]:
    """The names of the files in a zip, with / between their parts, and the encoding of those not marked as UTF-8.

    `zipfile` decodes those as cp437; here their bytes are recovered and decoded in the most likely encoding.

    Args:
        encoding: the encoding, if known.

    Returns:
        The encoding used (None if cp437 was kept), and the names.

    Raises:
        UserError: the names are not valid in the given encoding.
    """
    infos = archive.infolist()
    old = [info.orig_filename.encode("cp437") for info in infos if not info.flag_bits & UTF8_NAME]
    odd = [raw for raw in old if not raw.isascii()]
    used = (encoding or likeliest(odd)) if odd else None
    names = []
    for info in infos:
        name = info.orig_filename
        if used and not info.flag_bits & UTF8_NAME:
            try:
                name = name.encode("cp437").decode(used)
            except (UnicodeDecodeError, LookupError) as error:
                raise UserError(
                    f"data {archive.filename}: its file names are not in {used} ({error}). Set data.name_encoding to "
                    "their encoding, for example gb18030, shift_jis or big5",
                    code="data.wrong_name_encoding",
                ) from None
        names.append(_without_dots(name.partition("\0")[0].replace("\\", "/")))
    return used, names


def _without_dots(name: str) -> str:
    """A name without parts that stay where they are: ./a//b is a/b. One that begins with / does so still."""
    if "./" not in name and "//" not in name:
        return name
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/" * name.startswith("/") + "/".join(parts) + "/" * (name.endswith("/") and bool(parts))
