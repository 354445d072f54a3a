"""A translator is exported with a card that says how to use it."""

from __future__ import annotations

from dataclasses import replace

from translate_models import model_file, spec_of

from ganforge.artifacts import bundle
from ganforge.export.folder import export
from ganforge.modalities.pair.nets.gated import Gated
from ganforge.modalities.pair.source import Pairs


def test_the_card_of_a_translator(tmp_path):
    file = model_file(tmp_path / "filler.safetensors", Gated(channels=2), spec_of(mask=True))
    model = bundle.load(file, "cpu")
    recipe = replace(model.recipe, data=Pairs(source=f"{tmp_path}/labels", target=f"{tmp_path}/photos"))
    bundle.save(file, recipe, model.spec, dict(model.nets), samples=0)
    made = export(file, tmp_path / "out", name="filler")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert {f.name for f in made.files} == {"README.md", "model.safetensors"}, "nothing to sample"
    assert "ganforge translate filler/model.safetensors photos/ --mask masks/ --out made/" in card
    assert "image-to-image" in card
    assert "labels and photos" in card
    assert str(tmp_path) not in card
