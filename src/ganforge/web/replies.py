"""What is known of the requests to a worker: their answers, their errors, and how many there were."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganforge.core.errors import UserError


class WorkerError(UserError):
    """A request that a worker did not answer.

    Attributes:
        retry_after: seconds after which it may succeed; None: it would fail again.
    """

    def __init__(self, message: str, *, code: str, retry_after: int | None = None):
        super().__init__(message, code=code)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        data, type, name: the bytes of a file, its MIME type, a name for it.
        facts: more of it.
        seconds: that the worker computed, for all requests of the pass. together: how many they were.
    """

    data: bytes
    type: str
    name: str
    facts: Mapping[str, Any]
    seconds: float
    together: int


@dataclass
class Pending:
    """A request without an answer so far.

    Attributes:
        message: as it is sent. until: `time.monotonic()` of its deadline.
        told: called with the share that is done, in [0, 1], where the operation says so.
        begun: whether the process computes it. left: whether nobody waits for it any more.
    """

    message: bytes
    until: float
    done: asyncio.Future[Reply]
    told: Callable[[float], None] | None = None
    begun: bool = False
    left: bool = False


@dataclass
class Statistics:
    """What a worker did since it was first started."""

    started: int = 0
    passes: int = 0
    answered: int = 0
    refused: int = 0
    late: int = 0
    died: int = 0
    renewed: int = 0
    resident: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    """Requests of a pass → how many such passes there were."""
