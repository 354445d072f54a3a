"""The options that every command with a trained model ends with, and what they decide: what is printed, and how."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from ganforge.ui.options import Device, Force, Plugins, Quiet
from ganforge.ui.output import AsJson, emit


@dataclass(frozen=True)
class Common:
    """The values of these options; a function that takes them is decorated with `with_common`."""

    device: Device = None
    force: Force = False
    quiet: Quiet = False
    as_json: AsJson = False
    plugins: Plugins = None

    @property
    def silent(self) -> bool:
        """Whether no progress is shown."""
        return self.quiet or self.as_json

    def report(self, document: Mapping[str, Any], lines: Iterable[object]) -> None:
        """Prints a result: the JSON document with --json; else the lines, unless --quiet."""
        from ganforge.ui.console import stdout

        if self.as_json:
            emit(document)
        elif not self.quiet:
            for line in lines:
                stdout().print(line, soft_wrap=True)


def with_common(verb: Callable[..., None]) -> Callable[..., None]:
    """The function of a command, `verb(..., *, common: Common)`, as Typer reads it: each field is an option."""
    signature = inspect.signature(verb, eval_str=True)
    hints = get_type_hints(Common, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [one.replace(kind=keyword) for name, one in signature.parameters.items() if name != "common"]
    shared = [inspect.Parameter(f.name, keyword, default=f.default, annotation=hints[f.name]) for f in fields(Common)]

    @functools.wraps(verb)
    def command(*values: Any, **given: Any) -> None:
        common = Common(**{one.name: given.pop(one.name, one.default) for one in shared})
        verb(*values, **given, common=common)

    command.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in (*own, *shared)}
    return command
