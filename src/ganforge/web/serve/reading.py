"""What comes in: JSON bodies, queries, and forms with files, each checked and within its time."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pydantic
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from ganforge.core.explain import explain
from ganforge.web.asks import ASKS, Ask
from ganforge.web.refused import Refused

FILES = ("file", "mask")
ENDING = re.compile(r"\.[a-z0-9]{1,8}")


async def body_of(request: Request, operation: str, patience: float) -> Ask:
    """The JSON body of a request to an operation.

    Args:
        patience: seconds that it may take to arrive.
    """
    data = await patiently(request.body(), patience)
    try:
        return ASKS[operation].model_validate_json(data or b"{}", strict=True)
    except pydantic.ValidationError as error:
        raise refusal(error) from None


async def upload_of(request: Request, operation: str, folder: Path, patience: float) -> dict[str, Any]:
    """The form of a request to an operation that takes a file: its fields, and the paths of its files in `folder`."""
    async with form_of(request, patience) as form:
        texts = [(name, value) for name, value in form.multi_items() if name not in FILES]
        ask = of_strings(ASKS[operation], listed(texts))
        paths = {}
        for name in FILES:
            if (upload := form.get(name)) is not None:
                paths[name] = await asyncio.to_thread(kept, upload, folder, name)
        if "file" not in paths:
            raise Refused("a form field `file` with a file is required", code="serve.no_file", status=422)
        return ask.model_dump() | paths


@contextlib.asynccontextmanager
async def form_of(request: Request, patience: float) -> AsyncIterator[FormData]:
    form = await patiently(request.form(max_files=2, max_fields=80, max_part_size=16 << 10), patience)
    try:
        yield form
    finally:
        await form.close()


async def patiently(reading: Any, patience: float) -> Any:
    """What a client sends, if it comes soon enough.

    Raises:
        Refused: it does not.
    """
    try:
        async with asyncio.timeout(patience):
            return await reading
    except TimeoutError:
        raise Refused(
            f"the request took more than {patience:g} s to arrive", code="serve.too_slow", status=408
        ) from None


def listed(items: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Fields of a query or a form: those that may occur several times as lists."""
    found: dict[str, Any] = {}
    for name, value in items:
        if name in ("where", "text"):
            found.setdefault(name, []).append(value)
        elif name in found:
            raise Refused(f"{name}: is given twice", code="serve.given_twice", status=422)
        else:
            found[name] = value
    return found


def of_strings(kind: type[Ask], fields: Mapping[str, Any]) -> Ask:
    """Fields that come as texts, checked."""
    try:
        return kind.model_validate(fields)
    except pydantic.ValidationError as error:
        raise refusal(error) from None


def refusal(error: pydantic.ValidationError) -> Refused:
    """What is wrong with a request, as an answer: 400 if it is no JSON, else 422."""
    if any(item["type"] == "json_invalid" for item in error.errors(include_url=False)):
        return Refused("expected a JSON object", code="web.not_json", status=400)
    return Refused(explain(error, subject="request"), code="serve.invalid_request", status=422)


def kept(upload: Any, folder: Path, name: str) -> str:
    """Copies an uploaded file under a name of ours; only a known sort of ending is taken over from its own.

    Raises:
        Refused: it is no file, or a zip.
    """
    if not isinstance(upload, UploadFile):
        raise Refused(f"{name}: expected a file", code="serve.no_file", status=422)
    ending = Path(upload.filename or "").suffix.lower()
    if not ENDING.fullmatch(ending) or ending == ".zip":
        raise Refused(
            f"{name}: its file name must end as one file of its kind does, such as .png or .wav",
            code="serve.wrong_ending",
            status=422,
        )
    path = folder / f"{name}{ending}"
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file)
    return str(path)
