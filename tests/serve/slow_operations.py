"""Operations that a worker of the tests has besides its own: to wait, to end at once, to use memory, to fail."""

from __future__ import annotations

import os
import time
from typing import Any

from ganforge.web.operations import Held, operation
from ganforge.web.writing import Answer

KEPT: list[bytearray] = []


@operation("wait")
def wait(held: Held, ask: dict[str, Any]) -> Answer:
    time.sleep(ask["seconds"])
    return Answer(facts={"waited": ask["seconds"]})


@operation("end")
def end(held: Held, ask: dict[str, Any]) -> Answer:
    os._exit(3)


@operation("fill")
def fill(held: Held, ask: dict[str, Any]) -> Answer:
    KEPT.append(bytearray(os.urandom(1 << 20) * ask["mib"]))
    return Answer()


@operation("fail")
def fail(held: Held, ask: dict[str, Any]) -> Answer:
    raise KeyError("a secret of the server")


@operation("steps")
def steps(held: Held, ask: dict[str, Any]) -> Answer:
    for k in range(ask["steps"]):
        time.sleep(0.02)
        held.tell((k + 1) / ask["steps"])
    return Answer()
