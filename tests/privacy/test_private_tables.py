"""Private tables: a row touches D alone and by no more than the bound, and no file tells more than is known anyway."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import ganforge as gf
from ganforge.core.component import to_plain
from ganforge.core.types import Batch
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.privacy.trainer import PrivateTrainer
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import check, train
from ganforge.engine.trainer import Trainer
from ganforge.recipes import make_recipe
from ganforge.registry import load_all
from refused import refused

load_all()
CPU = torch.device("cpu")
KNOWN = {
    "pay": {"kind": "integer", "min": 0, "max": 1000, "bins": [0, 1, 100, 500], "missing": True},
    "town": {"kind": "categorical", "values": ["Lima", "Oslo"], "other": "elsewhere"},
    "rich": "boolean",
}
SMALL = [
    "batch=20", "samples=200", "checkpoint_every=100", "log_every=100", "callbacks=[]", "task.generator.widths=[16,16]",
    "task.discriminator.widths=[12,8]", "privacy.noise_multiplier=2",  # given, so that none has to be searched for
]  # fmt: skip
DESCRIBED = f"signal.public={json.dumps(KNOWN)}"


def people(n: int = 200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pay = pd.Series(rng.integers(0, 1001, n).astype(float)).mask(rng.random(n) < 0.1)
    return pd.DataFrame({"pay": pay, "town": rng.choice(["Lima", "Oslo", "Secretville"], n), "rich": pay > 700})


@pytest.fixture
def file(tmp_path) -> Path:
    people().to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


def private(file: Path, *items: str):
    return make_recipe("dp-ctgan", overrides=[f"data={file}", "data.holdout=0", DESCRIBED, *SMALL, *items])


def trainer(recipe) -> PrivateTrainer:
    check(recipe)
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, CPU)
    made = Trainer.of(recipe)(PrivateTrainer.finalize(recipe, spec, loader), spec, loader, CPU)
    assert isinstance(made, PrivateTrainer)
    return made


def step(made: PrivateTrainer, batch: Batch) -> torch.Tensor:
    """D's gradient as its optimizer would get it, without noise, times the batch: the clipped sum."""
    made.noise = 0.0
    for name, net in made.nets.items():
        net.requires_grad_(name == "D")
    made.nets.D.zero_grad(set_to_none=True)
    made._gradients(made.phases[0], batch, 0, None)
    return 20 * torch.cat([p.grad.flatten() for p in made.nets.D.parameters() if p.grad is not None])


@pytest.mark.parametrize("net", [[], ["task.discriminator=tabular", "task.discriminator.dropout=0"]])
def test_no_row_moves_the_sum_by_more_than_the_bound(file, net):
    """What one real row adds is the difference of the steps with and without it, all draws being the same."""
    made = trainer(private(file, "privacy.clip=0.3", *net, "task.discriminator.widths=[12,8]"))
    rows = made.batch_at(0).x[:6]
    whole = step(made, Batch(rows))
    added = [float((whole - step(made, Batch(torch.cat([rows[:k], rows[k + 1 :]])))).norm()) for k in range(len(rows))]
    assert max(added) <= 0.3
    assert max(added) > 0.29, "the bound is reached, so the test would see it broken"


def test_rows_come_by_poisson_sampling_and_g_meets_none(file):
    made = trainer(private(file))
    assert len({len(made.batch_at(position)) for position in range(0, 400, 20)}) > 3
    seen = []
    loss = made.phases[1].loss
    made.phases[1] = replace(made.phases[1], loss=lambda *words: (seen.append(words[1]), loss(*words))[1])
    made.iterate()
    assert seen[0].x.isnan().all()
    assert seen[0].extra == {}
    made.check_finite(weights=True)


def test_files_tell_what_the_description_tells_and_no_more(file, tmp_path):
    folder = train(private(file, "callbacks=[previews,curves]"), run_dir=tmp_path / "run", device="cpu").folder
    other = tmp_path / "other.csv"
    people(200, 7).assign(town="Atlantis").to_csv(other, index=False)
    second = train(private(other), run_dir=tmp_path / "second", device="cpu").folder
    assert open_data(resume_recipe(folder))[1] == open_data(resume_recipe(second))[1]
    told = [path for path in folder.rglob("*") if path.is_file() and "checkpoints" not in path.parts]
    assert {"model.safetensors", "recipe.yaml", "events.jsonl"} <= {path.name for path in told}
    for path in told:
        assert b"Secretville" not in path.read_bytes(), path
    model = gf.load(folder)
    assert model.privacy["sampling"] == "poisson"
    assert 0 < model.privacy["epsilon"] <= 10
    rows = model.sample(300)
    assert list(rows) == ["pay", "town", "rich"]
    assert set(rows["town"]) <= {"Lima", "Oslo", "elsewhere"}
    assert rows["pay"].dropna().between(0, 1000).all()
    pay, town, rich = map(str, rows.dtypes)
    assert (pay, rich) == ("Int64", "bool")
    assert town in ("str", "object"), "of pandas 3 and 2"
    assert set(model.sample(5, where="town=Lima")["town"]) == {"Lima"}, "picked among what is made"


