"""Spectral normalization: the norm is right, its derivatives are, and u moves once a step, whatever that is made of."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ganforge.artifacts import checkpoint
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.engine.trainer import Trainer
from ganforge.inference.model import load
from ganforge.nets.layers.spectral import SpectralNorm, spectral
from ganforge.recipes import make_recipe
from ganforge.recipes.ema import Ema, Sides

LAYERS = {
    "linear": (lambda: nn.Linear(6, 5), lambda: torch.randn(3, 6)),
    "one output": (lambda: nn.Linear(6, 1), lambda: torch.randn(3, 6)),
    "conv1d": (lambda: nn.Conv1d(3, 4, 3), lambda: torch.randn(2, 3, 8)),
    "conv2d": (lambda: nn.Conv2d(3, 4, 3), lambda: torch.randn(2, 3, 4, 4)),
    "transposed": (lambda: nn.ConvTranspose2d(3, 4, 3, 2), lambda: torch.randn(2, 3, 3, 3)),
    "embedding": (lambda: nn.Embedding(4, 7), lambda: torch.tensor([0, 3, 1])),
}


@pytest.fixture(params=LAYERS)
def case(request) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    layer, x = LAYERS[request.param]
    return spectral(layer()), x()


def norm_of(layer: nn.Module) -> SpectralNorm:
    return layer.parametrizations["weight"][0]  # type: ignore[index]


def original(layer: nn.Module) -> nn.Parameter:
    return layer.parametrizations["weight"].original  # type: ignore[index]


def matrix(layer: nn.Module, weight: Tensor) -> Tensor:
    weight = weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight
    return weight.reshape(weight.shape[0], -1)


def change(layer: nn.Module, size: float = 1e-3) -> None:
    weight = original(layer)
    with torch.no_grad():
        weight += size * torch.randn_like(weight)


def test_finds_the_largest_singular_value(case):
    layer, x = case[0].double(), case[1].double() if case[1].is_floating_point() else case[1]
    for _ in range(300):
        change(layer, 1e-12)  # so that u moves
        layer(x)
    assert torch.linalg.matrix_norm(matrix(layer, layer.weight.detach()), 2).item() == pytest.approx(1, abs=1e-6)


def test_starts_near_it(case):
    layer, _ = case
    assert 0.99 < torch.linalg.matrix_norm(matrix(layer, layer.weight.detach()), 2).item() < 1.1


def test_follows_training(case):
    layer, x = case
    for _ in range(200):
        change(layer, 1e-2)
        layer(x)
    assert torch.linalg.matrix_norm(matrix(layer, layer.weight.detach()), 2).item() == pytest.approx(1, abs=0.02)


def test_u_moves_once_for_each_weight(case):
    layer, x = case
    norm = norm_of(layer)
    layer(x)
    for _ in range(3):
        before = norm.u.clone()
        layer(x)
        with torch.no_grad():
            layer(x)
        layer(x)
        assert torch.equal(norm.u, before), "the weights are those of before"
        change(layer)
        layer(x)
        if len(before) > 1:
            assert not torch.equal(norm.u, before), "the weights are new"


def test_frozen_in_evaluation(case):
    layer, x = case
    state = {k: v.clone() for k, v in layer.state_dict().items()}
    layer.eval()
    layer(x)
    assert all(torch.equal(v, state[k]) for k, v in layer.state_dict().items())
    change(layer)
    before = norm_of(layer).u.clone()
    layer(x)
    assert torch.equal(norm_of(layer).u, before)


def test_state_survives_a_change_back(case):
    """A rollback within one process: the state is copied into a net that has gone on."""
    layer, x = case
    change(layer)  # u is still to be moved
    kept = {k: v.clone() for k, v in layer.state_dict().items()}
    wanted = [layer(x).detach(), layer(x).detach()]
    for _ in range(3):
        change(layer)
        layer(x)
    with torch.no_grad():
        for k, v in layer.state_dict().items():
            v.copy_(kept[k])
    assert torch.equal(layer(x), wanted[0])
    assert torch.equal(layer(x), wanted[1])


def test_derivative_is_the_papers():
    """Equation 12: ∂L/∂W = (E − λ u vᵀ) / σ with E = ∂L/∂(W/σ) and λ = ⟨E, W/σ⟩."""
    torch.manual_seed(0)
    layer = spectral(nn.Linear(6, 5, bias=False).double())
    x, price = torch.randn(3, 6).double(), torch.randn(3, 5).double()
    (layer(x) * price).sum().backward()
    W, u = original(layer).detach(), norm_of(layer).u
    v = W.T @ u
    sigma = v.norm()
    E = price.T @ x
    wanted = (E - (E * W / sigma).sum() * torch.outer(u, v / sigma)) / sigma
    torch.testing.assert_close(original(layer).grad, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear", "conv2d", "transposed"])
def test_first_and_second_derivative(name):
    torch.manual_seed(0)
    make, sample = LAYERS[name]
    layer = spectral(make()).double().eval()
    x, weight = sample().double().requires_grad_(), original(layer)

    def run(x: Tensor, weight: Tensor) -> Tensor:
        replaced = {"parametrizations.weight.original": weight}
        return torch.func.functional_call(layer, replaced, (x,)).tanh().sum()

    assert torch.autograd.gradcheck(run, (x, weight))
    assert torch.autograd.gradgradcheck(run, (x, weight))


def test_a_gradient_penalty_in_training():
    """Several batches in one graph, whose second derivative is taken: no tensor that it needs may have changed."""
    torch.manual_seed(0)
    net = spectral(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))).double()
    reals, fakes = torch.randn(5, 4).double().requires_grad_(), torch.randn(5, 4).double()

    def loss() -> Tensor:
        real, fake = net(reals), net(fakes)
        (gradient,) = torch.autograd.grad(real.sum(), reals, create_graph=True)
        return (fake - real).mean() + gradient.square().sum(1).mean()

    for layer in (net[0], net[2]):
        change(layer)
    loss().backward()
    found = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    loss().backward()  # u stands now; the graph of the step in which it moved gave the same
    for p, gradient in zip(net.parameters(), found, strict=True):
        torch.testing.assert_close(p.grad, gradient, rtol=0, atol=0)


def test_weights_of_zero_stay_finite():
    layer = spectral(nn.Linear(3, 2, bias=False))
    with torch.no_grad():
        original(layer).zero_()
    y = layer(torch.ones(1, 3))
    y.sum().backward()
    assert torch.equal(y, torch.zeros(1, 2))
    assert torch.isfinite(original(layer).grad).all()
    assert torch.isfinite(norm_of(layer).u).all()


def test_half_precision_leaves_the_norm_alone():
    torch.manual_seed(0)
    layer = spectral(nn.Conv2d(3, 4, 3))
    twin = copy.deepcopy(layer)
    x = torch.randn(2, 3, 5, 5)
    for _ in range(3):
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
        twin(x)
        assert torch.equal(norm_of(layer).u, norm_of(twin).u)
        assert torch.equal(norm_of(layer).sigma, norm_of(twin).sigma)
        for one in (layer, twin):
            with torch.no_grad():
                original(one).mul_(1.01)


def test_an_average_is_normalized_by_its_own_norm():
    torch.manual_seed(0)
    layer, ema = spectral(nn.Linear(6, 5)), Ema(half_life=1000, warmup=0.0)
    average = ema.copy(layer)
    for step in range(50):
        change(layer, 0.1)
        layer(torch.randn(2, 6))
        ema.update(Sides(average, layer), 64, 64 * step)
    assert torch.linalg.matrix_norm(average.weight, 2).item() == pytest.approx(1, abs=0.1)


SMALL = [
    "data=digits",
    "batch=16",
    "samples=96",
    "checkpoint_every=48",
    "precision=fp32",
    "task.generator.channels=4",
    "task.generator.norm=virtual",
    "task.generator.reference=4",
    "task.discriminator.channels=4",
    "task.discriminator.norm=spectral",
    "task.discriminator.minibatch=discrimination",
]


def weights(run) -> dict[str, Tensor]:
    point = checkpoint.newest(run / "checkpoints")
    assert point is not None
    return checkpoint.read(point)[0]


def test_a_resumed_run_goes_on_exactly(tmp_path):
    recipe = make_recipe("dcgan", overrides=SMALL)
    train(recipe, run_dir=tmp_path / "whole")
    train(replace(recipe, samples=48), run_dir=tmp_path / "parts")
    train(resume_recipe(tmp_path / "parts", None, ["samples=96"]), resume=tmp_path / "parts")
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert any(name.endswith(".weight.0.u") for name in whole)
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    pictures = [load(tmp_path / name, "cpu").sample(6, seed=1) for name in ("whole", "parts")]
    assert pictures[0].shape == (6, 8, 8, 1)
    assert (pictures[0] == pictures[1]).all()


def test_accumulation_changes_nothing():
    """u moves as far in a step of four parts as in a step of one."""
    found = []
    for parts in (1, 4):
        overrides = [*SMALL[:-1], "task.discriminator.minibatch=none", f"accumulate={parts}"]
        recipe = make_recipe("dcgan", overrides=overrides)
        dataset, spec = open_data(recipe)
        cpu = torch.device("cpu")
        trainer = Trainer(recipe, spec, make_loader(recipe, dataset, spec, cpu), cpu)
        for _ in range(3):
            trainer.iterate()
        found.append({k: v for k, v in trainer.nets.D.state_dict().items() if k.endswith((".u", ".sigma"))})
    assert found[0]
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-3, atol=1e-3)
