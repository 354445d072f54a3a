"""Recipes as text: `path=value` items, reading and writing YAML, and differences of two recipes.

Precedence, lowest first: the recipe, `--with file.yaml`, `path=value` items in the given order.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ganforge.core.component import Component, build, families, fields_of, to_plain
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.habits import refuse_other_word
from ganforge.core.parse_yaml import dump_yaml, parse_yaml

SEGMENT = re.compile(r'"((?:[^"\\]|\\.)*)"(?=[.=])|([^.=]+)')
"""A part of a path: a quoted name, in which dots and = are letters, or a plain one."""
CALL = re.compile(r"\s*(?P<name>[^\s()]+)\s*(\((?P<fields>[^()]*)\))?\s*")


def read_value(text: str) -> Any:
    """The value of an override: YAML for numbers, booleans, null, lists and mappings; everything else is a string.

    So a path that contains a colon or a hash is not parsed as YAML. `@columns.yaml` is the mapping in that file.

    Raises:
        UserError: a file that cannot be read, or holds no mapping.
    """
    text = text.strip()
    if text.startswith("@") and len(text) > 1:
        return from_yaml(text[1:])
    try:
        value = parse_yaml(text)
    except yaml.YAMLError:
        return text
    match value:
        case bool() if text.lower() in ("true", "false"):  # YAML also accepts `no` and `off`, which may be names
            return value
        case int() | float() if _same_number(text, value):  # YAML reads 010 as 8 and 12:30 as 750
            return value
        case str() if text[0] in "'\"":
            return value
        case list() | dict() if text[0] in "[{":
            return value
        case None if text in ("null", "~"):
            return None
    return text


def called(text: str) -> tuple[str, dict[str, Any]] | None:
    """`psnr(channel=Y, crop=4)` → ("psnr", {"channel": "Y", "crop": 4}); None if the text is not of this form."""
    found = CALL.fullmatch(text)
    if found is None:
        return None
    fields = {}
    for item in filter(None, (item.strip() for item in (found["fields"] or "").split(","))):
        name, sign, value = item.partition("=")
        if not sign:
            return None
        fields[name.strip()] = read_value(value)
    return found["name"], fields


def parts(text: str, mark: str) -> list[str]:
    """Splits a text at the marks that are not within brackets."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == mark and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [part.strip() for part in found]


def _same_number(text: str, value: float) -> bool:
    try:
        return float(text) == value
    except ValueError:
        return False


def split(item: str) -> tuple[list[str], Any]:
    """`task.objective.weight=5` → (["task", "objective", "weight"], 5). Names with dots or = are quoted:
    `signal.columns."zip.code"=categorical`."""
    path: list[str] = []
    at = 0
    while (found := SEGMENT.match(item, at)) is not None:
        path.append(found[2] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1]))
        at = found.end() + 1
        if item[found.end() : at] == "=":
            return path, read_value(item[at:])
    raise UserError(
        f"{item!r} is not of the form field=value, for example batch=64 or optimizers.G.lr=1e-4",
        code="config.not_an_assignment",
    )


def quoted(name: str) -> str:
    """A name as a part of a path: in double quotes where it holds a dot or an =."""
    if name and not re.search(r"[.=]", name) and not name.startswith('"'):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def assignment(field: str, name: str, value: str) -> str:
    """`signal.columns.age=ordinal`, for a field that holds a value by name, as it is typed in a shell."""
    return shlex.quote(f"{field}.{quoted(name)}={value}")


def apply(plain: Mapping[str, Any], items: Iterable[str], cls: type[Component] | None = None) -> dict[str, Any]:
    """A copy of a plain recipe with overrides applied. `x.kind=other` drops fields of x that `other` lacks, unless
    earlier items set them.

    Args:
        plain: the recipe, as returned by `to_plain`.
        items: `field=value` items, applied in order.
        cls: class of the recipe. If given, `task=other task.generator.width=8` can set fields of the new kind `other`.

    Raises:
        UserError: an item is not `field=value`, or its path leads through a value without fields.
    """
    result = to_plain(plain)
    short = {} if cls is None else cls.aliases
    typed: list[tuple[list[str], Any, str]] = []

    def put(path: list[str], value: Any, item: str) -> None:
        nonlocal result
        try:
            _put(result, path, value, item)
        except UserError:
            if cls is None:
                raise
            result = to_plain(build(cls, result))  # fills in the fields of kinds that earlier items named
            _put(result, path, value, item)

    for item in items:
        path, value = split(item)
        if len(path) == 1 and path[0] in short and path[0] not in result:
            path = short[path[0]].split(".")
        if len(path) == 1 and cls is not None and path[0] not in result:
            refuse_other_word(path[0], str(value))
        owner = path[:-1]
        if path[-1] == "kind" and owner and _is_of_another_kind(node := _at(result, owner), value):
            shared = _fields_of_both(node["kind"], value)
            kept = {name: old for name, old in node.items() if name in shared}
            node.clear()
            node.update(kept | {"kind": value})
            for one in typed:
                if one[0][: len(owner)] == owner and len(one[0]) > len(owner) and one[0] != path:
                    put(*one)
        else:
            put(path, value, item)
        typed.append((path, value, item))
    return result


