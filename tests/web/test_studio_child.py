"""What the studio asks PyTorch for: recipes with their schema, and what is in data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ganforge.core import overrides
from ganforge.core.component import build
from ganforge.recipes.base import Recipe
from ganforge.ui.output import plain
from ganforge.web.studio import child
from ganforge.web.studio.forms import Form


@pytest.fixture(scope="module")
def known():
    return json.loads(json.dumps(plain(child.known_recipes())))


def test_the_fields_of_forms_are_fields_that_training_takes(known):
    for name in ("cdcgan", "ctgan-fast", "series-small"):
        values = known["recipes"][name]["values"]
        form = Form(known["schema"], values)
        paths = set(form.fields)
        assert {"samples", "batch", "seed", "precision", "health.every"} <= paths
        assert not [path for path in paths if path.startswith(("data", "init", "name")) or path.endswith("kind")]
        leaves = overrides.flatten(values)
        assert all(field.value == leaves.get(path) for path, field in form.fields.items())
        changed = {path: field.value for path, field in form.fields.items() if field.value is not None}
        words = form.words(changed, keep=changed)
        build(Recipe, overrides.apply(values, words, Recipe))
    helped = [field for field in form.fields.values() if field.help]
    assert len(helped) > 0.6 * len(form.fields)


def test_named_sets_need_nothing_else(known):
    assert {"digits", "mnist", "ring8"} <= set(known["sets"])
    assert not {"path", "table", "pairs", "memory", "frame", "hub"} & set(known["sets"])


def test_a_folder_is_inspected(tmp_path, capsys):
    draws = np.random.default_rng(0)
    for k in range(80):
        folder = tmp_path / "photos" / "ab"[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draws.integers(0, 255, (8, 8, 3), np.uint8)).save(folder / f"{k}.png")
    (tmp_path / "photos" / "a" / "bad.png").write_bytes(b"no image")
    assert child.main(["inspect", str(tmp_path / "photos")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["facts"]["classes"] == {"a": 40, "b": 40}
    assert len(found["facts"]["unreadable"]) == 1
    assert found["facts"]["recipes"]["cdcgan"]["fits"]
    assert found["choice"]["recipe"]
    assert found["sheet"].startswith("data:image/png;base64,")
    assert child.main(["inspect", str(tmp_path / "none")]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "data.not_found"
