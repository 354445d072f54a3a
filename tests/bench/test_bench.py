"""The benchmark: operations are those of the nets, sides change places, and what is printed can be read again."""

from __future__ import annotations

import itertools
import json

import pytest
import torch
from torch import nn

from ganforge.bench import measure, turns
from ganforge.bench.parts import Part, parts_of, work_of
from ganforge.core.words import significant
from ganforge.recipes import make_recipe
from refused import refused

SMALL = [
    "data=digits",
    "batch=8",
    "task.generator.widths=[16]",
    "task.discriminator.widths=[16]",
    "task.generator.latent=4",
]
CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("short_ceilings")


@pytest.fixture(scope="module")
def parts() -> dict[str, Part]:
    return {part.name: part for part in parts_of(make_recipe("gan", overrides=SMALL), CPU)}


def test_the_parts_of_a_recipe(parts):
    assert list(parts) == ["training step", "loading", "sampling"]
    assert parts["training step"].samples == 8
    assert parts["loading"].work is None


def test_operations_are_those_of_the_net(parts):
    work = parts["sampling"].work
    assert work is not None
    assert work.flops == parts["sampling"].samples * 2 * (4 * 16 + 16 * 64), "two for each weight and sample"
    assert work.mostly == "matrix product"


def test_convolutions_are_told_from_matrix_products():
    net = nn.Conv2d(3, 5, 3, padding=1)
    work = work_of(lambda: net(torch.zeros(2, 3, 8, 8)))
    assert work is not None
    assert (work.flops, work.mostly) == (2 * 2 * 64 * 5 * 27, "convolution")


def test_gradients_with_respect_to_the_input_are_counted():
    """As a gradient penalty takes them: the input is a leaf, which the counter's own hooks refuse."""
    net, x = (
        nn.Sequential(nn.Linear(3, 5, bias=False), nn.Linear(5, 1, bias=False)),
        torch.ones(2, 3, requires_grad=True),
    )

    def penalty() -> None:
        (gradient,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
        gradient.square().sum().backward()

    work = work_of(penalty)
    assert work is not None
    assert work.flops > 2 * 2 * 2 * 20, "more than forward and backward"


@pytest.mark.slow
def test_a_round_of_a_lazy_penalty_is_measured_whole():
    recipe = make_recipe("stylegan2-small", overrides=["data=digits", "batch=4", "task.generator.channels=4",
                                                      "task.discriminator.channels=4"])  # fmt: skip
    every = max(phase.every for phase in recipe.task.phases())
    assert every > 1
    step = parts_of(recipe, CPU)[0]
    assert (step.times, step.samples) == (every, 4 * every)


def test_sides_change_places_and_pairs_are_kept(monkeypatch):
    clock, order = itertools.count(), []
    monkeypatch.setattr(turns.time, "perf_counter", lambda: float(next(clock)))  # each look is a second later
    sides = [Part(name, lambda name=name: order.append(name), 1) for name in "AB"]
    taken = turns.by_turns(sides, 3, 1.0, CPU)
    assert taken == [[1.0] * 3, [1.0] * 3]
    assert "".join(order[4:]) == "ABBAAB", "after two calls of each to warm up and to find how many make a stretch"


def test_a_ratio_is_of_its_own_pair(monkeypatch):
    seconds = iter([[1.0, 2.0, 4.0], [2.0, 4.0, 8.0]] * 3)
    monkeypatch.setattr(measure, "by_turns", lambda sides, *_: [next(seconds) for _ in sides])
    recipe = make_recipe("gan", overrides=SMALL)
    found = measure.bench(recipe, recipe, pairs=3, seconds=0.001, device="cpu")
    assert all(part.ratio == turns.Spread(2.0, 2.0, 2.0) for part in found.parts), "though the machine got slower"
    assert found.parts[0].rate == turns.Spread(4.0, 2.0, 8.0)


def test_limits_and_shares(ganforge):
    said = ganforge("bench", "gan", *SMALL, "--pairs", "1", "--seconds", "0.001", "--json", "--device", "cpu")
    assert said.status == 0, said.err
    found = json.loads(said.out)["benchmark"]
    assert {one["name"]: one["unit"] for one in found["ceilings"]} == {
        "matrix product fp32": "FLOP/s",
        "convolution fp32": "FLOP/s",
        "matrix product bf16": "FLOP/s",
        "convolution bf16": "FLOP/s",
        "copy": "B/s",
    }
    assert all(one["value"] > 1e6 for one in found["ceilings"])
    step, load, _ = found["parts"]
    assert step["limit"] == "matrix product"
    assert 0 < step["share"] < 1
    assert load["share"] is None
    assert step["ratio"] is None


def test_against_other_fields_with_a_profile(ganforge, tmp_path):
    trace = tmp_path / "trace.json"
    words = ["bench", "gan", *SMALL, "--against", "batch=16", "--pairs", "1", "--seconds", "0.001", "--device", "cpu"]
    said = ganforge(*words, "--profile", trace)
    assert said.status == 0, said.err
    assert "speed over batch=16" in said.out
    assert "training step" in said.out
    assert "ui.perfetto.dev" in said.out
    assert {event.get("name") for event in json.loads(trace.read_text())["traceEvents"]} >= {"aten::addmm"}
    assert ganforge(*words, "--profile", trace).status == 2, "a file that is there is kept"


def test_numbers_of_stretches_are_checked():
    with refused("bench.out_of_range", "pairs=0"):
        measure.bench(make_recipe("gan", overrides=SMALL), pairs=0)


@pytest.mark.parametrize(("number", "text"), [(1_174_321, "1,170,000"), (35.24, "35.2"), (0.05512, "0.0551"), (0, "0")])
def test_numbers_are_short(number, text):
    assert significant(number) == text
