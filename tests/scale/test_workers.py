"""Samples of several processes are those of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganforge.core.events import read_events
from ganforge.core.types import Request
from ganforge.inference.model import load
from ganforge.inference.workers import AHEAD, in_turn, spread
from refused import refused


def test_a_bounded_number_is_computed_ahead_and_in_order():
    begun, done = [], []

    class Later:
        def __init__(self, request):
            self.request = request

        def result(self):
            return self.request.start

    def submit(work, request):
        begun.append(request.start)
        return Later(request)

    for start in in_turn(submit, (Request(1, start=k) for k in range(20)), procs=3):
        assert len(begun) - len(done) <= AHEAD * 3 + 1
        done.append(start)
    assert done == begun == list(range(20))


@pytest.mark.slow
def test_sample_and_evaluate_with_two_processes(tmp_path, ganforge):
    quick = ["samples=256", "batch=32", "callbacks=[]", "health=off", "signal.size=16"]
    assert ganforge("train", "dcgan", "data=digits", *quick, "--run-dir", tmp_path / "run", "--quiet").status == 0
    for procs in (1, 2):
        said = ganforge("sample", tmp_path / "run", "-n", 300, "--npz", tmp_path / f"{procs}.npz", "--procs", procs)
        assert said.status == 0, said.err
    one, two = (np.load(tmp_path / f"{procs}.npz")["images"].astype(int) for procs in (1, 2))
    assert one.shape == two.shape == (300, *one.shape[1:])
    assert np.abs(one - two).max() <= 1
    values = []
    for procs in (1, 2):
        said = ganforge("evaluate", tmp_path / "run", "--metrics", "fd", "-n", 256, "--procs", procs, "--json")
        assert said.status == 0, said.err
        values.append(float(said.out.partition('"value":')[2].split(",")[0]))
    assert values[0] == pytest.approx(values[1], rel=1e-2)
    with refused("cli.out_of_range", "--procs 0"), spread(load(tmp_path / "run", "cpu"), 0):
        pass
    assert list(read_events(Path(tmp_path / "run" / "events.jsonl"), "end"))
