"""Exceptions: errors that the user can fix, and failures of training."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GanforgeError(Exception):
    """Base class of errors raised by ganforge. The message says what is wrong, where, and how to fix it."""


class UserError(GanforgeError):
    """An error that the user can fix: a path, a field, a file. The CLI exits with status 2.

    Attributes:
        code: a stable identifier of the error, for programs and tests, such as `data.not_found`.
    """

    def __init__(self, message: str, *, code: str = ""):
        super().__init__(message)
        self.code = code


class TrainingError(GanforgeError):
    """Training cannot continue (losses are not finite, the disk is full). The CLI exits with status 1."""


class LostProcess(TrainingError):
    """Another process of the same run ended or does not answer. Started again, they go on from the last checkpoint."""


class EndedElsewhere(GanforgeError):
    """Another process of the same run reported an error, which concerns this one, too. The CLI exits with status 1 and
    prints nothing."""


def install(extra: str) -> str:
    """The command that installs what an extra holds."""
    return f"pip install 'ganforge[{extra}]' (in a clone: pip install -e '.[{extra}]')"


class MissingExtra(UserError):
    """A required optional package is not installed."""

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
    """`"; did you mean 'batch'?"` if a known word is similar to `word`, else an empty string."""
    names = {name.lower().replace("-", "_"): name for name in known}
    near = difflib.get_close_matches(word.lower().replace("-", "_"), list(names), n=1, cutoff=0.6)
    return f"; did you mean {names[near[0]]!r}?" if near else ""


def no_field(owner: str, name: str, known: Iterable[str], hint: str) -> str:
    """The message about a field that its owner does not have, with a hint such as `did_you_mean`."""
    return f"{owner} has no field {name!r}{hint} (its fields: {', '.join(known) or 'none'})"
