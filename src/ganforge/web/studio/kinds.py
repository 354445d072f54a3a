"""The components of a recipe whose kinds a page may choose: nets, losses, penalties, augmentations, optimizers.

Allowed are places below `BELOW`, and there kinds that need nothing but their name and have no field for text, since
such a field may name a file. Most nets are made for one sort of samples; where more than `MANY` kinds are known, those
are offered that recipes for the same signal have in a field of the same name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganforge.web.refused import Refused

BELOW = ("task.", "optimizers.", "statistics", "health")
MANY = 12
LONGEST = 8
"""Components of a list, at most."""
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Slot:
    """A place of a recipe that holds a component or a list of components.

    Attributes:
        path: as on the command line. kinds: those that the recipe has in it.
        choices: kind → what it is, of those that a page may choose.
        optional: whether it may be empty. many: whether it is a list.
        defaults: kind → the component with its usual fields.
    """

    path: str
    kinds: tuple[str, ...]
    choices: dict[str, str]
    optional: bool
    many: bool
    defaults: dict[str, dict[str, Any]]


def choosable(
    path: str, value: Any, items: Sequence[Mapping[str, Any]], many: bool, empty: bool, usual: Collection[str] | None
) -> Slot | None:
    """The place at a path, if pages may choose what is in it.

    Args:
        value: of the recipe. items: what the schema allows for a component. usual: see `forms.Form`.
    """
    own = kinds_of(value)
    parts = {kind: part for part in items if (kind := kind_of(part)) is not None}
    scalar = any(part.get("type") in ("number", "integer", "boolean") for part in items)
    if not path.startswith(BELOW) or not parts or scalar or any(kind not in parts for kind in own):
        return None
    good = [kind for kind, part in parts.items() if is_complete(part)]
    if len(good) > MANY:
        good = [kind for kind in good if kind in (usual or ()) or kind in own]
    choices = {kind: str(parts[kind].get("description", "")) for kind in parts if kind in good or kind in own}
    if len(choices) < 2 and not many and not empty:
        return None
    defaults = {kind: default_of(kind, parts[kind]) for kind in good}
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, Mapping):
            defaults[one["kind"]] = dict(one)  # with the fields of the recipe
    return Slot(path, own, choices, empty, many, defaults)


def kind_of(part: Mapping[str, Any]) -> str | None:
    return part.get("properties", {}).get("kind", {}).get("const")


def kinds_of(value: Any) -> tuple[str, ...]:
    """The kinds in a place: of a component, of a list, or of what a page asks for, which names kinds alone."""
    if value is None:
        return ()
    each = value if isinstance(value, list) else [value]
    return tuple(str(one.get("kind")) if isinstance(one, Mapping) else str(one) for one in each)


def is_complete(part: Mapping[str, Any]) -> bool:
    """Whether a kind needs nothing but its name, and has no field for text."""
    fields = {name: node for name, node in part["properties"].items() if name != "kind"}
    return not set(part.get("required", ())) - {"kind"} and not any(takes_text(node) for node in fields.values())


def takes_text(node: Mapping[str, Any]) -> bool:
    """Whether a field may hold free text; the name of a component is none."""
    inner: Iterable[Mapping[str, Any]] = [*node.get("anyOf", ()), *node.get("oneOf", ())]
    free = node.get("type") == "string" and "enum" not in node and "the name of" not in node.get("description", "")
    return free or any(takes_text(one) for one in inner)


def default_of(kind: str, part: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: node.get("default") for name, node in part["properties"].items() if name != "kind"}
    return {"kind": kind, **fields}


def made(slot: Slot, asked: Any) -> Any:
    """What a page asks for in a place, with the usual fields.

    Raises:
        Refused: of another kind than those that may be chosen.
    """
    each = asked if isinstance(asked, list) else [] if asked is None else [asked]
    wrong = isinstance(asked, list) != slot.many or (asked is None and not slot.optional) or len(each) > LONGEST
    if wrong or any(not isinstance(kind, str) or kind not in slot.defaults for kind in each):
        known = ", ".join(slot.choices)
        raise Refused(
            f"{slot.path}: {str(asked)[:60]!r} cannot be chosen here (kinds: {known})", code="studio.value", status=400
        )
    return [dict(slot.defaults[kind]) for kind in each] if slot.many else dict(slot.defaults[each[0]]) if each else None
