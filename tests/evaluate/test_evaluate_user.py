"""What a user does to judge a run, and what the user is told about a mistake."""

from __future__ import annotations

import html
import io
import json
import re
import shlex
import shutil

import numpy as np
import pytest
from judged import FAST, folder_of, shades

import ganforge as gf
from refused import refused

QUICK = ["--metrics", "fd,kid,pr", "--features", "raw", "-n", "64"]


def outside(page: str) -> list[str]:
    """What a page would fetch from elsewhere."""
    sources = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"')>\s]+)", page)
    return [source for source in sources if not source.startswith("data:")]


@pytest.mark.parametrize(
    ("words", "samples"), [(["-n", "300"], 300), pytest.param([], 10_000, marks=pytest.mark.slow)], ids=["few", "usual"]
)
def test_a_run_gets_a_table_a_page_and_a_list_of_figures(ganforge, run, words, samples):
    said = ganforge("evaluate", run, *words)
    assert said.status == 0, said.err
    found = json.loads((run / "evaluation" / "report.json").read_text())["results"]
    names = {figure["name"].split("[")[0].rstrip("0123456789k") for figure in found}
    assert {"fd", "kid", "precision", "recall", "density", "coverage", "copies", "ifd"} <= names
    for figure in found:
        assert set(figure) <= {"run", "name", "value", "protocol", "detail"}
        assert figure["name"] in said.out
        provenance = figure["protocol"]
        assert provenance["n_real"] == 240
        assert provenance["n_fake"] == samples
        assert provenance["seed"] == 0
        assert provenance["extractor"] == "small"
        assert len(provenance["weights"]) >= 32
        assert provenance["ema"] is True
        assert provenance["samples"] == 128
    page = (run / "evaluation" / "report.html").read_text()
    assert outside(page) == []
    assert "<script" not in page
    for title in ("generated", "real", "interpolation", "nearest training samples", "generated as requested", "losses"):
        assert title in page
    for figure in found:
        assert figure["name"] in page.replace("<wbr>", "")
    assert str(run / "evaluation" / "report.html") in said.out


def test_one_seed_gives_the_same_digits(ganforge, trained, tmp_path):
    for name in ("a", "b"):
        assert ganforge("evaluate", trained, "-n", "100", "--out", tmp_path / name, "--quiet").status == 0
    first, second = ((tmp_path / name / "report.json").read_text() for name in ("a", "b"))
    assert first == second
    assert ganforge("evaluate", trained, "-n", "100", "--seed", "1", "--out", tmp_path / "c", "--quiet").status == 0
    assert (tmp_path / "c" / "report.json").read_text() != first


def test_two_folders_without_a_model(ganforge, tmp_path):
    a, b = folder_of(shades(20), tmp_path / "a"), folder_of(shades(20, seed=1), tmp_path / "b")
    noise = np.random.default_rng(2).integers(0, 255, (40, 8, 8)).astype(np.uint8)
    c = folder_of(noise, tmp_path / "c")
    values = {}
    for other in (b, c):
        said = ganforge("evaluate", a, other, *QUICK[:4], "--out", tmp_path / f"report-{other.name}")
        assert said.status == 0, said.err
        found = json.loads((tmp_path / f"report-{other.name}" / "report.json").read_text())["results"]
        values[other.name] = {figure["name"].split("[")[0]: figure["value"] for figure in found}
        assert found[0]["protocol"]["real"] == str(a)
        assert found[0]["protocol"]["fake"] == str(other)
    assert values["b"]["fd40"] < values["c"]["fd40"]
    assert values["b"]["kid40"] < values["c"]["kid40"]
    assert "interpolation" not in (tmp_path / "report-b" / "report.html").read_text()


