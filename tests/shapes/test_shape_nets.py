"""Nets and tasks of shapes: the sizes of the papers, and what each promises."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Spec
from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.shape.nets import papers, solids, sphere, voxels
from ganforge.modalities.shape.nets.clouds import PointNetDiscriminator
from ganforge.modalities.shape.tasks.throttled import ThrottledSynthesis
from ganforge.recipes import get, make_recipe
from ganforge.registry import load_all
from refused import refused

load_all()


def parameters(recipe: str, shape: tuple[int, ...]) -> dict[str, int]:
    with torch.device("meta"):
        players = get(recipe).task.players(Spec(shape))
    return {name: sum(p.numel() for p in net.parameters()) for name, net in players.items()}


@pytest.mark.parametrize(
    ("recipe", "shape", "millions"),
    [
        ("3dgan", (1, 64, 64, 64), {"G": 17.57, "D": 11.05}),  # Wu et al. 2016: 512-256-128-64 and the mirror of it
        ("3d-iwgan", (1, 32, 32, 32), {"G": 3.167, "D": 2.757}),
        ("tree-gan", (3, 2048), {"G": 40.69, "D": 2.536}),
        ("l-gan", (3, 2048), {"E": 0.0924, "R": 1.678, "G": 0.0330, "D": 0.1651}),
        ("voxels-small", (1, 32, 32, 32), {"G": 0.5543, "D": 0.269}),
        ("voxels-latent-small", (1, 32, 32, 32), {"E": 1.187, "R": 0.5543, "G": 0.1662, "D": 0.1485}),
    ],
)
def test_recipes_have_the_sizes_of_their_papers(recipe, shape, millions):
    found = parameters(recipe, shape)
    assert {name: found[name] / 1e6 for name in millions} == pytest.approx(millions, rel=2e-3)


def test_cells_and_channels_are_the_same_values():
    x = torch.randn(2, 3, 8, 8, 8)
    packed = voxels.cells_to_channels(x, 4)
    assert packed.shape == (2, 192, 2, 2, 2)
    assert torch.equal(packed[0, :64, 0, 1, 0], x[0, 0, :4, 4:, :4].flatten())
    assert torch.equal(voxels.channels_to_cells(packed, 4), x)
    assert torch.allclose(voxels.smoothed(torch.ones(1, 1, 6, 6, 6)), torch.ones(1, 1, 6, 6, 6))
    checks = torch.tensor([1.0, -1.0]).repeat(3).view(1, 1, 6, 1, 1).expand(1, 1, 6, 6, 6)
    assert voxels.smoothed(checks)[:, :, 1:-1].abs().max() < 1e-6, "patterns of single cells vanish"


def test_sides_that_nets_can_make():
    assert voxels.VoxelGenerator().nearest((1, 30, 32, 30)) == (1, 32, 32, 32)
    assert voxels.VoxelGenerator().nearest((2, 50, 50, 50)) == (2, 48, 48, 48)
    assert papers.Gan3dGenerator().nearest((1, 50, 50, 50)) == (1, 64, 64, 64)
    with refused("nets.unreachable_size", "48"):
        voxels.VoxelGenerator().build(Spec((1, 50, 50, 50)))
    with refused("nets.not_for_shape", "[1, 8, 8]"):
        voxels.VoxelDiscriminator().nearest((1, 8, 8))
    with refused("nets.not_for_shape", "[1, 64]"):
        PointNetDiscriminator().nearest((1, 64))
    assert get("tree-gan").task.nearest((3, 1000)) == (3, 992)


def test_latents_of_volumes_have_one_scale_and_do_not_depend_on_other_volumes():
    torch.manual_seed(0)
    E, x = solids.VoxelEncoder(channels=4).build(Spec((1, 16, 16, 16)), 6), torch.randn(32, 1, 16, 16, 16)
    h, log_variance = E(x)
    assert torch.allclose(h.mean(0), torch.zeros(6), atol=1e-5)
    assert torch.allclose(h.var(0, unbiased=False), torch.ones(6), atol=1e-3)
    assert not log_variance.any()
    E.eval()
    assert torch.allclose(E(x)[0][:3], E(x[:3])[0], atol=1e-5)


def test_a_frozen_encoder_is_as_it_is_when_it_is_used():
    """Real latents depended on the other volumes of their batch, and the averages of batch norm drifted on."""
    torch.manual_seed(0)
    recipe = make_recipe("voxels-latent-small", (), ["task.encoder.channels=2", "task.decoder.channels=2"])
    spec = Spec((1, 16, 16, 16), state={"form": "occupancy", "clip": 3})
    nets = Nets(recipe.task.players(spec))
    batch = Batch(torch.randn(8, 1, 16, 16, 16))
    before = {name: value.clone() for name, value in nets.E.state_dict().items()}
    rng = Rng(0, recipe.task.autoencoder, "D")
    recipe.task.d_loss(nets, batch, rng)
    recipe.task.g_loss(nets, batch, rng)
    assert nets.E.training
    assert all(torch.equal(value, before[name]) for name, value in nets.E.state_dict().items())
    assert nets.G.count == 8, "latents were measured"
    recipe.task.ae_loss(nets, batch, rng)
    assert not torch.equal(nets.E.norm.running_mean, before["norm.running_mean"]), "the autoencoder itself goes on"


def test_the_side_of_a_surface_costs_more_than_the_same_distance_elsewhere():
    spec = Spec((1, 8, 8, 8), state={"form": "occupancy", "clip": 3})
    x = torch.full((1, 1, 8, 8, 8), 0.5)
    x[..., 4, 4] = -0.1  # a thin leg, a third of a cell inside
    broken, blurred = x.clone(), x.clone()
    broken[0, 0, 4, 4, 4] = 0.1
    blurred[0, 0, 4, 1, 1] = 0.7
    inside = solids.Inside().build(spec)
    alone = solids.Inside().build(Spec(spec.shape, state={"form": "field"}))
    assert alone.nll(broken, x).item() == pytest.approx(alone.nll(blurred, x).item())
    assert alone.nll(x, x).item() == 0
    gained = [inside.nll(y, x).item() - inside.nll(x, x).item() for y in (broken, blurred)]
    assert gained[0] > 3 * gained[1] > 0, "a leg that breaks is worse than a cell that is farther away"
    assert torch.equal(inside.draw(broken, torch.empty(0)), broken)


def test_critics_of_clouds_do_not_see_the_order_of_points():
    x = torch.randn(2, 3, 40)
    D = PointNetDiscriminator(widths=(8, 8), head=(8,)).build(Spec((3, 40)))
    assert torch.allclose(D(x).logits, D(x[:, :, torch.randperm(40)]).logits, atol=1e-6)


def test_an_edge_layer_is_an_edge_convolution():
    torch.manual_seed(0)
    layer = sphere.EdgeLayer(4, 6, 5)
    h, style = torch.randn(2, 9, 4), torch.randn(2, 9, 5)
    neighbors = torch.randint(0, 9, (9, 3))
    edges = layer.own(h)[:, :, None] + layer.near(h)[:, neighbors]  # the formula, edge by edge
    expected = nn.functional.leaky_relu(edges, 0.2).amax(2)
    expected = (expected - expected.mean(1, keepdim=True)) / (
        expected.var(1, keepdim=True, unbiased=False) + 1e-5
    ).sqrt()
    scale, shift = layer.style(style).chunk(2, 2)
    assert torch.allclose(layer(h, neighbors, style), expected * (1 + scale) + shift, atol=1e-5)
    points = sphere.sphere(200)
    assert torch.allclose(points.norm(dim=1), torch.ones(200))
    nearest = torch.cdist(points, points).topk(2, largest=False).values[:, 1]
    assert nearest.max() < 2.2 * nearest.min(), "spread evenly"


class Sure(nn.Module):
    """Scores by the sign of the first value, times how sure it is."""

    def __init__(self, sure: float):
        super().__init__()
        self.sure = nn.Parameter(torch.tensor(sure))

    def forward(self, x, c=None):
        return DiscriminatorOutput(self.sure * x.flatten(1)[:, 0])


class Minus(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, z, c=None):
        return -self.scale * torch.ones(len(z), 1, 8, 8, 8)


@pytest.mark.parametrize(("sign", "trained"), [(1.0, 0.0), (-1.0, 1.0)])
def test_d_rests_while_it_is_too_good(sign, trained):
    task = ThrottledSynthesis(
        generator=voxels.VoxelGenerator(channels=2), discriminator=voxels.VoxelDiscriminator(channels=8),
        objective=NonSaturating(),
    )  # fmt: skip
    nets = Nets({"G": Minus(), "D": Sure(sign)})
    found = task.d_loss(nets, Batch(torch.ones(4, 1, 8, 8, 8)), Rng(0))
    assert float(found.stats["trained"]) == trained
    assert (found.losses["adversarial"].sum() > 0) == bool(trained)
