"""The fields of a recipe that a page may set, from the JSON Schema of recipes, and the check of what it asks for.

A page sets numbers, switches, choices among values that the schema lists, and the kinds of some components (`kinds`).
It never sets text: a text may be the path of a file, a plugin or weights, which only the command line may name.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ganforge.core.errors import did_you_mean
from ganforge.core.overrides import quoted
from ganforge.web.refused import Refused
from ganforge.web.studio.kinds import NOTHING, Slot, choosable, kinds_of, made
from ganforge.web.studio.log import is_number

NOT_FROM_A_PAGE = ("name", "data", "init")
"""Fields with paths, and those that the page sets in another way."""
FIRST = ("samples", "batch", "seed", "log_every", "checkpoint_every", "precision")
"""Fields that a form shows first, with the learning rates."""
NUMBERS = ("integer", "number")


@dataclass(frozen=True)
class Field:
    """A field of a recipe.

    Attributes:
        path: as on the command line. kind: integer, number, switch, choice, or named: a choice for each of some names
            of the data, such as columns. value: that of the recipe.
        least, most: limits, both allowed; above: a limit that is not. choices: of a choice. optional: may be empty.
    """

    path: str
    kind: str
    value: Any
    help: str
    least: float | None = None
    most: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    first: bool = False


class Form:
    """The fields of one recipe.

    Args:
        schema: the JSON Schema of recipes. plain: the recipe as plain values.
        kinds: path → the kind that a page has chosen for a component, None for no component, or the kinds of a list.
        usual: name of a field → the kinds in it that recipes for such samples have; see `kinds.choosable`.

    Raises:
        Refused: a path or a kind that pages may not choose.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        plain: Mapping[str, Any],
        kinds: Mapping[str, Any] = NOTHING,
        usual: Mapping[str, Collection[str]] = NOTHING,
    ):
        self.definitions = schema.get("$defs", {})
        self.plain, self.kinds, self.usual = copy.deepcopy(dict(plain)), kinds, usual
        self.slots: dict[str, Slot] = {}
        self.fields = {field.path: field for field in self._below(schema, self.plain, "", "")}
        if unknown := sorted(kinds.keys() - self.slots.keys()):
            raise Refused(
                f"{unknown[0]}: pages cannot choose a kind here. Use the command line", code="studio.field", status=400
            )

    def _below(self, node: Mapping[str, Any], value: Any, path: str, says: str) -> Iterator[Field]:
        if (slot := self._slot(node, value, path)) is not None:
            self.slots[path] = slot
            if path in self.kinds:
                value = put(self.plain, path, made(slot, self.kinds[path]))
        node = self._resolved(node, value)
        says = node.get("description", says) if not isinstance(value, dict) else says
        if isinstance(value, Mapping) and (choices := self._named(node)):
            yield Field(path, "named", dict(value), says or node.get("description", ""), choices=choices)
        elif isinstance(value, Mapping):
            properties, others = node.get("properties", {}), node.get("additionalProperties")
            for name, inner in value.items():
                below = properties.get(name, others if isinstance(others, Mapping) else None)
                here = f"{path}.{name}" if path else name
                if below is not None and name != "kind" and here not in NOT_FROM_A_PAGE and "." not in name:
                    yield from self._below(below, inner, here, below.get("description", ""))
        elif isinstance(value, list):
            if isinstance(items := node.get("items"), Mapping):
                for k, inner in enumerate(value):
                    if isinstance(inner, Mapping):
                        yield from self._below(items, inner, f"{path}.{k}", says)
        elif (field := self._leaf(node, value, path, says)) is not None:
            yield field

    def _slot(self, node: Mapping[str, Any], value: Any, path: str) -> Slot | None:
        above, _, name = path.rpartition(".")
        if above in self.slots and self.slots[above].many:
            return None  # the list is chosen as a whole
        parts = self._variants(self._target(node))
        arrays = [part for part in parts if part.get("type") == "array"]
        items = self._variants(self._target(arrays[0].get("items", {}))) if arrays else parts
        empty = {"type": "null"} in parts
        return choosable(path, value, items, many=bool(arrays), empty=empty, usual=self.usual.get(name))

    def _leaf(self, node: Mapping[str, Any], value: Any, path: str, says: str) -> Field | None:
        kinds = self._variants(node)
        optional = any(kind.get("type") == "null" for kind in kinds)
        first = path in FIRST or (path.startswith("optimizers.") and path.endswith(".lr"))
        made = partial(Field, path, value=value, help=says, optional=optional, first=first)
        for kind in kinds:
            if choices := kind.get("enum"):
                if all(isinstance(choice, str) for choice in choices):
                    return made(kind="choice", choices=tuple(choices))
            elif kind.get("type") in NUMBERS and not isinstance(value, bool):
                least, most, above = map(kind.get, ("minimum", "maximum", "exclusiveMinimum"))
                return made(kind=kind["type"], least=least, most=most, above=above)
            elif kind.get("type") == "boolean":
                return made(kind="switch")
        return None

    def _named(self, node: Mapping[str, Any]) -> tuple[str, ...]:
        """The choices of a mapping from any names to some listed values."""
        others = node.get("additionalProperties")
        choices = self._target(others).get("enum", ()) if isinstance(others, Mapping) else ()
        return tuple(choices) if all(isinstance(choice, str) for choice in choices) else ()

    def _variants(self, node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What a value may be: the alternatives of a union, or the node itself."""
        inner = [part for name in ("anyOf", "oneOf") for part in node.get(name, ())]
        return [leaf for part in inner for leaf in self._variants(self._target(part))] if inner else [node]

    def _target(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            node = {**self.definitions.get(name, {}), **{key: node[key] for key in node if key != "$ref"}}
        return node

    def _resolved(self, node: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
        """The node that describes this value: of a union of components the one of its kind."""
        node = self._target(node)
        if not isinstance(value, (Mapping, list)):
            return node
        for part in self._variants(node):
            if isinstance(value, list):
                fits = part.get("type") == "array"
            else:
                kind = part.get("properties", {}).get("kind", {}).get("const")
                fits = part.get("type", "object") == "object" and value.get("kind", kind) == kind
            if fits:
                return part
        return {}

    def words(self, asked: Mapping[str, Any], keep: Collection[str] = (), names: Collection[str] = ()) -> list[str]:
        """`path=value` of the fields that a page sets to other values than the recipe's, and of those to keep.

        Args:
            names: of the data, for which a value can be chosen.

        Raises:
            Refused: a field that pages may not set, or a value that it cannot have.
        """
        found = []
        whole: dict[str, Any] = {}  # components of other kinds, which are set with all of their fields
        for path, slot in self.slots.items():
            chosen = path in self.kinds and (kinds_of(self.kinds[path]) != slot.kinds or path in keep)
            if chosen and not under(path, whole):
                whole[path] = at(self.plain, path)
        plain = copy.deepcopy(self.plain)
        for path, value in asked.items():
            field = self.fields.get(path)
            if field is None:
                raise Refused(
                    f"{path}: pages cannot set this field{did_you_mean(path, self.fields)}. Use the command line",
                    code="studio.field",
                    status=400,
                )
            if field.kind == "named":
                found += words_of(field, value, names)
                continue
            text = word(field, value)
            if under(path, whole):
                put(plain, path, value)
            elif value != field.value or path in keep:
                found.append(f"{path}={text}")
        return [*(f"{path}={json.dumps(at(plain, path))}" for path in whole), *found]


def under(path: str, others: Collection[str]) -> bool:
    """Whether a path leads through one of others."""
    return any(path.startswith(f"{other}.") for other in others)


def at(plain: Any, path: str) -> Any:
    """The value at a path."""
    for part in path.split("."):
        plain = plain[int(part)] if isinstance(plain, list) else plain[part]
    return plain


def put(plain: Any, path: str, value: Any) -> Any:
    """Sets the value at a path, and returns it."""
    above, _, last = path.rpartition(".")
    node = at(plain, above) if above else plain
    node[int(last) if isinstance(node, list) else last] = value
    return value


def words_of(field: Field, value: Any, names: Collection[str]) -> list[str]:
    """What is chosen for names of the data, as on the command line.

    Raises:
        Refused: the data has no such name, or what is chosen cannot be.
    """
    if not isinstance(value, Mapping) or any(name not in names or v not in field.choices for name, v in value.items()):
        raise Refused(
            f"{field.path}: not a choice for each of some columns ({described(field)})", code="studio.value", status=400
        )
    return [f"{field.path}.{quoted(name)}={chosen}" for name, chosen in value.items()]


def word(field: Field, value: Any) -> str:
    """A value as on the command line.

    Raises:
        Refused: the field cannot have it.
    """
    if value is None and field.optional:
        return "null"
    if field.kind == "switch" and isinstance(value, bool):
        return str(value).lower()
    if field.kind == "choice" and value in field.choices:
        return value
    if field.kind in NUMBERS and is_number(value):
        whole = field.kind == "integer"
        if math.isfinite(value) and (not whole or value == int(value)) and within(field, value):
            return repr(int(value) if whole else value)
    raise Refused(
        f"{field.path}: {str(value)[:40]!r} is not possible ({described(field)})", code="studio.value", status=400
    )


def within(field: Field, value: float) -> bool:
    return (
        (field.least is None or value >= field.least)
        and (field.most is None or value <= field.most)
        and (field.above is None or value > field.above)
    )


def described(field: Field) -> str:
    """What a field can have: `a whole number, at least 1`."""
    if field.choices:
        return ", ".join(field.choices)
    name = {"integer": "a whole number", "number": "a number", "switch": "true or false"}[field.kind]
    limits = [("at least", field.least), ("at most", field.most), ("above", field.above)]
    return ", ".join([name, *(f"{text} {limit:g}" for text, limit in limits if limit is not None)])
