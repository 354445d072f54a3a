"""The worked examples of CONTRIBUTING.md: the files and the commands of each section, as printed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from ganforge.cli.main import main
from ganforge.inference.model import load
from ganforge.registry import load_plugin
from processes import call, printed

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SMALL = ["batch=8", "samples=16", "checkpoint_every=16"]  # added to each `ganforge train`: the last value counts


class Section(NamedTuple):
    """A worked example: its files by name, and its commands, each as a list of words."""

    files: dict[str, str]
    commands: list[list[str]]


def sections() -> dict[str, Section]:
    """By what is added: "loss", "net", ..."""
    found = {}
    for what, body in re.findall(r"^## Add a (\w+)\n(.*?)(?=^## )", TEXT, re.DOTALL | re.MULTILINE):
        section = found[what] = Section({}, [])
        for name, language, block in re.findall(
            r"(?:^`([\w.]+)`:\n)?^```(\w*)\n(.*?)^```$", body, re.DOTALL | re.MULTILINE
        ):
            if name:
                section.files[name] = block
            else:
                assert not language, f"a block of {language} without a file name in `Add a {what}`"
                section.commands.extend(shlex.split(line, comments=True) for line in block.splitlines())
    return found


SECTIONS = sections()
FILES = {name: text for section in SECTIONS.values() for name, text in section.files.items() if name.endswith(".py")}


def environment(*folders: Path) -> dict[str, str]:
    """For processes, with more folders that Python imports from."""
    path = os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1", "PYTHONPATH": path}


def ganforge(commands: list[list[str]], place: Path, *folders: Path) -> list[str]:
    """What each command prints, all in one process."""
    lines = {str(number): words for number, words in enumerate(commands)}
    return [*printed(lines, place, env=environment(*folders)).values()]


def shape_of_samples(folder: Path, plugin: str) -> tuple[int, ...]:
    """Of two samples of a run, whose net or signal a plugin brought."""
    load_plugin(folder.parent / plugin)
    return load(folder, device="cpu").sample(2, seed=1).shape


def written(what: str, place: Path) -> list[list[str]]:
    """Writes the files of a section to a folder and returns its commands, trainings made short."""
    for name, text in SECTIONS[what].files.items():
        (place / name).write_text(text, encoding="utf-8")
    return [words + SMALL if words[:2] == ["ganforge", "train"] else words for words in SECTIONS[what].commands]


def rest(commands: list[list[str]]) -> list[list[str]]:
    """The words after `ganforge`; there is no other program among them."""
    assert commands
    assert {words[0] for words in commands} == {"ganforge"}
    return [words[1:] for words in commands]


def install(project: Path, target: Path) -> None:
    """What `pip install` leaves of a project with one module, written by hand: no network and no build tools."""
    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    name, version = metadata["project"]["name"], metadata["project"]["version"]
    info = target / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    lines = []
    for group, entries in metadata["project"]["entry-points"].items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for module in metadata["tool"]["setuptools"]["py-modules"]:
        (project / f"{module}.py").rename(target / f"{module}.py")


def figures(report: Path) -> dict[str, Any]:
    return {figure["name"]: figure["value"] for figure in json.loads(report.read_text(encoding="utf-8"))["results"]}


def test_every_section_is_found():
    assert list(SECTIONS) == ["loss", "net", "task", "source", "signal", "metric", "verb"]
    assert list(FILES) == [f"my_{what}.py" for what in SECTIONS]
    assert all(section.commands for section in SECTIONS.values())


def test_the_files_train_with_their_commands(tmp_path, clean_registries):
    runs = ("loss", "net", "task")
    trainings = [[*rest(written(what, tmp_path))[0], "callbacks=[]", "--run-dir", what] for what in runs]
    ganforge(trainings, tmp_path)
    for run in runs:
        assert shape_of_samples(tmp_path / run, f"my_{run}.py") == (2, 8, 8, 1)


def test_the_source_trains_with_its_labels(tmp_path, clean_registries):
    make, train, sample = written("source", tmp_path)
    assert make[:2] == ["python", "-c"]
    assert call(exec, make[2], {}, place=tmp_path, env=environment(tmp_path)).status == 0
    ganforge(rest([[*train, "callbacks=[]"], sample]), tmp_path)
    assert len([*(tmp_path / "rings").glob("*.png")]) == 8
    assert (tmp_path / "rings" / "labels.csv").read_text().splitlines()[1].endswith("ring")


@pytest.mark.slow  # daily, tests/test_heartbeats.py goes this way with a signal from outside
def test_the_signal_goes_the_whole_way(tmp_path, clean_registries):
    make, *commands = written("signal", tmp_path)
    assert make[:2] == ["python", "-c"]
    assert call(exec, make[2], {}, place=tmp_path, env=environment(tmp_path)).status == 0
    data = np.loadtxt(tmp_path / "sky.spectra")
    assert data.shape == (500, 64)
    inspected, trained, _, evaluated = ganforge(rest(commands), tmp_path)
    assert "500 spectra" in inspected
    assert "chosen: my-spectra" in trained
    run = tmp_path / "runs" / "0001-my-spectra"
    load_plugin(tmp_path / "my_signal.py")
    assert load(run, device="cpu").sample(2, seed=1).shape == (2, 64)
    assert (run / "previews" / "latest.png").stat().st_size
    new = np.loadtxt(tmp_path / "new.spectra")
    assert new.shape == (100, 64)
    assert new.min() >= data.min() - 0.01  # of rounding to two digits
    assert new.max() <= data.max() + 0.01
    assert np.unique(new, axis=0).shape == new.shape, "each is another one"
    assert "precision10k[raw]" in evaluated
    assert np.isfinite(list(figures(run / "evaluation" / "report.json").values())).all()
    assert "data:image/png" in (run / "evaluation" / "report.html").read_text(encoding="utf-8"), "spectra are drawn"


def test_the_metric_measures_what_its_formula_says(tmp_path):
    commands = rest(written("metric", tmp_path))
    half = np.random.default_rng(0).integers(0, 100, (64, 4, 4, 1), np.uint8)
    np.save(tmp_path / "real.npy", 2 * half)
    np.save(tmp_path / "half.npy", half + 50)  # deviations half as large: a quarter of the variance
    known = ["evaluate", "real.npy", "half.npy", "--metrics", "my_spread", "--features", "raw"]
    said = ganforge([*commands, [*known, "--plugin", "my_metric.py", "--out", "known"]], tmp_path)
    assert "near 1" in said[1]
    of_run = figures(tmp_path / "runs" / "toy" / "evaluation" / "report.json")
    assert set(of_run) == {"fd10k[raw]", "my_spread10k[raw]"}
    assert of_run["my_spread10k[raw]"] > 0
    assert figures(tmp_path / "known" / "report.json") == {"my_spread64[raw]": pytest.approx(0.25, rel=1e-5)}


def test_the_verb_is_found_once_its_package_is_installed(tmp_path):
    pip, *commands = written("verb", tmp_path)
    assert pip == ["pip", "install", "."]
    (before,) = ganforge([["--help"]], tmp_path)
    install(tmp_path, tmp_path / "packages")
    after, _, sizes = ganforge(rest(commands), tmp_path, tmp_path / "packages")
    summary = "Count the parameters of a trained model, net by net."
    assert summary not in before
    assert summary in after
    assert re.fullmatch(r"G: [\d,]+ parameters\n", sizes)


def test_a_plugin_file_brings_no_verb(tmp_path):
    """As the page says."""
    written("verb", tmp_path)
    done = call(main, ["size", "runs/toy", "--plugin", "my_verb.py"], place=tmp_path, env=environment())
    assert done.status == 2
    assert "No such command 'size'" in done.err


def test_the_examples_are_formatted(tmp_path):
    pytest.importorskip("ruff")
    for file, code in FILES.items():
        (tmp_path / file).write_text(code, encoding="utf-8")
    settings = ["--config", str(ROOT / "pyproject.toml")]
    for check in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, *settings, str(tmp_path)], capture_output=True, text=True, cwd=ROOT
        )
        assert done.returncode == 0, done.stdout + done.stderr
