"""Jobs of many parts, of which some cannot be done: the rest is done, and what was refused is listed at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ganforge.core.errors import GanforgeError, UserError
from ganforge.core.files import atomic_file
from ganforge.core.surroundings import refuse_machine_faults

SHOWN = 20
"""Refusals that a message names; the file has them all."""


@dataclass(frozen=True)
class Refusal:
    """One part of a job that could not be done.

    Attributes:
        what: which: a file, a metric, a run.
        why: in a sentence.
        code: of a `UserError`; empty of another exception.
    """

    what: str
    why: str
    code: str = ""

    @classmethod
    def of(cls, what: str, error: Exception) -> Refusal:
        """Of an exception that one part raised.

        Raises:
            UserError: the machine is at fault, so that the next part would fail too.
        """
        refuse_machine_faults(error)
        if isinstance(error, UserError):
            if error.code.startswith("machine."):
                raise error
            return cls(what, str(error), error.code)
        why = getattr(error, "why", None)
        return cls(what, why or f"{type(error).__name__}: {error}")


class PartlyDone(GanforgeError):
    """A job is done but for some parts. The CLI exits with status 3.

    Attributes:
        refused: these parts.
        said: what there is to say of the others, which the verb has printed.
    """

    def __init__(self, refused: Sequence[Refusal], listed: Path | str | None = None, said: Sequence[str] = ()):
        self.refused, self.said = tuple(refused), tuple(said)
        lines = [f"{one.what}: {one.why}" for one in self.refused[:SHOWN]]
        more = len(self.refused) - SHOWN
        lines += [f"... and {more} more"] if more > 0 else []
        lines += [f"all of them: {listed}"] if listed is not None else []
        super().__init__("\n".join(lines))


def listed(refused: Sequence[Refusal], path: Path) -> Path | None:
    """Writes what was refused as JSON, [{"what", "why", "code"}, ...]; of an earlier job the list is removed if there
    is nothing to say.

    Returns:
        The file, or None where nothing was refused.
    """
    if not refused:
        path.unlink(missing_ok=True)
        return None
    with atomic_file(path) as file:
        file.write_text(json.dumps([asdict(one) for one in refused], ensure_ascii=False, indent=1), encoding="utf-8")
    return path
