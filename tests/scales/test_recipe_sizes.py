"""Every image recipe takes steps at 28 to 512 pixels, square or not, gray, RGB or RGBA, with labels or not.

The nets are made narrow, since it is their shapes that are tried. What a recipe takes at its own widths is measured by
`benchmarks/memory_steps.py`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ganforge import recipes
from ganforge.core.component import build, fields_of, to_plain
from ganforge.core.overrides import apply, flatten
from ganforge.engine.plan import Plan, plan
from ganforge.nets.base import Generator
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all

load_all()

NARROW = {"channels": 4, "max_channels": 8, "widths": [8, 8], "latent": 8, "d_steps": 1}
FIXED = {"dcgan-article": (28, 28)}
"""Recipes that are about images of one size."""
LABELLED, UNLABELLED, NUMBERED, TOLD = {"acgan", "private", "sgan"}, {"infogan"}, {"ccgan"}, {"matching"}
"""Tasks that are about labels, about samples without any, about a number, and about sentences."""
CLASSES = 3


def draws_pictures(name: str) -> bool:
    """Whether a recipe makes images out of latents; what translates images or makes tables has tests of its own."""
    made = recipes.get(name)
    return made.signal.kind == "image" and isinstance(getattr(made.task, "generator", None), Generator)


NAMES = [
    name
    for name in recipes.names()
    if recipes.RECIPES[name].__module__.startswith("ganforge.") and draws_pictures(name)
]
QUICK = [(28, 28, 1), (32, 32, 3), (48, 64, 4)]
MORE = [(28, 28, 1), (32, 32, 4), (48, 64, 3), (64, 64, 3), (128, 128, 1), (64, 128, 4), (256, 256, 3)]
LARGE = (512, 512, 3)

Pictures = Callable[[tuple[int, int, int]], Path]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Pictures:
    """A file of a dozen images [H, W, C] with labels, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("pictures")

    def of(shape: tuple[int, int, int]) -> Path:
        path = folder / f"{'x'.join(map(str, shape))}.npz"
        if not path.exists():
            draws = np.random.default_rng(0)
            images = draws.integers(0, 256, (12, *shape), np.uint8)
            np.savez(path, images=images, labels=np.arange(12) % CLASSES)
            np.savez(folder / "angles.npz", angle=np.linspace(0.0, 330.0, 12))
            (folder / "captions.csv").write_text("caption\n" + "".join(f"number {k} of all\n" for k in range(12)))
        return path

    return of


def steps(name: str, shape: tuple[int, int, int], labels: bool, data: Path, batch: int = 4) -> Plan:
    """Two steps of a recipe with narrow nets."""
    plain = to_plain(recipes.get(name))
    items = [f"{path}={value}" for path in flatten(plain) for end, value in NARROW.items() if path.endswith(f".{end}")]
    for player in ("generator", "discriminator", "encoder"):
        items += [f"task.{player}.widths=[8,8]"] if "widths" in plain["task"].get(player, {}) else []
    size = FIXED.get(name, shape[:2])
    items += [f"signal.size=[{size[0]},{size[1]}]", f"data={data}", f"batch={batch}", "accumulate=1", "callbacks=[]"]
    chooses = "conditional" in plain["task"] and plain["task"]["kind"] != "sgan"  # which predicts labels
    items += [f"task.conditional={str(labels).lower()}"] if chooses else []
    items += [f"data.labels={data.parent / 'angles.npz'}"] if plain["task"]["kind"] in NUMBERED else []
    items += [f"data.captions={data.parent / 'captions.csv'}"] if plain["task"]["kind"] in TOLD else []
    return plan(build(Recipe, apply(plain, items)), device="cpu", steps=2)


def try_steps(name: str, shape: tuple[int, int, int], labels: bool, pictures: Pictures, batch: int = 4) -> Plan:
    made = recipes.get(name)
    if made.privacy.kind != "off" and importlib.util.find_spec("opacus") is None:
        pytest.skip("the extra `privacy` is not installed")
    labels = made.task.kind in LABELLED | NUMBERED | TOLD or (labels and made.task.kind not in UNLABELLED)
    found = steps(name, shape, labels, pictures(shape), batch)
    assert found.spec.shape == (shape[2], *FIXED.get(name, shape[:2]))
    if made.task.kind == "sgan":
        assert len(found.spec.predicts) == CLASSES
        return found
    knows = labels and "conditional" in fields_of(type(made.task)) and made.task.kind not in NUMBERED | TOLD
    assert found.spec.classes == (CLASSES if knows else 0)
    return found


@pytest.mark.parametrize(
    ("k", "name"),
    [pytest.param(k, name, marks=() if k % 4 == 0 else pytest.mark.slow) for k, name in enumerate(NAMES)],
    ids=NAMES,
)
def test_one_size_each(k: int, name: str, pictures: Pictures):
    """A look at every recipe that is quick: sizes, colors and labels change from one to the next."""
    try_steps(name, QUICK[k % 3], k % 2 == 0, pictures)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_every_size(name: str, pictures: Pictures):
    for shape in MORE:
        for labels in (False, True):
            try_steps(name, shape, labels, pictures)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_steps_at_512_pixels_on_a_processor(name: str, pictures: Pictures):
    """And in little memory, with nets as narrow as here: nothing but the images and their maps is large."""
    found = try_steps(name, LARGE, False, pictures, batch=4 if recipes.get(name).task.kind == "sgan" else 2)
    assert found.memory_bytes < 4 * 2**30, f"{found.memory_bytes / 2**30:.1f} GiB"
