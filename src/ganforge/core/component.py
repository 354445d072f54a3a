"""A component is one choice in a recipe: a frozen dataclass that is its own configuration and its own entry in a registry.

    class Objective(Component, family="objective"): ...          opens a family
    class Hinge(Objective, kind="hinge"): margin: float = 1.0    joins it

A field annotated with the family (`objective: Objective`) then accepts an instance, the name of a kind (`"hinge"`)
or a mapping (`{"kind": "hinge", "margin": 2}`). The kinds are looked up at the moment of validation, so one that
a plugin registers later is accepted too.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, TypeVar, dataclass_transform

import pydantic
from pydantic import ConfigDict
from pydantic_core import PydanticCustomError, core_schema

from ganforge.core.errors import UserError, did_you_mean

CONFIG = ConfigDict(extra="forbid", coerce_numbers_to_str=True, arbitrary_types_allowed=True, allow_inf_nan=False)

T = TypeVar("T", bound="Component")


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Component:
    """Base of every family. Subclass with `family=` to open one, with `kind=` to join one."""

    family: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    kinds: ClassVar[dict[str, type[Self]]]  # type: ignore[misc]  # of the family; filled as its members are imported

    def __init_subclass__(cls, *, family: str = "", kind: str = "", **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if family:
            cls.family, cls.kinds = family, {}
        if kind:
            known = cls.kinds.get(kind)
            if known is not None and known.__qualname__ != cls.__qualname__:
                raise TypeError(f"{cls.family} {kind!r} is registered twice: {known.__qualname__}, {cls.__qualname__}")
            cls.kinds[kind] = cls
        cls.kind = kind
        pydantic.dataclasses.dataclass(cls, frozen=True, kw_only=True, config=CONFIG)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: pydantic.GetCoreSchemaHandler) -> core_schema.CoreSchema:
        if cls.kind or not cls.family:  # a concrete choice: the dataclass itself
            return handler(source)
        return core_schema.no_info_plain_validator_function(cls.parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: pydantic.GetJsonSchemaHandler) -> dict[str, Any]:
        if cls.family and not cls.kind:
            kinds = [handler(kind.__pydantic_core_schema__) for kind in cls.kinds.values()]  # type: ignore[attr-defined]
            return {"oneOf": [*kinds, {"type": "string", "description": f"the name of a {cls.family}"}]}
        plain = handler.resolve_ref_schema(handler(schema))
        properties = plain.setdefault("properties", {})
        for name, text in field_help(cls).items():
            if name in properties:
                properties[name].setdefault("description", text)
        if cls.kind:
            plain["properties"] = {"kind": {"const": cls.kind}, **properties}
            plain["required"] = ["kind", *plain.get("required", [])]
        plain["description"] = help_text(cls)
        return plain

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        """What a bare string stands for. By default the name of a kind; a family may read more into it."""
        return {"kind": text}

    @classmethod
    def parse(cls, value: Any) -> Self:
        """An instance of this family from an instance, a string or a mapping. Raises pydantic's errors."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            value = cls.from_text(value)
        if not isinstance(value, Mapping):
            raise PydanticCustomError(
                "component", "expected the name of a {family} or a mapping with 'kind'", {"family": cls.family}
            )
        fields = dict(value)
        name = fields.pop("kind", None)
        if isinstance(name, str) and name not in cls.kinds:  # {"kind": "./photos", "flip": true}: a string, then one of its fields
            fields = {**cls.from_text(name), **fields}
            name = fields.pop("kind", None)
        kind = cls.kinds.get(name) if isinstance(name, str) else None
        if kind is None:
            hint = did_you_mean(str(name), cls.kinds) if name is not None else "; 'kind' is missing"
            raise PydanticCustomError(
                "component", "{message}",
                {"message": f"unknown {cls.family} {name!r}{hint} (known: {', '.join(sorted(cls.kinds))})"},
            )  # fmt: skip
        _refuse_unknown(kind, fields)
        return kind(**fields)


