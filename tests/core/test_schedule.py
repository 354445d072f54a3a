"""Schedules: the value at the ends, in the middle and outside, and the three ways to write a rate."""

from __future__ import annotations

import math

import pytest
from family import Pepper
from hypothesis import given
from hypothesis import strategies as st

from ganforge.core.component import build, to_plain
from ganforge.core.schedule import Cosine, Linear, Schedule, Steps, at
from refused import refused

MOVING = [Linear, Cosine]


@pytest.mark.parametrize("kind", MOVING)
def test_ends_and_what_lies_outside(kind):
    schedule = kind(start=4, end=2, after=100, over=50)
    assert [schedule.value(n) for n in (0, 99, 100)] == [4, 4, 4]
    assert schedule.value(125) == pytest.approx(3)
    assert [schedule.value(n) for n in (150, 151, 10**12)] == [2, 2, 2]


def test_quarter_points():
    assert Linear(start=0, end=1, over=100).value(25) == pytest.approx(0.25)
    assert Cosine(start=0, end=1, over=100).value(25) == pytest.approx((1 - math.cos(math.pi / 4)) / 2)


@pytest.mark.parametrize("kind", MOVING)
@given(a=st.integers(0, 400), b=st.integers(0, 400))
def test_monotone_and_between_the_ends(kind, a, b):
    schedule = kind(start=1, end=3, after=50, over=200)
    low, high = sorted((a, b))
    assert 1 <= schedule.value(low) <= schedule.value(high) <= 3


def test_steps():
    schedule = Steps(start=8, factor=0.5, at=("1k", 2000))  # type: ignore[arg-type]
    assert [schedule.value(n) for n in (0, 999, 1000, 1999, 2000, 10**9)] == [8, 8, 4, 4, 2, 2]


@pytest.mark.parametrize(
    "schedule",
    [*(kind(start=4, end=2, after=100, over=400) for kind in MOVING), Steps(start=8, factor=0.5, at=(100, 400))],
)
@pytest.mark.parametrize("factor", [0.25, 3])
def test_scaled_it_has_the_same_values_over_another_course(schedule, factor):
    scaled = schedule.scaled(factor)
    for samples in (0, 80, 100, 200, 396, 400, 800):
        assert scaled.value(round(samples * factor)) == pytest.approx(schedule.value(samples))


def test_every_schedule_can_be_scaled():
    for kind in Schedule.kinds.values():
        if kind.__module__.startswith("ganforge."):
            assert kind.scaled is not Schedule.scaled, kind


@pytest.mark.parametrize("given_rate", [2, 2.0, "2", "2.0", "2e0"])
def test_a_rate_is_a_number(given_rate):
    rate = build(Pepper, {"strength": given_rate}).strength
    assert rate == 2.0
    assert at(rate, 0) == at(rate, 10**9) == 2.0


def test_or_a_schedule_of_it():
    plain = {"kind": "linear", "start": "2e-4", "end": 0, "over": "1M"}
    for given_rate in (plain, Linear(start=2e-4, end=0, over=1_000_000)):
        pepper = build(Pepper, {"strength": given_rate})
        assert isinstance(pepper.strength, Schedule)
        assert at(pepper.strength, 500_000) == pytest.approx(1e-4)
        assert build(Pepper, to_plain(pepper)) == pepper


@pytest.mark.parametrize(
    ("value", "code", "starts", "named"),
    [
        ("fast", "invalid_value", "strength: ", ["{kind: linear", "got 'fast'"]),
        (True, "invalid_value", "strength: ", ["a number or a schedule", "got true"]),
        ({"kind": "linaer"}, "unknown_kind", "strength: ", ["schedule 'linaer'; did you mean 'linear'?"]),
        ({"kind": "linear", "start": 1, "end": 0}, "missing_value", "strength.over: ", []),
        ({"kind": "linear", "start": 1, "end": 0, "over": 0}, "invalid_value", "strength.over: ",
         ["greater than or equal to 1"]),
        ({"kind": "linear", "start": 1, "end": 0, "over": 1, "begin": 3}, "unknown_field",
         "strength: schedule 'linear'", ["'begin'"]),
        ("nan", "several_errors", "strength", ["finite", "got 'nan'"]),
        ([1], "invalid_value", "strength", ["got [1]"]),
    ],
)  # fmt: skip
def test_rates_that_are_none(value, code, starts, named):
    with refused(f"config.{code}", *named) as caught:
        build(Pepper, {"strength": value})
    assert str(caught.value).removeprefix("the configuration has errors:\n  ").startswith(starts)
