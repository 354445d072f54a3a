"""What is printed for the user to paste works when it is pasted: names with spaces, plugins, masks."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganforge.cli.train_words import is_field, with_data
from ganforge.core.component import build
from ganforge.core.types import Spec
from ganforge.data.base import DataSource
from ganforge.recipes import get

TINY = ["task.generator.channels=8", "task.discriminator.channels=8", "task.generator.latent=8"]
FAST = [*TINY, "samples=32", "batch=16", "log_every=16", "callbacks=[]"]
PLUGIN = '''
from ganforge.losses.adversarial import LeastSquares

class Mine(LeastSquares, kind="my_least_squares_for_commands"):
    """Least squares again."""
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draws = np.random.default_rng(0)
    for k in range(32):
        path = tmp_path / "my photos" / "a=b" / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draws.integers(0, 256, (8, 8, 1), dtype=np.uint8)[..., 0]).save(path)
    (tmp_path / "my loss.py").write_text(PLUGIN)
    return tmp_path


def steps(out: str) -> dict[str, list[str]]:
    """The printed commands by their names, as a shell splits them."""
    found = [line.strip().partition(" ganforge ") for line in out.splitlines() if " ganforge " in line]
    return {name.strip(): shlex.split(command) for name, _, command in found}


def test_next_steps_can_be_pasted(ganforge, folder):
    words = ["--run-dir", "my run", "--plugin", "my loss.py", "task.objective=my_least_squares_for_commands"]
    said = ganforge("train", "dcgan", "data=my photos/a=b", *FAST, *words)
    assert said.status == 0, said.err
    printed = steps(said.out)
    assert {"make more", "walk", "evaluate", "resume"} <= set(printed)
    assert all(command[-2:] == ["--plugin", "my loss.py"] for command in printed.values())
    assert ganforge(*printed["make more"]).status == 0
    assert Path("grid.png").is_file()
    assert ganforge(*printed["resume"], "-q").status == 0
    assert "--plugin" not in ganforge("train", "--resume", "my run", "samples=128").out


def test_masks_and_label_maps_are_in_the_command():
    task = get("inpaint-small").task
    masked = Spec((3, 32, 32), state={"source": {"mask": True, "mode": "RGB"}})
    labels = Spec((3, 32, 32), state={"source": {"mask": False, "mode": "classes"}})
    ((_, first),) = task.next_steps(Path("my run"), masked)
    assert shlex.split(first) == ["ganforge", "translate", "my run", "photos/", "--mask", "masks/", "--out", "made/"]
    ((_, second),) = task.next_steps(Path("r"), labels)
    assert shlex.split(second)[3] == "labels/"


def test_a_path_with_an_equals_sign_is_a_path(ganforge, folder):
    assert not is_field("./my photos/a=b")
    assert is_field("data=./my photos/a=b")
    assert is_field("optimizers.G.lr=1e-4")
    assert with_data("pix2pix", ["./x=y", "z/w", "batch=4"]) == ["data.source=./x=y", "data.target=z/w", "batch=4"]
    said = ganforge("train", "./my photos/a=b", "--run-dir", "r", "-q", "--minutes", "0.01", "samples=64")
    assert "data ./my photos/a=b: 32 images are too few" in said.err, "it was read"
    assert shlex.split(said.err.strip().rpartition("ganforge ")[2])[-1] == "data=./my photos/a=b"


def test_a_folder_that_is_called_by_a_number(tmp_path):
    assert build(DataSource, {"kind": "path", "path": 2024}).path == "2024"
    assert DataSource.parse(2024).path == "2024"


def test_a_folder_is_not_called_as_an_image(ganforge, folder):
    assert ganforge("train", "dcgan", "data=my photos", *FAST, "--run-dir", "r", "-q").status == 0
    for name in ("out.jpg", "out.gif", "out.mp4"):
        said = ganforge("sample", "r", "--out", name)
        assert said.status == 2
        assert "--grid" in said.err
        assert not Path(name).exists()
    assert ganforge("sample", "r", "-n", "2", "--out", "samples.v2").status == 0
