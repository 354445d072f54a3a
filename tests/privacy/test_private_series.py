"""Privacy by entity: what an entity adds is one window, read from its own rows alone; accounted by entities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import ganforge as gf
from ganforge.core.component import build
from ganforge.core.rng import Rng
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.privacy import checks
from ganforge.engine.privacy.account import Account
from ganforge.engine.train import train
from ganforge.modalities.series import windows
from ganforge.modalities.series.entities import PublicSeries
from ganforge.recipes import make_recipe
from ganforge.recipes.privacy import DpSgd
from ganforge.registry import load_all
from refused import refused

load_all()

PUBLIC = {
    "entity": "meter", "time": "time", "step": "h", "start": "2025-01-01", "longest": 60,
    "columns": {"load": {"min": 0, "max": 10, "decimals": 2}, "mode": {"words": ["on", "off"]}},
}  # fmt: skip
SMALL = ["batch=16", "samples=480", "checkpoint_every=480", "log_every=160", "callbacks=[]", "task.d_steps=2",
         "task.generator.channels=4", "task.discriminator.widths=[16]", "signal.window=12",
         "privacy.epsilon=8", "privacy.noise_multiplier=2"]  # fmt: skip


def meters(path: Path, count: int = 40, without: int | None = None) -> Path:
    """Meters of different lengths, with values that are missing, not numbers, or beyond the bounds."""
    parts = []
    for k in range(count):
        rng = np.random.default_rng(k)
        rows = int(rng.integers(40, 80))
        load = (5 + 3 * np.sin(np.arange(rows) / 4) + rng.normal(0, 0.5, rows)).round(2).astype(object)
        load[rng.integers(rows)], load[rng.integers(rows)], load[rng.integers(rows)] = "", "broken", 1e9
        times = pd.date_range("2024-01-01", periods=rows, freq="h")
        frame = pd.DataFrame({"meter": f"m{k}", "time": times, "load": load, "mode": rng.choice(["on", "off"], rows)})
        parts.append(frame.sample(frac=1, random_state=k))
    pd.concat(part for k, part in enumerate(parts) if k != without).to_csv(path, index=False)
    return path


def whole_numbers(data: Path) -> Path:
    """The same file without cells that are no numbers."""
    frame = pd.read_csv(data)
    frame["load"] = pd.to_numeric(frame["load"], errors="coerce")
    frame.to_csv(data, index=False)
    return data


def recipe_of(data: Path, *items: str):
    described = "signal.public=" + str(data.with_suffix(".yaml"))
    data.with_suffix(".yaml").write_text(str(PUBLIC).replace("'", '"'))
    return make_recipe("dp-series", overrides=[f"data.path={data}", described, *SMALL, *items])


def test_an_entity_changes_nothing_but_its_own_item(tmp_path):
    whole, less = (recipe_of(meters(tmp_path / f"{k}.csv", without=k)) for k in (None, 7))
    (one, spec), (other, same) = open_data(whole), open_data(less)
    assert spec == same, "nothing of the rows is in the spec, and so in the model file"
    assert (len(one), len(other)) == (40, 39)
    left = [k for k in range(40) if k != 7]
    for at, k in enumerate(left):
        assert np.array_equal(one.read(k), other.read(at))


def test_cells_are_read_by_themselves(tmp_path):
    data = meters(tmp_path / "a.csv")
    before, _ = open_data(recipe_of(data))
    frame = pd.read_csv(data, dtype=str, keep_default_na=False)
    frame.loc[frame["meter"] == "m3", ["load", "mode"]] = ["no number", "unheard of"]
    frame.to_csv(data, index=False)
    after, _ = open_data(recipe_of(data))
    differ = [k for k in range(40) if not np.array_equal(before.read(k), after.read(k))]
    assert differ == [3]
    assert (after.read(3)[:, :2] == [5, 0]).all(), "the middle of the bounds, the first word"
    every = np.stack([before.read(k) for k in range(40)])
    assert (every[..., 0].min() >= 0) & (every[..., 0].max() <= 10)
    assert (every[..., -1] <= 60).all(), "no more rows than the longest that was described"


def test_an_entity_adds_one_window_to_a_step(tmp_path):
    recipe = recipe_of(meters(tmp_path / "a.csv"))
    dataset, spec = open_data(recipe)
    stored = torch.from_numpy(np.stack([recipe.signal.prepare(dataset.read(k), spec) for k in range(40)]))
    found = windows.cut(stored, 12, Rng(0))
    assert found.shape == (40, *spec.shape)
    starts = set()
    for k in range(40):
        places = [s for s in range(49) if torch.equal(stored[k, :-1, s : s + 12], found[k])]
        assert places, "a piece of its own rows"
        assert places[0] + 12 <= stored[k, -1, 0], "not beyond their end"
        starts.add(places[0])
    assert len(starts) > 10


def test_epsilon_is_that_of_entities(tmp_path):
    data = meters(tmp_path / "a.csv")
    run = train(recipe_of(data), run_dir=tmp_path / "run", device="cpu").folder
    model = gf.load(run)
    recipe = model.recipe
    steps = checks.steps_by(recipe, recipe.samples)
    assert isinstance(recipe.privacy, DpSgd)
    assert recipe.privacy.delta == pytest.approx(0.1 / 40)
    assert model.privacy["epsilon"] == pytest.approx(Account(2.0, 16 / 40).epsilon(steps, 0.1 / 40))
    out = gf.load(run).sample(5)
    assert out.shape == (5, 12, 2)
    assert (out[..., 0].min() >= 0) & (out[..., 0].max() <= 10)


def test_poisson_sampling_draws_entities(tmp_path):
    recipe = recipe_of(meters(tmp_path / "a.csv"))
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, torch.device("cpu"))
    assert len(loader) == 40, "the accountant's n is the number of entities, not of windows"
    loader.close()


def test_what_is_refused(tmp_path):
    data = meters(tmp_path / "a.csv")
    with refused("privacy.signal_measures_data", "signal.public"):
        train(recipe_of(data, "signal.public=null"), run_dir=tmp_path / "r", device="cpu")
    for undescribed in ("signal.public=null", f"data={{kind: series, path: {data}}}"):
        with refused("series.not_described", "data.kind=entities"):
            open_data(recipe_of(whole_numbers(data), undescribed))
    for field in ("change=difference", "window=61", "calendar=true", "scaling=quantile"):
        with refused("series.not_with_public", field.split("=", maxsplit=1)[0]):
            open_data(recipe_of(data, f"signal.{field}"))
    one = tmp_path / "one.csv"
    frame = pd.read_csv(data)
    frame[frame["meter"] == "m1"].to_csv(one, index=False)
    with refused("privacy.one_entity", "meter"):
        open_data(recipe_of(one))
    pd.read_csv(data).drop(columns="mode").to_csv(data, index=False)
    with refused("column.not_found", "mode"):
        open_data(recipe_of(data))
    for wrong in ({"min": 3, "max": 3}, {"words": ["on"]}):
        with refused("series.wrong_description", next(iter(wrong))):
            build(PublicSeries, PUBLIC | {"columns": {"load": wrong}})
