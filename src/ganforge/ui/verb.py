"""How a module declares a command ("verb") of the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import typer

from ganforge.registry import verb_modules


@dataclass(frozen=True)
class Verb:
    """A command, or a group of commands. Any module-level value of this type is found automatically.

    Attributes:
        run: the function that typer calls, or a `typer.Typer` with subcommands.
        name: the word that follows `ganforge`; by default the function's name. A group must set it.
        order: position in `ganforge --help`, ascending.
        epilog: text at the end of its help, such as examples.
        aliases: other names of the same command, not listed in the help.
    """

    run: Callable[..., Any] | typer.Typer
    name: str = ""
    order: int = 1_000
    epilog: str | None = None
    aliases: tuple[str, ...] = ()

    def add_to(self, app: typer.Typer) -> None:
        """Adds the command to `app`."""
        if isinstance(self.run, typer.Typer):
            app.add_typer(self.run, name=self.name)
            return
        name = self.name or self.run.__name__
        app.command(name, epilog=self.epilog)(self.run)
        for alias in self.aliases:
            app.command(alias, epilog=self.epilog, hidden=True)(self.run)


def verbs() -> list[Verb]:
    """All commands found, in the order of the help."""
    found = [value for module in verb_modules() for value in vars(module).values() if isinstance(value, Verb)]
    return sorted(found, key=lambda verb: verb.order)  # stable: equal orders stay as they were found
