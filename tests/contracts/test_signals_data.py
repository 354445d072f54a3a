"""What every signal does with the data that it is for, before anybody trains: inspect, recommend, and open a path."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from ganforge import recipes
from ganforge.core.choice import Choice, Machine
from ganforge.core.component import build, to_plain
from ganforge.core.dataset import Dataset
from ganforge.data.base import DataSource
from ganforge.data.opener import Opener
from ganforge.data.prepared import Prepared
from ganforge.engine.build import open_data
from ganforge.modalities.image.patches import Patches
from ganforge.modalities.pair.signal import Pair
from ganforge.modalities.pair.tasks.domains import OneClass
from ganforge.recipes import fitting, make_recipe
from ganforge.recipes.choice import choose
from ganforge.registry import load_all
from ganforge.signals import Signal, signal_of
from refused import refused

load_all()

SAMPLES = 64
KINDS = sorted(kind for kind, cls in Signal.kinds.items() if cls.__module__.startswith("ganforge."))


@pytest.fixture(scope="module", params=KINDS)
def example(request, tmp_path_factory) -> tuple[type[Signal], Dataset, dict]:
    """A signal, a set for it, and the fields of the set's source."""
    signal = Signal.kinds[request.param]
    source = build(DataSource, signal.example(tmp_path_factory.mktemp(request.param), SAMPLES)).whole()
    return signal, source.open(), to_plain(source)


def test_there_are_signals():
    assert {"image", "pair", "points", "table"} <= set(KINDS)


def test_the_set_says_what_it_is_for(example):
    signal, dataset, _ = example
    assert dataset.signal == signal.kind
    assert signal_of(dataset) is signal


def test_inspect_tells_json_and_lines(example):
    _, dataset, _ = example
    found = fitting.inspection(dataset)
    assert set(json.loads(json.dumps(found.facts))) == set(found.facts)
    assert found.facts["name"] == dataset.name
    assert len(dataset) in found.facts.values()
    assert found.facts["recipes"], "some recipe is for it"
    assert set(found.facts["recipes"]) <= set(recipes.names())
    console = Console(file=io.StringIO(), width=200)
    for part in (*found.shown(), *found.hints):
        console.print(part)
    said = console.file.getvalue()
    assert dataset.name.rsplit("/", 1)[-1] in said
    assert f"{len(dataset):,}" in said


def test_inspect_takes_a_limit(example):
    signal, dataset, _ = example
    found = signal.inspect(dataset, limit=5)
    assert len(dataset) in found.facts.values()
    if "looked_at" in found.facts:
        assert found.facts["looked_at"] == 5
        assert signal.inspect(dataset).facts["looked_at"] == len(dataset)


@pytest.mark.parametrize(
    "machine",
    [Machine(), Machine(cores=8, bf16=True, minutes=1), Machine("cuda", memory=80.0), Machine("mps", minutes=30)],
    ids=lambda machine: machine.device,
)
def test_what_is_recommended_can_be_built_for_the_data(example, machine):
    signal, dataset, fields = example
    choice = choose(dataset, machine)
    assert isinstance(choice, Choice)
    assert choice.reasons[0].startswith(f"{choice.recipe}: ")
    assert f"{len(dataset):,} " in choice.facts
    assert choice.facts.endswith(f"; {machine}")
    assert make_recipe(choice.recipe, (), (), choice.fields).name == choice.recipe
    if signal.kind != "pair":  # for pairs the rules of images choose, which make the targets from nothing
        assert choice.recipe in fitting.for_signal(dataset)
        _, spec = open_data(make_recipe(choice.recipe, (), [f"data={json.dumps(fields)}"], choice.fields))
        assert len(spec.shape) > 0


def test_recipes_that_fit_are_those_of_the_signal(example):
    signal, dataset, _ = example
    names = fitting.for_signal(dataset)
    for name in recipes.names():
        of = recipes.get(name).signal
        assert (name in names) == (of.kind == signal.kind or signal.kind in of.reads)


def test_at_a_spec_the_signal_finds_the_same_in_other_data(example):
    """Of a recipe that fits: its signal, pinned to the spec of the data, gives that spec's shape."""
    _, dataset, fields = example
    name = next(
        name
        for name in fitting.for_signal(dataset)
        if name in {"gan", "toy", "ctgan-fast", "pix2pix-small", "series-small", "sound-small", "r3gan-video-small"}
        or name in {"voxels-small", "cloud-small", "lm", "text2text-small", "graphs-small", "network"}
        or name == "molecule-small"
    )
    recipe = make_recipe(name, (), [f"data={json.dumps(fields)}", "batch=10"])
    data, spec = open_data(recipe)
    pinned = recipe.signal.at(spec)
    assert type(pinned) is type(recipe.signal)
    assert pinned.spec(data, recipe.task.nearest).shape == spec.shape
    assert pinned.at(spec) == pinned


def test_a_pack_is_written_or_refused(example, tmp_path):
    signal, dataset, _ = example
    out = tmp_path / "x.zip"
    if signal.kind in ("image", "pair"):
        lines = signal.pack(dataset, out)
        assert lines[0].startswith(f"{out}: {len(dataset)} images")
        assert out.is_file()
        with refused("output.exists", str(out), "--force"):
            signal.pack(dataset, out)
        signal.pack(dataset, out, force=True)
    else:
        with refused("data.not_images", dataset.name):
            signal.pack(dataset, out)
        assert not out.exists()


def test_every_opener_is_for_a_signal():
    signals = {opener.signal for opener in Opener.kinds.values()}
    assert len(signals) >= 3
    assert signals <= set(Signal.kinds)


# --- samples that no signal is known for


class Waves(Dataset):
    """Of a plugin whose source names no signal."""

    name, classes = "waves", ("low", "high")

    def __init__(self, signal: str = ""):
        self.skipped, self.signal = [("a.wav", "an empty file")], signal

    def __len__(self) -> int:
        return 7

    def shapes(self):
        return {((16_000,), "float32"): 7}


@pytest.mark.parametrize("signal", ["", "sound"])
def test_a_set_for_an_unknown_signal_is_described_by_its_shapes(signal, tmp_path):
    dataset = Waves(signal)
    assert signal_of(dataset) is Signal
    found = Signal.inspect(dataset)
    assert found.facts == {
        "name": "waves",
        "count": 7,
        "shapes": {"16000 float32": 7},
        "classes": ["low", "high"],
        "conditions": {},
        "skipped": ["a.wav: an empty file"],
    }
    assert found.shown()[0] == "waves: 7 samples"
    assert fitting.inspection(dataset).facts == {**found.facts, "recipes": {}, "hints": []}
    with refused("data.not_images", "waves"):
        Signal.pack(dataset, tmp_path / "x.zip")


# --- sets that are made from others


def test_parts_of_a_set_are_for_the_same_signal(example):
    """Patches, one class, prepared items: what a signal, an evaluation and the loader make of a set."""
    signal, dataset, _ = example
    assert Prepared(dataset, np.zeros((len(dataset), 2))).signal == signal.kind
    if signal.kind == "image":
        assert Patches.of(dataset, (8, 8), (8, 8)).signal == signal.kind
        assert OneClass(dataset, 0).signal == signal.kind
    if signal.kind == "pair":
        for patches in (False, True):
            assert Pair(size=16, patches=patches).items(dataset).signal == signal.kind
