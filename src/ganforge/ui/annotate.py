"""A recipe as YAML with comments."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from ganforge.core.component import Component, fields_of, to_plain
from ganforge.core.help_texts import field_help, help_text

WIDTH = 110


def annotated(component: Component) -> str:
    """YAML of a component, with the help text of each field as a comment above it. It parses to the same values as the
    plain YAML."""
    return "\n".join(_fields(component, "")) + "\n"


def comment(text: str, indent: str = "") -> str:
    """A docstring as comment lines."""
    lines = inspect.cleandoc(text).splitlines()
    return "".join(f"{indent}# {line}".rstrip() + "\n" for line in lines)


def _fields(component: Component, indent: str) -> list[str]:
    lines = []
    helps = field_help(type(component))
    for name in fields_of(type(component)):
        if name in helps:
            lines += _wrapped(helps[name], indent)
        lines += _item(f"{name}:", getattr(component, name), indent)
    return lines


def _item(key: str, value: Any, indent: str) -> list[str]:
    """`key` with its value: on the same line if it is a scalar, else on the lines below."""
    deeper = indent + "  "
    if isinstance(value, Component):
        lines = [f"{indent}{key}"]
        if value.kind:
            lines += [*_wrapped(help_text(type(value)), deeper), f"{deeper}kind: {_scalar(value.kind)}"]
        return [*lines, *_fields(value, deeper)]
    if isinstance(value, Mapping) and value:
        lines = [f"{indent}{key}"]
        for name, inner in value.items():
            lines += _item(f"{_scalar(name)}:", inner, deeper)
        return lines
    if isinstance(value, (list, tuple)) and any(isinstance(one, Component) for one in value):
        lines = [f"{indent}{key}"]
        for one in value:
            if not isinstance(one, Component):  # a number next to a schedule
                lines.append(f"{indent}- {_scalar(one)}")
                continue
            inner = _item("", one, indent)[1:]  # without the line of the empty key
            at = next(i for i, line in enumerate(inner) if not line.lstrip().startswith("#"))
            inner[at] = f"{indent}- {inner[at].lstrip()}"
            lines += inner
        return lines
    return [f"{indent}{key} {_scalar(value)}"]


def _scalar(value: Any) -> str:
    text = yaml.safe_dump(to_plain(value), default_flow_style=True, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
