"""Molecules as a signal: SMILES in files, graphs or SELFIES for the nets.

A sample is a SMILES as the nets made it, which may be no valid molecule: metrics count those, drawings mark them, and
files hold them repaired (`writing`).

N: molecules.  decoded: str [N].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from torch import Tensor

from ganforge.core import media
from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.molecule import choose, drawing, findings, inspect, writing
from ganforge.modalities.molecule.example import write_example
from ganforge.modalities.molecule.forms import graph, strings  # noqa: F401  # registers them
from ganforge.modalities.molecule.forms.base import Form
from ganforge.modalities.molecule.metrics.distance import has_chemnet
from ganforge.modalities.molecule.source import MoleculeSet
from ganforge.signals import Card, Exporter, Gallery, Inspection, Nearest, Noun, Rule, Signal, Steps, Usage


class Molecule(Signal, kind="molecule"):
    """Molecules, as graphs or as SELFIES."""

    noun: ClassVar[Noun] = Noun("molecule", "molecules", "a set of molecules")
    array_name: ClassVar[str] = "smiles"
    metrics: ClassVar[tuple[str, ...]] = (
        "molecule_validity", "molecule_properties", "molecule_sets", "molecule_filters", "molecule_fd",
    )  # fmt: skip
    exporters: ClassVar[Mapping[str, Exporter]] = {
        ".smi": writing.write_smiles,
        ".sdf": writing.write_sdf,
        ".csv": writing.write_table,
    }
    gallery: ClassVar[Gallery | None] = Gallery(most=48, columns=8)
    n_generated: ClassVar[int] = 10_000
    rules: ClassVar[Sequence[Rule]] = findings.RULES

    form: Form = Field(default="graph", validate_default=True)
    """What the nets see: graph, atoms and bonds; selfies, texts in which every sequence is a molecule."""

    @property
    def data_statistics(self) -> str:
        return phrase("the types of atoms or tokens of its molecules, and how often they occur")

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_example(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.inspection(molecules_of(dataset))

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(molecules_of(dataset), machine)

    def items(self, dataset: Dataset) -> Dataset:
        return self.form.items(molecules_of(dataset))

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        return self.form.spec(molecules_of(dataset), nearest)

    def at(self, spec: Spec) -> Self:
        return replace(self, form=self.form.at(spec))

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        asked = ("molecule_asked",) if spec.conditions else ()
        return (*self.metrics, *asked, *(("fcd",) if has_chemnet() else ()))

    def stored(self, spec: Spec) -> tuple[int, ...]:
        return self.form.stored(spec)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        return self.form.prepare(str(item), spec)

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        return self.form.encode(stored, spec)

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, *spec.shape] → an array of str [N]."""
        return np.array(self.form.decode(x, spec), dtype=str)

    def raw_samples(self, dataset: Dataset) -> np.ndarray:
        return np.array(molecules_of(dataset).smiles, dtype=str)

    def returned(self, samples: np.ndarray, spec: Spec) -> list[str]:
        return samples.tolist()

    def describe(self, spec: Spec) -> str:
        return self.form.describe(spec)

    def card(self, spec: Spec) -> Card:
        return Card(
            phrase("molecules"), (self.describe(spec) + ".",), missing=("fingerprint_fd",), copied=("novel_molecules",)
        )

    def usage(self, file: str, spec: Spec) -> Usage:
        asked, words = ("", ()) if "logP" not in spec.conditions.names else (
            ', where="logP=1.5"', ("--where", "logP=1.5")
        )  # fmt: skip
        return Usage(
            f'model = gf.load("{file}")\nsmiles = model.sample(20{asked})  # as made; some may be invalid',
            command("sample", file, "-n", 1000, *words, "--out", "new.smi"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        words = ("--where", "logP=1.5") if "logP" in spec.conditions.names else ()
        return [("make more", command("sample", folder, "-n", 1000, *words, "--out", "new.smi"))]

    def batch_size(self, spec: Spec) -> int:
        return 512

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        """The molecules drawn in rows."""
        return [media.png(drawing.grid(list(map(str, samples)), columns), phrase("molecules"))]

    def frame(self, sample: str, spec: Spec) -> np.ndarray:
        return drawing.drawn(str(sample))

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        """One .mol file a molecule, numbered."""
        folder.mkdir(parents=True, exist_ok=True)
        found = []
        for k, block in enumerate(writing.blocks(list(map(str, samples))), start):
            found.append(folder / f"{k:06d}.mol")
            found[-1].write_text(block.partition(">  <")[0], encoding="utf-8")
        return found


def molecules_of(dataset: Dataset) -> MoleculeSet:
    """The molecules of a data set.

    Raises:
        UserError: it holds something else.
    """
    if isinstance(dataset, MoleculeSet):
        return dataset
    raise UserError(
        f"data {dataset.name}: molecules are needed: a .smi or .sdf file, or a table with a column of SMILES "
        "(data.signal=molecule)",
        code="molecule.not_molecules",
    )
