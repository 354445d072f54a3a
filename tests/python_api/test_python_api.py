"""What Python people expect: typed fields, callbacks, a plain module, losses, and pages in notebooks."""

from __future__ import annotations

import subprocess
import sys
import types
import typing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import ganforge as gf
from ganforge.core.component import fields_of
from ganforge.recipes.base import Recipe
from ganforge.recipes.callback import Listener
from ganforge.recipes.fields import Fields
from ganforge.ui import notebook
from refused import refused

TINY = {"task.generator.channels": 8, "task.discriminator.channels": 8, "task.generator.latent": 8}


def trained(folder: Path, **fields) -> gf.Model:
    fields = {"samples": 64, "batch": 16, "log_every": 16, "callbacks": [], "fields": TINY} | fields
    return gf.train("demo", run_dir=folder, progress=False, **fields)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> gf.Model:
    return trained(tmp_path_factory.mktemp("run") / "r", callbacks=["previews"])


def test_the_typed_fields_are_those_of_a_recipe():
    assert set(typing.get_type_hints(Fields)) == set(fields_of(Recipe)) | set(Recipe.aliases)


@pytest.mark.slow
def test_a_type_checker_sees_a_misspelled_field(tmp_path):
    pytest.importorskip("pyright")
    (tmp_path / "use.py").write_text(
        "import ganforge as gf\n"
        'gf.train("demo", samples=3, batch=2, seed=1, callbacks=[lambda run, event: None])\n'
        'gf.train("demo", fields={"optimizers.G.lr": 1e-4})\n'
        'gf.train("demo", sampels=3)\n'
        'gf.train("demo", precision="fp23")\n'
        'reveal_type(gf.load("m").translate("a.png"))\n'
        'reveal_type(gf.load("m").sample(3, where="a>1"))\n'
        'reveal_type(gf.load("m").generator)\n'
    )
    words = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(tmp_path / "use.py")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if " error: " in line]
    assert [line.partition("use.py:")[2].split(":")[0] for line in errors] == ["4", "5"], done.stdout
    for kind in ("ndarray", '"DataFrame"', '"Module"'):
        assert kind in done.stdout


def test_fields_by_path_and_fields_by_name_mean_the_same(tmp_path):
    a = trained(tmp_path / "a", fields={**TINY, "seed": 3})
    b = gf.train(
        "demo", samples=64, batch=16, log_every=16, callbacks=[], seed=3, run_dir=tmp_path / "b", progress=False, **TINY
    )
    assert (a.sample(4) == b.sample(4)).all()
    with refused("config.unknown_field", "sampels"):
        trained(tmp_path / "c", fields={"sampels": 3})


def test_a_function_is_called_with_the_run_and_its_events(tmp_path):
    seen = []

    class Counts(Listener):
        def __init__(self, run):
            self.run = run

        def on_end(self):
            seen.append(("end", self.run.samples))

    found = trained(tmp_path / "r", callbacks=[lambda run, event: seen.append((event["event"], run.samples)), Counts])
    assert [one for one in seen if one[0] == "tick"] == [("tick", n) for n in (16, 32, 48, 64)]
    assert ("checkpoint", 64) in seen
    assert ("end", 64) in seen
    assert [one.kind for one in found.recipe.callbacks] == ["previews", "curves", "timelapse"]
    assert trained(tmp_path / "s", callbacks=["previews", print]).recipe.callbacks[0].kind == "previews"


def test_the_generator_is_a_plain_module_that_makes_the_samples(model):
    assert isinstance(model.generator, torch.nn.Module)
    assert not model.generator.training
    with torch.inference_mode():
        made = model.generator(model.latents([5]), torch.tensor([0]))
    wanted = model.sample(1, seed=5, label=0)[0, ..., 0].astype(float)
    assert np.abs((made[0, 0].numpy() + 1) * 127.5 - wanted).max() <= 1
    without = gf.Model(_several(model), Path("m"))
    with refused("model.no_single_generator", "AB, BA"):
        _ = without.generator


def _several(model: gf.Model):
    return SimpleNamespace(**{**vars(model.bundle), "nets": {"AB": None, "BA": None}})


def test_losses_are_a_frame(model, tmp_path):
    frame = model.losses()
    assert frame["samples"].tolist() == [16, 32, 48, 64]
    assert {"loss/G", "loss/D", "seconds"} <= set(frame.columns)
    file = tmp_path / "m.safetensors"
    file.write_bytes((model.folder / "model.safetensors").read_bytes())
    with refused("model.no_log", "m.safetensors"):
        gf.load(file).losses()


@pytest.mark.slow
def test_a_model_and_an_evaluation_show_themselves_in_a_notebook(model):
    page = model._repr_html_()
    assert "demo" in page
    assert "data:image/png;base64," in page
    done = gf.evaluate(model, metrics=["fd"], n=64, progress=False)
    assert done.results[0].name in done._repr_html_()
    assert len(repr(done)) < 300


class Notebook:
    """As much of IPython as a progress display asks for."""

    def __init__(self):
        self.pages = []
        self.package, self.display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
        self.package.get_ipython = lambda: SimpleNamespace(kernel=object())
        self.display.HTML = str
        self.display.display = self.show

    def show(self, page, display_id):
        self.pages.append(page)
        return SimpleNamespace(update=self.pages.append)


def test_a_notebook_shows_one_place_with_numbers_and_samples(tmp_path, monkeypatch):
    shown = Notebook()
    monkeypatch.setitem(sys.modules, "IPython", shown.package)
    monkeypatch.setitem(sys.modules, "IPython.display", shown.display)
    monkeypatch.setattr(notebook, "DRAW_EVERY", 0)
    fields = {"samples": 64, "batch": 16, "log_every": 16, "callbacks": ["previews"], "fields": TINY}
    gf.train("demo", run_dir=tmp_path / "r", **fields)
    assert "0 of 64" in shown.pages[0]
    assert "64 of 64" in shown.pages[-1]
    assert "samples/s" in shown.pages[-1]
    assert "data:image/png;base64," in shown.pages[-1]


def test_without_a_notebook_progress_is_text():
    assert not notebook.in_notebook()


def test_datasets_of_hugging_face_are_taken(tmp_path):
    datasets = pytest.importorskip("datasets")
    images = np.random.default_rng(0).integers(0, 256, (32, 8, 8), dtype=np.uint8)
    pillow = [gf_image(image) for image in images]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    data = datasets.Dataset.from_dict({"image": pillow, "label": [0, 1] * 16}, features=features)
    assert trained(tmp_path / "r", data=data).labels == ("a", "b")


def gf_image(pixels: np.ndarray):
    from PIL import Image

    return Image.fromarray(pixels)
