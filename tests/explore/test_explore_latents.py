"""Latents of given samples, files of them, and mixtures of styles."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import around, tiny
from torch import nn

from ganforge.core.types import Spec
from ganforge.explore.given import given_samples
from ganforge.explore.mixing import mix, styles_of_seeds
from ganforge.explore.projecting import Settings, distance, project, psnr, ramp
from ganforge.explore.space import space_of
from ganforge.inference.codes import load_codes, save_codes
from refused import refused

QUICK = Settings(steps=60, starts=4)


def own_sample(model, seed: int, label: int | None = None):
    space = space_of(model)
    request = space.request(1, seed, label=label)
    return space, space.make(space.points_of(request), request.labels), request.labels


@pytest.mark.parametrize("name", ["demo", "stylegan2-small"])
def test_an_own_sample_comes_back_nearer_than_random_latents(name):
    model = tiny(name)
    label = 3 if model.labels else None
    space, x, _labels = own_sample(model, 7, label)
    found = project(model, x, label, settings=QUICK)
    others = space.request(10, 100, label=label)
    made = space.make(space.points_of(others), others.labels)
    random = psnr((made - x).square().flatten(1).mean(1))
    assert found.after[0] > float(random.max()) + 3
    assert found.after[0] > found.before[0]
    assert found.codes.space == space.name
    assert 0 < found.spread[0] < 3
    assert len(found.film) == 24
    assert found.floor is None
    np.testing.assert_array_equal(found.samples, model.at(found.codes).sample(1))


class OfClass(nn.Module):
    """A generator whose samples show their class, and little of their latent."""

    def forward(self, z, c=None):
        return (c - 1)[:, None, None, None] * 0.8 + 0.1 * z[:, :1, None, None].tanh().expand(-1, 1, 4, 4)


def test_the_class_is_found_if_none_is_given():
    model = around(OfClass(), Spec((1, 4, 4), 3, ("a", "b", "c"), {"mode": "L", "depth": 8}), 2)
    _, x, _ = own_sample(model, 7, 1)
    assert project(model, x, settings=replace(QUICK, starts=3)).codes.labels.tolist() == [1]


def test_held_out_samples_set_what_can_be_reached():
    model = tiny("demo")
    _, x, _ = own_sample(model, 7, 3)
    found = project(model, x, 3, settings=replace(QUICK, steps=20), held_out=torch.rand(2, 1, 8, 8) * 2 - 1)
    assert found.floor is not None
    assert found.floor < found.after[0]


def test_a_bound_keeps_latents_near_those_of_training():
    model = tiny("demo")
    x = torch.ones(1, 1, 8, 8)
    free = project(model, x, 3, settings=replace(QUICK, lr=0.5))
    bound = project(model, x, 3, settings=replace(QUICK, lr=0.5, bound=0.8))
    assert free.spread[0] > 0.8 + 0.1
    assert bound.spread[0] <= 0.8 + 1e-4


def test_the_schedule_and_the_distance():
    assert ramp(0) == pytest.approx(0.1)
    assert ramp(0.5) == 1
    assert ramp(1) == pytest.approx(0)
    a, b = torch.zeros(1, 1, 1, 16, 16), torch.zeros(1, 1, 16, 16)
    b[..., ::2] = 1
    assert distance(a, b).item() == pytest.approx(0.5 + 0.25)  # halved, stripes are 1/2 everywhere
    assert psnr(torch.tensor([4.0, 0.04])).tolist() == pytest.approx([0, 20])


def test_saved_latents_are_taken_by_sample_walk_mix_and_drag_and_by_no_other_model(tmp_path):
    model, path = tiny("stylegan2-small"), tmp_path / "latent.json"
    codes = styles_of_seeds(model, [3, 4])
    save_codes(path, codes)
    assert torch.equal(load_codes(path, model.bundle).values, codes.values)
    there = model.at(path)
    own = np.concatenate([model.sample(1, seed=3), model.sample(1, seed=4)])
    np.testing.assert_array_equal(there.sample(2), own)
    np.testing.assert_array_equal(there.sample(3)[2], own[0])  # in turn
    film = there.walk(frames=3)
    np.testing.assert_array_equal(film[[0, 2]], own)
    with refused("latents.other_model", "latent.json"):
        tiny("demo").at(path)
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, "values": [[1.0, 2.0]]}))
    with refused("latents.damaged"):
        model.at(path)


def test_saved_latents_keep_their_class(tmp_path):
    model, path = tiny("demo"), tmp_path / "latent.json"
    space = space_of(model)
    request = space.request(1, 5, label=8)
    save_codes(path, space.codes(space.points_of(request), request.labels))
    np.testing.assert_array_equal(model.at(path).sample(1), model.sample(1, seed=5, label=8))
    np.testing.assert_array_equal(model.at(path).sample(1, label=2), model.sample(1, seed=5, label=2))


@pytest.mark.parametrize("name", ["stylegan2-small", "biggan", "biggan-deep"])
def test_mixing_with_itself_is_the_same_sample_and_with_all_layers_the_other(name):
    model = tiny(name)
    a, b = styles_of_seeds(model, [1]), styles_of_seeds(model, [2])
    same = mix(model, a, a)
    np.testing.assert_array_equal(same.mixed, model.sample(1, seed=1, label=0 if model.labels else None))
    last = a.values.shape[1] - 1
    np.testing.assert_array_equal(mix(model, a, b, (0, last)).mixed, same.mixed * 0 + mix(model, b, b).mixed)
    mixed = mix(model, a, b, (last, last))
    assert torch.equal(mixed.codes.values[:, :last], a.values[:, :last])
    assert torch.equal(mixed.codes.values[:, last], b.values[:, last])


def test_mixtures_are_a_table_of_bases_and_styles():
    model = tiny("stylegan2-small")
    found = mix(model, styles_of_seeds(model, [1, 2]), styles_of_seeds(model, [3, 4, 5]), (0, 1))
    assert len(found.mixed) == 6
    assert len(found.base) == 2
    assert len(found.style) == 3
    one = mix(model, styles_of_seeds(model, [2]), styles_of_seeds(model, [4]), (0, 1))
    difference = one.mixed[0].astype(int) - found.mixed[4].astype(int)
    assert abs(difference).max() <= 1  # of another batch size


def test_models_without_styles_are_not_mixed():
    with refused("explore.no_styles", "stylegan2-small"):
        styles_of_seeds(tiny("demo"), [1])
    model = tiny("stylegan2-small")
    a = styles_of_seeds(model, [1])
    with refused("explore.layers_out_of_range"):
        mix(model, a, a, (3, 99))


def test_files_of_a_user_are_read_as_the_model_sees_them(tmp_path):
    model = tiny("demo")
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    Image.fromarray(pixels).save(tmp_path / "a.png")
    x, names = given_samples(model, [str(tmp_path / "a.png")])
    np.testing.assert_allclose(x[0, 0], pixels / 127.5 - 1, atol=0.01)
    assert "a.png" in names[0]
    with refused("data.not_found"):
        given_samples(model, [str(tmp_path / "b.png")])


def test_settings_out_of_range_are_refused():
    with refused("project.out_of_range", "--steps"):
        Settings(steps=0)
    with refused("project.out_of_range", "--bound"):
        Settings(bound=-1)
    with refused("explore.no_derivative"):
        project(tiny("lm"), torch.zeros(1, 2))
