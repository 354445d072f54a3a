"""Downloaded files, kept in a cache and used only if their SHA-256 is correct.

An interrupted download resumes where it stopped, at the same or another mirror. A file with its final name is complete.
"""

from __future__ import annotations

import hashlib
import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ganforge.core.errors import UserError
from ganforge.core.progress import Bar

CHUNK = 1 << 18
TIMEOUT = 30.0  # seconds without data
TRIES = 3  # consecutive attempts at one mirror without progress
WAIT = 1.0  # seconds before the second attempt, doubled before each further one
AGENT = "ganforge"
NETWORK = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError)


@dataclass(frozen=True)
class Remote:
    """A file that can be downloaded.

    Attributes:
        name: its name in the cache.
        size: in bytes.
        sha256: SHA-256 of its content, in hexadecimal.
        urls: its mirrors, the best first.
    """

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]


def fetch(files: Sequence[Remote], folder: Path, title: str) -> list[Path]:
    """The paths of the files, downloaded if they are not in the folder yet.

    Raises:
        UserError: no mirror provides the correct file (the message says where to put it manually), the folder cannot be
            written, or an existing file has other content.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if all(_is_there(file, folder) for file in files):  # without a lock, so that a read-only cache works
            return [folder / file.name for file in files]
        with FileLock(folder / ".lock", timeout=3600):
            return [_fetch_one(file, folder, files, title) for file in files]
    except Timeout:
        raise UserError(
            f"data {title}: another process has held the lock {folder / '.lock'} for an hour; stop that process",
            code="data.cache_locked",
        ) from None
    except OSError as error:
        raise UserError(
            f"data {title}: cannot write to the cache {folder} ({error.strerror or error}); "
            "free some space, or choose another folder with the environment variable GANFORGE_CACHE",
            code="data.cache_not_writable",
        ) from None


def _is_there(file: Remote, folder: Path) -> bool:
    path = folder / file.name
    if not path.exists():
        return False
    found = sha256(path)
    if found != file.sha256:
        raise UserError(
            f"{path}: not the expected file: its SHA-256 is {found}, expected {file.sha256} ({file.size:,} bytes). "
            "Delete the file to download it again, or replace it",
            code="data.wrong_checksum",
        )
    return True


def _fetch_one(file: Remote, folder: Path, files: Sequence[Remote], title: str) -> Path:
    if _is_there(file, folder):
        return folder / file.name
    part = folder / f"{file.name}.part"
    problems = []
    with Bar(f"downloading {file.name}", file.size, unit="bytes", delay=0.5) as bar:
        for url in file.urls:
            problem = _from_mirror(url, file, part, bar)
            if problem is None:
                part.replace(folder / file.name)
                return folder / file.name
            problems.append(f"{url}: {problem}")
    missing = [f for f in files if not (folder / f.name).exists()]
    raise UserError(
        "\n  ".join(
            [
                f"data {title}: {file.name} could not be downloaded:",
                *problems,
                f"Try again later (the download resumes where it stopped), or put these files into {folder} yourself:",
                *[f"{f.name} ({f.size:,} bytes, SHA-256 {f.sha256})" for f in missing],
            ]
        ),
        code="data.download_failed",
    )


def _from_mirror(url: str, file: Remote, part: Path, bar: Bar) -> str | None:
    """Completes `part` from one URL; returns the problem, or None."""
    problem, idle, again = "", 0, True
    while idle < TRIES:
        before = _size(part)
        if before > file.size:
            part.unlink()
            before = 0
        bar.restart(before)
        if before < file.size:
            try:
                _append(url, part, before, file.size, bar)
                problem = "the download was interrupted"
            except urllib.error.HTTPError as error:
                if error.code == 416 and before:  # the server rejects the range
                    part.unlink()
                    idle += 1
                    continue
                return f"the server answers {error.code} {error.reason}"
            except NETWORK as error:
                problem = _reason(error)
        now = _size(part)
        if now > file.size:
            part.unlink()
            return f"it sent more than the {file.size:,} bytes of this file"
        if now == file.size:
            if sha256(part) == file.sha256:
                return None
            part.unlink()
            if not (before and again):  # the wrong bytes may be from another mirror, or from an earlier attempt
                return "it sent other content than expected (wrong SHA-256)"
            again = False
            continue
        idle = 0 if now > before else idle + 1
        if 0 < idle < TRIES:
            time.sleep(WAIT * idle)
    return f"{problem} after {_size(part):,} of {file.size:,} bytes"


def _append(url: str, part: Path, start: int, size: int, bar: Bar) -> None:
    """Appends what the server sends from byte `start` on, at most slightly more than `size`."""
    headers = {"User-Agent": AGENT} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if start and not goes_on:  # the server does not support ranges and sends everything
            start = 0
            bar.restart(0)
        with part.open("ab" if goes_on else "wb") as out:
            while start <= size:
                chunk = response.read(CHUNK)
                if not chunk:
                    break
                out.write(chunk)
                start += len(chunk)
                bar.advance(len(chunk))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(error).__name__)


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