def _at(node: Any, path: list[str]) -> Any:
    """The value at a path; None if it does not exist."""
    for part in path:
        if isinstance(node, list):
            node = node[int(part)] if part.isdecimal() and int(part) < len(node) else None
        else:
            node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _is_of_another_kind(node: Any, kind: Any) -> bool:
    return isinstance(node, Mapping) and "kind" in node and node["kind"] != kind


def _fields_of_both(old: str, new: Any) -> set[str]:
    """The fields that both the old and the new kind have, in the families with both kinds."""
    pairs = [(one.kinds[old], one.kinds[new]) for one in families().values() if old in one.kinds and new in one.kinds]
    return {name for old_class, new_class in pairs for name in fields_of(old_class) if name in fields_of(new_class)}


def merge(plain: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`plain` updated recursively with `changes`; a mapping with another kind replaces the old one."""
    result = dict(plain)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and _keeps_kind(old, value):
            result[key] = merge(old, value)
        elif not _names_kind_of(old, value):
            result[key] = to_plain(value)
    return result


def _keeps_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return "kind" not in new or new["kind"] == old.get("kind")


def _names_kind_of(old: Any, value: Any) -> bool:
    """Whether `value` is just the name of the current kind, so that its fields stay unchanged."""
    return isinstance(old, Mapping) and isinstance(value, str) and old.get("kind") == value


def _put(node: Any, path: list[str], value: Any, item: str) -> None:
    *parents, last = path
    for depth, part in enumerate(parents):
        if _is_by_name(node) and part not in node:  # a name with dots, whose quotes a shell has taken away
            parents, last = parents[:depth], ".".join(path[depth:])
            break
        key = _key(node, part, item, parents[:depth])
        child = node[key]
        where = ".".join(parents[: depth + 1])
        if isinstance(child, str):  # the name of a kind: its fields can now be set
            child = node[key] = {"kind": child}
        if child is None:
            raise UserError(
                f"{item!r}: {where} is null and has no fields; set it first: {where}=...", code="config.field_is_null"
            )
        if not isinstance(child, (dict, list)):
            raise UserError(f"{item!r}: {where} is {child!r} and has no fields", code="config.no_fields")
        node = child
    if isinstance(node, list):
        if last == str(len(node)):  # the position after the last one adds to the list
            node.append(None)
        here: Any = _key(node, last, item, parents)
        old = node[here]
    else:
        here, old = last, node.get(last)
    if not _names_kind_of(old, value):
        node[here] = value


def _is_by_name(node: Any) -> bool:
    """Whether a mapping holds values by names that users choose, as `signal.columns` does."""
    return isinstance(node, dict) and "kind" not in node and all(isinstance(value, str) for value in node.values())


def _key(node: Any, part: str, item: str, above: list[str]) -> Any:
    where = ".".join(above) or "the recipe"
    if isinstance(node, list):
        if not part.isdecimal() or int(part) >= len(node):
            raise UserError(
                f"{item!r}: {where} is a list of length {len(node)}, and {part!r} is not an index of it; "
                f"{where}.{len(node)}=... appends an element",
                code="config.index_out_of_range",
            )
        return int(part)
    if part not in node:
        raise UserError(
            f"{item!r}: no field {part!r} in {where}{did_you_mean(part, node)}", code="config.unknown_field"
        )
    return part


def to_yaml(plain: Any) -> str:
    """YAML in the order of the fields, readable by `from_yaml`."""
    return dump_yaml(to_plain(plain))


def from_yaml(path: Path | str) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        UserError: the file is missing, is not YAML, or does not contain a mapping.
    """
    path = Path(path)
    try:
        value = parse_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {error}", code="config.not_yaml") from None
    except (OSError, ValueError) as error:  # a name with a null byte is a ValueError
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read ({why})", code="config.not_readable") from None
    if not isinstance(value, dict):
        found = "nothing" if value is None else f"a {type(value).__name__}"
        raise UserError(
            f"{path}: expected lines of the form `field: value`, found {found}", code="config.not_a_mapping"
        )
    return value


def flatten(plain: Any, path: str = "") -> dict[str, Any]:
    """All leaves of a plain recipe by their dotted paths."""
    if isinstance(plain, Mapping) and plain:
        items = plain.items()
    elif isinstance(plain, list) and plain:
        items = enumerate(plain)
    else:
        return {path: plain}
    leaves: dict[str, Any] = {}
    for key, value in items:
        leaves |= flatten(value, f"{path}.{quoted(str(key))}" if path else str(key))
    return leaves


def diff(a: Any, b: Any) -> list[tuple[str, Any, Any]]:
    """(path, value in a, value in b) of every leaf that differs; None if one side has no such leaf."""
    left, right = flatten(to_plain(a)), flatten(to_plain(b))
    return [(p, left.get(p), right.get(p)) for p in dict.fromkeys([*left, *right]) if left.get(p) != right.get(p)]
