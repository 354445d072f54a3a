"""InfoGAN: codes are drawn, asked for as conditions, and read back from samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import ganforge as gf
from ganforge.cli.main import main
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Request, Spec
from ganforge.losses.adversarial import NonSaturating
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.tasks.infogan import InfoGan, bound
from refused import refused


def task(**fields) -> InfoGan:
    nets = {
        "generator": MlpGenerator(latent=4, widths=(32, 32), norm="none"),
        "discriminator": MlpDiscriminator(widths=(32, 32)),
    }
    return InfoGan(**nets, objective=NonSaturating(), **fields)


def test_codes_are_conditions_that_cover_their_ranges_evenly():
    conditions = task(categories=3).adapt(Spec((2,), 5, tuple("abcde"))).conditions
    assert conditions.names == ("c0", "c1", "c2")
    counts = np.bincount([int(row[0]) for row in conditions.observed])
    assert counts.max() - counts.min() <= 1
    for column in (1, 2):
        values = np.sort([row[column] for row in conditions.observed])
        assert np.diff(values).max() < 0.02
        assert values[0] < -0.98 < 0.98 < values[-1]
    assert abs(np.corrcoef([row[1:] for row in conditions.observed], rowvar=False)[0, 1]) < 0.1


def test_the_bound_is_the_entropy_for_sure_answers_and_zero_for_guesses():
    codes = torch.eye(4)
    sure = DiscriminatorOutput(torch.zeros(4), classes=torch.cat([50 * codes, torch.zeros(4, 8)], 1))
    assert bound(sure, codes, 4) == pytest.approx([math.log(4)] * 4)
    assert bound(sure._replace(classes=torch.zeros(4, 12)), codes, 4) == pytest.approx([0] * 4, abs=1e-6)


@pytest.mark.slow
def test_codes_of_points_are_read_back_after_a_little_training():
    infogan = task(categories=3, numbers=1, adversarial=0.1)
    spec = infogan.adapt(Spec((2,))).for_nets
    torch.manual_seed(0)
    nets = Nets(infogan.players(spec))
    steps = {name: torch.optim.Adam(net.parameters(), 5e-3) for name, net in nets.items()}
    for step in range(300):
        for name, loss in (("D", infogan.d_loss), ("G", infogan.g_loss)):
            rng = Rng(0, step, name)
            terms = loss(nets, Batch(rng.normal("x", (32, 2))), rng)
            steps[name].zero_grad()
            sum(part.mean() for part in terms.losses.values()).backward()
            steps[name].step()
    assert terms.stats["information/c0"].mean() > 0.8  # of log 3 = 1.1
    assert infogan.sample(nets, Request(5)).shape == (5, 2)


def test_a_trained_model_is_asked_for_codes(tmp_path):
    draws = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", images=draws.integers(0, 255, (40, 8, 8), np.uint8))
    words = ["task.generator.channels=8", "task.discriminator.channels=8", "callbacks=[]", "batch=16", "samples=32"]
    train = ["train", "infogan", f"data={tmp_path / 'x.npz'}", *words, "--run-dir", str(tmp_path / "run"), "-q"]
    with pytest.raises(SystemExit) as ended:
        main(train)
    assert ended.value.code in (0, None)
    model = gf.load(tmp_path / "run")
    assert not np.array_equal(model.sample(2, where="c0=3"), model.sample(2, where="c0=4"))
    assert model.walk([1], frames=5, vary="c1=-1..1", where="c0=3").shape[0] == 5


def test_fields_that_have_no_meaning_are_refused():
    with refused("task.unsupported_field", "conditional"):
        task(conditional=True).adapt(Spec((2,)))
    with refused("task.unsupported_field", "pack=2"):
        task(pack=2).adapt(Spec((2,)))
    with refused("task.no_codes"):
        task(categories=0, numbers=0).adapt(Spec((2,)))
