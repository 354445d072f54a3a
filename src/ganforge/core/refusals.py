"""Jobs of many parts of which some fail: the others are completed, and the failures are listed at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ganforge.core.errors import GanforgeError, UserError
from ganforge.core.files import atomic_file
from ganforge.core.surroundings import refuse_machine_faults

SHOWN = 20
"""Maximum number of failures listed in a message; the file contains all."""


@dataclass(frozen=True)
class Refusal:
    """One part of a job that failed.

    Attributes:
        what: the part: a file, a metric, a run.
        why: the reason, as a sentence.
        code: the code of a `UserError`; empty for other exceptions.
    """

    what: str
    why: str
    code: str = ""

    @classmethod
    def of(cls, what: str, error: Exception) -> Refusal:
        """The failure of one part, from its exception.

        Raises:
            UserError: the cause is the machine, so that all other parts would fail, too.
        """
        refuse_machine_faults(error)
        if isinstance(error, UserError):
            if error.code.startswith("machine."):
                raise error
            return cls(what, str(error), error.code)
        why = getattr(error, "why", None)
        return cls(what, why or f"{type(error).__name__}: {error}")


class PartlyDone(GanforgeError):
    """A job was completed except for some parts. The CLI exits with status 3.

    Attributes:
        refused: the failed parts.
        said: messages about the completed parts, already printed by the verb.
    """

    def __init__(self, refused: Sequence[Refusal], listed: Path | str | None = None, said: Sequence[str] = ()):
        self.refused, self.said = tuple(refused), tuple(said)
        lines = [f"{one.what}: {one.why}" for one in self.refused[:SHOWN]]
        more = len(self.refused) - SHOWN
        lines += [f"... and {more} more"] if more > 0 else []
        lines += [f"all of them: {listed}"] if listed is not None else []
        super().__init__("\n".join(lines))


def listed(refused: Sequence[Refusal], path: Path) -> Path | None:
    """Writes the failures as JSON, [{"what", "why", "code"}, ...]. If there are none, the list of an earlier job is
    removed.

    Returns:
        The file, or None if nothing failed.
    """
    if not refused:
        path.unlink(missing_ok=True)
        return None
    with atomic_file(path) as file:
        file.write_text(json.dumps([asdict(one) for one in refused], ensure_ascii=False, indent=1), encoding="utf-8")
    return path
