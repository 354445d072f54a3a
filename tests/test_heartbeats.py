"""A signal from outside, in one file that names nothing of the package's modalities, goes the whole way."""

from __future__ import annotations

import ast
import csv
import json
import os
import sys
from pathlib import Path

import pytest

from ganforge.registry import load_plugin
from processes import call, printed

PLUGIN = Path(__file__).parents[1] / "examples" / "heartbeats.py"
SMALL = ["task.generator.channels=2", "task.discriminator.channels=2", "task.generator.latent=4", "batch=8"]
SMALL += ["samples=16", "checkpoint_every=16", "log_every=8", "callbacks.0.rows=2", "callbacks.0.columns=3"]
COMMANDS = {
    "inspect": ["data", "inspect", "beats.csv"],
    "named": ["train", "heartbeats", "data=beats.csv", *SMALL, "--run-dir", "named"],
    "chosen": ["train", "data=beats.csv", *SMALL, "--run-dir", "chosen"],
    "resume": ["train", "--resume", "chosen", "samples=24"],
    "sample": ["sample", "chosen", "-n", "12", "--label", "V", "--out", "new.csv"],
    "array": ["sample", "chosen", "-n", "5", "--npz", "new.npz", "--grid", "grid.png"],
    "walk": ["walk", "chosen", "--from", "1", "--to", "2", "--frames", "3", "--out", "walk.gif"],
    "evaluate": ["evaluate", "chosen", "-n", "40"],
    "two sets": ["evaluate", "beats.csv", "other.csv", "--out", "sets"],
    "export": ["export", "chosen", "--out", "shared"],
}


def write_beats() -> None:
    """160 beats in beats.csv, and 200 others."""
    load_plugin(PLUGIN)
    module = next(m for name, m in sys.modules.items() if name.startswith("ganforge_plugin_heartbeats"))
    module.Heartbeats.example(Path.cwd(), 200)
    Path("beats.csv").rename("other.csv")
    module.Heartbeats.example(Path.cwd(), 160)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("heartbeats")


@pytest.fixture(scope="module")
def said(place) -> dict[str, str]:
    """What each command prints, in a process of its own, where no other test meets the plugin."""
    done = call(write_beats, place=place)
    assert done.status == 0, done.err
    return printed(
        COMMANDS, place, PLUGIN, env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}
    )


def test_it_knows_no_modality():
    tree = ast.parse(PLUGIN.read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules
    assert not [module for module in modules if module and "modalities" in module]


def test_inspect_says_what_is_there(said):
    assert "160" in said["inspect"]
    assert "187" in said["inspect"]


def test_a_recipe_is_chosen(said, place):
    assert "chosen: heartbeats" in said["chosen"]
    assert (place / "named" / "model.safetensors").is_file()
    assert (place / "chosen" / "previews" / "latest.png").stat().st_size
    assert (place / "chosen" / "timelapse.gif").stat().st_size


def test_samples_in_the_form_of_the_data(said, place):
    rows = list(csv.reader((place / "new.csv").open()))
    assert [len(row) for row in rows] == [187] * 12
    assert all(0 <= float(value) <= 1 for row in rows for value in row)
    for file in ("new.npz", "grid.png", "walk.gif"):
        assert (place / file).stat().st_size, file


@pytest.mark.parametrize("folder", ["chosen/evaluation", "sets"])
def test_figures_and_reports(said, place, folder):
    figures = json.loads((place / folder / "report.json").read_text())["results"]
    names = " ".join(figure["name"] for figure in figures)
    assert "fd" in names
    assert "precision" in names
    page = (place / folder / "report.html").read_text(encoding="utf-8")
    assert "data:image/png" in page, "beats are drawn"
    assert "beats" in page


def test_a_folder_to_hand_on(said, place):
    assert (place / "shared" / "model.safetensors").is_file()
    card = (place / "shared" / "README.md").read_text(encoding="utf-8")
    assert "heartbeats" in card
