"""Recipes as text: `path=value`, YAML in and out, and what differs between two of them.

Precedence, lowest first: the recipe, `--with file.yaml`, `path=value` in the order given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ganforge.core.component import to_plain
from ganforge.core.errors import UserError, did_you_mean


def read_value(text: str) -> Any:
    """The value of an override: YAML for numbers, booleans, null, lists and mappings; everything else as it stands.

    A path with a colon or a hash in it is a path, not YAML.
    """
    text = text.strip()
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if isinstance(value, (list, dict)) and text[:1] not in "[{":
        return text
    return value if isinstance(value, (bool, int, float, list, dict)) or text in ("null", "~") else text


def split(item: str) -> tuple[list[str], Any]:
    """`task.objective.weight=5` → (["task", "objective", "weight"], 5)."""
    path, sign, value = item.partition("=")
    if not sign or not path or any(not part for part in path.split(".")):
        raise UserError(f"{item!r} is not of the form field=value (for instance batch=64 or optimizers.G.lr=1e-4)")
    return path.split("."), read_value(value)


def apply(plain: Mapping[str, Any], items: Iterable[str]) -> dict[str, Any]:
    """A copy of a plain recipe with overrides put in. Naming another kind forgets the old one's fields.

    Raises:
        UserError: an item is not `field=value`, or its path leads through something that has no fields.
    """
    result = to_plain(plain)
    for item in items:
        path, value = split(item)
        _put(result, path, value, item)
    return result


def merge(plain: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` laid over `plain`, mapping by mapping; a mapping that names another kind replaces the old one."""
    result = dict(plain)
    for key, value in changes.items():
        old = result.get(key)
        same = isinstance(old, Mapping) and isinstance(value, Mapping) and value.get("kind", old.get("kind")) == old.get("kind")
        result[key] = merge(old, value) if same else to_plain(value)  # type: ignore[arg-type]
    return result


def _put(node: Any, path: list[str], value: Any, item: str) -> None:
    *parents, last = path
    for depth, part in enumerate(parents):
        key = _key(node, part, item, parents[:depth])
        child = node[key]
        if isinstance(child, str):  # the name of a kind: its fields can now be set
            child = node[key] = {"kind": child}
        if not isinstance(child, (dict, list)):
            raise UserError(f"{item!r}: {'.'.join(parents[: depth + 1])} is {child!r} and has no fields")
        node = child
    if isinstance(node, list):
        node[_key(node, last, item, parents)] = value
    else:
        node[last] = value


def _key(node: Any, part: str, item: str, above: list[str]) -> Any:
    where = ".".join(above) or "the recipe"
    if isinstance(node, list):
        if not part.isdigit() or int(part) >= len(node):
            raise UserError(f"{item!r}: {where} is a list of {len(node)}; give a position from 0 to {len(node) - 1}")
        return int(part)
    if part not in node:
        raise UserError(f"{item!r}: no field {part!r} in {where}{did_you_mean(part, node)}")
    return part


def to_yaml(plain: Any) -> str:
    """YAML in the order of the fields, readable by `from_yaml`."""
    return yaml.safe_dump(to_plain(plain), sort_keys=False, allow_unicode=True, width=100)


def from_yaml(path: Path | str) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        UserError: the file is missing, is no YAML, or holds no mapping.
    """
    path = Path(path)
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected fields and values, found {type(value).__name__}")
    return value


def flatten(plain: Any, path: str = "") -> dict[str, Any]:
    """Every leaf of a plain recipe by its dotted path."""
    if isinstance(plain, Mapping) and plain:
        items = plain.items()
    elif isinstance(plain, list) and plain:
        items = enumerate(plain)
    else:
        return {path: plain}
    leaves: dict[str, Any] = {}
    for key, value in items:
        leaves |= flatten(value, f"{path}.{key}" if path else str(key))
    return leaves


def diff(a: Any, b: Any) -> list[tuple[str, Any, Any]]:
    """(path, value in a, value in b) of every leaf that differs; None where one side has no such leaf."""
    left, right = flatten(to_plain(a)), flatten(to_plain(b))
    return [(p, left.get(p), right.get(p)) for p in dict.fromkeys([*left, *right]) if left.get(p) != right.get(p)]
