"""CcGAN: what D compares for an asked value, and the rules of thumb."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganforge.core.condition_kinds import Angle, Category, Number
from ganforge.core.conditions import Conditions
from ganforge.core.types import Spec
from ganforge.losses.adversarial import Hinge
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.tasks.vicinal import Vicinal, Vicinities, share_of, value_of
from refused import refused

AGE, TURN = Number("age", 10.0, 60.0), Angle("turn")


def task(**fields) -> Vicinal:
    return Vicinal(generator=MlpGenerator(), discriminator=MlpDiscriminator(), objective=Hinge(), **fields)


def order(values, one=AGE, **fields) -> Vicinities:
    conditions = Conditions((Category("color", ("a", "b")), one))
    rows = [("ab"[k % 2], value) for k, value in enumerate(values)]
    return Vicinities(task(**fields), conditions, one, conditions.encode(rows))


def test_rules_of_thumb():
    values = np.linspace(10, 60, 11)
    found = order(values.tolist())
    shares = np.linspace(0, 1, 11)
    assert found.sigma == pytest.approx((4 * shares.std() ** 5 / 33) ** 0.2, rel=1e-3)
    assert found.kappa == pytest.approx(0.2, rel=1e-3)
    assert order(values.tolist(), multiple=1).kappa == pytest.approx(0.1, rel=1e-3)
    assert order([0.0, 90.0, 180.0], TURN, multiple=1).kappa == pytest.approx(0.5, rel=1e-3), "from 180 to 360"


@pytest.mark.parametrize("vicinity", ["hard", "soft"])
@pytest.mark.parametrize("one", [AGE, TURN], ids=["number", "angle"])
def test_real_samples_are_near_the_asked_value_and_weigh_by_distance(vicinity, one):
    draws = np.random.default_rng(0)
    values = (draws.uniform(10, 60, 300) if one is AGE else draws.uniform(0, 360, 300)).tolist()
    found = order(values, one, vicinity=vicinity, kappa=0.04, sigma=0.05)
    rows, extra = found.rows(0, 0, 500)
    asked = np.array(one.decode(extra["asked"][:, 3:]), float)
    apart = np.abs(share_of(one, np.array(values)[rows]) - share_of(one, asked))
    apart = np.minimum(apart, 1 - apart) if one is TURN else apart
    if vicinity == "hard":
        assert apart.max() <= 0.04 + 1e-4
        assert set(extra["weight"].tolist()) == {1.0}
    else:
        assert extra["weight"] == pytest.approx(np.exp(-((apart / 0.04) ** 2)), abs=0.02)
        assert extra["weight"].min() > 5e-4
    assert np.abs(asked[:, None] - np.array(values)[None]).min(1).max() > 0.1, (
        "values that the data lacks are asked, too"
    )
    kept = extra["asked"][:, :3]
    assert np.array_equal(kept, found.vectors[rows][:, :3]), "other conditions are those of the real sample"


def test_an_empty_vicinity_gives_the_nearest_sample():
    found = order([10.0, 20.0, 60.0], kappa=0.001, vicinity="hard")
    assert found.rows_near(np.array([0.0, 0.13, 0.55, 0.95]), np.zeros(4)).tolist() == [0, 1, 1, 2]


def test_batches_are_a_function_of_their_position():
    found = order(np.linspace(10, 60, 50).tolist())
    rows, extra = found.rows(3, 640, 64)
    again, same = found.rows(3, 640, 64)
    assert np.array_equal(rows, again)
    assert np.array_equal(extra["asked"], same["asked"])
    assert not np.array_equal(rows, found.rows(3, 704, 64)[0])


def test_samples_without_a_value_are_left_out():
    found = order([10.0, None, 30.0, 60.0, None])
    assert set(found.rows(0, 0, 300)[0].tolist()) == {0, 2, 3}
    with refused("data.too_few_samples", "age"):
        order([10.0, None])


def test_shares_and_values_are_inverse():
    for one in (AGE, TURN):
        shares = np.array([0.0, 0.25, 0.75])
        assert share_of(one, value_of(one, shares)) == pytest.approx(shares)


def test_data_without_a_number_is_refused():
    with refused("task.condition_not_a_number", "none"):
        task().adapt(Spec((2,), conditions=Conditions((Category("color", ("a", "b")),))))
    both = Spec((2,), conditions=Conditions((AGE, TURN)))
    with refused("task.condition_not_a_number", "age, turn"):
        task().adapt(both)
    assert task(condition="age").adapt(both) == both
    with refused("task.must_be_conditional"):
        task(conditional=False).adapt(both)
    with refused("data.no_labels"):
        task().adapt(Spec((2,)))


@pytest.mark.slow
def test_a_mean_that_follows_the_condition_is_learned(tmp_path):
    """Points on a circle whose angle is the condition: an asked angle between those of the data is met."""
    from ganforge.core.rng import Rng
    from ganforge.core.types import Batch, Nets, Request

    angles = np.arange(0, 360, 7.5)
    points = np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], 1).astype(np.float32)
    conditions = Conditions((TURN,)).with_observed([(a,) for a in angles.tolist()])
    vectors = conditions.encode([(a,) for a in angles.tolist()])
    nets_of = task(condition="turn").players(Spec((2,), conditions=conditions).for_nets)
    torch.manual_seed(0)
    nets, orders = Nets(nets_of), Vicinities(task(), conditions, TURN, vectors)
    optimizers = {name: torch.optim.Adam(net.parameters(), 1e-3, betas=(0.5, 0.9)) for name, net in nets_of.items()}
    for step in range(1200):
        rows, extra = orders.rows(0, step * 64, 64)
        batch = Batch(torch.from_numpy(points[rows]), torch.from_numpy(vectors[rows]),
                      {k: torch.from_numpy(v) for k, v in extra.items()})  # fmt: skip
        for name, loss in (("D", task().d_loss), ("G", task().g_loss)):
            optimizers[name].zero_grad()
            sum(part.mean() for part in loss(nets, batch, Rng(0, step, name)).losses.values()).backward()
            optimizers[name].step()
    wanted = np.arange(3, 360, 20.0)
    request = Request(len(wanted), labels=torch.from_numpy(conditions.encode([(a,) for a in wanted.tolist()])))
    with torch.no_grad():
        made = task().sample(Nets({k: v.eval() for k, v in nets_of.items()}), request).numpy()
    found = np.degrees(np.arctan2(made[:, 1], made[:, 0])) % 360
    assert TURN.apart(found, wanted).mean() < 15
