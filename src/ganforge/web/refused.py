"""Refused requests and failed ones: errors as answers, with a code and a sentence, and no folder of this machine."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from ganforge.core.errors import UserError

CODES = {404: "web.not_found", 405: "web.wrong_method", 413: "web.too_large"}
SENTENCES = {404: "there is nothing at this address", 405: "this address does not take such requests"}


class Refused(UserError):
    """A request that is answered with an error.

    Attributes:
        status: of the HTTP answer.
        retry_after: seconds after which the request may succeed; None: not said.
    """

    def __init__(self, message: str, *, code: str, status: int, retry_after: int | None = None):
        super().__init__(message, code=code)
        self.status, self.retry_after = status, retry_after


def error_answer(error: Exception, hide: Iterable[Path] = ()) -> JSONResponse:
    """`{"error": {"code", "message"}}`: of an error of the user its sentence, of any other only that there was one."""
    headers: dict[str, str] = {}
    if isinstance(error, UserError):
        status, code, message = getattr(error, "status", 400), error.code, str(error)
        if (seconds := getattr(error, "retry_after", None)) is not None:
            headers["retry-after"] = str(seconds)
        if status == 401:
            headers["www-authenticate"] = "Bearer"
    elif isinstance(error, HTTPException):
        status, code = error.status_code, CODES.get(error.status_code, "web.refused")
        message = SENTENCES.get(status, str(error.detail))
        headers |= error.headers or {}
    else:
        status, code, message = 500, "web.internal", "an internal error; the terminal of the server says more"
    return JSONResponse({"error": {"code": code, "message": without(message, hide)}}, status, headers)


def without(message: str, folders: Iterable[Path]) -> str:
    """A message without the folders of this machine: paths below them are shown relative to them."""
    if os.sep not in message:  # most texts of a page, which holds thousands of them
        return message
    for folder, name in named_folders((*folders,)):
        if folder in message:
            message = message.replace(f"{folder}{os.sep}", "").replace(folder, name)
    return message


@functools.lru_cache(maxsize=16)
def named_folders(folders: tuple[Path, ...]) -> list[tuple[str, str]]:
    """Folders, the user's own among them, and the last part of each; the longest first."""
    found = sorted({str(one) for one in (*folders, Path.home())}, key=len, reverse=True)
    return [(folder, Path(folder).name) for folder in found if len(folder) > 1]
