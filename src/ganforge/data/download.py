"""Files from the network, kept in a cache and never used before their SHA-256 is right.

A download that breaks off goes on where it stopped, there or at another mirror. Under its final name a file is whole.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import tempfile
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
TIMEOUT = 30.0  # seconds without a byte
TRIES = 3  # in a row at one mirror without getting on
WAIT = 1.0  # seconds before the second of them, twice that before the third
AGENT = "ganforge"
NETWORK = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError)


@dataclass(frozen=True)
class Remote:
    """A file that exists somewhere.

    Attributes:
        name: what it is called in the cache.
        size: in bytes.
        sha256: of its content, in hexadecimal.
        urls: where it can be had, the best first.
    """

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]


def cache_folder() -> Path:
    """Where downloads are kept: $GANFORGE_CACHE, else $XDG_CACHE_HOME/ganforge, else ~/.cache/ganforge, and of a user
    without a home a folder for temporary files."""
    own = os.environ.get("GANFORGE_CACHE")
    if own:
        return Path(own).expanduser()
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "ganforge"
    except RuntimeError:  # a user without a home, as in some containers
        return Path(tempfile.gettempdir()) / "ganforge"


def fetch(files: Sequence[Remote], folder: Path, title: str) -> list[Path]:
    """The files on disk, downloaded where they are not there yet.

    Raises:
        UserError: none of the mirrors gives a right file (says where to put it by hand), the folder cannot be written,
            or a file that lies there is another one.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if all(_is_there(file, folder) for file in files):  # no lock: a read-only cache is as good
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
    """Brings `part` to completeness from one address. What went wrong, or None."""
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
                problem = "it broke off"
            except urllib.error.HTTPError as error:
                if error.code == 416 and before:  # the server will not go on from here
                    part.unlink()
                    idle += 1
                    continue
                return f"the server answers {error.code} {error.reason}"
            except NETWORK as error:
                problem = _reason(error)
        now = _size(part)
        if now > file.size:
            part.unlink()
            return f"it sends more than the {file.size:,} bytes of this file"
        if now == file.size:
            if sha256(part) == file.sha256:
                return None
            part.unlink()
            if not (before and again):  # bytes of another mirror, or of an older try, may be the wrong ones
                return "it sends other bytes than expected (their SHA-256 is wrong)"
            again = False
            continue
        idle = 0 if now > before else idle + 1
        if 0 < idle < TRIES:
            time.sleep(WAIT * idle)
    return f"{problem} after {_size(part):,} of {file.size:,} bytes"


def _append(url: str, part: Path, start: int, size: int, bar: Bar) -> None:
    """Writes what the server sends from byte `start` on, at most a little more than `size`."""
    headers = {"User-Agent": AGENT} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if start and not goes_on:  # the server does not know ranges and sends all
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
    """Of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
