from __future__ import annotations

import pytest

from ganforge.core.choice import Machine
from ganforge.core.words import counted


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1 minute"), (1.0, "1 minute"), (0.5, "0.5 minutes"), (0, "0 minutes"), (2000, "2,000 minutes")],
)
def test_plurals(number, text):
    assert counted(number, "minute") == text


def test_a_machine_with_one_thread():
    said = str(Machine("cpu", cores=1, minutes=1.0))
    assert "1 thread)" in said
    assert "1 minute" in said
    assert "minutes" not in said