def test_several_runs_get_a_comparison(ganforge, trained, tmp_path):
    runs = tmp_path / "runs"
    for name in ("0001-a", "0002-b"):
        shutil.copytree(trained, runs / name)
    (runs / "0003-unborn").mkdir()
    shutil.copy(trained / "recipe.yaml", runs / "0003-unborn")
    (runs / "notes.txt").write_text("not a run")
    said = ganforge("evaluate", *sorted(runs.iterdir()), *QUICK)
    assert said.status == 0, said.err
    assert "0001-a" in said.out
    assert "left out" in said.out
    assert "this run has not written a model yet" in said.out
    page = (runs / "comparison" / "report.html").read_text()
    assert outside(page) == []
    assert "0002-b" in page
    listed = json.loads((runs / "comparison" / "report.json").read_text())["results"]
    assert {figure["run"] for figure in listed} == {"0001-a", "0002-b"}
    assert (runs / "0001-a" / "evaluation" / "report.json").is_file()
    again = ganforge("evaluate", *sorted(runs.iterdir()), *QUICK)  # now with the comparison of before among them
    assert again.status == 0
    assert "comparison: no run" not in again.out


def test_a_comparison_with_out_leaves_the_reports_of_the_runs(ganforge, trained, tmp_path):
    runs = [tmp_path / "x" / "run", tmp_path / "y" / "run"]
    for run in runs:
        shutil.copytree(trained, run)
        (run / "evaluation").mkdir(exist_ok=True)
        for name in ("report.html", "report.json"):
            (run / "evaluation" / name).write_text("what took an hour")
    said = ganforge("evaluate", *runs, *QUICK, "--out", tmp_path / "cmp")
    assert said.status == 0, said.err
    for run in runs:
        for name in ("report.html", "report.json"):
            assert (run / "evaluation" / name).read_text() == "what took an hour"
    assert {path.name for path in (tmp_path / "cmp").iterdir()} == {"report.html", "report.json", "run", "run-2"}


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_width_cuts_a_figure(ganforge, trained, tmp_path, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    said = ganforge("evaluate", trained, *QUICK, "--out", tmp_path / "o")
    plain = json.loads((tmp_path / "o" / "report.json").read_text())["results"]
    flat = "".join(said.out.split())
    for figure in plain:
        assert figure["name"] in flat
        assert str(figure["protocol"]["n_fake"]) in flat.replace(",", "")
    if width == 80:
        assert all(figure["name"] in said.out for figure in plain), "names are whole on one line"


def test_a_narrow_terminal_breaks_no_name(ganforge, trained, tmp_path):
    from rich.console import Console

    from ganforge.ui.scores import show_lines

    name = "precision10k[small@a4eb3066]"
    text = io.StringIO()
    console = Console(file=text, width=20, markup=False)
    show_lines([f"    {name}  0.5 ± 0.1  (higher is better, 1 at best)", "all: n_real 60,000, seed 0"], console)
    lines = text.getvalue().splitlines()
    assert any(name in line for line in lines)
    assert max(len(line) for line in lines if name not in line) <= 20


def test_the_command_gives_the_same_scores_again(ganforge, trained, tmp_path):
    said = ganforge("evaluate", trained, "-n", "50", "--features", "raw", "--out", tmp_path / "one", "-q")
    assert said.status == 0, said.err
    page = (tmp_path / "one" / "report.html").read_text()
    words = shlex.split(html.unescape(re.search(r"<pre>(.*?)</pre>", page)[1]))
    for option in ("--metrics", "--features", "-n", "--seed"):
        assert option in words
    again = ganforge(*words[1:], "--out", tmp_path / "two", "-q")
    assert again.status == 0, again.err
    one, two = (json.loads((tmp_path / n / "report.json").read_text())["results"] for n in ("one", "two"))
    assert [(r["name"], r["value"]) for r in one] == [(r["name"], r["value"]) for r in two]


def test_a_report_and_a_card_in_chinese(ganforge, run, tmp_path, monkeypatch):
    said = ganforge("evaluate", run, *QUICK, "--lang", "zh")
    assert said.status == 0, said.err
    assert '<html lang="zh-CN">' in (run / "evaluation" / "report.html").read_text(encoding="utf-8")
    monkeypatch.setenv("GANFORGE_LANG", "zh_CN.UTF-8")
    assert ganforge("export", run, "--out", tmp_path / "card").status == 0
    card = (tmp_path / "card" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: ganforge\n"), "the header is the Hub's"
    for part in ("## 使用方法", "## 指标", "越低越好", "## 局限", "数据"):
        assert part in card
    refused = ganforge("evaluate", run, *QUICK, "--lang", "fr")
    assert refused.status == 2
    assert "--lang=fr: reports and model cards are written in en, zh" in refused.err


def test_report_json_is_lean_and_says_what_it_is_of(ganforge, trained, tmp_path):
    from ganforge import __version__

    assert ganforge("evaluate", trained, *QUICK, "--out", tmp_path / "o").status == 0
    text = (tmp_path / "o" / "report.json").read_text()
    found = json.loads(text)
    assert found["ganforge"] == __version__
    assert {one["run"] for one in found["results"]} == {trained.name}
    assert "<svg" not in text
    assert "plots" not in text


def test_json_for_scripts(ganforge, trained, tmp_path):
    said = ganforge("evaluate", trained, *QUICK, "--out", tmp_path / "o", "--json", "-q")
    found = json.loads(said.out)
    assert found == json.loads((tmp_path / "o" / "report.json").read_text())["results"]
    assert {one["run"] for one in found} == {trained.name}


def test_in_python(trained, tmp_path):
    done = gf.evaluate(trained, metrics=["fd", "pr"], features="raw", n=50, out=tmp_path, progress=False)
    assert [result.name for result in done.results] == ["fd50[raw]", "precision50[raw]", "recall50[raw]"]
    assert done.html.is_file()


def test_a_bundle_and_other_data(ganforge, trained, tmp_path):
    np.savez(tmp_path / "other.npz", images=shades(40, seed=3), labels=np.repeat([0, 1], 40))
    said = ganforge(
        "evaluate", trained / "model.safetensors", "--data", tmp_path / "other.npz", *QUICK, "--out", tmp_path / "out"
    )
    assert said.status == 0, said.err
    (figure, *_) = json.loads((tmp_path / "out" / "report.json").read_text())["results"]
    assert figure["protocol"]["n_real"] == 80


def test_a_part_kept_for_tests_is_the_yardstick_of_memorization(ganforge, tmp_path):
    labels = np.repeat([0, 1], 40)
    np.savez(tmp_path / "split.npz", x_train=shades(40), y_train=labels, x_test=shades(40, seed=5), y_test=labels)
    run = tmp_path / "run"
    assert ganforge("train", "cdcgan", f"data={tmp_path / 'split.npz'}", *FAST, "--run-dir", run, "-q").status == 0
    assert ganforge("evaluate", run, "--metrics", "nn", "--features", "raw", "-n", "64").status == 0
    (figure, *_) = json.loads((run / "evaluation" / "report.json").read_text())["results"]
    assert figure["protocol"]["yardstick"] == "held-out"
    assert figure["protocol"]["split"] == "train"


# mistakes


@pytest.fixture
def sets(tmp_path):
    return {
        "gray": folder_of(shades(10), tmp_path / "gray"),
        "large": folder_of(shades(10, size=12), tmp_path / "large"),
        "color": folder_of(shades(10), tmp_path / "color", "RGB"),
        "few": folder_of(shades(2), tmp_path / "few"),
        "empty": (tmp_path / "empty"),
    }


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("gray", "large"), r"different sizes.*gray holds 8×8; .*large holds 12×12.*--size"),
        (("gray", "color"), r"different modes.*gray holds L; .*color holds RGB.*--mode"),
        (("gray", "few"), "few: 4 samples can be read, too few to evaluate: at least 10"),
        (("gray", "empty"), "the folder is empty"),
        (("gray", "nowhere"), "no such file or folder"),
    ],
)
def test_sets_that_do_not_fit_are_told_and_nothing_is_written(ganforge, sets, tmp_path, pair, message):
    sets["empty"].mkdir()
    said = ganforge("evaluate", *(tmp_path / name for name in pair), *QUICK[:4], "--out", tmp_path / "out")
    assert said.status == 2
    assert re.search(message, said.err, re.DOTALL), said.err
    assert not (tmp_path / "out").exists()


