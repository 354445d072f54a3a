from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def opacus() -> None:
    """Opacus takes a second to import, which is left to processes that run a private test."""
    pytest.importorskip("opacus")
