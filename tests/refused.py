"""`with refused("data.not_found", "photos"):` expects that mistake of the user, and its message to name photos."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ganforge.core.errors import UserError


@contextmanager
def refused(code: str, *named: str) -> Iterator[pytest.ExceptionInfo[UserError]]:
    """Expects a `UserError` of this code whose message names these values (a path, a field, a number)."""
    with pytest.raises(UserError) as caught:
        yield caught
    assert caught.value.code == code, f"{caught.value.code!r}: {caught.value}"
    for value in named:
        assert value in str(caught.value)
