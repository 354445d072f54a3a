"""What a user does with tables: train, ask for rows, resume, keep, and what goes wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

import ganforge as gf
from ganforge.artifacts import checkpoint
from ganforge.cli.main import app
from ganforge.core.errors import UserError
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.inference import where as search
from ganforge.inference.model import load
from ganforge.recipes import make_recipe
from refused import refused

SMALL = {
    "batch": 50,
    "checkpoint_every": 600,
    "log_every": 600,
    "callbacks": [],
    "task.generator.widths": [16, 16],
    "task.generator.latent": 8,
}


FEW = {"statistics.batches": 2, "statistics.size": 500}
"""Fewer rows than the 32,000 from which `ctgan` takes the statistics of its batch norms."""


def table(n: int = 300) -> pd.DataFrame:
    """Where one lives decides what one earns, in a currency of one's own; some do not say how old they are."""
    rng = np.random.default_rng(0)
    city = rng.choice(["Lima", "Oslo", "Quito"], n, p=[0.6, 0.35, 0.05])
    pay = np.where(city == "Oslo", rng.normal(60, 3, n), rng.normal(20, 2, n)).round(1)
    age = pd.array(rng.integers(18, 80, n), dtype="Int64")
    age[rng.random(n) < 0.1] = pd.NA
    paid = pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 400, n), unit="D")
    return pd.DataFrame({"city": city, "pay": pay, "age": age, "owner": rng.random(n) < 0.3, "paid": paid})


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "people.csv"
    table().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def trained(csv, tmp_path_factory) -> gf.TableGAN:
    fields = SMALL | FEW | {"optimizers.G.lr": 2e-3, "optimizers.D.lr": 2e-3, "ema.half_life": 2000}
    run = tmp_path_factory.mktemp("runs") / "run"
    return gf.TableGAN(epochs=6, fields=fields, target="pay", run_dir=run, progress=False).fit(table())


