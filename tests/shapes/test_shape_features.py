"""Normals and colors of points: through files, training and samples."""

from __future__ import annotations

import numpy as np
import pytest
from shapes_of_tests import ball

import ganforge as gf
from ganforge.modalities.shape.formats import grids, meshes, writing
from ganforge.modalities.shape.source import ShapeSet
from ganforge.modalities.shape.views import Clouds
from ganforge.recipes import make_recipe
from refused import refused

POINTS = 64
SMALL = {
    "signal.points": POINTS, "task.encoder.widths": [8], "task.decoder.widths": [8], "task.decoder.latent": 8,
    "task.generator.widths": [8], "task.generator.latent": 8, "task.discriminator.widths": [8], "task.autoencoder": 16,
    "batch": 8, "checkpoint_every": 32, "callbacks": [],
}  # fmt: skip


def oriented(count: int = 100, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points of a ball and their normals."""
    normals = np.random.default_rng(seed).normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return normals * 2 + 1, normals


def nothing(_: str) -> None:
    raise AssertionError("nothing to repair")


def test_files_keep_normals_and_colors(tmp_path):
    xyz, normals = oriented()
    colors = np.random.default_rng(1).random((100, 3))
    writing.write_ply_cloud(xyz, normals, colors, tmp_path / "a.ply")
    writing.write_obj_cloud(xyz, normals, colors, tmp_path / "a.obj")
    for read, name in ((meshes.read_ply, "a.ply"), (meshes.read_obj, "a.obj")):
        found = read((tmp_path / name).read_bytes(), name, nothing)
        assert np.allclose(found[0], xyz, atol=1e-4)
        assert np.allclose(found[1], normals, atol=1e-4)
        assert np.allclose(found[2], colors, atol=1 / 255)
    by_six = {"normals": normals, "colors": colors, "bytes": np.round(colors * 255)}
    for what, rest in by_six.items():
        found = grids.as_points(np.concatenate([xyz, rest], 1), "a.npy", nothing)
        assert (found.normals is None, found.colors is None) == (what != "normals", what == "normals")
    assert np.allclose(found.colors, colors, atol=1 / 255), "bytes become 0..1"
    heights = np.concatenate([xyz, -7 * rest], 1)  # neither
    assert grids.as_points(heights, "a.npy", nothing)[1:] == (None, None)


@pytest.mark.parametrize("features", ["normals", "colors"])
def test_models_learn_and_write_them(features, tmp_path):
    (tmp_path / "data").mkdir()
    for k in range(16):
        xyz, normals = oriented(seed=k)
        colors = (normals + 1) / 2
        own = (normals, None) if features == "normals" else (None, colors)
        writing.write_ply_cloud(xyz * [1, 1, 1 + k / 8], *own, tmp_path / "data" / f"{k}.ply")
    fields = SMALL | {"signal.features": features}
    data = str(tmp_path / "data")
    run = tmp_path / "run"
    model = gf.train("cloud-small", data=data, samples=32, run_dir=run, fields=fields, progress=False, device="cpu")
    samples = model.sample(2, seed=0)
    assert samples.shape == (2, POINTS, 6)
    rest = samples[..., 3:]
    if features == "normals":
        assert np.allclose(np.linalg.norm(rest, axis=-1), 1, atol=1e-5)
    else:
        assert 0 <= rest.min() <= rest.max() <= 1
    spec, signal = model.spec, model.recipe.signal
    for form, read in (("ply", meshes.read_ply), ("obj", meshes.read_obj)):
        (path,) = signal.file_formats[form](samples[:1], tmp_path / form, 0, spec)
        found = read(path.read_bytes(), path.name, nothing)
        kept = found.normals if features == "normals" else found.colors
        assert np.allclose(kept, rest[0], atol=1 / 255)
    assert [media.mime for media in signal.render(samples, spec)] == ["image/png", "text/html"]
    metrics = ["shapes(points=32, shapes=8, emd_shapes=0)", "nn"]
    found = gf.evaluate(run, n=10, out=tmp_path / "report", progress=False, device="cpu", metrics=metrics)
    assert found.results


def test_surfaces_have_normals_and_no_colors():
    volume = ShapeSet("the ball", "cloud", None, [("a", 0)], arrays={"a": (ball(16, 5) < 0)[None]})
    found = Clouds(volume, 200, "z", "normals").read(0)
    outward = found[:, :3] - found[:, :3].mean(0)
    assert ((found[:, 3:] * outward).sum(1) > 0).mean() > 0.95
    with refused("nets.not_for_shape", "sphere"):
        make_recipe("cloud-sphere").task.nearest((6, 64))
