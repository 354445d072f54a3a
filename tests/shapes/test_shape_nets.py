"""Nets and tasks of shapes: the sizes of the papers, and what each promises."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Spec
from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.shape.nets import papers, sphere, voxels
from ganforge.modalities.shape.nets.clouds import PointNetDiscriminator
from ganforge.modalities.shape.tasks.throttled import ThrottledSynthesis
from ganforge.recipes import get
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
