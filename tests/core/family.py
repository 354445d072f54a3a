"""A small world of components for the tests of core: a kitchen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from ganforge.core.component import Component, PositiveCount
from ganforge.core.schedule import Rate


class Spice(Component, family="spice"):
    """What makes a dish taste."""

    strength: Rate = 1.0
    """How much of it; may move during the meal."""


class Pepper(Spice, kind="pepper"):
    """Black and hot."""

    corns: int = Field(default=3, ge=1, le=99)
    """Grains, freshly ground."""


class Salt(Spice, kind="sea_salt"):
    """From the sea."""

    flakes: bool = True


class Dish(Component, family="dish"):
    """Something to eat."""

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        return {"kind": text} if text in cls.kinds else {"kind": "leftovers", "box": text}


class Soup(Dish, kind="soup"):
    """Hot water with ideas."""

    litres: float = Field(default=1.0, gt=0)
    """Of water."""
    spice: Spice = Field(default="pepper", validate_default=True)
    """What goes in."""
    more: tuple[Spice, ...] = ()
    """What else goes in."""


class Stew(Dish, kind="stew"):
    """Soup with patience."""

    hours: float
    """Of patience."""
    spice: Spice | None = None


class Leftovers(Dish, kind="leftovers"):
    """From yesterday."""

    box: str
    """Where they are."""
    days: int = 1


class Oven(Component):
    """Where it happens."""

    watts: int = 2000
    """Power."""


class Menu(Component):
    """All the choices of an evening."""

    name: str
    """What it is called."""
    dish: Dish
    """What is eaten."""
    spices: dict[str, Spice] = Field(default_factory=dict)
    """On the table, by guest."""
    guests: PositiveCount = 4
    """How many come."""
    style: Literal["plain", "festive"] = "plain"
    """Of the table."""
    oven: Oven = Oven()
    """Where it is cooked."""
