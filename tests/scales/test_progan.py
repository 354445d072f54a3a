"""Progressive growing: the clock says how high the nets stand, a new grid fades in from nothing, and runs resume."""

from __future__ import annotations

import numpy as np
import pytest
import safetensors.torch
import torch

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.engine.plan import plan
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.inference.model import load
from ganforge.losses.adversarial import Wasserstein
from ganforge.losses.drift import Drift
from ganforge.losses.penalties import GradientPenalty
from ganforge.modalities.image.layers.growth import stage
from ganforge.modalities.image.layers.pyramid import grids, grown, pyramid, shrunk
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator
from ganforge.modalities.image.nets.progan import (
    ProganD,
    ProganDiscriminator,
    ProganG,
    ProganGenerator,
    levels,
    pixel_norm,
)
from ganforge.modalities.image.tasks.progan import ProGan, brought_down
from ganforge.nets.mlp import MlpGenerator
from ganforge.recipes import make_recipe
from ganforge.recipes.ema import Ema, Sides
from refused import refused

SMALL = {"channels": 4, "max_channels": 8}
SPEC = Spec((1, 28, 28))  # grids of 4, 7, 14, 28


def task(**options) -> ProGan:
    nets = {"generator": ProganGenerator(latent=6, **SMALL), "discriminator": ProganDiscriminator(**SMALL)}
    return ProGan(objective=Wasserstein(), **{**nets, **options})


def players(played: ProGan, spec: Spec = SPEC) -> Nets:
    torch.manual_seed(0)
    return Nets(played.players(spec), played.memory(spec))


def test_height_follows_the_clock():
    """The paper's figure 2: steady, then fading in over so many samples, grid after grid."""
    played = task(steady=100, fade=50)
    wanted = {0: 0, 99: 0, 100: 0, 125: 0.5, 149: 0.98, 150: 1, 249: 1, 250: 1, 275: 1.5, 300: 2, 475: 3, 10**9: 3}
    assert {samples: played.height(samples, 3) for samples in wanted} == pytest.approx(wanted)
    assert task(steady=0, fade=50).height(75, 3) == 1.5
    assert [stage(h) for h in (0.0, 1.25, 2.0)] == [(0, 0, 1.0), (1, 2, 0.25), (2, 2, 1.0)]


@pytest.mark.parametrize("classes", [0, 3])
def test_a_grid_that_begins_to_fade_in_changes_nothing_and_at_the_end_is_all(classes):
    """α = 0 equals the lower net, α = 1 the higher, in both players; in between it is a straight line."""
    spec = Spec((3, 28, 20), classes, ("a", "b", "c")[:classes])
    nets = players(task(), spec)
    G, D = nets.G, nets.D
    z, x = torch.randn(4, 6), torch.rand(4, 3, 14, 10) * 2 - 1
    c = torch.tensor([0, 1, 2, 0]) if classes else None

    def at(height: float) -> tuple[torch.Tensor, torch.Tensor]:
        G.grow(height)  # type: ignore[operator]
        D.grow(height)  # type: ignore[operator]
        return G(z, c), D(x if height > 1 else shrunk(x), c).logits

    (low, low_logits), (high, high_logits) = at(1.0), at(2.0)
    begun, begun_logits = at(1.0 + 1e-12)
    done, done_logits = at(2.0 - 1e-12)
    middle, _ = at(1.5)
    assert low.shape == (4, 3, 7, 5)
    assert high.shape == begun.shape == (4, 3, 14, 10)
    torch.testing.assert_close(begun, grown(low, (14, 10)))
    torch.testing.assert_close(begun_logits, low_logits)
    torch.testing.assert_close(done, high)
    torch.testing.assert_close(done_logits, high_logits)
    torch.testing.assert_close(middle, (begun + high) / 2)
    assert not torch.allclose(begun, high)