def test_sets_are_brought_together_when_asked(ganforge, sets, tmp_path):
    said = ganforge("evaluate", sets["gray"], sets["large"], *QUICK[:4], "--size", "8", "--out", tmp_path / "a")
    assert said.status == 0, said.err
    (figure, *_) = json.loads((tmp_path / "a" / "report.json").read_text())["results"]
    assert figure["protocol"]["size"] == 8
    said = ganforge("evaluate", sets["gray"], sets["color"], *QUICK[:4], "--mode", "L", "--out", tmp_path / "b")
    assert said.status == 0, said.err
    found = json.loads((tmp_path / "b" / "report.json").read_text())["results"]
    fd = next(f for f in found if f["name"].startswith("fd"))
    assert fd["value"] == pytest.approx(0, abs=1e-6), "the same pictures, in color and in gray"


def test_mistakes_about_runs(ganforge, run, tmp_path):
    unborn = tmp_path / "unborn"
    unborn.mkdir()
    shutil.copy(run / "recipe.yaml", unborn)
    for words, message in [
        ([tmp_path / "nowhere"], "no such run"),
        ([tmp_path], "no run here"),
        ([unborn], "has not written a model yet"),
        ([run, "--metrics", "fdd5k"], r"unknown metric 'fdd'; did you mean 'fd'"),
        ([run, "--metrics", "fd,,kid"], "--metrics fd,,kid: .*commas"),
        ([run, "--features", "inceptoin"], "did you mean 'inception'|unknown extractor"),
        ([run, "--weights", "w.pth"], "weights w.pth: .*--features"),
        ([run, "-n", "3"], "too few"),
        ([run, "--data", tmp_path / "gone"], "no such file or folder"),
        ([run / "model.safetensors"], "--out FOLDER"),
        ([run, "--out", run / "recipe.yaml"], "is a file"),
    ]:
        said = ganforge("evaluate", *words)
        assert said.status == 2, words
        assert re.search(message, said.err), said.err
    assert not (unborn / "evaluation").exists()
    assert not (run / "evaluation").exists()
    said = ganforge("evaluate", run, tmp_path, *QUICK)  # a run and a folder: the folder is passed over and named
    assert said.status == 0
    assert f"left out: {tmp_path}: no run here" in said.out


