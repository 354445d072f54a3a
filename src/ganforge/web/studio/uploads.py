"""Files that pages bring: bounded, under names of ours, for a worker to read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import IO, Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from ganforge.web.guard import Upload
from ganforge.web.refused import Refused

UPLOADS = "/api/uploads/"
"""The beginning of the addresses that take files."""
TAKEN = Upload(("multipart/form-data",), 64 << 20)
TABLES, LARGE = f"{UPLOADS}data", Upload(("multipart/form-data",), 200 << 20)
"""The address that takes tables to train on."""
TAKES = {TABLES: LARGE, UPLOADS: TAKEN}
"""Beginnings of addresses with what is taken there; the first that fits counts."""
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
ROWS = (".csv", ".tsv", ".parquet")
OTHERS = (".wav", ".flac", ".ogg", ".mp3", ".mp4", ".mov", ".webm", ".npy", ".glb", ".obj", ".ply", ".txt", ".jsonl")
ENDINGS = frozenset((*IMAGES, *ROWS, *OTHERS))
"""File name extensions that are kept; containers of files and anything that could hold code are not among them."""


@contextlib.asynccontextmanager
async def brought(request: Request) -> AsyncIterator[FormData]:
    """The form that a request brings."""
    form = await request.form(max_files=2, max_fields=8, max_part_size=64 << 10)
    try:
        yield form
    finally:
        await form.close()


def asked_in(form: FormData) -> dict[str, Any]:
    """The JSON object in the field `ask` of a form.

    Raises:
        Refused: it is none.
    """
    try:
        found = json.loads(str(form.get("ask", "{}")))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused("expected a JSON object in the field `ask`", code="web.not_json", status=400)
    return found


def file_in(form: FormData, name: str, endings: Collection[str]) -> tuple[IO[bytes], str]:
    """The file of a field of a form, and the ending of its name; larger ones lie on the disk and not in memory.

    Raises:
        Refused: there is no file in the field, or it has another ending.
    """
    upload = form.get(name)
    if not isinstance(upload, UploadFile):
        raise Refused(f"{name}: expected a file", code="studio.no_file", status=422)
    ending = Path(upload.filename or "").suffix.lower()
    if ending not in endings:
        raise Refused(
            f"{ending or 'a file name without an extension'}: files of this kind are not taken here",
            code="studio.wrong_file",
            status=422,
        )
    return upload.file, ending


async def kept_in(folder: Path, form: FormData, name: str) -> str:
    """Copies the file of a field of a form into a folder, under the name of the field.

    Raises:
        Refused: there is no file in the field, or it is of no kind that a model reads.
    """
    brought_file, ending = file_in(form, name, ENDINGS)
    path = folder / f"{name}{ending}"

    def copy() -> None:
        with path.open("wb") as file:
            shutil.copyfileobj(brought_file, file)

    await asyncio.to_thread(copy)
    return str(path)
