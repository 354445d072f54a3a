"""What models make of uploaded files besides translations: `Signal.file_use`. Runs in the worker process alone."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganforge.core.errors import UserError
from ganforge.core.language import LANGUAGES, translated
from ganforge.core.marks import marked
from ganforge.core.media import Media
from ganforge.signals import FileUse, Setting
from ganforge.web import writing
from ganforge.web.asks import MOST_TEXT
from ganforge.web.operations import Held, operation
from ganforge.web.writing import Answer


def described(use: FileUse | None) -> dict[str, Any] | None:
    """What pages show of it, with its texts in each language."""
    if use is None:
        return None
    settings = [
        {**one._asdict(), "title": in_each(one.title), "help": in_each(one.help), "choices": list(one.choices)}
        for one in use.settings
    ]
    plain = {name: getattr(use, name) for name in ("verb", "example", "result", "chart", "python")}
    texts = {name: in_each(getattr(use, name)) for name in ("title", "text")}
    return {**plain, **texts, "reads": list(use.reads), "settings": settings}


@operation("use_file")
def use_file(held: Held, ask: dict[str, Any]) -> Answer:
    """What a model makes of a file: the result as a file; media and the first rows are to be shown."""
    use = held.model.recipe.signal.file_use(held.model)
    if use is None:
        raise UserError(f"{held.name}: this model makes nothing of files", code="file.not_used")
    source = Path(ask["file"])
    if source.suffix not in use.reads:
        raise UserError(f"this model takes files that end in {', '.join(use.reads)}", code="studio.wrong_file")
    settings = chosen(use.settings, ask["settings"])
    with writing.emptied(held.scratch) as folder:
        with by_name(ask["file"]):
            made = use.use(source, folder, settings)
        data, name = writing.taken(made.file), made.file.name
    rows = [[text[:MOST_TEXT] for text in row] for row in made.rows]
    facts = {"says": [in_each(text) for text in made.says], "media": media_of(made.media), "rows": rows}
    return Answer(data, writing.type_of(name), name, facts | {"made": [list(places) for places in made.made]})


def chosen(settings: Sequence[Setting], given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each setting: the given one, or the usual one.

    Raises:
        UserError: there is no such setting, or the value is out of its range.
    """
    if unknown := sorted(given.keys() - {one.name for one in settings}):
        raise UserError(f"there is no setting {unknown[0]!r}", code="file.setting")
    for one in settings:
        value = given.get(one.name, one.usual)
        if one.choices and value not in one.choices:
            raise UserError(f"{one.name}: one of {', '.join(one.choices[:12])}", code="file.setting")
        if not one.choices and not (isinstance(value, int) and one.least <= value <= one.most):
            raise UserError(f"{one.name}: a whole number from {one.least:,} to {one.most:,}", code="file.setting")
    return {one.name: given.get(one.name, one.usual) for one in settings}


def in_each(text: str) -> dict[str, str]:
    """A text in each language of the pages."""
    return {language: translated(text, language) for language in LANGUAGES}


def media_of(media: Sequence[Media]) -> list[dict[str, Any]]:
    """Media as JSON can hold them; images are marked as generated."""
    return [
        {"type": one.mime, "caption": in_each(one.caption), "runs": one.interactive,
         "data": base64.b64encode(marked(one.data) if one.mime == "image/png" else one.data).decode("ascii")}
        for one in media
    ]  # fmt: skip


@contextlib.contextmanager
def by_name(file: str) -> Iterator[None]:
    """Errors within name an uploaded file without its folder on this machine."""
    try:
        yield
    except UserError as error:
        raise UserError(str(error).replace(f"{Path(file).parent}/", ""), code=error.code) from None
