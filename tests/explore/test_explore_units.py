"""Units of hidden layers, dragged points, what a critic looks at, and nearest training samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny import around, tiny
from torch import nn

from ganforge.core.types import DiscriminatorOutput, Spec
from ganforge.explore import saliency as seeing
from ganforge.explore.dissecting import agreement, dissect
from ganforge.explore.dragging import Pull, drag
from ganforge.explore.hidden import grid_of, grids
from ganforge.explore.mixing import styles_of_seeds
from ganforge.explore.nearest import neighbors
from ganforge.explore.space import space_of
from ganforge.metrics.neighbors import nearest, nearest_few
from refused import refused


class Planted(nn.Module):
    """A generator in which unit k, and no other, draws what samples of class k show: a bar in row 2k."""

    def __init__(self, classes: int = 3, units: int = 8):
        super().__init__()
        self.hidden = nn.Identity()
        self.units, self.classes = units, classes

    def forward(self, z, c=None):
        h = 0.1 * z[:, : self.units, None, None].expand(-1, -1, 8, 8).clone()
        for n, k in enumerate(c.tolist()):
            h[n, k, 2 * k, 1:7] += 5
        h = self.hidden(h)
        return (
            h[:, : self.classes].sum(1, keepdim=True) / 5 - 0.5 + 0.05 * h[:, self.classes :].mean(1, keepdim=True)
        ).clamp(-1, 1)


def planted():
    return around(Planted(), Spec((1, 8, 8), 3, ("a", "b", "c"), {"mode": "L", "depth": 8}), 8)


def test_the_planted_unit_of_each_class_is_ranked_first():
    model = planted()
    found = dissect(model, 24, layer="hidden")
    for k, name in enumerate("abc"):
        first, second = found.concepts[f"class {name}"][:2]
        assert first.unit == k
        assert first.score > 10 * abs(second.score)
    off = found.switched([1])
    of_b = found.labels == 1
    change = (off - found.samples).abs()
    assert change[of_b][:, :, 2, 1:7].min() > 0.5
    assert change[of_b][:, :, 5:].max() < 0.1  # and nowhere else
    assert change[~of_b].max() < 0.1
    on = found.switched([], [2])
    assert (on - found.samples)[found.labels == 0][:, :, 7].min() > 0.2  # now everywhere


def test_a_unit_agrees_with_the_region_that_it_is_active_in():
    model = planted()
    mask = np.zeros((24, 8, 8), bool)
    for n in range(24):
        mask[n, 2 * (n % 3), 1:7] = n % 3 == 1
    found = dissect(model, 24, layer="hidden", masks={"bars of b": mask})
    assert found.concepts["bars of b"][0].unit == 1
    assert found.concepts["bars of b"][0].score == pytest.approx(1)
    with refused("explore.mask_of_other_size", "8×8"):
        dissect(model, 4, layer="hidden", masks={"m": np.zeros((4, 4), bool)})
    with refused("explore.unit_out_of_range", "0-7"):
        found.switched([8])


def test_agreement_is_the_intersection_over_the_union():
    activations = torch.arange(8.0).reshape(1, 1, 2, 4)
    region = activations[:, 0] >= 4
    assert agreement(activations, region).tolist() == [1]
    assert agreement(-activations, region).tolist() == [0]


@pytest.mark.parametrize("name", ["demo", "stylegan2-small", "biggan", "r3gan-64", "fastgan"])
def test_switching_off_a_unit_changes_samples_and_leaves_the_model_as_it_was(name):
    model = tiny(name)
    before = model.sample(2)
    space = space_of(model)
    grid = grid_of(space, None)
    request = space.request(2)
    points = space.points_of(request)
    with grid.kept() as kept:
        x = space.make(points, request.labels)
    assert kept[0].shape == (2, grid.units, *grid.size)
    with grid.switched(range(grid.units)):
        assert not torch.equal(space.make(points, request.labels), x)
    np.testing.assert_array_equal(model.sample(2), before)
    with refused("explore.unknown_layer", grid.name):
        grid_of(space, "nothing")


def test_generators_without_grids_are_not_dissected():
    with refused("explore.no_grid"):
        dissect(tiny("gan"))
    assert not grids(space_of(tiny("ctgan")))


class Moving(nn.Module):
    """A generator of two disks on 32×32 pixels, whose places are given by the latents, each in a channel."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Identity()

    def forward(self, z, c=None):
        at = torch.arange(16, dtype=z.dtype)
        y, x = torch.meshgrid(at, at, indexing="ij")
        maps = []
        for k in range(2):
            u, v = (7.5 + 3 * z[:, 2 * k + j, None, None] for j in (0, 1))
            square = (x - u) ** 2 + (y - v) ** 2
            disks = [torch.exp(-square / width) for width in (4, 12)]
            maps += [*disks, (x - u) * disks[1], (y - v) * disks[1]]
        h = self.hidden(torch.stack(maps, 1))
        h = nn.functional.interpolate(h, size=(32, 32), mode="bilinear", align_corners=False)
        return 2 * torch.stack([h[:, 0], h[:, 4], 0 * h[:, 0]], 1) - 1


