"""`--json`: stdout of every verb holds one JSON document alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from ganforge.cli.main import app, main
from ganforge.modalities.video.example import write_example
from ganforge.web import worker
from processes import server

FAST = ["samples=32", "batch=16", "callbacks=[]", "task.generator.channels=8", "task.discriminator.channels=8"]
PAIRS = ["samples=8", "batch=4", "callbacks=[]", "signal.size=16"]


def verbs_of(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each verb that does something by itself, of groups those that have verbs of their own too."""
    commands = getattr(command, "commands", None)
    if words and (commands is None or command.invoke_without_command):
        yield words
    for name, verb in (commands or {}).items():
        yield from verbs_of(verb, (*words, name))


HOURS = Path(__file__).parents[1] / "golden" / "hours.csv"
PEOPLE = HOURS.with_name("people.csv")
VERBS = sorted(verbs_of(get_command(app)))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with images, a table, a run of each and two YAML files."""
    folder = tmp_path_factory.mktemp("json")
    draws = np.random.default_rng(0)
    np.savez(folder / "shades.npz", images=draws.integers(0, 255, (40, 8, 8), np.uint8), labels=np.arange(40) % 2)
    for k in range(8):
        (folder / "photos").mkdir(exist_ok=True)
        Image.fromarray(draws.integers(0, 255, (16, 16, 3), np.uint8)).save(folder / "photos" / f"{k}.png")
    for words in (["cdcgan", f"data={folder / 'shades.npz'}", *FAST, "--run-dir", str(folder / "runs" / "a")],
                  ["denoise-small", f"data={folder / 'photos'}", *PAIRS, "--run-dir", str(folder / "b")]):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main(["train", *words, "-q"])
        assert ended.value.code in (0, None)
    styles = ["stylegan2-small", f"data={folder / 'shades.npz'}", "samples=8", "batch=4", "callbacks=[]"]
    styles += [
        f"task.{net}.{field}=8" for net in ("generator", "discriminator") for field in ("channels", "max_channels")
    ]
    with pytest.raises(SystemExit):
        main(["train", *styles, "task.generator.latent=8", "--run-dir", str(folder / "w"), "-q"])
    sgan = ["sgan", f"data={folder / 'shades.npz'}", "samples=32", "batch=16", "callbacks=[]"]
    with pytest.raises(SystemExit):
        main(["train", *sgan, "task.discriminator.widths=[8]", "--run-dir", str(folder / "s"), "-q"])
    forecast = [
        "forecast",
        f"data={HOURS}",
        "signal.window=40",
        "task.future=8",
        "task.channels=8",
        "samples=16",
        "batch=8",
    ]
    with pytest.raises(SystemExit):
        main(
            ["train", *forecast, "callbacks=[]", "task.discriminator.channels=8", "--run-dir", str(folder / "f"), "-q"]
        )
    table = ["tvae", f"data={PEOPLE}", "callbacks=[]", "samples=40", "batch=20", "--run-dir", str(folder / "t"), "-q"]
    with pytest.raises(SystemExit):
        main(["train", *table])
    averages = ["toy", "data.count=64", "samples=128", "batch=4", "ema.snapshots=8", "callbacks=[]"]
    with pytest.raises(SystemExit):
        main(["train", *averages, "--run-dir", str(folder / "e"), "-q"])
    (folder / "rows.csv").write_text(
        f"{PEOPLE.read_text().splitlines()[0]}\n{',' * PEOPLE.read_text().splitlines()[0].count(',')}\n"
    )
    (folder / "films").mkdir()
    films = write_example(folder / "films", 8)
    small = ["task.channels=8", "task.discriminator.channels=8", "samples=4", "batch=4", "callbacks=[]"]
    with pytest.raises(SystemExit):
        main(["train", "predict-video", f"data={films}", *small, "--run-dir", str(folder / "p"), "-q"])
    (folder / "gaps.csv").write_text(HOURS.read_text().replace(",15.13,", ",,"))
    impute = [
        "impute",
        f"data={folder / 'gaps.csv'}",
        "signal.window=16",
        "task.longest=8",
        "task.channels=8",
        "samples=16",
        "batch=8",
    ]
    with pytest.raises(SystemExit):
        main(["train", *impute, "callbacks=[]", "task.discriminator.channels=8", "--run-dir", str(folder / "i"), "-q"])
    (folder / "noisy.py").write_text("print('a plugin that prints')\n")
    return folder


WORDS = {
    ("train",): ["cdcgan", "data=shades.npz", *FAST, "--run-dir", "{new}"],
    ("sample",): ["runs/a", "-n", "4", "--out", "{new}"],
    ("forecast",): ["f", "--data", str(HOURS), "--paths", "3", "--out", "{new}.csv"],
    ("complete",): ["t", "--data", "rows.csv", "--out", "{new}.csv"],
    ("predict",): ["p", "--data", "films/left/0000.gif", "--frames", "4", "--out", "{new}.npy"],
    ("impute",): ["i", "--data", "gaps.csv", "--paths", "3", "--out", "{new}.csv"],
    ("classify",): ["s", "shades.npz", "--out", "{new}.csv"],
    ("walk",): ["runs/a", "--frames", "2", "--out", "{new}.gif"],
    ("interpolate",): ["runs/a", "--frames", "2", "--out", "{new}.gif"],
    ("explore", "directions"): ["runs/a", "-k", "2", "--rows", "1", "--frames", "3", "--out", "{new}"],
    ("explore", "neighbors"): ["runs/a", "-n", "2", "-k", "2", "--features", "raw", "--out", "{new}.png"],
    ("explore", "dissect"): ["runs/a", "-n", "4", "--off", "1", "--out", "{new}"],
    ("explore", "saliency"): ["runs/a", "-n", "2", "--out", "{new}.png", "--npy", "{new}.npy"],
    ("explore", "drag"): ["runs/a", "--point", "2,2:4,2", "--steps", "2", "--out", "{new}"],
    ("project",): ["runs/a", "photos/0.png", "--steps", "2", "--starts", "2", "--out", "{new}"],
    ("mix",): ["w", "--base", "1", "--style", "2,3", "--latents", "{new}.json", "--out", "{new}.png"],
    ("translate",): ["b", "photos", "--out", "{new}"],
    ("evaluate",): ["runs/a", "-n", "50", "--metrics", "swd", "--out", "{new}"],
    ("ema",): ["e", "--length", "0.1"],
    ("export",): ["runs/a", "--out", "{new}"],
    ("serve",): ["runs/a", "--check"],
    ("doctor",): [],
    ("bench",): ["gan", "data=shades.npz", "batch=8", "--pairs", "1", "--seconds", "0.001"],
    ("recipes",): [],
    ("recipes", "show"): ["gan"],
    ("recipes", "diff"): ["gan", "dcgan"],
    ("recipes", "schema"): ["gan"],
    ("data", "inspect"): ["shades.npz"],
    ("data", "pack"): ["shades.npz", "{new}.zip"],
    ("runs",): [],
    ("studio",): ["--runs", "{new}", "--address"],
    ("runs", "show"): ["runs/a"],
    ("runs", "compare"): ["runs/a", "runs/a"],
    ("runs", "prune"): ["--state", "crashed"],
}
"""What is asked of each verb. One that is missing here fails: add what it is tried on."""


@pytest.mark.usefixtures("short_ceilings", "short_checks")
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_stdout_is_one_document(ganforge, place, monkeypatch, tmp_path, verb):
    assert verb in WORDS, f"no example of the verb {' '.join(verb)}"
    monkeypatch.chdir(place)
    monkeypatch.setattr(worker, "START", server)
    words = [word.replace("{new}", str(tmp_path / "new")) for word in WORDS[verb]]
    said = ganforge(*verb, *words, "--json")
    assert said.status == 0, said.err
    assert isinstance(json.loads(said.out), (dict, list))
    wrong = ganforge(*verb, *words, "--json", "--no-such-option")
    assert (wrong.status, wrong.out) == (2, "")


def test_what_a_plugin_prints_goes_to_stderr(ganforge, place):
    said = ganforge("recipes", "show", "gan", "--json", "--plugin", place / "noisy.py")
    assert json.loads(said.out)["name"] == "gan"
    assert "a plugin that prints" in said.err


def test_an_error_is_a_document_with_its_code(ganforge, tmp_path):
    said = ganforge("runs", "show", tmp_path / "none", "--json")
    assert said.status == 2
    assert json.loads(said.out)["error"]["code"] == "run.not_found"
    assert said.err.startswith("error: ")


def test_numbers_that_json_lacks_are_null(capsys):
    from ganforge.ui.output import emit

    emit(
        {
            "a": float("nan"),
            "b": np.float32(1.5),
            "c": (np.inf, np.arange(2)),
            "d": b"\xff".decode("utf-8", "surrogateescape"),
        }
    )
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": None, "b": 1.5, "c": [None, [0, 1]], "d": "\udcff"}
    assert out.isascii()
