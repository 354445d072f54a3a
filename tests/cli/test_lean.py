"""What a command imports: nothing that it has no use for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ganforge import recipes
from ganforge.core import overrides
from ganforge.core.component import fields_of, to_plain
from ganforge.data.base import DataSource
from ganforge.recipes import listing, make_recipe
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from refused import refused

TABLES = ("pandas", "pyarrow", "sklearn", "scipy")
OTHERS = ("matplotlib", "soundfile", "imageio", "datasets", "transformers", "opacus", "tensorboard", "IPython")
COMPILER = ("torch._dynamo", "torch._inductor")
HEAVY = ("torch", "numpy", "PIL", *TABLES, *OTHERS)


def imported(*steps: tuple[str, tuple[str, ...]]) -> list[list[str]]:
    """Of each step (code, names): those of its names that are imported when all code up to it has run, in one process.

    The lightest step comes first: what it imports is there in those that follow.
    """
    code = "import sys\n"
    for part, names in steps:
        code += f"{part}\nprint('imported', *[name for name in {names!r} if name in sys.modules])\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [line.split()[1:] for line in done.stdout.splitlines() if line.split()[:1] == ["imported"]]
    assert len(found) == len(steps), done.stdout
    return found


def command(*words: str) -> str:
    return f"from ganforge.cli.main import main\ntry:\n    main({list(words)!r})\nexcept SystemExit:\n    pass"


def test_help_recipes_and_a_misspelled_name_import_nothing_heavy():
    steps = [
        ("import ganforge", (*HEAVY, "yaml", "pydantic", "rich", "typer")),
        (command("--version"), (*HEAVY, "yaml", "pydantic")),
        (command("--help"), (*HEAVY, "yaml", "pydantic")),
        # Newer versions of typer import pydantic themselves to read a verb's options; ours must not be the reason.
        (command("train", "--help"), (*HEAVY, "yaml")),
        (command("sample", "--help"), HEAVY),
        (command("translate", "--help"), HEAVY),
        (command("recipes"), HEAVY),
        (command("train", "dcgn"), HEAVY),
        (command("train", "dcgan", "sampels=3"), HEAVY),
        (command("train", "dcgan", "task.generatr.channels=8"), HEAVY),
    ]
    assert imported(*steps) == [[]] * len(steps)


@pytest.mark.slow
def test_critics_beside_a_trained_model_need_no_compiler():
    """Whatever computes with weights that are not there makes torch import it, which takes two seconds."""
    code = """
import sys
sys.path.insert(0, "tests/contracts")
from small import IMAGES
from ganforge.core.allowance import WithoutWeights
from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.nets.base import Discriminator
from ganforge.registry import load_all

load_all()
built = 0
with WithoutWeights():
    for kind, cls in Discriminator.kinds.items():
        for shape in [IMAGES[0], (1, 512), (1, 8, 16, 16), (1, 16, 16, 16), (3, 48)]:
            try:
                cls().build(Spec(cls().nearest(shape)))
            except UserError:
                continue
            built += 1
            break
assert built > 30
"""
    assert imported((code, COMPILER)) == [[]]


@pytest.mark.slow
def test_no_trained_model_needs_a_compiler():
    """Also where the task puts something of its own on the critic, such as a second head."""
    code = """
import sys
sys.path[:0] = ["tests/golden"]
from systems import SMALL, SYSTEMS
from ganforge import recipes
from ganforge.core.allowance import WithoutWeights
from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply
from ganforge.engine.build import open_data
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all

load_all()
for name in sorted(set(SYSTEMS) - {"ctgan-fast"}):  # `target=` is for the command line
    recipe = build(Recipe, apply(to_plain(recipes.get(name)), [*SMALL, *SYSTEMS[name]]))
    spec = open_data(recipe)[1]
    with WithoutWeights():
        recipe.task.finalize(spec).players(spec.for_nets)
    assert "torch._dynamo" not in sys.modules, name
"""
    assert imported((code, COMPILER)) == [[]]


@pytest.mark.slow
def test_a_misspelled_value_needs_torch_and_no_more():
    assert imported((command("train", "dcgan", "task.generator=resnt"), (*COMPILER, *TABLES, *OTHERS))) == [[]]


STATE = """
import logging, os, signal
import numpy as np, torch

