"""The two kinds of error: those that the user can fix, and faults of the program or the machine."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GanforgeError(Exception):
    """What this toolkit raises on purpose: one message that says what, where and how to fix it."""


class UserError(GanforgeError):
    """A mistake that the user can fix: a path, a field, a file. The CLI exits with status 2.

    Attributes:
        code: which mistake, for programs and tests: `data.not_found`. It stays when the words of the message change.
    """

    def __init__(self, message: str, *, code: str = ""):
        super().__init__(message)
        self.code = code


class TrainingError(GanforgeError):
    """Training cannot go on (numbers are no longer finite, the disk is full). The CLI exits with status 1."""


def install(extra: str) -> str:
    """The command that installs what an extra holds."""
    return f"pip install 'ganforge[{extra}]' (in a clone: pip install -e '.[{extra}]')"


class MissingExtra(UserError):
    """An optional package is needed and absent."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs the package {package!r}. Install it with: {install(extra)}",
            code=f"extra.{extra}",
        )


def as_sentence(error: Exception) -> str:
    """A message that another sentence follows."""
    said = str(error)
    return said if said.endswith(("?", ".")) else f"{said}."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'batch'?"` when something known is near `word`, else an empty string."""
    names = {name.lower().replace("-", "_"): name for name in known}
    near = difflib.get_close_matches(word.lower().replace("-", "_"), list(names), n=1, cutoff=0.6)
    return f"; did you mean {names[near[0]]!r}?" if near else ""