@pytest.mark.slow
@pytest.mark.parametrize("height", [0.0, 0.5, 1.0])
def test_a_critic_that_grows_can_be_differentiated_twice(height):
    torch.manual_seed(0)
    D = ProganDiscriminator(channels=2, max_channels=3).build(Spec((1, 7, 5))).double()
    assert isinstance(D, ProganD)
    D.grow(height)
    x = torch.randn(2, 1, *D.sizes[D.stage.high], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: D(x).logits, (x,), atol=1e-4)


def test_real_pictures_are_brought_down_and_fade_alike():
    x = torch.rand(2, 1, 28, 28)
    scales = pyramid(x, 4)
    for grid in range(4):
        torch.testing.assert_close(brought_down(x, 3, grid), scales[grid])
    torch.testing.assert_close(brought_down(x, 3, 1.25), 0.75 * grown(scales[1], (14, 14)) + 0.25 * scales[2])
    assert brought_down(x, 3, 3.0) is x


@pytest.mark.parametrize("size", [(28, 28), (17, 40), (5, 9)])
def test_halving_takes_the_mean_of_the_cells_that_are_there(size):
    """Of a constant image every copy is the same constant, at odd edges too, and the sizes are those of the nets."""
    sizes = grids(*size)
    scales = pyramid(torch.full((1, 1, *size), 0.7), len(sizes))
    assert [tuple(x.shape[2:]) for x in scales] == sizes
    for x, finer in zip(scales, sizes[1:], strict=False):
        torch.testing.assert_close(x, torch.full_like(x, 0.7))
        assert tuple(grown(x, finer).shape[2:]) == finer
    x = torch.arange(9.0).view(1, 1, 3, 3)
    torch.testing.assert_close(shrunk(x), torch.tensor([[[[2.0, 3.5], [6.5, 8.0]]]]))


def test_pixel_norm():
    """Equation of section 4.2: over the channels of a place the mean square is 1."""
    h = torch.randn(2, 3, 4, 8) * 5
    torch.testing.assert_close(pixel_norm(h).square().mean(3), torch.ones(2, 3, 4))
    torch.testing.assert_close(pixel_norm(h), h / (h.square().mean(3, keepdim=True) + 1e-8).sqrt())
    assert torch.isfinite(pixel_norm(torch.zeros(1, 4))).all()


def test_parameter_counts_are_the_published_ones():
    """Table 2: 23.1 M in each at 1024 pixels. Our G has a bias for each cell of its first grid, the paper's one for
    each channel, and both have color layers for the lower grids."""
    spec = Spec((3, 1024, 1024))
    for component in (ProganGenerator(channels=16), ProganDiscriminator(channels=16)):
        with torch.device("meta"):
            net = component.build(spec)
        assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(23.1, abs=0.05)
    assert levels(16, 512, 9) == [512, 512, 512, 512, 256, 128, 64, 32, 16]


def test_before_they_grow_the_nets_work_on_few_cells_alone():
    """Early phases cost what small images cost: no finer grid is touched, forward or back."""
    played = task(steady=100, fade=100)
    nets = players(played)
    seen: list[tuple[int, ...]] = []
    for name, net in nets.items():
        for inner in net.modules():
            if type(inner).__name__ in ("GrowBlock", "DownBlock", "EqualConv"):
                inner.register_forward_hook(lambda _, __, out, name=name: seen.append((name, *out.shape[1:3])))
    for samples, most in ((50, 4), (150, 7), (450, 14), (10_000, 28)):
        seen.clear()
        for phase in played.phases():
            phase.loss(nets, Batch(torch.rand(4, 1, 28, 28)), Rng(0, samples, phase.name))
        for name in ("G", "D"):
            assert max(side for who, side, _ in seen if who == name) == most, (samples, name)


def test_all_prices_meet_the_small_pictures():
    played = task(steady=100, fade=100, penalties=(GradientPenalty(), Drift()))
    nets = players(played)
    for samples in (50, 150, 10_000):
        for phase in played.phases():
            terms = phase.loss(nets, Batch(torch.rand(4, 1, 28, 28)), Rng(0, samples, phase.name))
            assert all(loss.shape == (4,) for loss in terms.losses.values())
            assert terms.stats["height"] == played.height(samples, 3)


