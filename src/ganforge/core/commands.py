"""Commands printed for users to copy, quoted for the shell."""

from __future__ import annotations

import shlex

from ganforge.core.names import writable


def command(verb: str, *words: object) -> str:
    """A command with its arguments: `ganforge sample 'my run' --out a.csv`."""
    return shlex.join(["ganforge", verb, *(writable(str(word)) for word in words)])


def with_plugins(line: str, plugins: list[str]) -> str:
    """A command with the files given with `--plugin` added."""
    return " ".join([line, *(f"--plugin {shlex.quote(plugin)}" for plugin in plugins)])
