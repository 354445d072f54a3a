"""A component is one choice in a recipe: a frozen dataclass that is both its configuration and its registry entry.

    class Objective(Component, family="objective"): ...          defines a family
    class Hinge(Objective, kind="hinge"): margin: float = 1.0    joins it

A field annotated with the family (`objective: Objective`) then accepts an instance, the name of a kind (`"hinge"`)
or a mapping (`{"kind": "hinge", "margin": 2}`). Kinds are looked up at validation, so those registered later by a
plugin are accepted, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextvars import ContextVar
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, Self, TypeVar, dataclass_transform

import pydantic
from pydantic import ConfigDict
from pydantic_core import ArgsKwargs, PydanticCustomError, core_schema

from ganforge.core.errors import UserError, did_you_mean, no_field
from ganforge.core.explain import code_of, explain, shortened
from ganforge.core.help_texts import field_help, help_text

CONFIG = ConfigDict(
    defer_build=True, extra="forbid", coerce_numbers_to_str=True, arbitrary_types_allowed=True, allow_inf_nan=False
)

T = TypeVar("T", bound="Component")

_described: ContextVar[frozenset[type]] = ContextVar("described", default=frozenset())
"""The families whose JSON Schema is being generated."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Component:
    """Base class of all components. Subclass with `family=` to define a family, with `kind=` to add a kind to one."""

    family: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    aliases: ClassVar[Mapping[str, str]] = {}  # short names for nested fields: name → dotted path
    former: ClassVar[Mapping[str, str]] = {}  # earlier spellings in stored recipes: a kind, a field, or "field=value"
    kinds: ClassVar[dict[str, type[Self]]]  # type: ignore[misc]  # of the family; filled as its members are imported

    def __init_subclass__(cls, *, family: str = "", kind: str = "", **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if family:
            cls.family, cls.kinds = family, {}
        if kind:
            known = cls.kinds.get(kind)
            if known is not None and _origin(known) != _origin(cls):  # a file that is run again replaces its own class
                raise TypeError(f"{cls.family} {kind!r} is registered twice: by {_origin(known)} and {_origin(cls)}")
            cls.kinds[kind] = cls
        cls.kind = kind
        pydantic.dataclasses.dataclass(cls, frozen=True, kw_only=True, config=CONFIG)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        plain = core_schema.plain_serializer_function_ser_schema(to_plain)
        if cls.is_abstract():
            return core_schema.no_info_plain_validator_function(cls.parse, serialization=plain)
        inner: Any = handler(source)
        ref = inner.pop("ref", None)  # the outer schema is referenced by others, with checks and help
        return core_schema.no_info_before_validator_function(cls._check_names, inner, ref=ref, serialization=plain)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: pydantic.GetJsonSchemaHandler
    ) -> dict[str, Any]:
        if cls.is_abstract():
            return cls._json_schema_of_members(handler)
        plain = handler.resolve_ref_schema(handler(schema))
        found = plain.get("properties", {})
        properties = {name: found[name] for name in fields_of(cls) if name in found}  # in the order of definition
        for name, text in field_help(cls).items():
            if name in properties:
                properties[name].setdefault("description", text)
        plain["properties"] = properties
        if cls.kind:
            plain["properties"] = {"kind": {"const": cls.kind}, **properties}
            plain["required"] = ["kind", *[name for name in plain.get("required", []) if name != "kind"]]
        plain["description"] = help_text(cls)
        return plain

    @classmethod
    def _json_schema_of_members(cls, handler: pydantic.GetJsonSchemaHandler) -> dict[str, Any]:
        named = {"type": "string", "description": f"the name of a {cls.family}"}
        schemas = [kind.__pydantic_core_schema__ for kind in cls.members().values()]  # type: ignore[attr-defined]
        if not schemas or cls in _described.get():  # a family nested in itself is described once
            return named
        token = _described.set(_described.get() | {cls})
        try:
            kinds = handler(core_schema.union_schema(schemas))  # as a union, so that pydantic keeps one copy of each
        finally:
            _described.reset(token)
        return {"oneOf": [*kinds.get("anyOf", [kinds]), named]}

    @classmethod
    def is_abstract(cls) -> bool:
        """Whether this is a family (or an abstract part of one), not a kind."""
        return bool(cls.family) and not cls.kind

    @classmethod
    def members(cls) -> dict[str, type[Self]]:
        """The kinds accepted for a field of this class, sorted by name."""
        return {name: kind for name, kind in sorted(cls.kinds.items()) if issubclass(kind, cls)}

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        """The fields for a bare string. By default it is the name of a kind; a family may support other forms."""
        return {"kind": text}

    @classmethod
    def parse(cls, value: Any) -> Self:
        """An instance of this family from an instance, a string or a mapping. Raises pydantic's errors."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            value = cls.from_text(value)
        if not isinstance(value, Mapping):
            message = f"expected the name of a {cls.family} or a mapping with 'kind', got {shortened(value)}"
            raise _error(message, "invalid_value")
        fields = {str(name): inner for name, inner in value.items()}
        known = cls.members()
        name = fields.pop("kind", None)
        if isinstance(name, str) and name not in known:  # {"kind": "./photos", "flip": true}: a string with more fields
            fields = {**cls.from_text(name), **fields}
            name = fields.pop("kind", None)
        kind = known.get(cls.former.get(name, name)) if isinstance(name, str) else None
        if kind is None:
            choices = f" (known: {', '.join(sorted(known)) or 'none'})"
            if name is None:
                raise _error(f"'kind' is missing: name a {cls.family}{choices}", "missing_kind")
            raise _error(f"unknown {cls.family} {name!r}{did_you_mean(str(name), known)}{choices}", "unknown_kind")
        return kind(**fields)

    @classmethod
    def _check_names(cls, value: Any) -> Any:
        """Rejects unknown fields, with a hint that pydantic cannot give."""
        if isinstance(value, ArgsKwargs):
            value = ArgsKwargs(value.args, cls._respelled(value.kwargs or {}))
            _refuse_unknown(cls, value.kwargs or {})
        elif isinstance(value, Mapping):
            value = {str(name): inner for name, inner in value.items()}
            if cls.kind and value.get("kind") == cls.kind:
                del value["kind"]
            value = cls._respelled(value)
            _refuse_unknown(cls, value)
        return value

    @classmethod
    def _respelled(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a stored recipe in today's spelling."""
        if not cls.former:
            return dict(fields)
        return {cls.former.get(k, k): cls.former.get(f"{k}={v}", v) for k, v in fields.items()}


