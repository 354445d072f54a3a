"""A model as a folder to hand on: the bundle works, the card is true, nothing is overwritten or guessed."""

from __future__ import annotations

import json

import numpy as np
import yaml

import ganforge as gf


def header_of(card: str) -> dict:
    _, head, _ = card.split("---", 2)
    return yaml.safe_load(head)


def test_a_folder_with_bundle_and_card(ganforge, run, tmp_path):
    assert ganforge("evaluate", run, "--metrics", "fd,pr", "--features", "raw", "-n", "64").status == 0
    said = ganforge("export", run, "--out", tmp_path / "shared", "--license", "cc-by-4.0")
    assert said.status == 0, said.err
    assert {file.name for file in (tmp_path / "shared").iterdir()} == {"README.md", "model.safetensors", "samples.png"}
    assert np.array_equal(gf.load(tmp_path / "shared" / "model.safetensors").sample(3), gf.load(run).sample(3))
    card = (tmp_path / "shared" / "README.md").read_text()
    head = header_of(card)
    assert head["library_name"] == "ganforge"
    assert head["license"] == "cc-by-4.0"
    assert head["pipeline_tag"] == "unconditional-image-generation"
    assert "datasets" not in head, "a file of one's own is no data set of the Hub"
    assert head["metrics"] == ["fd64", "precision64", "recall64"]
    assert "gan" in head["tags"]
    for figure in json.loads((run / "evaluation" / "report.json").read_text())["results"]:
        assert figure["name"] in card
    for words in ("n_real 240", "## Limits", "gf.load(", "128 real samples seen", "Classes: 0, 1", "batch: 16"):
        assert words in card, words
    assert str(run.parent) not in card, "nobody is told of the maker's folders"
    assert "/shades.npz" not in card


def test_what_nobody_said_is_left_open(ganforge, trained, tmp_path):
    said = ganforge("export", trained / "model.safetensors", "--out", tmp_path / "out")
    assert said.status == 0, said.err
    card = (tmp_path / "out" / "README.md").read_text()
    assert header_of(card)["license"] == "unknown"
    assert "metrics" not in header_of(card)
    assert "No license is stated" in card
    assert "None have been measured" in card
    assert "to fill in: the license" in said.out
    assert "ganforge evaluate" in said.out


def test_nothing_is_overwritten_unless_asked(ganforge, trained, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    said = ganforge("export", trained, "--out", tmp_path)
    assert said.status == 2
    assert "README.md: already exists; --force" in said.err
    assert [file.name for file in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"
    assert ganforge("export", trained, "--out", tmp_path, "--force").status == 0
    assert (tmp_path / "README.md").read_text() != "mine"


def test_mistakes(ganforge, run, tmp_path):
    for words, message in [
        ([tmp_path / "nowhere"], "no such file or run directory"),
        ([tmp_path], "no run here"),
        ([run, "--out", run / "recipe.yaml"], "is a file"),
        ([run, "--license", " ", "--out", tmp_path / "a"], "--license: the name is empty"),
    ]:
        said = ganforge("export", *words)
        assert said.status == 2, words
        assert message in said.err
    (run / "evaluation").mkdir()
    (run / "evaluation" / "report.json").write_text("{")
    said = ganforge("export", run, "--out", tmp_path / "b")
    assert said.status == 2
    assert "Evaluate the run again" in said.err
    assert not (tmp_path / "b").exists()
