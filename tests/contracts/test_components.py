"""What every component of every family must do, and how it presents itself to people."""

from __future__ import annotations

import dataclasses
import inspect
import json

import pydantic
import pytest

from ganforge.augment.base import Augment
from ganforge.core.component import Component, build, families, fields_of, to_plain
from ganforge.core.help_texts import field_help, help_text
from ganforge.data.base import DataSource
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.losses.perceptual import Critic as CriticLens
from ganforge.modalities.pair.signal import Pair
from ganforge.registry import load_all
from ganforge.signals import Signal
from ganforge.tasks.base import Task

load_all()

# Fields without a default need a value to build the component at all.
NEEDED = {
    ("schedule", "linear"): {"start": 1.0, "end": 0.0, "over": "10k"},
    ("schedule", "cosine"): {"start": 1.0, "end": 0.0, "over": 100},
    ("schedule", "steps"): {"start": 1.0, "factor": 0.5, "at": [10, "2k"]},
    ("data", "path"): {"path": "./photos"},
    ("data", "hub"): {"name": "someone/pictures"},
    ("data", "points"): {"path": "./table.csv"},
    ("data", "series"): {"path": "./series.csv"},
    ("data", "entities"): {"path": "./patients.csv"},
    ("data", "table"): {"path": "./table.csv"},
    ("data", "texts"): {"path": "./texts.txt"},
    ("data", "molecule_file"): {"path": "./molecules.smi"},
    ("data", "graphs"): {"path": "./graphs"},
    ("data", "network_file"): {"path": "./edges.txt"},
    ("init", "bundle"): {"path": "./runs/0001-dcgan"},
    ("degrade", "chain"): {"steps": ["bicubic4", "gaussian(sigma=5..50)"]},
    ("sound_degrade", "in_turn"): {"steps": ["noise(snr=5)", "clip"]},
    ("task", "vocoder"): {"translator": "vocos", "objective": "hinge"},
    ("task", "restoration"): {"translator": "spectral_mask", "objective": "hinge"},
    ("task", "mocogan"): {"objective": "non_saturating"},
    ("degrade", "masks"): {"path": "./masks"},
    ("lens", "vgg"): {"weights": "./vgg19.safetensors"},
    ("column", "categorical"): {"values": ["Oslo", "Lima"]},
    ("column", "ordinal"): {"values": [1, 2, 3]},
    ("column", "integer"): {"min": 0, "max": 120},
    ("column", "continuous"): {"min": 0.0, "max": 9.5},
    ("column", "datetime"): {"min": "2024-01-01", "max": "2024-12-31"},
}
PARTS = {
    "generator": "mlp",
    "discriminator": "mlp",
    "objective": "non_saturating",
    "encoder": "mlp",
    "decoder": "mlp",
    "likelihood": "gaussian",
    "translator": "resnet_translator",
    "critic": "patchgan",
    "sentence_encoder": "gru",
}  # of tasks, each where it is asked for


def needed(cls: type[Component]) -> dict[str, object]:
    return NEEDED.get((cls.family, cls.kind)) or {name: PARTS[name] for name in fields_of(cls) if name in PARTS}


FAMILIES = {
    name: [cls for _, cls in sorted(base.kinds.items()) if cls.__module__.startswith("ganforge.")]
    for name, base in sorted(families().items())
    if base.__module__.startswith("ganforge.")
}


def unwritten(cls: type[Component]) -> set[str]:
    """Methods that it has from a base and that only say that they are not there."""
    methods = inspect.getmembers(cls, inspect.isfunction)
    return {name for name, method in methods if "NotImplementedError" in method.__code__.co_names}


