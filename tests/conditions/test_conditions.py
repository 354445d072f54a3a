"""What conditions become for the nets, and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ganforge.core.condition_kinds import Angle, Category, Labels, Number, Ordinal
from ganforge.core.conditions import Conditions
from ganforge.core.types import Batch, Spec
from ganforge.nets.layers.labels import LabelTable, as_vectors
from ganforge.tasks.heads import losses_of, outputs_of
from refused import refused

EACH = (
    Category("color", ("red", "green", "blue")),
    Labels("tags", ("a", "b", "c")),
    Ordinal("size", ("s", "m", "l", "xl")),
    Number("age", 10.0, 50.0),
    Angle("angle"),
    Angle("hour", 24.0),
)
ROWS = [
    ("red", ("a", "c"), "s", 10.0, 0.0, 23.5),
    ("blue", (), "xl", 50.0, 359.0, 0.0),
    ("green", ("b",), "m", 31.4, 180.0, 12.25),
    (None, None, None, None, None, None),
]
CONDITIONS = Conditions(EACH).with_observed(ROWS)


def test_values_return_from_their_numbers():
    vectors = CONDITIONS.encode(ROWS)
    assert vectors.shape == (4, CONDITIONS.width)
    assert vectors.dtype == np.float32
    for row, found in zip(ROWS, CONDITIONS.decode(vectors), strict=True):
        assert found[:3] == row[:3]
        assert found[3:] == (pytest.approx(row[3:], abs=1e-3) if row[3] is not None else (None, None, None))


@pytest.mark.parametrize("one", [one for one in EACH if not isinstance(one, (Labels, Ordinal))], ids=lambda c: c.name)
def test_the_numbers_of_a_value_have_length_one(one):
    values = [row[CONDITIONS.names.index(one.name)] for row in ROWS]
    assert np.linalg.norm(one.encode(values), axis=1) == pytest.approx([1, 1, 1, 1], abs=1e-6)


def test_what_is_unknown_has_a_number_of_its_own():
    for one in EACH:
        assert one.encode([None]).tolist() == [[0.0] * one.known + [1.0]]


def test_an_angle_goes_round_and_a_number_does_not():
    angle, number = Angle("a"), Number("n", 0.0, 360.0)
    assert np.allclose(angle.encode([0.0]), angle.encode([360.0]))
    assert np.linalg.norm(angle.encode([1.0]) - angle.encode([359.0])) < 0.2
    assert np.linalg.norm(number.encode([1.0]) - number.encode([359.0])) > 1
    assert angle.apart(np.array([350.0]), np.array([10.0])).tolist() == [20.0]


def test_numbers_beyond_the_range_stay_distinct():
    number = Number("n", 0.0, 1.0)
    assert [number.beyond(v) for v in (-0.1, 0.0, 1.0, 1.1)] == [True, False, False, True]
    assert number.decode(number.encode([1.2])) == pytest.approx([1.2], abs=1e-4)


def test_a_spec_keeps_its_conditions_and_one_without_reads_as_before():
    spec = Spec((3, 8, 8), state={"mode": "RGB"}, conditions=CONDITIONS)
    plain = json.loads(json.dumps(spec.to_plain()))
    assert Spec.from_plain(plain) == spec
    assert spec.for_nets.classes == CONDITIONS.width
    old = Spec((3, 8, 8), 2, ("a", "b"))
    assert set(old.to_plain()) == {"shape", "classes", "labels", "state"}
    assert Spec.from_plain(old.to_plain()) == old.for_nets == old


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "color"},
        {"kind": "number", "name": "x", "low": 2, "high": 1},
        {"kind": "angle", "name": "x", "period": 0},
        {"kind": "category", "name": "x", "values": []},
        {"kind": "category", "name": "x"},
        {"kind": "category", "name": "angle", "values": ["a"]},
    ],
)
def test_invalid_conditions_in_a_file_are_refused(change):
    plain = Spec((2,), conditions=CONDITIONS).to_plain()
    plain["conditions"]["each"][0] = change
    with pytest.raises(ValueError):  # noqa: PT011  # the bundle reports any of them as a damaged header
        Spec.from_plain(plain)


def test_a_table_of_classes_embeds_vectors_as_one_hot_classes():
    table, c = LabelTable(5, 7), torch.tensor([0, 3, 4])
    assert torch.allclose(table(c), table(as_vectors(c, 5, torch.float32)))
    mixed = torch.tensor([[0.5, 0, 0, 0.5, 0]])
    assert torch.allclose(table(mixed), (table.weight[0] + table.weight[3]) / 2)


def test_vectors_follow_the_dtype_of_a_batch_and_classes_do_not():
    x = torch.zeros(2, 1)
    assert Batch(x, torch.zeros(2, 3)).to(torch.float64).c.dtype == torch.float64
    assert Batch(x, torch.zeros(2, dtype=torch.int64)).to(torch.float64).c.dtype == torch.int64


def test_combinations_that_are_drawn_are_those_of_the_data_and_always_the_same():
    drawn = CONDITIONS.draw(3, 0, 200)
    assert set(drawn) == set(ROWS)
    assert CONDITIONS.draw(3, 70, 20) == drawn[70:90]
    assert CONDITIONS.draw(4, 0, 200) != drawn
    assert Conditions(EACH).draw(0, 0, 2) == [(None,) * 6] * 2


def test_a_model_keeps_a_few_combinations_of_large_data():
    many = Conditions(EACH).with_observed(ROWS * 1000)
    assert len(many.observed) == 512


def test_losses_of_predictions_vanish_at_the_truth_and_ignore_what_is_unknown():
    c = torch.from_numpy(CONDITIONS.encode(ROWS))
    outputs = []
    for one in EACH:
        block = c[:, CONDITIONS.slices[one.name]][:, :-1]
        outputs.append(block if isinstance(one, (Number, Angle)) else (2 * (block > 0).float() - 1) * 30)
    losses = losses_of(torch.cat(outputs, 1), c, CONDITIONS)
    assert outputs_of(CONDITIONS) == sum(part.shape[1] for part in outputs)
    assert torch.stack(losses).abs().max() < 1e-6
    wrong = losses_of(torch.cat(outputs, 1).roll(1, 0), c, CONDITIONS)
    assert (torch.stack(wrong)[:, 1:3].sum(1) > 0.1).all(), "each of the six notices"
    assert torch.stack(wrong)[:, 3].tolist() == [0] * 6


def test_conditions_of_other_data_are_matched_by_name():
    other = Conditions((Number("age", 0.0, 100.0), Category("color", ("green", "pink"))))
    found = CONDITIONS.translated(other, other.encode([(20.0, "pink"), (30.0, "green")]))
    assert [row[0] for row in found] == [None, "green"]
    assert [row[3] for row in found] == pytest.approx([20, 30], abs=1e-3)
    assert {row[1] for row in found} == {None}


def test_names_that_are_not_there_are_refused_with_the_nearest():
    with refused("condition.not_found", "colour", "'color'"):
        CONDITIONS["colour"]
    with refused("condition.unknown_value", "gren", "'green'"):
        EACH[0].read("gren")
    with refused("condition.unknown_value", "nearest is 3"):
        Ordinal("stars", ("1", "2", "3")).read("7")
    with refused("condition.not_a_number", "old"):
        EACH[3].read("old")
    assert EACH[0].read("RED") == "red"
    assert EACH[1].read("a, c") == ("a", "c")