def test_a_row_that_cannot_be_read_is_not_logged(file, tmp_path):
    file.write_text(file.read_text() + "1,2,3,4,5\n")
    folder = train(private(file, "samples=20"), run_dir=tmp_path / "run", device="cpu").folder
    assert "skipped" not in (folder / "events.jsonl").read_text()


def test_a_stopped_run_goes_on_without_the_file_of_columns(file, tmp_path):
    columns = tmp_path / "columns.yaml"
    columns.write_text(json.dumps(KNOWN))
    recipe = private(file, f"signal.public={columns}", "samples=100", "privacy.epsilon=20")
    folder = train(recipe, run_dir=tmp_path / "run", device="cpu").folder
    columns.unlink()
    assert train(resume_recipe(folder, None, ["samples=200"]), resume=folder, device="cpu").samples == 200
    with refused("run.recipe_differs", "signal.public.pay.max"):
        resume_recipe(folder, None, ["signal.public.pay.max=2000"])


def test_the_estimator_tells_nothing_of_its_rows():
    """A digest would tell anybody who can guess at all rows but one whether a guess at that one is right."""
    fields = {"signal.public": KNOWN, **dict(item.split("=", 1) for item in SMALL)}
    models = [gf.TableGAN("dp-ctgan", fields=fields, progress=False).fit(people(200, seed)) for seed in (0, 1)]
    assert models[0].model_.recipe == models[1].model_.recipe
    assert models[0].model_.spec == models[1].model_.spec
    assert models[0].model_.privacy["epsilon"] > 0
    assert len(models[0].sample(10)) == 10


class TestRefused:
    def test_columns_that_are_measured(self, file):
        recipe = make_recipe("dp-ctgan", overrides=[f"data={file}", *SMALL])
        with refused("privacy.signal_measures_data", "(bounds", "signal.public=FILE.yaml"):
            check(recipe)

    def test_a_digest_in_the_recipe(self, file):
        from ganforge.modalities.table.source import FrameData

        with refused("privacy.recipe_discloses_data", "a digest of its rows", "named=False"):
            check(replace(private(file), data=FrameData.of(people())))
        check(replace(private(file), data=FrameData.of(people(), named=False)))

    def test_conditions(self, file):
        with refused("privacy.conditional_not_supported", "conditional=true", "task.conditional=false"):
            open_data(private(file, "task.conditional=true"))

    def test_packs_and_training_by_sampling(self, file):
        recipe = make_recipe("ctgan", overrides=[f"data={file}", DESCRIBED, "health=off", "privacy=dp_sgd"])
        with refused("privacy.task_not_supported", "task.kind=private or private_tabular"):
            check(recipe)

    def test_pictures(self):
        recipe = make_recipe("dp-ctgan", overrides=["data=digits", "signal=image"])
        with refused("data.not_a_table", "task.kind=private_tabular"):
            open_data(recipe)


def test_without_privacy_a_description_serves_ctgan_too(file, tmp_path):
    """Frequencies are not known, so rows are not asked for by category: they would come out evenly."""
    items = [f"data={file}", DESCRIBED, *SMALL[:-1], "health=off", "task.pack=2"]
    folder = train(make_recipe("ctgan", overrides=items), run_dir=tmp_path / "run", device="cpu").folder
    model = gf.load(folder)
    assert model.spec.state["conditions"] == []
    assert len(model.sample(7)) == 7


def test_the_example_describes_what_the_docs_show():
    root = Path(__file__).parents[2]
    recipe = make_recipe("dp-ctgan", overrides=[f"signal.public={root / 'examples/tables/adult.columns.yaml'}"])
    known = recipe.signal.public  # type: ignore[attr-defined]
    assert len(known) == 15
    shown = (root / "docs" / "privacy.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    for name, entry in yaml.safe_load(shown).items():
        told = to_plain(known[name])
        assert {field: told[field] for field in entry} == entry
