"""What a run of the tests was asked for."""

from __future__ import annotations

import pytest


def slow_ones(config: pytest.Config) -> bool:
    """Whether tests that are marked slow are to run."""
    return not config.option.markexpr.startswith("not slow")
