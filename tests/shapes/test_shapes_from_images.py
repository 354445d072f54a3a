"""Volumes of images (3D-VAE-GAN): drawn images, the nets by the paper, the task, and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from shapes_of_tests import ball

import ganforge as gf
from ganforge.cli.main import main
from ganforge.core.types import Spec
from ganforge.modalities.shape import images
from ganforge.modalities.shape.example import write_volumes
from ganforge.recipes import make_recipe
from refused import refused

SMALL = [
    "signal.size=16", "signal.image=32", "task.encoder.channels=4", "task.generator.channels=4",
    "task.generator.latent=8", "task.discriminator.channels=4", "batch=8",
    "callbacks.0.rows=1", "callbacks.0.columns=2",
]  # fmt: skip


def run_cli(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    (folder / "data").mkdir()
    write_volumes(folder / "data", 24)
    words = ["3d-vae-gan", f"data={folder / 'data'}", "samples=16", "checkpoint_every=16", *SMALL]
    assert run_cli("train", *words, "--run-dir", folder / "run") == 0
    return folder / "run"


def ink(image: torch.Tensor) -> torch.Tensor:
    """Which pixels show the shape, bool [P, P]: paper is nearly white."""
    return image[2] - image[0] > 0.1


def test_an_image_shows_the_shape_from_its_side():
    """A plate that stands across the first axis is wide from there, and narrow from the second."""
    plate = torch.ones(1, 1, 16, 16, 16)
    plate[..., 7:9, 3:13, 3:13] = -1
    first, second = images.views(plate.repeat(2, 1, 1, 1, 1), torch.tensor([0.0, 90.0]), 64, 2)
    widths = sorted(int(ink(one).any(0).sum()) for one in (first, second))
    assert widths[0] < 15 < 20 < widths[1]
    round_ = torch.from_numpy(ball(16, 5)).float().clamp(-1, 1)[None, None]
    one, other = images.views(round_.repeat(2, 1, 1, 1, 1), torch.tensor([20.0, 140.0]), 64, 2)
    assert (ink(one) ^ ink(other)).float().mean() < 0.02, "a ball is a disc from everywhere"
    across = ink(one).any(0).sum() / 64
    assert float(across) == pytest.approx(2 * 5 / 16 * 0.62, abs=0.05)
    bright = one.mean(0)
    seen = ink(one).nonzero().float().mean(0).round().int().tolist()
    assert bright[seen[0] - 6, seen[1] - 6] > bright[seen[0] + 6, seen[1] + 6], "lit from above and the left"
    assert not ink(images.views(torch.ones(1, 1, 8, 8, 8), torch.zeros(1), 32, 2)[0]).any()


def test_the_nets_are_those_of_the_paper():
    """64-128-256-512-400 channels, kernels 11, 5, 5, 5, 8 without biases before batch norm; 3D-GAN's nets."""
    recipe = make_recipe("3d-vae-gan")
    with torch.device("meta"):
        players = recipe.task.players(Spec((1, 64, 64, 64), state={"image": 256}))
        plain = make_recipe("3dgan").task.players(Spec((1, 64, 64, 64)))
    encoder = sum(a * b * k * k for a, b, k in [(3, 64, 11), (64, 128, 5), (128, 256, 5), (256, 512, 5), (512, 400, 8)])
    counts = {name: sum(p.numel() for p in net.parameters()) for name, net in players.items()}
    assert counts["E"] == encoder + 400 + 2 * (64 + 128 + 256 + 512)
    assert counts["G"] == sum(p.numel() for p in plain["G"].parameters())
    assert counts["D"] == sum(p.numel() for p in plain["D"].parameters())
    with refused("nets.not_for_shape", "multiples of 32"):
        recipe.task.players(Spec((1, 64, 64, 64), state={"image": 100}))
    with refused("task.needs_pairs", "signal.image"):
        recipe.task.adapt(Spec((1, 64, 64, 64), state={}))


def test_images_become_volumes(run, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    pixels = np.zeros((40, 30, 4), np.uint8)
    pixels[10:30, 8:22] = (60, 100, 180, 255)
    Image.fromarray(pixels).save(tmp_path / "photos" / "one.png")
    Image.fromarray(pixels[..., :3]).save(tmp_path / "photos" / "two.jpg")
    assert run_cli("translate", run, tmp_path / "photos", "--out", tmp_path / "shapes") == 0
    assert "2 volumes" in capsys.readouterr().out
    assert np.load(tmp_path / "shapes" / "two.npy").shape == (16, 16, 16)
    (tmp_path / "photos" / "three.png").write_bytes(b"no image")
    assert run_cli("translate", run, tmp_path / "photos", "--out", tmp_path / "again", "--format", "binvox") == 3
    model = gf.load(run, device="cpu")
    whole = model.translate(tmp_path / "photos" / "one.png")
    assert np.array_equal(whole, model.translate(Image.open(tmp_path / "photos" / "one.png")))
    assert np.array_equal(whole, model.translate(pixels))
    with refused("data.unreadable", "three.png"):
        model.translate(tmp_path / "photos" / "three.png")
    with refused("data.unreadable", "expected uint8"):
        model.translate(pixels / 255)
    with refused("data.empty", "no images"):
        model.translator().translate_files(run.parent / "data", tmp_path / "x", ending=None, skip=False, force=False)


@pytest.mark.slow
def test_a_trained_model_is_evaluated_on_drawn_images(run, tmp_path):
    found = gf.evaluate(run, out=tmp_path / "report", progress=False, device="cpu")
    names = {result.name.removesuffix("24") for result in found.results}
    assert {"volume_iou", "completed_cd"} <= names