def test_a_failure_leaves_the_report_of_before(ganforge, run, monkeypatch):
    from ganforge.evaluation import output as module

    assert ganforge("evaluate", run, *QUICK).status == 0
    before = {file.name: file.read_bytes() for file in (run / "evaluation").iterdir()}
    write = module.Path.write_text

    def full(path, *words, **options):
        if path.name == "report.json":
            raise OSError(28, "No space left on device")
        return write(path, *words, **options)

    monkeypatch.setattr(module.Path, "write_text", full)
    said = ganforge("evaluate", run, *QUICK, "--seed", "1")
    assert said.status == 2
    assert "No space left" in said.err
    assert {file.name: file.read_bytes() for file in (run / "evaluation").iterdir()} == before


def test_data_that_is_gone_is_told_with_the_way_out(run, npz, tmp_path):
    text = (run / "recipe.yaml").read_text()
    assert str(npz) in text
    import safetensors.torch
    from safetensors import safe_open

    path = run / "model.safetensors"
    with safe_open(path, framework="pt") as file:
        header = {k: v.replace(str(npz), str(tmp_path / "moved.npz")) for k, v in file.metadata().items()}
    safetensors.torch.save_file(safetensors.torch.load_file(path), path, metadata=header)
    (run / "recipe.yaml").write_text(text.replace(str(npz), str(tmp_path / "moved.npz")))
    with refused("data.not_found", "--data PATH"):
        gf.evaluate(run, metrics=["fd"], features="raw", progress=False)
