"""The length of a training where the data set is small."""

from __future__ import annotations

import dataclasses

import pytest

from ganforge.core.schedule import Cosine, Linear, at
from ganforge.recipes import get, make_recipe
from ganforge.recipes.course import shortened, within_passes


def test_a_small_table_is_seen_so_many_times_and_the_rate_falls_over_that():
    recipe = get("ctgan-fast")
    assert recipe.max_passes is not None
    short = within_passes(recipe, 276)
    assert short.samples == 276 * recipe.max_passes < recipe.samples
    for share in (0.0, 0.5, 0.75, 1.0):
        rates = [at(one.optimizers["G"].lr, round(share * one.samples)) for one in (recipe, short)]
        assert rates[0] == pytest.approx(rates[1], rel=1e-4, abs=1e-9)


def test_it_is_said_and_can_be_turned_off(notices):
    within_passes(get("ctgan-fast"), 276)
    assert "469,200 samples" in notices.text
    assert "max_passes=null" in notices.text
    whole = make_recipe("ctgan-fast", overrides=["data=none.csv", "max_passes=null"])
    assert within_passes(whole, 276) is whole


def test_a_large_table_changes_nothing_and_a_resumed_run_may_go_on():
    recipe = get("ctgan-fast")
    assert within_passes(recipe, 100_000) == dataclasses.replace(recipe, max_passes=None)
    short = within_passes(recipe, 276)
    longer = dataclasses.replace(short, samples=2 * short.samples)
    assert within_passes(longer, 276) is longer


def test_all_schedules_of_a_recipe_are_shortened():
    recipe = get("r3gan-small")
    short = shortened(recipe, recipe.samples // 4)

    def schedules(of):
        rates = [optimizer.lr for optimizer in of.optimizers.values()] + [one.weight for one in of.task.penalties]
        return [rate for rate in rates if isinstance(rate, Linear | Cosine)]

    assert len(schedules(recipe)) == 4
    assert [one.over for one in schedules(short)] == [one.over // 4 for one in schedules(recipe)]
    assert shortened(short, recipe.samples) == recipe