def off_if_false(value: Any) -> Any:
    """What a family with a kind `off` is given, of which YAML reads a bare `off` as false."""
    if isinstance(value, Mapping) and value.get("kind") is False:
        return {**value, "kind": "off"}
    return "off" if value is False else value


def _origin(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _error(message: str, problem: str) -> PydanticCustomError:
    return PydanticCustomError("component", "{message}", {"message": message, "problem": problem})


def fields_of(cls: type) -> dict[str, dataclasses.Field[Any]]:
    """The configurable fields of a component class, in the order of their declaration."""
    return {f.name: f for f in dataclasses.fields(cls)}


def to_plain(value: Any) -> Any:
    """A component as mappings, lists and scalars for YAML and JSON; `parse` is the inverse."""
    if isinstance(value, Component):
        plain = {"kind": value.kind} if value.kind else {}
        return plain | {name: to_plain(getattr(value, name)) for name in fields_of(type(value))}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def build(cls: type[T], plain: Mapping[str, Any], what: str = "") -> T:
    """A `cls` from a mapping, with error messages for users.

    Raises:
        UserError: lists each invalid field on its own line, with its path and a suggestion. Its code is
            `config.PROBLEM` (unknown_field, unknown_kind, missing_kind, missing_value, invalid_value), or
            `config.several_errors`.
    """
    try:
        if cls.is_abstract():
            return cls.parse(plain)
        return cls(**cls._check_names(plain))
    except pydantic.ValidationError as error:
        raise UserError(explain(error, what), code=code_of(error)) from None
    except PydanticCustomError as error:
        problem = (error.context or {}).get("problem", "invalid_value")
        raise UserError(f"{what}: {error.message()}" if what else error.message(), code=f"config.{problem}") from None


def build_stored(cls: type[T], plain: Mapping[str, Any], what: str) -> T:
    """As `build`, from a file that a run wrote, perhaps with kinds of a plugin."""
    try:
        return build(cls, plain, what)
    except UserError as error:
        if error.code != "config.unknown_kind":
            raise
        hint = "If a plugin defines it, add --plugin FILE.py (in Python: ganforge.load_plugin)"
        raise UserError(f"{error}. {hint}", code=error.code) from None


def _refuse_unknown(cls: type[Component], fields: Mapping[str, Any]) -> None:
    known = list(fields_of(cls))
    for name in fields:
        if name not in known:
            label = f"{cls.family} {cls.kind!r}" if cls.kind else f"the {cls.__name__.lower()}"
            hint = did_you_mean(name, known) or _elsewhere(name, fields)
            raise _error(no_field(label, name, known, hint), "unknown_field")


def _elsewhere(name: str, plain: Any) -> str:
    """A hint for a field that exists at a deeper level: `lr` is `optimizers.G.lr`."""
    found: list[str] = []

    def visit(value: Any, path: str) -> None:
        value = to_plain(value)
        if isinstance(value, Mapping):
            for key, inner in value.items():
                here = f"{path}.{key}" if path else str(key)
                if key == name and path:
                    found.append(here)
                visit(inner, here)

    visit(plain, "")
    return f"; did you mean {' or '.join(found[:3])}?" if found else ""


def families() -> dict[str, type[Component]]:
    """All imported families, by name."""
    found: dict[str, type[Component]] = {}
    queue = list(Component.__subclasses__())
    while queue:
        cls = queue.pop()
        if cls.family and not cls.kind:
            found.setdefault(cls.family, cls)
        queue += cls.__subclasses__()
    return found


def _count(value: Any) -> Any:
    """12k, 3M, 1.5M → an int; everything else is validated by pydantic."""
    if not isinstance(value, str) or not value:
        return value
    scale = {"k": 1_000, "m": 1_000_000, "g": 1_000_000_000}.get(value[-1].lower())
    try:
        number = Decimal(value[:-1]) * scale if scale else Decimal(value)  # with a float, 2.3M would be off by one
    except InvalidOperation:
        return value
    return int(number) if number.is_finite() and number == int(number) else value


Count = Annotated[int, pydantic.Field(ge=0), pydantic.BeforeValidator(_count)]
"""A number of samples: 60000, "60k", "3M" or "1.5G"."""

PositiveCount = Annotated[int, pydantic.Field(ge=1), pydantic.BeforeValidator(_count)]
"""A number of samples of at least one."""
