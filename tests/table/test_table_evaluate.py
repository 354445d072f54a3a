"""What a user does to judge a table: a run, two files, several runs, while it trains; and which rows were held back."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

import ganforge as gf
from ganforge.core.events import read_events
from ganforge.data.path import PathData
from ganforge.engine.train import train
from ganforge.modalities.table.source import TableFile
from ganforge.recipes import make_recipe
from refused import refused

FAST = ["batch=50", "samples=1000", "checkpoint_every=500", "log_every=500", "callbacks=[]", "ema.half_life=200",
        "task.generator.widths=[16,16]", "task.generator.latent=8",
        "statistics.batches=2", "statistics.size=200"]  # fmt: skip
CITY = "城市 <x> & 所在地"


def people(n: int, seed: int = 0) -> pd.DataFrame:
    draws = np.random.default_rng(seed)
    city = draws.choice(["北京", "Oslo", "Lima"], n)
    pay = np.where(city == "Oslo", draws.normal(60, 6, n), draws.normal(25, 5, n)).round(1)
    age = draws.integers(18, 80, n)
    rich = np.where(pay + age / 2 > 60, "yes", "no")
    return pd.DataFrame({"row": [f"R-{k:06d}" for k in range(n)], CITY: city, "pay": pay, "age": age, "rich": rich})


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "people.csv"
    people(600).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def trained(csv, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "0001-ctgan"
    train(make_recipe("ctgan", (), [f"data={csv}", "target=rich", *FAST]), run_dir=folder)
    return folder


@pytest.fixture(scope="module")
def judged(trained, tmp_path_factory):
    return gf.evaluate(trained, out=tmp_path_factory.mktemp("report"), progress=False)


def rows_of(source) -> set[str]:
    return set(source.open().frame["row"])


class TestHeldBackRows:
    def test_they_are_never_trained_on_and_always_the_same(self, csv):
        train_rows, test_rows = (rows_of(PathData(path=str(csv), split=split)) for split in ("train", "test"))
        assert not train_rows & test_rows
        assert len(train_rows | test_rows) == 600
        assert 40 < len(test_rows) < 80
        assert rows_of(TableFile(path=str(csv), split="test")) == test_rows

    def test_rows_at_the_end_change_nothing_for_those_before(self, csv, tmp_path):
        longer = tmp_path / "longer.csv"
        people(900).to_csv(longer, index=False)
        before, after = (rows_of(PathData(path=str(path), split="test")) for path in (csv, longer))
        assert {row for row in after if int(row[2:]) < 600} == before

    def test_a_small_table_keeps_them_all(self, tmp_path):
        path = tmp_path / "few.csv"
        people(60).to_csv(path, index=False)
        assert len(PathData(path=str(path)).open()) == 60
        with refused("data.split_is_empty", "data.holdout="):
            PathData(path=str(path), split="test").open()

    def test_none_and_more(self, csv):
        assert len(rows_of(PathData(path=str(csv), holdout=0))) == 600
        half = rows_of(PathData(path=str(csv), split="test", holdout=0.5))
        assert 240 < len(half) < 360
        assert rows_of(PathData(path=str(csv), split="test")) <= half

    def test_rows_are_named_by_their_place_in_the_file(self, csv):
        data = PathData(path=str(csv), split="test").open()
        place = int(data.read(3)[0][2:])
        assert data.describe(3) == f"{csv}, row {place + 1}"

    def test_the_digests_of_the_parts_differ(self, csv):
        digests = {
            PathData(path=str(csv), split=s, holdout=h).open().digest for s in ("train", "test") for h in (0.1, 0.2)
        }
        assert len(digests) == 4

    def test_inspecting_shows_the_whole_table(self, csv):
        from typer.testing import CliRunner

        from ganforge.cli.main import app

        said = CliRunner().invoke(app, ["data", "inspect", str(csv), "--json"])
        assert json.loads(said.output)["rows"] == 600

    def test_a_file_given_to_table_gan_is_learned_whole(self, csv):
        recipe = gf.TableGAN(progress=False)._recipe(csv)
        assert len(recipe.data.open()) == 600


class TestARun:
    def test_every_figure_is_there_with_rows_never_trained_on(self, judged):
        by_name = {result.name.split("[")[0].rstrip("0123456789k"): result for result in judged.results}
        assert set(by_name) == {
            "ks", "tv", "correlation", "contingency", "detection", "usefulness", "usefulness_of_real",
            "usefulness_of_constant", "dcr", "exact_copies", "membership",
        }  # fmt: skip
        provenance = by_name["usefulness"].protocol
        assert provenance["n_real"] + provenance["n_test"] == 600
        assert provenance["n_fake"] == provenance["n_real"], "as many rows as the real table has"
        assert by_name["dcr"].protocol["yardstick"] == "held-out"
        assert "row" not in by_name["tv"].detail["per_column"], "identifiers are not judged"

    def test_the_page_shows_every_column(self, judged):
        page = judged.html.read_text(encoding="utf-8")
        for part in (
            "Column by column",
            "Pairs of columns",
            "Privacy",
            "城市 &lt;x&gt; &amp; 所在地 —",
            "pay —",
            "rich —",
        ):
            assert part in page
        assert page.split("Class by class")[0].count('<figure class="chart">') == 6
        assert "<script" not in page
        sources = re.findall(r"(?:src|href)\s*=\s*[\"']?([^\"')>\s]+)", page)
        assert all(source.startswith("data:") for source in sources)
        assert "a row of 5 columns" in page
        assert "generated rows" in page

    def test_the_file_of_figures(self, judged):
        found = json.loads(judged.json.read_text(encoding="utf-8"))["results"]
        assert [figure["name"] for figure in found] == [result.name for result in judged.results]

    @pytest.mark.slow
    def test_one_seed_gives_the_same_digits(self, trained, judged, tmp_path):
        again = gf.evaluate(trained, metrics=["columns", "usefulness"], out=tmp_path, progress=False)
        first = {result.name: result.value for result in judged.results}
        assert all(first[result.name] == result.value for result in again.results)

    @pytest.mark.slow
    def test_another_target_and_one_that_is_not_there(self, trained, tmp_path):
        done = gf.evaluate(trained, metrics=["usefulness"], target="pay", out=tmp_path, progress=False)
        assert "[R² of pay]" in done.results[0].name
        with refused("column.not_found", "--target pays", "did you mean 'pay'"):
            gf.evaluate(trained, target="pays", out=tmp_path, progress=False)

    def test_data_that_has_changed_has_no_unseen_rows(self, trained, tmp_path):
        other = tmp_path / "other.csv"
        people(500, seed=4).to_csv(other, index=False)
        done = gf.evaluate(trained, metrics=["columns", "privacy"], data=str(other), out=tmp_path, progress=False)
        assert done.results[0].protocol["n_real"] == 500
        assert "membership" not in {result.name[:10] for result in done.results}
        assert any("not known to be the table" in finding.why for finding in done.report.findings)

    def test_data_that_has_moved_is_known_again(self, trained, csv, tmp_path):
        moved = shutil.copy(csv, tmp_path / "moved.csv")
        done = gf.evaluate(trained, metrics=["privacy"], data=moved, out=tmp_path, progress=False)
        assert done.results[0].protocol["yardstick"] == "held-out"

    @pytest.mark.slow
    def test_without_a_target_it_says_what_is_left_out(self, csv, tmp_path):
        train(make_recipe("table-gan", (), [f"data={csv}", *FAST]), run_dir=tmp_path / "run")
        done = gf.evaluate(tmp_path / "run", progress=False)
        assert not any(result.name.startswith("usefulness") for result in done.results)
        assert any("Not measured: usefulness" in finding.why for finding in done.report.findings)

    def test_metrics_of_pictures_mean_nothing(self, trained, tmp_path):
        with refused("metric.signal_not_supported", "'swd' is for image, pair", "'table'"):
            gf.evaluate(trained, metrics=["swd"], out=tmp_path, progress=False)
        with refused("metric.no_features", "'raw'"):
            gf.evaluate(trained, metrics=["kid"], out=tmp_path, progress=False)
        assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_two_files(tmp_path):
    real, good, bad = tmp_path / "real.csv", tmp_path / "good.csv", tmp_path / "bad.csv"
    people(400).to_csv(real, index=False)
    people(400, 1).to_csv(good, index=False)
    people(400, 1).assign(pay=30.0, rich="no").to_csv(bad, index=False)
    done = {
        path: gf.evaluate(real, path, target="rich", out=tmp_path / path.stem, progress=False) for path in (good, bad)
    }
    values = {path: {result.name.split("[")[0]: result.value for result in one.results} for path, one in done.items()}
    assert values[good]["ks400"] < 0.1 < values[bad]["ks400"]
    assert values[good]["usefulness400"] > values[bad]["usefulness400"]
    titles = [finding.title for finding in done[bad].report.findings]
    assert any("differ from the real" in title for title in titles)
    assert any("learns nothing" in title for title in titles)
    assert not [finding for finding in done[good].report.findings if finding.level == "bad"]
    assert done[good].results[0].protocol["real"] == str(real)


@pytest.mark.slow
def test_unseen_rows_in_a_file_of_their_own(trained, tmp_path):
    for name, seed in (("real", 0), ("made", 1), ("unseen", 2)):
        people(300, seed).to_csv(tmp_path / f"{name}.csv", index=False)
    real, made, unseen = (tmp_path / f"{name}.csv" for name in ("real", "made", "unseen"))
    done = gf.evaluate(real, made, heldout=unseen, metrics=["privacy"], out=tmp_path / "out", progress=False)
    assert [result.name.split("[")[0] for result in done.results] == ["dcr300", "exact_copies300", "membership300"]
    assert done.results[0].protocol["n_yardstick"] == 300
    assert f"--heldout {unseen}" in done.report.command
    run = gf.evaluate(trained, heldout=unseen, metrics=["usefulness"], out=tmp_path / "run", progress=False)
    assert run.results[0].protocol["test"] == str(unseen)
    with refused("data.not_found", "nothing.csv"):
        gf.evaluate(trained, heldout=tmp_path / "nothing.csv", out=tmp_path / "run", progress=False)


def test_two_files_that_do_not_go_together(tmp_path):
    people(50).to_csv(tmp_path / "a.csv", index=False)
    people(50).drop(columns="pay").to_csv(tmp_path / "b.csv", index=False)
    np.savez(tmp_path / "c.npz", images=np.zeros((20, 8, 8), np.uint8))
    with refused("table.columns_differ", "columns pay of"):
        gf.evaluate(tmp_path / "a.csv", tmp_path / "b.csv", out=tmp_path / "out", progress=False)
    with refused("evaluate.signals_differ", "a.csv is a table and ", "c.npz is a set of images"):
        gf.evaluate(tmp_path / "a.csv", tmp_path / "c.npz", out=tmp_path / "out", progress=False)
    assert not (tmp_path / "out" / "report.html").exists()


def test_several_runs_beside_each_other(trained, tmp_path):
    from typer.testing import CliRunner

    from ganforge.cli.main import app

    for name in ("0001-a", "0002-b"):
        shutil.copytree(trained, tmp_path / name)
    words = [str(tmp_path / name) for name in ("0001-a", "0002-b")]
    said = CliRunner().invoke(app, ["evaluate", *words, "--metrics", "columns,privacy", "--quiet"])
    assert said.exit_code == 0, said.output
    page = (tmp_path / "comparison" / "report.html").read_text(encoding="utf-8")
    assert "0002-b" in page
    assert "cannot be compared" not in page
    assert "exact_copies" in page


def test_the_card_says_what_the_file_holds(trained, tmp_path):
    from ganforge.export.folder import export

    made = export(trained, tmp_path / "card")
    card = (made.folder / "README.md").read_text(encoding="utf-8")
    assert "bounds of numbers, real categories, and how often each occurs" in card
    assert "rows of a table; columns: 5" in card
    assert f"Columns: row, {CITY}, pay, age, rich." in card
    assert "gf.TableGAN.load(" in card


def test_while_a_run_trains(csv, tmp_path):
    recipe = make_recipe("ctgan", (), [f"data={csv}", *FAST, "metrics=[columns,pairwise]", "every=500"])
    train(recipe, run_dir=tmp_path / "run")
    events = list(read_events(tmp_path / "run" / "events.jsonl", "evaluate"))
    assert [event["samples"] for event in events] == [500, 1000]
    assert events[0]["best"]
    assert {name.split("/")[1][:3] for name in events[0] if name.startswith("metric/")} == {"ks5", "tv5", "cor", "con"}
    assert (tmp_path / "run" / "best.safetensors").is_file()
    assert "<svg" not in (tmp_path / "run" / "events.jsonl").read_text()