def test_what_is_in_use_stands_where_training_stood():
    """An average copies the height instead of averaging it, and a state brings it along."""
    played = task(steady=100, fade=100)
    nets, ema = players(played), Ema(half_life=1000, warmup=0)
    average = ema.copy(nets.G)
    G = nets.G
    assert isinstance(G, ProganG)
    G.grow(1.5)
    ema.update(Sides(average, G), 4, 4)
    assert average.stage == (1, 2, 0.5)
    other = players(played).G.eval()
    other.load_state_dict(G.state_dict())
    x = played.sample(Nets({"G": other}), Request(2))
    assert x.shape == (2, 1, 28, 28)
    assert torch.equal(x[..., ::2, ::2], x[..., 1::2, 1::2]), "cells of the grid of 14 repeated"


def test_what_cannot_grow_is_refused():
    with refused("task.unsuitable_net", "task.generator: 'mlp'", "generator.kind=progan"):
        task(generator=MlpGenerator()).players(SPEC)
    with refused("task.unsuitable_net", "task.discriminator: 'dcgan'"):
        task(discriminator=DcganDiscriminator()).players(SPEC)
    with refused("task.pack_unsupported", "task.pack=2", "Leave it at 1"):
        task(pack=2).adapt(SPEC)


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "pictures.npz"
    np.savez(path, images=rng.integers(0, 256, (24, 16, 12, 3), np.uint8), labels=np.arange(24) % 3)
    return path


def small(data, samples: int, **changes):
    fields = {
        "data": data, "batch": 4, "samples": samples, "checkpoint_every": 8, "log_every": 8, "callbacks": "[]",
        "task.steady": 12, "task.fade": 12, "ema.half_life": 20, "precision": "fp32",
        **{f"task.{net}.{name}": value for net in ("generator", "discriminator") for name, value in SMALL.items()},
        "task.generator.latent": 6, **changes,
    }  # fmt: skip
    return make_recipe("progan-small", overrides=[f"{path}={value}" for path, value in fields.items()])


def state(folder) -> dict[str, torch.Tensor]:
    newest = sorted((folder / "checkpoints").iterdir())[-1]
    return safetensors.torch.load_file(newest / "state.safetensors")


@pytest.mark.parametrize("stop", [16, *(pytest.param(stop, marks=pytest.mark.slow) for stop in (8, 32))])
def test_a_run_that_stops_while_it_grows_goes_on_exactly(tmp_path, pictures, stop):
    """Stopped while a grid fades in, while steady, and after; finer grids have had no gradient yet."""
    train(small(pictures, 56), run_dir=tmp_path / "whole", device="cpu")
    train(small(pictures, stop), run_dir=tmp_path / "cut", device="cpu")
    train(resume_recipe(tmp_path / "cut", items=["samples=56"]), resume=tmp_path / "cut", device="cpu")
    whole, cut = state(tmp_path / "whole"), state(tmp_path / "cut")
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_a_model_that_has_not_grown_up_is_drawn_at_full_size(tmp_path, pictures):
    recipe = small(pictures, 20, **{"task.conditional": "true", "callbacks": "[previews]"})
    train(recipe, run_dir=tmp_path / "run", device="cpu")
    assert (tmp_path / "run" / "previews" / "latest.png").is_file()
    model = load(tmp_path / "run")
    assert model.bundle.nets.G.stage[:2] == (0, 1)  # type: ignore[index]
    both = [model.sample(2, seed=4, label=label) for label in (0, 1)]
    assert both[0].shape == (2, 16, 12, 3)
    assert not np.array_equal(*both)


def test_a_dry_run_looks_at_the_grown_nets_too(pictures):
    """What a run will cost is not told from its first steps, in which nearly nothing is computed."""
    seen: set[float] = set()
    grow = ProganG.grow
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ProganG, "grow", lambda net, height: (seen.add(height), grow(net, height))[1])
        plan(small(pictures, 1000), device="cpu")
    assert seen == {0.0, 2.0}
