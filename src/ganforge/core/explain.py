"""Converts pydantic's errors to messages that help the user fix them, and to error codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic


def explain(error: pydantic.ValidationError, what: str = "", subject: str = "configuration") -> str:
    """pydantic's errors as lines `path: what is wrong; did you mean ...?`; `subject` is what has several of them."""
    lines = []
    for item in error.errors(include_url=False):
        path = ".".join(str(p) for p in item["loc"])
        match item["type"]:
            case "component":
                message = item["msg"]
            case "missing" | "missing_keyword_only_argument" | "missing_argument":
                message = "a value is required"
            case "tuple_type" | "list_type":
                message = f"expected a list in brackets, as in [a, b], got {shortened(item['input'])}"
            case "dict_type" | "dataclass_type":
                message = f"expected fields and their values, got {shortened(item['input'])}"
            case _:
                message = f"{item['msg'].removeprefix('Input ')}, got {shortened(item['input'])}"
        lines.append(f"{path}: {message}" if path else message)
    text = "\n  ".join([f"the {subject} has errors:", *lines]) if len(lines) > 1 else lines[0]
    return f"{what}: {text}" if what else text


def code_of(error: pydantic.ValidationError) -> str:
    problems = {_problem_of(item["type"], item.get("ctx", {})) for item in error.errors(include_url=False)}
    return f"config.{problems.pop()}" if len(problems) == 1 else "config.several_errors"


def _problem_of(kind: str, context: Mapping[str, Any]) -> str:
    if kind in ("missing", "missing_keyword_only_argument", "missing_argument"):
        return "missing_value"
    return context.get("problem", "invalid_value")


def shortened(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) < 60 else shown[:57] + "..."