def trials(n: int) -> tuple[list[float], list[float]]:
    """Distances of dragged disks from their targets in px, measured in the samples; and how much the other disk
    changed relative to the dragged one."""
    model = around(Moving(), Spec((3, 32, 32), state={"mode": "RGB", "depth": 8}), 4)
    space, draws = space_of(model), torch.Generator().manual_seed(1)
    left, beside = [], []
    for _seed in range(n):
        z = torch.tensor([[-1.2, -1.2, 1.2, 1.2]]) + 0.2 * torch.randn(1, 4, generator=draws)
        codes = space.codes(z, None)
        start = (15.5 + 6 * z[0, :2]).tolist()
        angle = 2 * math.pi * float(torch.rand(1, generator=draws))
        goal = [start[0] + 4 * math.cos(angle), start[1] + 4 * math.sin(angle)]
        y, x = np.mgrid[:32, :32]
        mask = x + y < 34
        found = drag(model, [tuple(start)], [tuple(goal)], latents=codes, mask=mask)
        z1 = found.codes.values[0]
        left.append(float((15.5 + 6 * z1[:2] - torch.tensor(goal)).norm()))
        change = np.abs(found.after.astype(float) - found.before.astype(float))[0].mean(2)
        beside.append(change[~mask].mean() / max(change[mask].mean(), 1e-9))
    return left, beside


def test_a_point_arrives_and_what_is_outside_of_the_mask_stays():
    left, beside = trials(3)
    assert max(left) < 2
    assert max(beside) <= 0.05


@pytest.mark.slow
def test_nine_of_ten_points_arrive():
    left, beside = trials(50)
    assert np.mean(np.array(left) <= 2) >= 0.9
    assert np.mean(np.array(beside) <= 0.05) >= 0.9


def test_points_are_dragged_in_styles_and_from_saved_latents():
    model = tiny("stylegan2-small")
    codes = styles_of_seeds(model, [3])
    found = drag(model, [(4, 4)], [(8, 4)], latents=codes, pull=Pull(steps=3))
    assert found.codes.space == "w"
    assert found.steps == 3
    assert len(found.film) == 4
    np.testing.assert_array_equal(found.before, model.sample(1, seed=3))
    np.testing.assert_array_equal(found.after, model.at(found.codes).sample(1))
    with refused("drag.point_outside", "15"):
        drag(model, [(4, 4)], [(99, 4)])
    with refused("drag.points_differ_in_number"):
        drag(model, [(4, 4)], [])
    with refused("explore.not_an_image"):
        drag(tiny("ctgan"), [(0, 0)], [(0, 0)])


class Weighing(nn.Module):
    """A linear critic."""

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        self.weight = weight

    def forward(self, x, c=None):
        return DiscriminatorOutput((x * self.weight).sum((1, 2, 3)) + 2)


def test_of_a_linear_critic_saliency_is_its_weights(monkeypatch):
    model, draws = tiny("dcgan"), torch.Generator().manual_seed(0)
    weight, x = (torch.randn(n, 1, 8, 8, generator=draws) for n in (1, 3))
    monkeypatch.setattr(seeing, "critic_of", lambda model: ("D", Weighing(weight)))
    found = seeing.saliency(model, x, method="gradient")
    torch.testing.assert_close(found.maps.sum((1, 2)), found.scores - 2)
    smooth = seeing.saliency(model, x)
    torch.testing.assert_close(smooth.maps, weight[:, 0].abs().expand(3, -1, -1))
    covered = seeing.saliency(model, x, method="occlusion", patch=1)
    mean = x.mean((2, 3), keepdim=True)
    torch.testing.assert_close(covered.maps, ((x - mean) * weight)[:, 0], atol=1e-4, rtol=1e-3)
    with refused("explore.unknown_method", "smoothgrad"):
        seeing.saliency(model, x, method="gaze")
    with refused("explore.no_classes"):
        seeing.saliency(model, x, of="3")


def test_a_classifier_explains_its_classes():
    model = tiny("sgan")
    x = torch.rand(2, *model.spec.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = seeing.saliency(model, x, of="3", method="gradient")
    assert found.of == "class 3"
    logits = model.recipe.task.class_logits(model.bundle.nets, x)[:, 3]
    torch.testing.assert_close(found.scores, logits)


def test_a_model_file_holds_no_critic():
    with refused("explore.no_checkpoint", "dcgan"):
        seeing.saliency(tiny("dcgan"), torch.zeros(1, 1, 8, 8))
    with refused("explore.critic_of_other_inputs"):
        seeing.saliency(tiny("denoise-small"), torch.zeros(1, 3, 16, 16))


def test_the_nearest_few_begin_with_the_nearest():
    draws = np.random.default_rng(0)
    a, b = draws.normal(size=(5, 3)), draws.normal(size=(20, 3))
    distances, places = nearest_few(a, b, 4, torch.device("cpu"))
    one, place = nearest(a, b, torch.device("cpu"))
    np.testing.assert_array_equal(places[:, 0], place)
    np.testing.assert_allclose(distances[:, 0], one)
    every = np.sort(np.linalg.norm(a[:, None] - b[None], axis=2), axis=1)
    np.testing.assert_allclose(distances, every[:, :4])


def test_neighbors_of_generated_samples_are_training_samples():
    model = tiny("demo")
    found = neighbors(model, 3, 2, features="raw", seed=1)
    (near,) = found.near
    assert near.places.shape == (3, 2)
    assert found.real.n > 1000
    image = found.at(near.places[0])[0][0]
    expected = np.linalg.norm(image.astype(float) - found.samples[0].astype(float))
    assert near.distances[0, 0] == pytest.approx(expected)
    assert ((near.farther >= 0) & (near.farther <= 1)).all()
    with refused("cli.out_of_range"):
        neighbors(model, 0)