class TestTableGAN:
    def test_rows_are_like_those_of_the_table(self, trained):
        df, made = table(), trained.sample(500)
        assert made.dtypes.equals(df.dtypes)
        assert list(made.columns) == list(df.columns)
        assert len(made) == 500
        assert made["pay"].between(df["pay"].min(), df["pay"].max()).all()
        assert (made["pay"] == made["pay"].round(1)).all()
        assert set(made["city"]) <= set(df["city"])
        assert 0 < made["age"].isna().mean() < 0.5

    def test_row_k_of_a_seed_is_always_the_same(self, trained):
        whole = trained.sample(90, seed=4)
        pd.testing.assert_frame_equal(trained.sample(40, seed=4), whole[:40])
        assert not trained.sample(90, seed=5).equals(whole)

    def test_saving_and_loading(self, trained, tmp_path):
        file = trained.save(tmp_path / "new" / "people.safetensors")
        pd.testing.assert_frame_equal(gf.TableGAN.load(file).sample(50), trained.sample(50))
        pd.testing.assert_frame_equal(gf.TableGAN.load(trained.run_dir).sample(50), trained.sample(50))
        assert [p.name for p in file.parent.iterdir()] == ["people.safetensors"]

    def test_the_target_is_recorded(self, trained):
        assert trained.model_.spec.state["target"] == "pay"

    def test_it_is_a_scikit_learn_estimator(self):
        from sklearn.base import clone

        model = clone(gf.TableGAN("tvae", epochs=3, columns={"a": "ordinal"}))
        assert model.get_params()["epochs"] == 3
        assert model.set_params(epochs=4).epochs == 4
        assert repr(model) == "TableGAN(columns={'a': 'ordinal'}, epochs=4, recipe='tvae')"

    @pytest.mark.parametrize("recipe", ["tvae", "table-gan"])
    def test_the_baselines_fit_too_and_leave_nothing_behind(self, recipe, csv, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        fields = {k: v for k, v in SMALL.items() if k != "task.generator.widths"}
        made = gf.TableGAN(recipe, epochs=1, fields=fields, progress=False).fit(csv).sample(20)
        assert list(made.columns) == list(table().columns)
        left = [path.name for path in tmp_path.iterdir() if not path.name.startswith("torchinductor")]  # torch's own
        assert left == []

    @pytest.mark.parametrize("recipe", ["ctgan-fast", "tvae", "table-gan"])
    def test_a_table_smaller_than_a_batch(self, recipe):
        fields = {"task.generator.widths": [16], "batch": 500, "samples": 1000, "statistics.size": 50}
        assert len(gf.TableGAN(recipe, fields=fields, progress=False).fit(table(40)).sample(7)) == 7

    @pytest.mark.parametrize(
        ("use", "code", "named"),
        [
            (lambda: gf.TableGAN().sample(), "model.not_trained", "fit(table)"),
            (lambda: gf.TableGAN("dcgan").fit(table()), "recipe.not_for_tables", "'dcgan'"),
            (lambda: gf.TableGAN().fit([1, 2]), "table.type_not_supported", "list"),
            (lambda: gf.TableGAN(epochs=0).fit(table()), "table.epochs_too_few", "at least 1"),
            (lambda: gf.TableGAN().fit(table().iloc[:1]), "table.too_few_rows", "one row"),
            (
                lambda: gf.TableGAN(columns={"cty": "categorical"}).fit(table()),
                "column.not_found",
                "did you mean 'city'",
            ),
            (lambda: gf.TableGAN(target="wage").fit(table()), "column.not_found", "signal.target"),
            (
                lambda: gf.TableGAN(fields={"task.pack": 7, "batch": 50}).fit(table()),
                "task.pack_not_a_divisor",
                "batch=49",
            ),
        ],
    )
    def test_mistakes_are_told(self, use, code, named):
        with refused(code, named):
            use()


class TestWhere:
    @pytest.mark.parametrize(
        ("where", "meets"),
        [
            ("city=Quito", lambda df: df["city"] == "Quito"),
            ("city != Lima", lambda df: df["city"] != "Lima"),
            (["city=Oslo", "pay>30"], lambda df: (df["city"] == "Oslo") & (df["pay"] > 30)),
            ({"city": "Lima", "owner": True}, lambda df: (df["city"] == "Lima") & df["owner"]),
            ("age=", lambda df: df["age"].isna()),
            ("age!=", lambda df: df["age"].notna()),
            (["age>=30", "age<=40"], lambda df: (df["age"] >= 30) & (df["age"] <= 40)),
            ("age<30", lambda df: df["age"] < 30),
            ("paid>=2024-06-01", lambda df: df["paid"] >= "2024-06-01"),
        ],
    )
    def test_every_row_meets_it(self, trained, where, meets):
        made = trained.sample(60, where=where)
        assert len(made) == 60
        assert meets(made).all()
        assert list(made.index) == list(range(60))

    def test_conditions_make_rare_rows_likelier(self, trained):
        """A category is asked of the generator, not waited for."""
        model = trained.model_
        asked = model.found(50, "city=Quito", batch=100).drawn
        wish = model.recipe.signal.where(["city=Quito"], model.spec)
        assert wish.extra
        waited = search.fulfil(
            model.bundle.generate,
            model.recipe.signal,
            model.spec,
            search.replace(wish, extra={}),
            50,
            gf_request(100),
        ).drawn
        assert asked < waited

    def test_the_rarest_of_several_categories_is_the_condition(self, trained):
        model = trained.model_
        by_column = {c["column"]: c for c in model.spec.state["conditions"]}
        wish = model.recipe.signal.where(["owner=False", "city=Quito", "age>20"], model.spec)
        city = by_column["city"]
        assert int(wish.extra["condition"]) == city["start"] + city["values"].index("Quito")
        assert model.recipe.signal.where(["pay>20"], model.spec).extra == {}

    def test_rows_along_a_path_are_one_table(self, trained):
        """Parts are joined as the signal joins them, whatever its samples are."""
        rows = trained.model_.walk([1, 2], frames=7, batch=3)
        assert list(rows.index) == list(range(7))
        assert list(rows.columns) == list(trained.sample(1).columns)

    def test_row_k_is_the_same_however_many_are_asked_for(self, trained):
        whole = trained.sample(80, where="pay>40")
        pd.testing.assert_frame_equal(trained.sample(30, where="pay>40"), whole[:30])

    def test_what_could_not_be_met_is_counted(self, trained, monkeypatch, notices):
        monkeypatch.setattr(search, "DRAWS_EACH", 1)
        monkeypatch.setattr(search, "DRAWS_MORE", 0)
        found = trained.model_.found(200, "pay>40", batch=50)
        assert 0 < found.count == len(found.samples) < 200
        assert found.drawn == 200
        assert f"found {found.count} of 200 rows; 200 were sampled" in notices.text

    def test_rows_that_are_never_made_end_in_an_error(self, trained, monkeypatch):
        monkeypatch.setattr(search, "DRAWS_EACH", 1)
        monkeypatch.setattr(search, "DRAWS_MORE", 0)
        with refused("where.never_met", "where city=Oslo and city=Lima", "50 sampled rows"):
            trained.model_.found(50, ["city=Oslo", "city=Lima"], batch=50)

    @pytest.mark.parametrize(
        ("where", "code", "named"),
        [
            ("cty=Oslo", "column.not_found", "did you mean 'city'"),
            ("city=Olso", "where.unknown_value", "did you mean 'Oslo'"),
            ("city", "where.no_comparison", "column=value"),
            ("city>Lima", "where.operator_not_supported", "= and !="),
            ("pay=much", "where.wrong_type", "not a number"),
            ("pay>1000", "where.out_of_range", "'pay' ranges from "),
            ("paid<soon", "where.wrong_type", "not a date"),
            ("city=", "where.nothing_missing", "'city'"),
            ("age>", "where.operator_not_supported", "= or !="),
        ],
    )
    def test_mistakes_are_told(self, trained, where, code, named):
        with refused(code, repr(where), named):
            trained.sample(5, where=where)


def gf_request(n: int):
    from ganforge.core.types import Request

    return Request(n)


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


class TestCommands:
    def test_from_a_file_to_a_file(self, csv, tmp_path):
        small = [f"{name}={value}" for name, value in (SMALL | FEW).items()]
        folder = tmp_path / "run"
        done = run("train", "ctgan", f"data={csv}", "target=pay", "samples=200", *small, "--run-dir", folder)
        assert done.exit_code == 0, done.output
        assert "--out new.csv" in done.output
        assert "walk" not in done.output
        for name, read in (("a.csv", pd.read_csv), ("a.tsv", lambda p: pd.read_csv(p, sep="\t"))):
            done = run(
                "sample", folder, "-n", 70, "--where", "city=Oslo", "--where", "age>20", "--out", tmp_path / name
            )
            assert done.exit_code == 0, done.output
            made = read(tmp_path / name)
            assert len(made) == 70
            assert set(made["city"]) == {"Oslo"}
            assert (made["age"] > 20).all()
        assert "70 samples of seed 0, where city=Oslo and age>20" in done.output.replace("\n", " ")

    def test_what_a_table_cannot_be_written_to(self, trained, tmp_path):
        for option, name in (("--out", "a.npy"), ("--npz", "a.npz")):
            done = run("sample", trained.run_dir, "-n", 5, option, tmp_path / name)
            assert isinstance(done.exception, UserError)
            assert ".csv" in str(done.exception)
        assert list(tmp_path.iterdir()) == []

    def test_a_file_that_is_there_stays(self, trained, tmp_path):
        out = tmp_path / "a.csv"
        out.write_text("mine")
        assert isinstance(run("sample", trained.run_dir, "-n", 5, "--out", out).exception, UserError)
        assert out.read_text() == "mine"
        assert run("sample", trained.run_dir, "-n", 5, "--out", out, "--force").exit_code == 0
        assert len(pd.read_csv(out)) == 5


@pytest.mark.parametrize("recipe", ["ctgan", pytest.param("tvae", marks=pytest.mark.slow)])
def test_a_resumed_run_is_the_run_that_was_never_stopped(recipe, csv, tmp_path):
    """Rows by condition, Gumbel noise, dropout and the modes of numbers all come from counters."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    fields = SMALL | FEW if recipe == "ctgan" else {k: v for k, v in SMALL.items() if k != "task.generator.widths"}
    items = [f"{name}={value}" for name, value in (fields | {"data": csv}).items()]
    try:
        for name, stops in (("whole", [400]), ("stopped", [200, 400])):
            train(make_recipe(recipe, (), [*items, f"samples={stops[0]}"]), run_dir=tmp_path / name, device="cpu")
            for samples in stops[1:]:
                again = resume_recipe(tmp_path / name, recipe, [f"samples={samples}"])
                train(again, resume=tmp_path / name, device="cpu")
    finally:
        torch.set_num_threads(threads)
    states = [checkpoint.read(checkpoint.newest(tmp_path / name / "checkpoints"))[0] for name in ("whole", "stopped")]
    assert states[0].keys() == states[1].keys()
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
    frames = [load(tmp_path / name).sample(20) for name in ("whole", "stopped")]
    pd.testing.assert_frame_equal(*frames)


@pytest.mark.slow
def test_ctgan_learns_which_city_pays_what(csv):
    """A second of training finds columns; minutes find what depends on what."""
    df = table(3000)
    model = gf.TableGAN(epochs=150, fields={"optimizers.G.lr": 5e-4, "optimizers.D.lr": 5e-4}, progress=False).fit(df)
    made = model.sample(3000)
    for city, pay in (("Oslo", 60), ("Lima", 20), ("Quito", 20)):
        own = made.loc[made["city"] == city, "pay"]
        assert own.median() == pytest.approx(pay, abs=6)
        assert len(own) / 3000 == pytest.approx((df["city"] == city).mean(), abs=0.1)
