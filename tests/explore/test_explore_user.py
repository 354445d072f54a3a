"""Exploring on the command line, as a user does: files that one command writes are taken by the next."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ganforge.core.media import open_image
from ganforge.inference.model import load
from ganforge.ui.saliency_panel import SHOWN, saliency_panel
from ganforge.ui.sheets import GAP, SMALLEST


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A tiny run with classes and one with styles, and a file of each kind that the first has."""
    from ganforge.cli.main import main

    folder = tmp_path_factory.mktemp("explore")
    common = ["data=digits", "samples=32", "batch=16", "callbacks=[]", "-q"]
    small = ["task.generator.channels=8", "task.discriminator.channels=8"]
    styles = ["task.generator.max_channels=8", "task.discriminator.max_channels=8", "task.generator.latent=8"]
    for words in (["cdcgan", *small, "--run-dir", "a"], ["stylegan2-small", *small, *styles, "--run-dir", "w"]):
        words = [*words[:-1], str(folder / words[-1])]
        with pytest.raises(SystemExit) as ended:
            main(["train", words[0], *common, *words[1:]])
        assert ended.value.code in (0, None)
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save(folder / "gray.png")
    return folder


def test_directions_are_written_and_used(ganforge, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = ganforge("explore", "directions", runs / "a", "-k", "3", "--rows", "2", "--frames", "3", "--out", "d")
    assert said.status == 0, said.err
    assert "as a random direction" in said.out
    files = sorted(path.name for path in (tmp_path / "d").iterdir())
    assert files == ["direction-01.png", "direction-02.png", "direction-03.png", "directions.json", "overview.png"]
    move = "d/directions.json:3=2.5"
    said = ganforge("sample", runs / "a", "-n", "4", "--direction", move, "--npz", "moved.npz", "--grid", "moved.png")
    assert said.status == 0, said.err
    assert "moved along" in said.out
    expected = load(runs / "a").moved(move).sample(4)
    np.testing.assert_array_equal(np.load("moved.npz")["images"], expected)
    said = ganforge("walk", runs / "a", "--direction", "d/directions.json:1=-3..3", "--out", "walk.png")
    assert said.status == 0, said.err
    again = ganforge("explore", "directions", runs / "a", "--out", "d")
    assert (again.status, "--force" in again.err) == (2, True)


def test_a_projected_image_is_sampled_walked_and_dragged(ganforge, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = ganforge("project", runs / "a", runs / "gray.png", "--steps", "3", "--starts", "2", "--out", "p")
    assert said.status == 0, said.err
    assert "PSNR" in said.out
    assert "p/latent.json" in said.out
    assert Image.open("p/comparison.png").width > 128
    said = ganforge("sample", runs / "a", "--latent", "p/latent.json", "--out", "made")
    assert said.status == 0, said.err
    assert [path.name for path in (tmp_path / "made").glob("*.png")] == ["000000.png"]
    ganforge("explore", "directions", runs / "a", "-k", "1", "--rows", "1", "--out", "d")
    for words in (
        ["walk", runs / "a", "--latent", "p/latent.json", "--direction", "d/directions.json:1=-3..3", "--out", "w.gif"],
        [
            "explore",
            "drag",
            runs / "a",
            "--latent",
            "p/latent.json",
            "--point",
            "2,2:5,2",
            "--steps",
            "2",
            "--out",
            "dr",
        ],
        ["explore", "neighbors", runs / "a", "--latent", "p/latent.json", "-n", "1", "--features", "raw"],
    ):
        said = ganforge(*words)
        assert said.status == 0, said.err
    said = ganforge("sample", runs / "w", "--latent", "p/latent.json", "--out", "other", "--json")
    assert json.loads(said.out)["error"]["code"] == "latents.other_model"


def test_mixed_latents_are_sampled(ganforge, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = ganforge(
        "mix", runs / "w", "--base", "1,2", "--style", "3", "--layers", "2", "--latents", "m.json", "--out", "m.png"
    )
    assert said.status == 0, said.err
    assert "layers 2-2" in said.out
    said = ganforge("sample", runs / "w", "--latent", "m.json", "--npz", "m.npz")
    assert said.status == 0, said.err
    assert len(np.load("m.npz")["images"]) == 2
    said = ganforge("project", runs / "w", runs / "gray.png", "--steps", "2", "--starts", "1", "--out", "p")
    assert said.status == 0, said.err
    said = ganforge("mix", runs / "w", "--base-latent", "p/latent.json", "--out", "m2.png")
    assert said.status == 0, said.err
    said = ganforge("mix", runs / "a", "--out", "m3.png", "--json")
    assert json.loads(said.out)["error"]["code"] == "explore.no_styles"


def test_units_and_saliency(ganforge, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save("mask.png")
    words = ["explore", "dissect", runs / "a", "-n", "10", "--off", "0,1", "--on", "2", "--mask", "mask.png"]
    said = ganforge(*words, "--out", "u", "--json")
    assert said.status == 0, said.err
    plain = json.loads(said.out)
    assert plain["off"] == [0, 1]
    assert {"mask", "class 3", "all"} <= set(plain["concepts"])
    everything = json.loads((tmp_path / "u" / "units.json").read_text())
    assert len(everything["concepts"]["all"]) == everything["units"]
    assert (tmp_path / "u" / "switched.png").is_file()
    assert (tmp_path / "u" / "concepts.png").is_file()
    said = ganforge("explore", "saliency", runs / "a", "--image", runs / "gray.png", "--method", "occlusion",
                    "--out", "s.png", "--npy", "s.npy", "--json")  # fmt: skip
    assert said.status == 0, said.err
    assert np.load("s.npy").shape == (1, 8, 8)
    said = ganforge("explore", "saliency", runs / "a" / "model.safetensors", "--out", "t.png", "--json")
    assert json.loads(said.out)["error"]["code"] == "explore.no_checkpoint"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["explore", "directions", "a", "--layers", "x", "--out", "o"], "explore.invalid_layers"),
        (["explore", "drag", "a", "--point", "2,2", "--out", "o"], "drag.invalid_point"),
        (["explore", "dissect", "a", "--off", "x", "--out", "o"], "explore.invalid_units"),
        (["explore", "dissect", "a", "--mask", "none.png", "--out", "o"], "explore.unreadable_mask"),
        (["explore", "neighbors", "a", "--data", "none/"], "data.not_found"),
        (["mix", "w", "--base", "", "--out", "o.png"], "cli.empty_value"),
        (["project", "a", "none.png", "--out", "o"], "data.not_found"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else value,
)
def test_mistakes_are_named_and_nothing_is_written(ganforge, runs, tmp_path, monkeypatch, words, code):
    monkeypatch.chdir(runs)
    said = ganforge(*words, "--json")
    assert (said.status, json.loads(said.out)["error"]["code"]) == (2, code)
    assert not (runs / "o").exists()


@pytest.mark.slow
def test_the_demo_has_strong_directions_and_projects_its_own_samples(tmp_path):
    import torch

    import ganforge as gf
    from ganforge.explore.finding import METHODS, directions
    from ganforge.explore.projecting import Settings, project
    from ganforge.explore.space import space_of

    model = gf.train("demo", run_dir=tmp_path / "demo", progress=False)
    for method in METHODS:
        found = directions(model, method)
        assert found.moves[0] >= 2 * found.random, method
    space = space_of(model)
    x, labels = [], []
    for seed in range(10):
        request = space.request(1, seed, label=seed)
        x.append(space.make(space.points_of(request), request.labels))
        labels.append(seed)
    after = [
        project(model, one, label, settings=Settings(200, 8)).after[0] for one, label in zip(x, labels, strict=True)
    ]
    assert float(torch.tensor(after).median()) >= 35


def test_numbers_that_are_none_are_refused_with_their_option(ganforge, tmp_path):
    said = ganforge("mix", tmp_path, "--base", "1,x", "--style", "2", "--out", tmp_path / "mixed")
    assert said.status == 2
    assert "--base 1,x" in said.err


def test_reports_show_what_the_critic_looks_at(runs, capsys):
    panel = next(saliency_panel(SimpleNamespace(model=load(runs / "a"))))  # pyright: ignore[reportArgumentType]
    image = np.asarray(open_image(panel.media[0]))
    side = SMALLEST + GAP
    assert image.shape == (2 * side - GAP, SHOWN * side - GAP, 3)
    assert (image[:SMALLEST, :SMALLEST] == image[:SMALLEST, :SMALLEST, :1]).all()  # digits are gray
    assert (image[side:, :SMALLEST, 0] > image[side:, :SMALLEST, 2]).any()  # and maps red
    for other in (None, load(runs / "a" / "model.safetensors")):  # two sets; a model file, which holds no critic
        assert not list(saliency_panel(SimpleNamespace(model=other)))  # pyright: ignore[reportArgumentType]
    assert "no checkpoint" in capsys.readouterr().err
