"""What the studio shows of samples and saves as files, for every signal."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from explore.tiny import tiny
from ganforge.recipes import get, names
from ganforge.registry import load_all
from ganforge.signals import Signal
from ganforge.web import writing
from ganforge.web.asks import Sample
from ganforge.web.operations import OPERATIONS, Held
from ganforge.web.studio import operations  # noqa: F401  those of its worker

GENERATORS = {
    "audio": "wavegan", "cloud": "cloud-sphere", "film": "mocogan", "graphs": "graphs-small", "image": "demo",
    "molecule": "molgan", "network": "netgan", "points": "toy", "series": "series-small", "table": "ctgan",
    "texts": "lm", "volume": "voxels-small",
}  # fmt: skip
"""Signal → a recipe whose models make samples of it."""
SEEN = ("image/", "audio/", "video/", "text/html", "text/plain")
"""The beginnings of MIME types that the page has a player, a frame or a viewer for."""


@pytest.fixture(params=GENERATORS)
def held(request, tmp_path: Path) -> Held:
    """A model of a signal, as a worker holds it."""
    found = Held(request.param, tiny(GENERATORS[request.param]), tmp_path)
    found.single, drawn = writing.first_of(found.model, tmp_path)
    found.formats = writing.formats_of(found.model, found.single, drawn)
    return found


def test_every_signal_has_a_model_here_unless_none_makes_samples_of_it():
    load_all()
    ours = {kind for kind, signal in Signal.members().items() if signal.__module__.startswith("ganforge.")}
    made = {get(name).signal.kind for name in names() if get(name).task.can_sample}
    assert set(GENERATORS) == ours & made


def test_samples_are_shown(held):
    shown = OPERATIONS["show"].run(held, Sample(n=3).model_dump()).facts
    assert shown["n"] == 3
    assert shown["media"]
    for one in shown["media"]:
        assert one["type"].startswith(SEEN)
        assert base64.b64decode(one["data"])
    if ".csv" in held.model.recipe.signal.exporters:
        assert len(shown["rows"]) > 1


def test_samples_are_saved_in_each_format_of_their_exporters(held, tmp_path):
    signal = held.model.recipe.signal
    assert set(held.formats) >= {ending[1:] for ending in signal.exporters} | set(signal.file_formats)
    for form in held.formats:
        made = OPERATIONS["sample"].run(held, Sample(n=2, format=form).model_dump())
        assert made.data, form
        assert made.type, form
        assert made.name.startswith("samples."), form
    assert list(tmp_path.iterdir()) == []
