"""Directions in latent space: closed forms, strength, moves of samples along them, and files of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tiny import SYSTEMS, around, tiny
from torch import nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.explore.finding import METHODS, along, directions
from ganforge.explore.space import Space, space_of
from ganforge.inference.directions import load_directions, save_directions
from refused import refused


class Line(nn.Module):
    """A generator whose samples are a linear function of its latents."""

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        self.first = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            self.first.weight.copy_(weight)

    def forward(self, z, c=None):
        return self.first(z).unflatten(1, (1, 4, 4))


def line() -> torch.Tensor:
    return torch.randn(16, 6, generator=torch.Generator().manual_seed(3)) * torch.tensor([5.0, 3, 1, 1, 0.3, 0.1])


def test_sefa_is_the_eigenvectors_of_the_weights_of_unit_rows():
    weight = line()
    found = directions(around(Line(weight), Spec((1, 4, 4)), 6), "sefa")
    rows = weight.double().numpy()
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(rows.T @ rows)
    np.testing.assert_allclose(np.abs((found.vectors.numpy() * vectors.T[::-1]).sum(1)), 1, atol=1e-5)
    np.testing.assert_allclose(found.energies, values[::-1] / values.sum(), rtol=1e-4)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(6), atol=1e-5)


def test_of_a_linear_generator_pca_and_jacobian_find_the_singular_vectors():
    weight = line()
    right = torch.linalg.svd(weight)[2]
    model = around(Line(weight), Spec((1, 4, 4)), 6)
    for method, enough in (("jacobian", 0.995), ("pca", 0.98)):  # of 64 · 8 projections, of 1,000 samples
        found = directions(model, method, 2)
        assert ((found.vectors * right[:2]).sum(1).abs() > enough).all(), method


DAILY = [*(("demo", method) for method in METHODS), ("stylegan2-small", "sefa")]
LONGER = [("stylegan2-small", "pca"), ("stylegan2-small", "jacobian"), ("biggan", "sefa")]


@pytest.mark.parametrize(
    ("name", "method"), [*DAILY, *(pytest.param(*each, marks=pytest.mark.slow) for each in LONGER)]
)
def test_directions_are_orthonormal_and_the_same_for_a_seed(name, method):
    found, again = (directions(tiny(name), method, 4, seed=5) for _ in range(2))
    assert torch.equal(found.vectors, again.vectors)
    assert found.moves == again.moves
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(4), atol=1e-4, rtol=0)
    assert all(row[row.abs().argmax()] > 0 for row in found.vectors)
    strips = [along(tiny(name), each, "1", [-2, 0, 2], seed=1) for each in (found, again)]
    assert strips[0].tobytes() == strips[1].tobytes()
    assert len(np.unique(strips[0], axis=0)) == 3


def test_the_middle_of_a_strip_is_the_sample_itself():
    model = tiny("demo")
    strip = along(model, directions(model, "sefa", 3), "2", [-2.0, 0.0, 2.0], seed=4, label=3)
    np.testing.assert_array_equal(strip[1], model.sample(1, seed=4, label=3)[0])


GETS = {
    "demo": ("z", "sefa"), "r3gan-small": ("z", "sefa"), "r3gan-64": ("z", "sefa"), "stylegan2-small": ("w", "sefa"),
    "biggan": ("w", "sefa"), "biggan-deep": ("w", "sefa"), "progan-small": ("z", "jacobian"),
    "msg-gan-small": ("z", "jacobian"), "fastgan": ("z", "sefa"), "sngan": ("z", "sefa"), "gan": ("z", "sefa"),
    "ctgan": ("z", "sefa"), "wavegan": ("z", "jacobian"), "cloud-sphere": ("z", "sefa"), "mocogan": ("z", "jacobian"),
    "lapgan-small": ("z", "sefa"), "lm": ("z", "explore.no_derivative"),
    "netgan": ("z", "explore.no_latent_vectors"), "sigcwgan": ("z", "explore.no_latent_vectors"),
    "denoise-small": ("", "model.not_a_generator"),
}  # fmt: skip
"""The space and the method that a family of generators gets, or why it gets none."""


ALIKE = {"mocogan", "biggan-deep", "r3gan-64"}
"""Those that are found as a smaller one is: slow."""


@pytest.mark.parametrize("name", [pytest.param(k, marks=pytest.mark.slow if k in ALIKE else ()) for k in GETS])
def test_families_of_generators(name):
    model, (space, gets) = tiny(name), GETS[name]
    if "." in gets:
        with refused(gets):
            directions(model, number=2)
        return
    found = directions(model, number=2)
    assert (found.space, found.method) == (space, gets)
    assert found.moves[0] > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(SYSTEMS) - set(GETS) - {"ctgan-fast"}))  # `target=` is for the command line
def test_every_recipe_gets_directions_or_a_refusal_that_says_why(name):
    model = tiny(name)
    code = ""
    try:
        assert torch.isfinite(directions(model, number=2).vectors).all()
    except UserError as error:
        code = error.code
    assert code in ("", "model.not_a_generator", "explore.no_derivative", "explore.no_latent_vectors")


def test_layers_of_styles_move_alone():
    model = tiny("stylegan2-small")
    found = directions(model, "sefa", 2, layers=(0, 1))
    space = space_of(model)
    shift = found.shift("1", torch.tensor([2.0]), torch.Size(space.shape))
    assert shift[:, :2].any()
    assert not shift[:, 2:].any()
    with refused("explore.layers_out_of_range", "0-"):
        directions(model, layers=(0, 99))
    with refused("explore.no_styles"):
        directions(tiny("demo"), layers=(0, 1))


def test_files_of_directions_move_samples_and_walks(tmp_path):
    model = tiny("demo")
    found = directions(model, "sefa", 3)
    path = tmp_path / "directions.json"
    save_directions(path, found)
    again = load_directions(path, model.bundle)
    assert torch.equal(again.vectors, found.vectors)
    assert again.facts() == found.facts()
    still = model.moved(f"{path}:2=0").sample(3, seed=2)
    np.testing.assert_array_equal(still, model.sample(3, seed=2))
    moved = model.moved([f"{path}:2=1.5", f"{path}:2=0.5"]).sample(1, seed=2, label=1)
    np.testing.assert_array_equal(moved, along(model, found, "2", [2.0], seed=2, label=1))
    film = model.walk([2], frames=3, label=1, direction=f"{path}:2=-2..2")
    np.testing.assert_array_equal(film, along(model, found, "2", [-2.0, 0.0, 2.0], seed=2, label=1))
    ring = model.walk([2], frames=4, label=1, loop=True, direction=f"{path}:2=-2..2")
    np.testing.assert_array_equal(ring, along(model, found, "2", [-2.0, 0.0, 2.0, 0.0], seed=2, label=1))


def test_styles_are_moved_by_files_too(tmp_path):
    model, path = tiny("stylegan2-small"), tmp_path / "w.json"
    save_directions(path, directions(model, "pca", 2, layers=(1, 2)))
    np.testing.assert_array_equal(model.moved(f"{path}:1=0").sample(2), model.sample(2))
    assert not np.array_equal(model.moved(f"{path}:1=9").sample(2), model.sample(2))


def test_wrong_files_and_words_are_refused(tmp_path):
    model, path = tiny("demo"), tmp_path / "d.json"
    save_directions(path, directions(model, "sefa", 2))
    for text, code in (
        (f"{path}:2", "direction.invalid"),
        (f"{path}:2=far", "direction.invalid"),
        (f"{path}:3=1", "direction.unknown"),
        (f"{path}:2=1..2", "direction.is_a_way"),
        (f"{tmp_path / 'none.json'}:2=1", "latents.not_found"),
    ):
        with refused(code):
            model.moved(text)
    with refused("latents.other_model", "d.json"):
        tiny("dcgan").moved(f"{path}:1=1")
    plain = json.loads(path.read_text())
    for broken in ({**plain, "directions": [{"name": "1"}]}, {**plain, "layers": [0, 1]}):
        path.write_text(json.dumps(broken))
        with refused("latents.damaged"):
            model.moved(f"{path}:1=1")
    path.write_text("{}")
    with refused("latents.other_file"):
        model.moved(f"{path}:1=1")
    with refused("explore.unknown_method", "sefa"):
        directions(model, "sofa")
    with refused("explore.unknown_space"):
        space_of(model, "y")
    with refused("explore.no_first_layer", "jacobian"):
        directions(tiny("progan-small"), "sefa")


def test_a_sample_of_a_space_is_the_models_own():
    for name in ("demo", "stylegan2-small", "biggan"):
        model = tiny(name)
        space = space_of(model)
        request = space.request(4, seed=3)
        made = space.decoded(space.make(space.points_of(request), request.labels))
        np.testing.assert_array_equal(made, model.sample(4, seed=3))
        z = Space(model, "z")
        np.testing.assert_array_equal(z.decoded(z.make(z.points_of(request), request.labels)), made)
