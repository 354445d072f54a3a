"""Metrics of molecules notice what they are for: copies, collapse, parts, other properties, deafness."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ganforge.core.condition_kinds import Number
from ganforge.core.conditions import Conditions
from ganforge.evaluation.report.evidence import Evidence
from ganforge.metrics.base import Comparison, Result
from ganforge.metrics.samples import SampleSet
from ganforge.modalities.molecule import chem, properties
from ganforge.modalities.molecule.example import molecules
from ganforge.modalities.molecule.findings import RULES
from ganforge.modalities.molecule.metrics import asked, distance, distributions, filters, similar, validity
from refused import refused

ALL = sorted({str(chem.canonical(one)) for one in molecules(440)})
ORDER = np.random.default_rng(0).permutation(len(ALL))
TRAIN, TEST, NEW = ([ALL[k] for k in part] for part in np.array_split(ORDER, 3))
RINGS = [f"{one}c1ccccc1" for one in ("C", "CC", "N", "O", "CCC", "CN", "CO", "F", "CCN", "CCO", "C#C", "NC")]


def side(smiles: list[str], name: str = "made", vectors: np.ndarray | None = None) -> SampleSet:
    array = np.array(smiles)
    return SampleSet(name, len(array), lambda size: iter([array]), vectors=vectors)


def against(fake: list[str], **more) -> Comparison:
    real = side(TRAIN, "real", vectors=np.zeros((len(TRAIN), 1)))
    return Comparison(real, side(fake), train=real, heldout=side(TEST), **more)


def by_name(results: list[Result]) -> dict[str, float]:
    return {result.name.split("[")[0]: result.value for result in results}


def test_copies_collapse_and_parts_show():
    new = by_name(validity.Validity().compute(against(NEW)))
    assert new == dict.fromkeys(("valid_unique_novel", "valid_molecules", "unique_molecules", "novel_molecules"), 1.0)
    copied = by_name(validity.Validity().compute(against(TRAIN)))
    assert (copied["novel_molecules"], copied["valid_unique_novel"]) == (0.0, 0.0)
    collapsed = by_name(validity.Validity().compute(against([NEW[0]] * 99 + [NEW[1]])))
    assert collapsed["unique_molecules"] == 0.02
    broken = validity.Validity().compute(against([*NEW[:6], "CC.C", "C(C)(C)(C)(C)C"]))
    assert by_name(broken)["valid_molecules"] == 0.75
    (valid,) = (one for one in broken if one.name.startswith("valid_molecules"))
    assert valid.detail["reasons"] == {"of several parts": 1, "an atom with more bonds than it can have": 1}
    assert valid.detail["after_repair"] == 1.0
    same = by_name(validity.Validity().compute(against(["OCC", "CCO", "C(O)C"])))
    assert same["unique_molecules"] == pytest.approx(1 / 3), "other SMILES of one molecule"


def test_properties_are_compared_as_distributions():
    assert distributions.distance(np.array([0.0, 1]), np.array([2.0, 3])) == pytest.approx(2.0)
    assert distributions.distance(np.array([0.0, 0, 1]), np.array([0.0, 1, 1])) == pytest.approx(1 / 3)
    assert distributions.distance(np.array([1.0]), np.array([0.0, 2])) == pytest.approx(1.0)
    metric = distributions.Properties(names=("logP", "weight"))
    near, far = metric.compute(against(NEW)), metric.compute(against([f"{one}CCCC" for one in NEW if one[-1] == "C"]))
    for good, bad in zip(near, far, strict=True):
        assert good.value < 3 * good.detail["floor"] + 0.05
        assert bad.value > 3 * good.value
    with refused("metric.too_few_samples", "valid molecules"):
        metric.compute(against(["nonsense"] * 30))


@pytest.mark.slow
def test_sets_are_compared_by_fragments_scaffolds_and_neighbors():
    metric = similar.Sets()
    good, collapsed, other = (by_name(metric.compute(against(one))) for one in (NEW, NEW[:1] * 40, RINGS))
    assert collapsed["internal_diversity"] == pytest.approx(0.0)
    assert good["internal_diversity"] > 0.7
    assert good["fragment_similarity"] > other["fragment_similarity"]
    assert good["nearest_similarity"] > other["nearest_similarity"]
    assert good["scaffold_similarity"] > 0.9
    assert other["scaffold_similarity"] == 0.0
    assert similar.cosine(Counter("ab"), Counter("bc")) == pytest.approx(0.5)
    assert similar.tanimoto(np.array([[1.0, 1, 0]]), np.array([[1.0, 0, 1], [1, 1, 0]])).tolist() == [[1 / 3, 1.0]]


def test_reactive_groups_and_dyes_do_not_pass_filters():
    assert filters.passing(["CCO", "Cc1ccccc1"]) == 1.0
    alerts = {"PAINS": "O=C1NC(=S)SC1=Cc1ccccc1", "BRENK": "CC(=O)Cl", "NIH": "CC1CO1"}
    assert filters.passing(list(alerts.values())) == 0.0
    good, bad = (filters.Filters().compute(against(one))[0] for one in (NEW, [*alerts.values()] * 4))
    assert good.value == pytest.approx(good.detail["of_heldout"], abs=0.2)
    assert bad.value == 0.0 < good.value


def test_distances_are_near_their_floor_for_real_molecules():
    good, other = (distance.FingerprintDistance().compute(against(one))[0] for one in (NEW, RINGS))
    assert good.value < 1.5 * good.detail["floor"]
    assert other.value > 3 * good.value


@pytest.mark.slow
def test_chemnet_tells_other_molecules():
    assert distance.has_chemnet()
    comparison = against(NEW[:60])
    good = distance.ChemNetDistance(most=60).compute(comparison)[0]
    other = distance.ChemNetDistance(most=60).compute(against([f"{one}CCCC" for one in NEW if one[-1] == "C"]))[0]
    assert good.name == "chemnet_fd[60]"
    assert other.value > 1.5 * good.value


def test_an_ngram_model_stands_beside_selfies():
    comparison = against(NEW, facts={"form": "selfies"})
    made = distance.of_ngrams(TRAIN, 30, comparison)
    assert len(made) == 30
    assert all(chem.canonical(one) == one for one in made)
    assert distance.ChemNetDistance().baseline(against(NEW), 5) is None
    (found,) = distance.FingerprintDistance().compute(comparison)
    assert found.value < found.detail["n_gram"]


def test_a_generator_that_does_not_listen_is_as_good_as_chance():
    smiles = [*NEW, "C(C)(C)(C)(C)C"]
    true = properties.values(NEW, "logP")
    condition = Number("logP", float(true.min()), float(true.max()))

    def measured(values: np.ndarray) -> Result:
        vectors = condition.encode([*values.tolist(), 0.0])
        real = side(TRAIN, "real", vectors=np.zeros((len(TRAIN), condition.width)))
        comparison = Comparison(real, side(smiles, vectors=vectors), conditions=Conditions((condition,)))
        (result,) = asked.Asked().compute(comparison)
        return result

    exact = measured(true)
    assert exact.name == f"asked_property{len(NEW)}[logP]"
    assert exact.value < 1e-3
    deaf = measured(np.random.default_rng(1).permutation(true))
    assert deaf.value == pytest.approx(deaf.detail["floor"], rel=0.3)
    assert deaf.value > 0.3


def test_findings_say_what_is_wrong():
    def found(**values: float) -> set[str]:
        results = [
            {"name": f"{name}[1k]", "value": value, "detail": {"floor": 1.0, "reasons": {"of several parts": 3}}}
            for name, value in values.items()
        ]
        return {one.title for rule in RULES for one in rule(Evidence(results))}

    good = {"valid_molecules": 0.95, "unique_molecules": 0.9, "novel_molecules": 0.6, "asked_property": 0.3}
    assert not found(**good)
    assert found(**good | {"valid_molecules": 0.3}) == {"many molecules are not valid"}
    assert found(**good | {"unique_molecules": 0.1}) == {"the same molecules again and again"}
    assert found(**good | {"novel_molecules": 0.1}) == {"few molecules are new"}
    assert found(**good | {"asked_property": 0.9}) == {"properties are not as asked"}
