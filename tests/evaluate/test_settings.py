"""Samples are evaluated with the settings of the model that is given, and the figures say so."""

from __future__ import annotations

import numpy as np
import pytest

import ganforge as gf
from refused import refused

TEXTS = [f"a {color} {animal} sits on the {place}" for color in ("red", "blue", "green", "black")
         for animal in ("cat", "dog", "fox", "owl", "hen") for place in ("mat", "wall", "tree")]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings")
    (folder / "lines.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return gf.train("lm", data=str(folder / "lines.txt"), samples=320, batch=32, run_dir=folder / "run")


def value(source, out, **settings):
    found = gf.evaluate(source, metrics=["text_copies"], n=64, out=out, progress=False, **settings)
    return next(result for result in found.results if result.name.startswith("text_distinct"))


def test_a_temperature_is_that_of_the_samples_that_are_judged(model, tmp_path, ganforge):
    as_trained = value(model, tmp_path / "a")
    cold = value(model.tempered(0.01), tmp_path / "b")
    assert cold.value < as_trained.value  # nearly always the likeliest token
    assert cold.protocol["temperature"] == 0.01
    assert "temperature" not in as_trained.protocol
    assert "at a temperature of 0.01" in (tmp_path / "b" / "report.html").read_text(encoding="utf-8")
    asked = value(model.folder, tmp_path / "c", temperature=0.01)
    assert asked.value == cold.value
    stronger = value(model.tempered(0.01), tmp_path / "d", temperature=1.0)
    assert stronger.value == as_trained.value


def test_what_evaluation_would_leave_out_is_refused(model, tmp_path):
    other = model.tempered(0.5)
    other.extra = {"times": np.zeros(1)}
    with refused("evaluate.adjusted_model", "latents"):
        gf.evaluate(other, metrics=["text_copies"], out=tmp_path / "a", progress=False)
    with refused("evaluate.settings_of_given", "temperature 0.5"):
        gf.evaluate(TEXTS, TEXTS, temperature=0.5, out=tmp_path / "b", progress=False)
    with refused("model.no_guidance"):
        gf.evaluate(model.folder, guidance=2.0, out=tmp_path / "c", progress=False)