def state():
    return (
        torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(),
        torch.get_default_dtype(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision(), torch.is_grad_enabled(),
        os.getcwd(), [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)], logging.getLogger().handlers[:],
    )
before, files = state(), os.listdir()
from ganforge.registry import load_all
load_all()
changed = [(i, a, b) for i, (a, b) in enumerate(zip(before, state())) if a != b]
assert not changed, changed
assert os.listdir() == files
"""


@pytest.mark.slow
def test_importing_all_changes_nothing_and_training_and_sampling_need_neither_tables_nor_a_compiler(
    tmp_path, monkeypatch
):
    """Rule 6: no seed set, no thread count, no default, no file, no signal handler. Training is on labeled images."""
    monkeypatch.chdir(tmp_path)
    words = ("train", "cdcgan", "data=digits", "samples=64", "batch=32", "callbacks=[]", "-q", "--run-dir", "r")
    sampled = "import ganforge\nassert len(ganforge.load('r', device='cpu').sample(2)) == 2"
    heavy = (*COMPILER, *TABLES, *OTHERS)
    assert imported((STATE, heavy), (command(*words), heavy), (sampled, heavy)) == [[], [], []]


@pytest.mark.slow
def test_a_model_needs_its_own_modality_and_those_that_this_imports(trained, tmp_path):
    words = ("sample", str(trained), "-n", "2", "--npz", str(tmp_path / "x.npz"))
    others = [f"ganforge.modalities.{name}.signal" for name in ("audio", "table", "text", "video")]
    own = "ganforge.modalities.image.signal"
    assert imported((command(*words), (*others, own))) == [[own]]
    assert (tmp_path / "x.npz").exists()


def test_the_recipes_that_are_listed_are_those_that_are_registered(monkeypatch):
    load_all()
    built_in = {
        name: recipes.summary(name)
        for name in recipes.names()
        if recipes.RECIPES[name].__module__.startswith("ganforge.")
    }
    monkeypatch.setattr(recipes, "RECIPES", {})
    assert listing.listed() == built_in


def test_a_misspelled_field_is_refused_at_once_and_no_other():
    with refused("config.unknown_field") as early:
        listing.refuse_misspelled_fields(["sampels=3"])
    with refused("config.unknown_field") as late:
        make_recipe("dcgan", (), ["sampels=3"])
    assert str(early.value) == str(late.value)
    known = [*fields_of(Recipe), *Recipe.aliases, "lr", "optimizers.G.lr", "data.path", 'signal.columns."x=y"']
    listing.refuse_misspelled_fields([f"{name}=1" for name in known])


def test_nested_fields_are_known_from_the_sources_and_no_field_is_refused():
    load_all()
    known = listing.Fields(*(file.read_text(encoding="utf-8") for file in listing.FOLDER.parent.rglob("*.py")))
    for name in ("cdcgan", "ctgan-fast", "infogan", "stylegan2-small", "denoise"):
        for path in overrides.flatten(to_plain(recipes.get(name))):
            if "." in path:
                listing.refuse_misspelled_path(f"{path}=1", path.split("."), known)
    for path, meant in (
        ("task.generator.chanels", "channels"),
        ("optimizers.G.betsa", "betas"),
        ("task.penalties.0.wieght", "weight"),
        ("data.holdot", "holdout"),
    ):
        with refused("config.unknown_field", meant, path.rpartition(".")[0]):
            listing.refuse_misspelled_path(f"{path}=1", path.split("."), known)
    listing.refuse_misspelled_fields(["task.generatr.channels=8"], plugins=True)  # a plugin may have such a field


def test_a_misspelled_recipe_is_refused_at_once_and_data_never_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with refused("recipe.unknown", "'dcgn'", "did you mean 'dcgan'"):
        listing.refuse_misspelled("dcgn")
    (tmp_path / "dcgn").mkdir()
    listing.refuse_misspelled("dcgn")
    load_all()
    named_sets = [
        name for name, kind in DataSource.members().items() if kind.__module__.startswith("ganforge.modalities.")
    ]
    assert {"digits", "mnist", "ring8"} <= set(named_sets)
    for word in (*named_sets, *recipes.names(), "photos.zip", "./photos"):
        listing.refuse_misspelled(word)