def may_lack(cls: type[Component]) -> set[str]:
    """What such a component need not have, since it says of itself that it cannot do it."""
    lacking = set()
    if issubclass(cls, Task):
        lacking |= {"class_logits"} if cls.class_logits is Task.class_logits else set()  # its spec has no `predicts`
        lacking |= {"translate"} if cls.directions is Task.directions else set()
        lacking |= {"latents", "sample"} if cls.sample is Task.sample else set()  # `can_sample` is False
    if issubclass(cls, Signal):
        lacking |= {"sources"} if cls is not Pair else set()
    return lacking | ({"maps"} if cls is CriticLens else set())  # the task shows it the critics' own


@pytest.mark.parametrize("family", FAMILIES)
class TestEveryComponent:
    """A test a family: one a component would spend most of its time on starting."""

    def test_there_are_some(self, family: str):
        assert FAMILIES[family]

    def test_nothing_is_left_unwritten(self, family: str):
        """An abstract method is for a family; a kind that users can name must not have one."""
        for cls in FAMILIES[family]:
            left = unwritten(cls) - may_lack(cls)
            assert not left, f"{cls.__qualname__}: {left}"

    def test_round_trip(self, family: str):
        base = families()[family]
        for cls in FAMILIES[family]:
            component = build(cls, needed(cls))
            plain = to_plain(component)
            assert plain["kind"] == cls.kind
            assert json.loads(json.dumps(plain)) == plain, cls
            assert build(base, plain) == component, cls

    def test_frozen(self, family: str):
        for cls in FAMILIES[family]:
            component = build(cls, needed(cls))
            for name in fields_of(cls):
                with pytest.raises(dataclasses.FrozenInstanceError):
                    setattr(component, name, getattr(component, name))

    def test_says_what_it_is(self, family: str):
        for cls in FAMILIES[family]:
            assert cls.__doc__, f"{cls.__qualname__} has no docstring"
            assert len(help_text(cls)) > 10, cls
            assert help_text(cls)[-1] in ".:)", help_text(cls)

    def test_schema(self, family: str):
        forms = [(cls, "validation", pydantic.TypeAdapter(cls)) for cls in FAMILIES[family]]
        found, shared = pydantic.TypeAdapter.json_schemas(forms)  # at once: each alone would hold all families again
        for cls in FAMILIES[family]:
            schema = found[cls, "validation"]
            schema = shared["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
            assert schema["properties"]["kind"] == {"const": cls.kind}
            assert set(schema["properties"]) == {"kind", *fields_of(cls)}, cls
            json.dumps(schema)


EXPLAINED = ("generator", "discriminator", "translator", "refiner", "encoder", "likelihood")
EXPLAINED += ("objective", "penalty", "term")


@pytest.mark.parametrize("family", EXPLAINED)
def test_every_field_has_help(family: str):
    for cls in FAMILIES[family]:
        missing = set(fields_of(cls)) - set(field_help(cls))
        assert not missing, f"{cls.__qualname__}: no help text under {', '.join(sorted(missing))}"


def test_stored_recipes_keep_their_earlier_spelling():
    """Recipes of runs from before the names were changed are read as those of today."""
    load_all()
    assert Degrade.parse("gaussian(sigma=25,grey=true)") == Degrade.parse("gaussian(sigma=25,gray=true)")
    assert Degrade.parse({"kind": "grey"}) == Degrade.parse("gray")
    assert Signal.parse({"kind": "image", "place": "centre"}) == Signal.parse({"kind": "image", "place": "center"})
    assert Signal.parse({"kind": "pair", "place": "centre"}) == Signal.parse({"kind": "pair", "place": "center"})
    assert Signal.parse({"kind": "points", "standardise": False}) == Signal.parse(
        {"kind": "points", "standardize": False}
    )
    assert Augment.parse({"kind": "ada_fixed", "colour": 0.5}) == Augment.parse({"kind": "ada_fixed", "color": 0.5})
    old = DataSource.parse({"kind": "domains", "a": "colours", "b": "b", "maps": "colours"})
    assert old == DataSource.parse({"kind": "domains", "a": "colours", "b": "b"}), "a folder keeps its name"
