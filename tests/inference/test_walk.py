"""Paths through latent space: closed forms, ends and loops."""

from __future__ import annotations

import math

import pytest
import torch

from ganforge.inference.interpolate import lerp, path, slerp
from refused import refused


def points(*rows):
    return torch.tensor(rows, dtype=torch.float32)


def test_slerp_of_a_right_angle_is_the_circle():
    t = torch.linspace(0, 1, 5)
    found = slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), t)
    angle = t * math.pi / 2
    torch.testing.assert_close(found, torch.stack([angle.cos(), angle.sin()], 1))


def test_slerp_keeps_the_norm_and_lerp_does_not():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 100, generator=generator)
    b = b * a.norm() / b.norm()
    t = torch.linspace(0, 1, 9)
    torch.testing.assert_close(slerp(a, b, t).norm(dim=1), a.norm().expand(9))
    assert lerp(a, b, t).norm(dim=1)[4] < 0.8 * a.norm()


def test_slerp_goes_evenly_from_one_norm_to_the_other():
    found = slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 3.0]), torch.linspace(0, 1, 3))
    torch.testing.assert_close(found.norm(dim=1), torch.tensor([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("b", [[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
def test_slerp_without_a_single_arc_is_the_line(b):
    a, b, t = torch.tensor([1.0, 0.0]), torch.tensor(b), torch.linspace(0, 1, 5)
    torch.testing.assert_close(slerp(a, b, t), lerp(a, b, t))


@pytest.mark.parametrize("mode", ["slerp", "linear"])
@pytest.mark.parametrize("frames", [3, 4, 10, 61])
def test_a_path_has_its_ends_exactly(mode, frames):
    keys = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    found = path(keys, frames, mode)
    assert found.shape == (frames, 8)
    assert torch.equal(found[0], keys[0])
    assert torch.equal(found[-1], keys[-1])


def test_a_path_visits_the_keys_between_evenly():
    keys = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(path(keys, 21)[10], keys[1])


@pytest.mark.parametrize("mode", ["slerp", "linear"])
def test_a_loop_closes_without_a_pause(mode):
    keys = points([1, 0], [0, 1], [-1, 0], [0, -1])
    found = path(keys, 40, mode, loop=True)
    assert torch.equal(found[0], keys[0])
    steps = (found.roll(-1, 0) - found).norm(dim=1)  # the last one leads from the last frame to the first
    assert steps.max() < 1.01 * steps.min()


@pytest.mark.parametrize(
    ("keys", "frames", "mode", "code", "named"),
    [
        (points([1, 0]), 10, "slerp", "walk.too_few_seeds", "at least two seeds, got 1"),
        (points([1, 0], [0, 1], [1, 1]), 2, "slerp", "walk.too_few_frames", "at least 3 frames, got 2"),
        (points([1, 0], [0, 1]), 10, "slrep", "walk.unknown_mode", "did you mean 'slerp'"),
    ],
)
def test_what_is_no_path_is_said_so(keys, frames, mode, code, named):
    with refused(code, named):
        path(keys, frames, mode)
