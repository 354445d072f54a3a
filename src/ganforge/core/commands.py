"""Commands that are printed for people to paste: quoted as a shell reads them."""

from __future__ import annotations

import shlex

from ganforge.core.names import writable


def command(verb: str, *words: object) -> str:
    """`ganforge sample 'my run' --out a.csv`, of the verb and its words."""
    return shlex.join(["ganforge", verb, *(writable(str(word)) for word in words)])


def with_plugins(line: str, plugins: list[str]) -> str:
    """A command with the files that were given with `--plugin`, without which it would not know what they bring."""
    return " ".join([line, *(f"--plugin {shlex.quote(plugin)}" for plugin in plugins)])
