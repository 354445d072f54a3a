"""Results for scripts: with `--json` stdout holds one JSON document alone, and everything else goes to stderr."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from ganforge.core.errors import GanforgeError
from ganforge.core.names import writable

FLAG = "--json"

_results: ContextVar[TextIO | None] = ContextVar("results", default=None)

AsJson = Annotated[bool, typer.Option(FLAG, help="Print the result as one JSON document; messages go to stderr.")]


@contextlib.contextmanager
def stdout_for_json(words: Sequence[str]) -> Iterator[None]:
    """With `--json` among the words, keeps stdout for the document: whatever else is printed to it in the block, by a
    plugin for example, goes to stderr."""
    token = _results.set(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr) if FLAG in words else contextlib.nullcontext():
            yield
    finally:
        _results.reset(token)


def emit(document: Any) -> None:
    """Prints the JSON document of a verb: mappings, sequences, dataclasses, paths, NumPy's numbers; what is no finite
    number is null."""
    print(as_text(document), file=results(), flush=True)


def as_text(document: Any) -> str:
    """A JSON document as `emit` prints it."""
    return writable(json.dumps(plain(document), ensure_ascii=False, indent=2, allow_nan=False))


def emit_error(error: GanforgeError) -> None:
    """Prints an error as the JSON document: {"error": {"code", "message"}}."""
    emit({"error": {"code": getattr(error, "code", ""), "message": str(error)}})


def results() -> TextIO:
    """The stream that results go to."""
    return _results.get() or sys.stdout


def plain(value: Any) -> Any:
    """What JSON can hold of a value."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    tolist = getattr(value, "tolist", None)  # NumPy's and torch's
    return str(value) if tolist is None else plain(tolist())
