"""Progress of long work: bars on a terminal, a line from time to time elsewhere."""

from __future__ import annotations

import pytest

from ganforge.core import progress


@pytest.mark.parametrize("quiet", [False, True])
def test_a_pipe_gets_a_line_from_time_to_time(monkeypatch, capsys, quiet):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with progress.Stages(quiet=quiet) as told:
        for done in range(0, 7_000, 1_000):
            told("features", done, 60_000)
            clock[0] += progress.LINES_EVERY / 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == ([] if quiet else [f"features: {n:,} of 60,000" for n in (2_000, 4_000, 6_000)])
