"""What the README says can be typed can be typed: its commands run, in the order in which they stand, on tiny data."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CHINESE = ROOT / "README.zh-CN.md"
TINY = ["samples=64", "batch=16", "callbacks=[]"]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def commands(block: str) -> list[str]:
    """The commands of a block, without their comments; several may stand in one line."""
    lines = [line.split(" #")[0] for line in block.splitlines()]
    return [c.strip() for line in lines for c in re.split(r"\s{3,}", line) if c.strip()]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder such as the README speaks of: ./photos with class folders, my.yaml, and the runs to resume."""
    draws = np.random.default_rng(0)
    for name in ("0", "1", "2", "3"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for k in range(16):
            Image.fromarray(draws.integers(0, 255, (28, 28), np.uint8)).save(tmp_path / "photos" / name / f"{k}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shrink(words: list[str]) -> list[str]:
    """A command on the tiny data in place of MNIST, and with few samples."""
    words = [re.sub(r"data=mnist$", "data=./photos", word) for word in words]
    if words[:2] == ["ganforge", "train"] and "--resume" not in words:
        words = [word for word in words if not word.startswith("samples=")]
        at = 3 if len(words) > 2 and "=" not in words[2] and not words[2].startswith("-") else 2
        words = words[:at] + TINY + words[at:]
    return [re.sub(r"samples=2M$", "samples=96", word) for word in words]


def run(words: list[str]) -> subprocess.CompletedProcess:
    code = "from ganforge.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", code, *words[1:]], capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_commands_run_in_their_order(place):
    pytest.importorskip("imageio_ffmpeg")
    block = next(b for b in blocks(README, "sh") if "ganforge walk" in b)
    run(shrink(shlex.split("ganforge train gan data=mnist")))  # runs/0001, so that the numbers are those of the README
    done = []
    for command in commands(block):
        words = shrink(shlex.split(command))
        result = run(words)
        assert result.returncode == 0, f"{command}\n{result.stderr}"
        done.append(words[1])
    assert {"train", "sample", "walk", "recipes", "data", "doctor"} <= set(done)
    assert len(list((place / "digits").glob("*.png"))) == 64
    assert (place / "walk.mp4").stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_commands_that_judge_run_with_no_network(place):
    """On MNIST where it is at hand (GANFORGE_DATA), else on the tiny images; reports are made by each."""
    block = next(b for b in blocks(README, "sh") if "ganforge evaluate" in b)
    mnist = Path(os.environ.get("GANFORGE_DATA", "")) / "mnist"
    for name in ("real", "generated", "clean", "restored"):
        shutil.copytree(place / "photos" / "0", place / name)
    for recipe in ("gan", "gan", "dcgan"):  # runs/0003-dcgan is the one that the README speaks of
        train = shlex.split(f"ganforge train {recipe} data=mnist")
        words = [*train[:3], f"data={mnist}", *TINY] if mnist.is_dir() else shrink(train)
        assert run(words).returncode == 0
    for command in commands(block):
        words = shrink(shlex.split(command))
        if "runs/*" in words:
            words = [*words[:2], *sorted(str(path) for path in (place / "runs").iterdir())]
        result = run(words)
        assert result.returncode == 0, f"{command}\n{result.stderr}"
    for folder in ("runs/0003-dcgan/evaluation", "compared", "runs/comparison"):
        assert "<html" in (place / folder / "report.html").read_text(encoding="utf-8")
        assert json.loads((place / folder / "report.json").read_text(encoding="utf-8"))["results"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_commands_that_change_pictures_run(tmp_path, monkeypatch):
    """In their small forms, on noise; the image with a mask is the same outside of it."""
    monkeypatch.chdir(tmp_path)
    draws = np.random.default_rng(0)
    for folder in ("photos", "labels", "horses", "zebras", "noisy"):
        (tmp_path / folder).mkdir()
        for k in range(4):
            Image.fromarray(draws.integers(0, 255, (72, 80, 3), np.uint8)).save(tmp_path / folder / f"{k}.png")
    shutil.copy(tmp_path / "photos" / "0.png", tmp_path / "photo.png")
    mask = np.zeros((72, 80), np.uint8)
    mask[20:40, 30:50] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    block = next(b for b in blocks(README, "sh") if "ganforge translate" in b)
    inpaint = "ganforge train inpaint data=./photos"  # the run that the last command speaks of
    for command in [inpaint, *commands(block)]:
        words = [word.replace("photo.jpg", "photo.png") for word in shlex.split(command)]
        for k, word in enumerate(words):
            if word.startswith("runs/"):
                (words[k],) = map(str, Path("runs").glob(f"*-{word.rpartition('-')[2]}-small"))
        if words[1] == "train":
            words = [*words[:2], f"{words[2]}-small", *words[3:], "samples=4", "batch=2", "callbacks=[]"]
        result = run(words)
        assert result.returncode == 0, f"{command}\n{result.stderr}"
    assert len(list((tmp_path / "clean").glob("*.png"))) == 4
    before, after = (np.asarray(Image.open(tmp_path / name)) for name in ("photo.png", "fixed.png"))
    assert (before == after)[mask == 0].all()
    assert (before != after)[mask == 255].any()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_commands_for_tables_run(place):
    people = (ROOT / "tests" / "golden" / "people.csv").read_text(encoding="utf-8").splitlines()
    (place / "adult.csv").write_text("\n".join(people) + "\n", encoding="utf-8")
    (place / "partial.csv").write_text(
        "\n".join([people[0], people[1], "," * people[0].count(",")]) + "\n", encoding="utf-8"
    )
    block = next(b for b in blocks(README, "sh") if "adult.csv" in b)
    for command in commands(block):
        words = shlex.split(command)
        for ours, here in {"=income": "=owner", "education=Bachelors": "city=Oslo", "0005": "0001"}.items():
            words = [word.replace(ours, here) for word in words]
        if words[1] == "train":
            words += ["samples=2000", "batch=20", "callbacks=[]"]
        result = run(words)
        assert result.returncode == 0, f"{command}\n{result.stderr}"
    assert len((place / "synthetic.csv").read_text(encoding="utf-8").splitlines()) == 1001
    assert len((place / "full.csv").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_make_demo_in_a_fresh_clone_trains_and_draws(tmp_path):
    """The quick start, as somebody types it who has just cloned the project."""
    assert "make demo" in blocks(README, "sh")[0]
    if shutil.which("make") is None or not (ROOT / ".git").exists():
        pytest.skip("needs make and a clone")
    subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / "clone")], check=True)
    result = subprocess.run(["make", "demo"], cwd=tmp_path / "clone", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    (run_folder,) = (tmp_path / "clone" / "runs").iterdir()
    grid = np.asarray(Image.open(run_folder / "previews" / "latest.png").convert("L"))
    assert grid.std() > 20, "a grid of digits, not an even gray"
    assert (run_folder / "model.safetensors").exists()


@pytest.mark.slow
def test_the_python_example_runs(place):
    code = blocks(README, "python")[0].replace('data="mnist"', 'data="./photos"')
    code = code.replace("samples=600_000", "samples=64, batch=16").replace("minutes=10", "minutes=0.01, batch=16")
    code = code.replace('gf.load("runs/0003-dcgan")', 'gf.load("runs/0001-dcgan")')
    checked = code + "\nassert digits.shape == (64, 28, 28, 1), digits.shape\nassert threes.shape == (64, 28, 28, 1)\n"
    result = subprocess.run([sys.executable, "-c", checked], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_loss_of_the_readme_registers(tmp_path, clean_registries):
    from ganforge.losses.base import Objective
    from ganforge.registry import load_plugin

    (tmp_path / "my_loss.py").write_text(blocks(README, "python")[1], encoding="utf-8")
    load_plugin(tmp_path / "my_loss.py")
    kind = re.search(r'kind="(\w+)"', blocks(README, "python")[1])
    assert kind is not None
    assert Objective.parse(kind[1]).kind == kind[1]


def test_both_languages_show_the_same_code():
    for language in ("sh", "python"):
        ours, theirs = blocks(README, language), blocks(CHINESE, language)
        assert [commands(b) for b in ours if language == "sh"] == [commands(b) for b in theirs if language == "sh"]
        assert len(ours) == len(theirs)


def test_every_recipe_is_in_both_tables():
    from ganforge import recipes
    from ganforge.registry import load_all

    load_all()
    for path in (README, CHINESE):
        text = path.read_text(encoding="utf-8")
        own = [n for n in recipes.names() if recipes.RECIPES[n].__module__.startswith("ganforge.")]
        missing = [name for name in own if f"`{name}`" not in text]
        assert not missing, f"{path.name} does not name {missing}"
