"""Asks `child` for what needs PyTorch, one process at a time, and remembers the answers."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import logging
import os
import sys
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any

from ganforge.recipes.listing import listed
from ganforge.web.refused import Refused
from ganforge.web.studio.forms import Form
from ganforge.web.studio.kinds import NOTHING

log = logging.getLogger("ganforge")
COMMAND = (sys.executable, "-m", "ganforge.web.studio.child")
SECONDS = 300.0
REMEMBERED = 32


class Children:
    """Answers of child processes, by the words that they were asked with."""

    def __init__(self, command: tuple[str, ...] = COMMAND):
        self.command = command
        self.lock = asyncio.Lock()
        self.answers: OrderedDict[tuple[str, ...], dict[str, Any]] = OrderedDict()
        self.forms: dict[str, Form] = {}

    async def ask(self, *words: str, version: str = "", again: bool = False) -> dict[str, Any]:
        """The answer to these words.

        Args:
            version: of what is asked about; with another one it is asked again.

        Raises:
            Refused: the process says what is wrong, takes too long, or fails.
        """
        key = (*words, version)
        async with self.lock:
            if again or key not in self.answers:
                self.answers[key] = await self._run(words)
                while len(self.answers) > REMEMBERED:
                    self.answers.popitem(last=False)
            self.answers.move_to_end(key)
            return self.answers[key]

    async def _run(self, words: tuple[str, ...]) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            *self.command, *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        try:
            out, err = await asyncio.wait_for(process.communicate(), SECONDS)
        except TimeoutError:
            raise Refused(
                f"{words[-1]}: took longer than {SECONDS:.0f} s. Use the command line for it",
                code="studio.too_slow",
                status=504,
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            found = json.loads(out)
        except ValueError:
            log.error("%s: %s", " ".join(words), err.decode("utf-8", "replace")[-4000:])
            raise Refused(
                f"{words[-1]}: the process that reads it ended with an error; the terminal of the studio says more",
                code="studio.child",
                status=500,
            ) from None
        if "error" in found:
            raise Refused(found["error"]["message"], code=found["error"]["code"], status=400)
        return found

    async def recipes(self) -> dict[str, Any]:
        """All recipes: {"recipes": {name: {"summary", "values"}}, "schema", "sets"}."""
        return await self.ask("recipes")

    async def names(self) -> Collection[str]:
        """The names of all recipes; unless there are plugins read from the sources, in a tenth of the time."""
        if ("recipes", "") in self.answers or importlib.metadata.entry_points(group="ganforge.plugins"):
            return (await self.recipes())["recipes"]
        return await asyncio.to_thread(listed)

    async def check(self, name: str) -> None:
        """Raises Refused if there is no recipe of that name."""
        if name not in await self.names():
            raise Refused(f"{name}: there is no such recipe", code="recipe.unknown", status=404)

    async def form(self, name: str, kinds: Mapping[str, Any] = NOTHING) -> Form:
        """The fields of a recipe, with components of these kinds; see `forms.Form`.

        Raises:
            Refused: there is no such recipe, or pages may not choose such a kind.
        """
        await self.check(name)
        known = await self.recipes()
        if kinds or name not in self.forms:
            values = known["recipes"][name]["values"]
            form = Form(known["schema"], values, kinds, usual_kinds(known["recipes"], values))
            if kinds:
                return form
            self.forms[name] = form
        return self.forms[name]


def usual_kinds(recipes: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, set[str]]:
    """Name of a field → the kinds of components that the recipes for the signal of one have in it."""
    found: dict[str, set[str]] = {}

    def look(node: Any, name: str) -> None:
        if isinstance(node, list):
            for inner in node:
                look(inner, name)
        elif isinstance(node, Mapping):
            if isinstance(kind := node.get("kind"), str):
                found.setdefault(name, set()).add(kind)
            for key, inner in node.items():
                look(inner, key)

    for one in recipes.values():
        if one["values"].get("signal", {}).get("kind") == values.get("signal", {}).get("kind"):
            look(one["values"], "")
    return found
