"""SPECTRE: spectra, rotations, sizes, the penalty, what training keeps, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.modalities.graph.example import write_graphs
from ganforge.modalities.graph.nets.layout import layout_of
from ganforge.modalities.graph.nets.spectra import orthonormal, rough, spectrum
from ganforge.modalities.graph.nets.spectre import GraphsD, ValuesD, VectorsD
from ganforge.modalities.graph.tasks.spectre import Spectre, one_sided
from ganforge.recipes import make_recipe
from refused import refused

STATE = {"node_kinds": ["a", "b"], "edge_kinds": ["x", "y"], "sizes": [[0, 0, 0, 1, 2, 4, 1]]}
SHAPE = (4, 6, 6)
SMALL = ["task.latent=4", "task.width=4", "task.layers=1", "task.bank=3"]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def system() -> tuple[Spectre, Nets]:
    torch.manual_seed(0)
    task = Spectre(latent=4, width=8, layers=2, bank=3)
    return task, Nets(task.players(task.adapt(Spec(SHAPE, state=STATE))))


def adjacency(*graphs: nx.Graph, places: int) -> tuple[torch.Tensor, torch.Tensor]:
    A, there = torch.zeros(len(graphs), places, places), torch.zeros(len(graphs), places)
    for k, graph in enumerate(graphs):
        n = len(graph)
        A[k, :n, :n], there[k, :n] = torch.tensor(nx.to_numpy_array(graph)).float(), 1
    return A, there


def test_spectra_are_those_of_the_normalized_laplacian():
    graphs = nx.path_graph(7), nx.lollipop_graph(4, 3), nx.star_graph(4)
    A, there = adjacency(*graphs, places=9)
    values, U = spectrum(A, there, 3)
    for k, graph in enumerate(graphs):
        wanted = np.sort(nx.normalized_laplacian_spectrum(graph))[1:4]
        np.testing.assert_allclose(values[k], wanted, atol=3e-4)
    torch.testing.assert_close(U.transpose(1, 2) @ U, torch.eye(3).expand(3, 3, 3), atol=1e-5, rtol=0)
    assert float((U * (1 - there[:, :, None])).abs().max()) == 0
    whole = rough(*spectrum(A[:1], there[:1], 6))[0, :7, :7]  # of all eigenvectors but that of zero
    np.testing.assert_allclose(whole, nx.normalized_laplacian_matrix(graphs[0]).toarray(), atol=3e-3)


def test_equal_eigenvalues_have_one_answer():
    """A ring is symmetric, so that its eigenvectors could be turned: rounding must not decide."""
    A, there = adjacency(nx.cycle_graph(8), places=8)
    one, other = spectrum(A, there, 2)[1], spectrum(A + 1e-9 * torch.rand(1, 8, 8).double(), there, 2)[1]
    torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_generated_eigenvectors_are_orthonormal_and_follow_the_order_of_nodes(system):
    _, nets = system
    there = torch.tensor([[1.0, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])
    values, noise = torch.rand(2, 2).sort(1).values, torch.randn(2, 3)
    U = nets.G_vectors(torch.randn(2, 4), values, there, noise)
    torch.testing.assert_close(U.transpose(1, 2) @ U, torch.eye(2).expand(2, 2, 2), atol=1e-5, rtol=0)
    assert not (U * (1 - there[:, :, None])).any()
    full, order, w = torch.ones(2, 6), torch.randperm(6), torch.randn(2, 8)
    start = orthonormal(torch.randn(2, 6, 2), full)
    turn = nets.G_vectors.layers[0]
    turned = turn(start, values, w, full)
    assert float((turned - start).detach().abs().max()) > 0.05
    torch.testing.assert_close(turn(start[:, order], values, w, full), turned[:, order], atol=1e-5, rtol=1e-4)


def test_samples_are_graphs_of_sizes_of_the_data(system):
    task, nets = system
    x = task.sample(nets, Request(200, seed=1))
    links, nodes = x[:, :2], x[:, 2:].diagonal(dim1=2, dim2=3).sum(1)
    assert set(x.detach().unique().tolist()) == {0.0, 1.0}
    assert torch.equal(links, links.transpose(2, 3))
    assert float((links.sum(1) * (1 - nodes[:, :, None] * nodes[:, None])).abs().sum()) == 0
    shares = torch.bincount(nodes.sum(1).long(), minlength=7) / 200
    torch.testing.assert_close(shares.detach(), torch.tensor(STATE["sizes"][0]) / 8, atol=0.1, rtol=0)
    torch.testing.assert_close(x[15:18], task.sample(nets, Request(3, seed=1, start=15)))


def test_each_generator_learns_from_its_own_critic_alone(system):
    task, nets = system
    x = task.sample(nets, Request(4, seed=2)).detach()
    terms = task.g_loss(nets, Batch(x), Rng(0))
    for part in ("values", "vectors", "graph"):
        net = nets[f"G_{part}"]
        (grad,) = torch.autograd.grad(terms.losses[part].sum(), [next(net.parameters())], retain_graph=True)
        assert float(grad.abs().sum()) > 0
        others = [p for name in task.generators() if name != f"G_{part}" for p in nets[name].parameters()]
        found = torch.autograd.grad(terms.losses[part].sum(), others, retain_graph=True, allow_unused=True)
        assert all(one is None for one in found)


def test_the_critic_of_graphs_does_not_see_the_order_of_nodes(system):
    _, nets = system
    D, order = nets.D_graph.eval(), torch.randperm(6)
    x, values, U = torch.rand(2, *SHAPE), torch.rand(2, 2), torch.randn(2, 6, 2)
    there, noise = torch.ones(2, 6), torch.rand(2, 1, 6, 6)
    moved = (x[:, :, order][..., order], (values, U[:, order]), there, noise[:, :, order][..., order])
    torch.testing.assert_close(D(x, (values, U), there, noise), D(*moved))


def test_second_derivatives_of_the_critics():
    layout, there = layout_of(Spec((2, 3, 3))), torch.ones(1, 3, dtype=torch.float64)
    x, values, U, noise = (torch.rand(1, *shape, dtype=torch.float64) for shape in ((2, 3, 3), (1,), (3, 1), (1, 3, 3)))
    nets = [net.double().eval() for net in (ValuesD(2), VectorsD(1, 3), GraphsD(layout, 1, 2, 1))]
    first, second, third = nets
    for critic, inputs in (
        (lambda v: first(v, there[:, :1]), (values,)),
        (lambda u, v: second(u, v, there), (U, values)),
        (lambda a, v, u: third(a, (v, u), there, noise), (x, values, U)),
    ):
        assert torch.autograd.gradgradcheck(critic, tuple(one.clone().requires_grad_() for one in inputs))


def test_the_penalty_is_on_slopes_above_one_only():
    x, y, mix = torch.rand(3, 2), torch.rand(3, 2), torch.rand(3, 1)
    slope = torch.tensor([[0.3, 0.4], [3.0, 4.0], [0.0, 1.0]])  # norms of 0.5, 5, 1
    penalty = one_sided(lambda one: (one * slope).sum(1), (x,), (y,), mix)
    torch.testing.assert_close(penalty, torch.tensor([0.0, 16.0, 0.0]))


def linear(*widths: int) -> int:
    return sum((a + 1) * b for a, b in pairwise(widths))


def test_parameters_of_the_published_size():
    """64 nodes, two eigenvectors, eight layers of 64 channels, counted from the equations in nets/spectre.py."""
    recipe = make_recipe("spectre", (), (), ())
    with torch.device("meta"):
        nets = recipe.task.players(Spec((2, 64, 64), state={"sizes": [[0] * 64 + [9]]}))
    count = {name: sum(p.numel() for p in net.parameters()) for name, net in nets.items()}
    gated = linear(3 * 64, 2 * 64)
    assert count["G_values"] == linear(101, 64, 64) + 4 * gated + linear(64, 1)
    assert count["D_values"] == linear(3 * 2, 128) + 3 * gated + linear(64, 1)

    def sets(before: int, after: int) -> int:  # PointNetST: two layers, one with the mean, two layers
        return linear(before, 64, 64) + linear(64, 64) + 64 * 64 + linear(64, 64, after)

    turn = sets(2 + 2 + 64 + 1, 2 * 4) + sets(2 + 2 + 64 + 1, 64) + linear(64, 64, 2 * 2)
    assert count["G_vectors"] == 10 * 64 * 2 + linear(100, 64, 64) + linear(66, 10) + 3 * turn
    assert count["D_vectors"] == sets(2 + 2 + 1, 64) + linear(128, 64, 1)

    def powerful(before: int) -> int:  # PPGN: two MLPs of pairs, and one layer that joins their product with the input
        return sum(2 * linear(a, 64, 64) + linear(a + 64, 64) for a in (before, *[64] * 7))

    given = 1 + 2 + 1 + 1  # U diag(λ) Uᵀ, rows of U, number of nodes, noise
    assert count["G_graph"] == linear(100, 64, 64) + powerful(given + 64) + linear(64, 64, 2) + linear(64, 64, 1)
    assert count["D_graph"] == powerful(2 + given) + linear(128, 64, 1)


def test_graphs_that_have_no_such_spectrum_are_refused():
    with refused("graph.directed", "graphs-small"):
        Spectre().adapt(Spec(SHAPE, state=STATE | {"directed": True}))
    with refused("graph.too_small", "3 nodes", "task.eigenvectors=2"):
        Spectre(eigenvectors=3).adapt(Spec(SHAPE, state=STATE))


@pytest.mark.slow
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    form = [f"data={write_graphs(tmp_path, 16)}", *SMALL, "callbacks=[]", "checkpoint_every=8", "log_every=8"]
    form += ["batch=4", "task.forcing=0.5", "health=off"]
    whole = train(make_recipe("spectre", (), [*form, "samples=16"]), run_dir=tmp_path / "whole", device="cpu")
    train(make_recipe("spectre", (), [*form, "samples=8"]), run_dir=tmp_path / "half", device="cpu")
    half = train(resume_recipe(tmp_path / "half", None, ["samples=16"]), resume=tmp_path / "half", device="cpu")
    one, other = (load_file(run.folder / "model.safetensors") for run in (whole, half))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
