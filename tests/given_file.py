"""What a model makes of a file as pages ask for it, beside what the lines of Python on the page make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganforge.inference.model import load
from ganforge.signals import FileResult, FileUse
from ganforge.web.studio.file_uses import chosen, described


def used(run: Path, file: Path, folder: Path, **settings: Any) -> tuple[FileUse, FileResult, dict[str, Any]]:
    """The use of a file, its result, and the names that the lines of Python define."""
    model = load(run)
    use = model.recipe.signal.file_use(model)
    assert use is not None
    shown = described(use)
    assert shown is not None
    assert shown["title"]["zh"] != shown["title"]["en"]
    assert file.suffix in use.reads
    values = chosen(use.settings, settings)
    names: dict[str, Any] = {}
    more = "".join(f", {name}={value!r}" for name, value in values.items())
    exec(use.python.format(model=str(run), file=str(file), more=more), names)
    return use, use.use(file, folder, values), names
