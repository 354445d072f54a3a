"""Fréchet distances of features of molecules.

    chemnet_fd       features of ChemNet (FCD, Preuer et al. 2018), whose weights the package fcd brings
    fingerprint_fd   Morgan fingerprints by a fixed random projection, and properties; without any weights

The distance of few molecules is larger, and the floor, of as many training molecules, is as well. Beside those of
SELFIES stand the distances of an n-gram model of their tokens, which any other model should beat.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.extras import need
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.statistics import moments
from ganforge.modalities.molecule import chem
from ganforge.modalities.molecule.forms import strings
from ganforge.modalities.molecule.metrics import sides
from ganforge.modalities.text.ngram import NGram

PROJECTED = 64
ORDER = 4
SCALED = {"logP": 2.0, "weight": 100.0, "TPSA": 50.0, "rings": 2.0}
"""Properties that are features, and what they are divided by."""


class _Distance(Metric):
    """What both distances share."""

    signals: ClassVar[tuple[str, ...]] = ("molecule",)
    named: ClassVar[str]
    most: int = Field(default=1_000, ge=10)
    """Molecules of a side."""

    def features(self, comparison: Comparison, smiles: list[str]) -> np.ndarray:
        """float64 [N, D]."""
        raise NotImplementedError

    def compute(self, comparison: Comparison) -> list[Result]:
        fake = sides.some(comparison, "fake", self.most, self.n)
        test, train = sides.parted(comparison, self.most)
        of_test = moments(self.features(comparison, test))
        n = min(len(fake), len(train))
        value = frechet_distance(of_test, moments(self.features(comparison, fake[:n])))
        floor = frechet_distance(of_test, moments(self.features(comparison, train[:n])))
        protocol = comparison.protocol(self.n) | {"n_valid": n, "n_test": len(test)}
        notes = [phrase("as many training molecules: {floor:.4g}", floor=floor)]
        detail: dict[str, Any] = {"floor": floor, "notes": notes}
        if (others := self.baseline(comparison, n)) is not None:
            detail["n_gram"] = frechet_distance(of_test, moments(self.features(comparison, others)))
            notes.append(phrase("an n-gram model: {counted:.4g}", counted=detail["n_gram"]))
        return [Result(f"{self.named}[{n}]", value, protocol, detail)]

    def baseline(self, comparison: Comparison, n: int) -> list[str] | None:
        """Of SELFIES, molecules of an n-gram model; None for graphs."""
        if comparison.facts.get("form") != "selfies":
            return None
        return comparison.once(
            ("n-gram molecules", n), lambda: of_ngrams(sides.valid(comparison, "real"), n, comparison)
        )


class FingerprintDistance(_Distance, kind="molecule_fd"):
    """Fréchet distance of projected fingerprints and properties."""

    named: ClassVar[str] = "fingerprint_fd"
    values: ClassVar[Mapping[str, Meaning]] = {
        "fingerprint_fd": Meaning("Distance of the distributions of fingerprints and properties.", "lower", 0.0)
    }

    def features(self, comparison: Comparison, smiles: list[str]) -> np.ndarray:
        bits = sides.fingerprints(comparison, smiles).astype(np.float64)
        project = np.random.Generator(np.random.PCG64(0)).normal(0, 1, (bits.shape[1], PROJECTED))
        numbers = [sides.values(comparison, smiles, name) / by for name, by in SCALED.items()]
        return np.hstack([bits @ project / PROJECTED**0.5, np.stack(numbers, 1)])


class ChemNetDistance(_Distance, kind="fcd"):
    """Fréchet ChemNet distance, by the package fcd."""

    named: ClassVar[str] = "chemnet_fd"
    values: ClassVar[Mapping[str, Meaning]] = {
        "chemnet_fd": Meaning("Distance of the distributions of ChemNet's features (FCD).", "lower", 0.0)
    }

    def features(self, comparison: Comparison, smiles: list[str]) -> np.ndarray:
        def found() -> np.ndarray:
            comparison.progress("features of ChemNet", 0, len(smiles))
            return chemnet(smiles)

        return comparison.once(("chemnet", tuple(smiles)), found)


def of_ngrams(smiles: list[str], n: int, comparison: Comparison) -> list[str]:
    """Molecules of an n-gram model of the SELFIES tokens of some molecules."""
    learned = [tuple(found) for one in smiles if (found := strings.symbols(one))]
    drawn = NGram(learned, ORDER).draw(2 * n, 1.0, comparison.draws("n-gram molecules"))
    found = [chem.canonical(strings.selfies().decoder("".join(one))) for one in drawn]
    return [one for one in found if one is not None and "." not in one][:n]


def has_chemnet() -> bool:
    """Whether the package fcd is installed."""
    return importlib.util.find_spec("fcd") is not None


def chemnet(smiles: list[str]) -> np.ndarray:
    """Features of ChemNet, float64 [N, 512].

    Raises:
        MissingExtra: the package fcd is not installed.
    """
    need("fcd", "the Fréchet ChemNet distance")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package, about weights that it brings itself
        import fcd

        model: Any = fcd.load_ref_model()
        return np.asarray(fcd.get_predictions(model, smiles, n_jobs=0, device="cpu"), np.float64)
