"""Forecasts: the task's losses, the rules that need no model, scores of known values, and the verb."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import ganforge as gf
from ganforge import recipes
from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply
from ganforge.engine.train import train
from ganforge.modalities.series import baselines
from ganforge.modalities.series.example import write_example
from ganforge.modalities.series.forecast_metric import covered, crps, energy
from ganforge.modalities.series.tasks.forecast import Continuation, scores
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from ganforge.web.studio.file_uses import chosen
from given_file import used
from refused import refused

load_all()

SMALL = ["signal.window=40", "task.future=8", "task.channels=8", "task.discriminator.channels=4", "batch=8"]
SMALL += ["samples=16", "checkpoint_every=16", "callbacks=[previews]", "data.holdout=0.4"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("forecast")
    data = write_example(folder, 200)
    recipe = build(Recipe, apply(to_plain(recipes.get("forecast")), [f"data={data}", *SMALL]))
    return train(recipe, run_dir=folder / "run", device="cpu").folder


def test_scores_of_known_values():
    y = np.zeros((1, 1, 1))
    paths = np.array([-1.0, 1.0]).reshape(1, 2, 1, 1)
    assert crps(paths, y) == pytest.approx(0.5), "E|X| − ½ E|X − X′| = 1 − ½ · 1"
    assert energy(paths, y) == pytest.approx(0.0), "of distinct pairs: 1 − ½ · 2"
    assert covered(np.linspace(-1, 1, 101).reshape(1, 101, 1, 1), np.full((1, 1, 1), 0.79)).all()
    assert not covered(np.linspace(-1, 1, 101).reshape(1, 101, 1, 1), np.full((1, 1, 1), 0.81)).any()


def test_crps_is_least_for_the_true_distribution():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(4_000, 1, 1))
    found = {s: crps(rng.normal(0, s, (4_000, 50, 1, 1)), y).mean() for s in (0.5, 1.0, 2.0)}
    assert min(found, key=lambda s: found[s]) == 1.0
    assert found[1.0] == pytest.approx(0.564 * (1 + 1 / 50), rel=0.05), "1 / √π, and the V-statistic's 1 / M"


def test_the_task_scores_draws_as_the_metric_does():
    rng = np.random.default_rng(0)
    futures, y = rng.normal(size=(3, 5, 2, 4)), rng.normal(size=(3, 2, 4))
    found, _ = scores(torch.from_numpy(futures), torch.from_numpy(y))
    away = np.abs(futures - y[:, None]).mean((1, 2, 3))
    pairs = [np.abs(futures[:, i] - futures[:, j]).mean((1, 2)) for i in range(5) for j in range(i + 1, 5)]
    assert found.numpy() == pytest.approx(away - 0.5 * np.mean(pairs, 0))


def test_a_new_forecast_begins_at_the_last_value_whatever_the_level():
    torch.manual_seed(0)
    net = Continuation(2, 16, 8, 8, 4)
    past, z = torch.randn(3, 2, 16).cumsum(2), torch.randn(3, 4)
    nothing = past[:, :0, :8]
    assert torch.allclose(net(past + 100, z, nothing) - 100, net(past, z, nothing), atol=1.0)
    with torch.no_grad():
        net.out.weight.zero_()
        assert net.out.bias is not None
        net.out.bias.zero_()
    assert torch.equal(net(past, z, nothing), past[..., -1:].expand(-1, -1, 8))


def test_rules_without_a_model():
    t = np.arange(400)
    series = (10 + np.sin(2 * np.pi * t / 24))[:, None]
    windows = np.lib.stride_tricks.sliding_window_view(series, 72, axis=0).swapaxes(1, 2)
    past, y = windows[-5:, :48], windows[-5:, 48:]
    draws = np.random.default_rng(0)
    seasonal = baselines.naive(windows, past, 24, 20, 24, draws)
    assert np.abs(seasonal - y[:, None]).max() < 1e-9, "a pure season is known"
    ar = baselines.Autoregression(windows, 24, 48).paths(past, 24, 20, draws)
    assert np.abs(ar - y[:, None]).max() < 1e-3, "a sine follows a rule of its last values"
    last = baselines.naive(windows, past, 24, 20, 1, draws)
    assert np.abs(last - y[:, None]).mean() > 0.3


def test_figures_stand_beside_those_without_a_model(run):
    found = gf.evaluate(run, n=20, progress=False, device="cpu")
    by = {r.name.split("[")[0]: r for r in found.results}
    assert set(by) == {"crps", "energy", "interval_coverage", "mase"}
    for result in by.values():
        assert {"persistence", "seasonal_naive", "ar"} <= set(result.detail)
    assert by["crps"].protocol["split"] == "test"


def recent(folder: Path, rows: int = 60) -> Path:
    frame = pd.read_csv(write_example(folder, 200)).tail(rows)
    frame.to_csv(folder / "recent.csv", index=False)
    return folder / "recent.csv"


def test_the_verb_writes_paths_and_a_fan(ganforge, run, tmp_path):
    data, out, chart = recent(tmp_path), tmp_path / "fan.csv", tmp_path / "fan.svg"
    told = ganforge("forecast", run, "--data", data, "--horizon", 10, "--paths", 7, "--out", out, "--chart", chart)
    assert told.status == 0, told.err
    table = pd.read_csv(out)
    assert list(table.columns) == ["path", "time", "temperature", "load"]
    assert len(table) == 70
    last = pd.to_datetime(pd.read_csv(data)["time"]).max()
    assert pd.to_datetime(table["time"][:2]).tolist() == [last + pd.Timedelta(hours=k) for k in (1, 2)]
    assert table["load"].dtype == np.int64
    assert table[table["path"] == 1]["temperature"].tolist() != table[table["path"] == 2]["temperature"].tolist()
    assert chart.read_text().startswith("<svg")
    again = ganforge("forecast", run, "--data", data, "--out", out)
    assert again.status == 2
    assert "--force" in again.err


def test_a_page_shows_the_paths_of_the_python_lines(run, tmp_path):
    use, made, names = used(run, recent(tmp_path), tmp_path, horizon=10, paths=7)
    assert (use.verb, use.settings[0].usual) == ("forecast", 8)
    assert pd.read_csv(made.file).equals(pd.read_csv(io.StringIO(names["paths"].to_csv(index=False))))
    assert len(made.rows) == 71
    assert made.rows[0][0] == "path"
    assert made.media[0].data.startswith(b"<svg")
    with refused("file.setting", "from 1 to 10,000"):
        chosen(use.settings, {"horizon": 0})
    with refused("file.setting"):
        chosen(use.settings, {"plugin": "evil.py"})


def test_what_cannot_be_forecast(ganforge, run, tmp_path):
    data = recent(tmp_path)
    before = data.read_bytes()
    assert ganforge("forecast", run, "--data", data, "--out", data, "--force").status == 2
    assert data.read_bytes() == before
    pd.read_csv(data)[["time", "load"]].to_csv(tmp_path / "few.csv", index=False)
    from ganforge.modalities.series.forecasting import forecast

    with refused("forecast.columns_missing", "temperature"):
        forecast(run, tmp_path / "few.csv")
    with refused("forecast.too_few_rows", "32"):
        forecast(run, recent(tmp_path, 31))
    with refused("forecast.out_of_range"):
        forecast(run, data, horizon=0)


def test_a_window_must_leave_a_past(tmp_path):
    recipe = build(
        Recipe,
        apply(to_plain(recipes.get("forecast")), [f"data={write_example(tmp_path, 200)}", *SMALL, "task.future=38"]),
    )
    with refused("forecast.no_past", "signal.window"):
        train(recipe, run_dir=tmp_path / "run", device="cpu")


def test_a_report_with_fans(run, tmp_path):
    found = gf.evaluate(run, n=20, out=tmp_path / "report", progress=False, device="cpu")
    assert found.html is not None
    assert found.json is not None
    assert "middle 50" in found.html.read_text(encoding="utf-8")
    assert json.loads(found.json.read_text())