def fields_of(cls: type) -> dict[str, dataclasses.Field[Any]]:
    """The configurable fields of a component class, in the order of their declaration."""
    return {f.name: f for f in dataclasses.fields(cls)}


def to_plain(value: Any) -> Any:
    """A component as mappings, lists and scalars that YAML and JSON can hold; `parse` reads it back."""
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
    """A `cls` from a mapping, with errors a user can act on.

    Raises:
        UserError: every wrong field on a line of its own, with its path and a suggestion.
    """
    try:
        if cls.family and not cls.kind:
            return cls.parse(plain)
        _refuse_unknown(cls, plain)
        return cls(**plain)
    except pydantic.ValidationError as error:
        raise UserError(explain(error, what)) from None
    except PydanticCustomError as error:
        raise UserError(f"{what}: {error.message()}" if what else error.message()) from None


def explain(error: pydantic.ValidationError, what: str = "") -> str:
    """pydantic's errors as lines `path: what is wrong; did you mean ...?`."""
    lines = []
    for item in error.errors(include_url=False):
        path = ".".join(str(p) for p in item["loc"])
        match item["type"]:
            case "component":
                lines.append(f"{path}: {item['msg']}")
            case "missing" | "missing_keyword_only_argument" | "missing_argument":
                lines.append(f"{path}: a value is needed here")
            case _:
                shown = repr(item["input"])
                lines.append(f"{path}: {item['msg']}, got {shown if len(shown) < 60 else shown[:57] + '...'}")
    text = "\n  ".join(["the configuration has errors:", *lines]) if len(lines) > 1 else lines[0]
    return f"{what}: {text}" if what else text


def _refuse_unknown(cls: type[Component], fields: Mapping[str, Any]) -> None:
    known = list(fields_of(cls))
    for name in fields:
        if name not in known:
            label = f"{cls.family} {cls.kind!r}" if cls.kind else "a recipe"
            hint = did_you_mean(name, known) or _elsewhere(name, fields)
            raise PydanticCustomError(
                "component", "{message}",
                {"message": f"{label} has no field {name!r}{hint} (its fields: {', '.join(known) or 'none'})"},
            )  # fmt: skip


def _elsewhere(name: str, plain: Any) -> str:
    """A hint for a field that exists, but deeper: `lr` is `optimizers.G.lr`."""
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
    """Every family that has been imported, by name."""
    found: dict[str, type[Component]] = {}
    queue = list(Component.__subclasses__())
    while queue:
        cls = queue.pop()
        if cls.family and not cls.kind:
            found.setdefault(cls.family, cls)
        queue += cls.__subclasses__()
    return found


def help_text(cls: type) -> str:
    """The first paragraph of a class's docstring, on one line."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


def field_help(cls: type) -> dict[str, str]:
    """The docstrings under the fields of a component and of what it inherits from, by field name."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not (isinstance(base, type) and issubclass(base, Component)):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError):  # a class typed at the prompt has no source
            continue
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for field, doc in zip(body, body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(doc, ast.Expr)
                and isinstance(doc.value, ast.Constant)
                and isinstance(doc.value.value, str)
            ):
                docs[field.target.id] = " ".join(doc.value.value.split())
    return docs


def _count(value: Any) -> Any:
    """12k, 3M, 1.5M → an int; everything else is left for pydantic to judge."""
    if isinstance(value, str) and value:
        scale = {"k": 1_000, "K": 1_000, "m": 1_000_000, "M": 1_000_000}.get(value[-1])
        try:
            number = float(value[:-1]) * scale if scale else float(value.replace("_", ""))
        except ValueError:
            return value
        return int(number) if number == int(number) else number
    return value


Count = Annotated[int, pydantic.BeforeValidator(_count), pydantic.Field(ge=0)]
"""A number of samples: 60000, '60k' or '3M'."""

PositiveCount = Annotated[int, pydantic.BeforeValidator(_count), pydantic.Field(ge=1)]
"""A number of samples of at least one."""
