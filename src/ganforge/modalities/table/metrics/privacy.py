"""Do generated rows give away rows that the generator was trained on?

Three looks, each beside real rows that it was not trained on, which are what an honest model's rows should be like:

    dcr           how often the distance from a generated row to its closest training row is less than that from a
                  held-out row, ties half: 0.5 where generated rows come no nearer than new real ones do
    exact_copies  the share of generated rows that equal a training row in every column; of held-out rows as many do by
                  chance
    membership    the area under the ROC curve of an attacker who has the generated rows alone and takes a row for a
                  training row when a generated one lies near it (Chen et al. 2020, "GAN-Leaks", the black-box attack
                  with distances): 0.5 where training rows and held-out ones look alike to it

These are checks of rows, not a promise: an attack that is not tried here may do better. Distances are Euclidean; what
counts as 1 is a standard deviation of a number, or a category that differs (`design.Dense`).

N: rows asked about, M: training rows, d [N].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, cast

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.core.language import listed, phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.table.metrics import plots
from ganforge.modalities.table.metrics.design import Dense, auc, closest, spread_over
from ganforge.modalities.table.metrics.frames import Column, columns_of, frame_of, numbers, stamped, texts

ROOM = 50_000_000  # numbers of a table in its dense form: 200 MB
FEWEST = 10  # held-out rows
SURE = 3.0  # standard errors beyond chance


class TablePrivacy(Metric, kind="privacy"):
    """Distance to the closest training row, exact copies, and membership inference, beside rows never trained on."""

    signals: ClassVar[tuple[str, ...]] = ("table",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "dcr": Meaning("How often a fake lies nearer to a training row than an unseen real row does.", "at most", 0.5),
        "exact_copies": Meaning("Share of fakes that equal a training row in every column.", "lower", 0),
        "membership": Meaning(
            "How well an attacker with only the fakes detects training rows: ½ is chance.", "at most", 0.5
        ),
    }
    most: int = Field(default=5_000, ge=100)
    """Rows of each side whose nearest neighbors are looked for, at most."""

    def compute(self, comparison: Comparison) -> list[Result]:
        columns = columns_of(comparison)
        train, fake = frame_of(comparison, "train"), frame_of(comparison, "fake", self.n)
        unseen = None if comparison.heldout is None else frame_of(comparison, "heldout")
        if unseen is not None and len(unseen) < FEWEST:
            unseen = None
        outside = None if unseen is None else unseen.iloc[spread_over(len(unseen), self.most)]
        if len(train) < 2:
            raise UserError(
                f"metric 'privacy': {len(train)} training rows are too few to measure distances to; leave it out",
                code="metric.too_few_samples",
            )
        dense = Dense(columns, train)
        notes = notes_on(comparison, dense, unseen is not None)
        rows = spread_over(len(train), ROOM // dense.width)
        if len(rows) < len(train):
            notes.append(
                phrase(
                    "Neighbors are searched for among {some:,} of the {all:,} training rows.",
                    some=len(rows),
                    all=len(train),
                )
            )
        yardstick = "leave-one-out" if unseen is None else "held-out"
        protocol = {"train": comparison.train.name, "n_train": len(rows), "yardstick": yardstick}
        known = dense(train.iloc[rows])
        asked = dense(fake.iloc[spread_over(len(fake), self.most)])
        told = _told(comparison, "closest training rows")
        distance = closest(asked, known, comparison.device, told)
        chance = self._by_chance(known, None if outside is None else dense(outside), comparison)
        results = [
            self._closest(comparison, distance, chance, protocol, notes),
            self._copies(comparison, columns, train, fake, unseen, protocol),
        ]
        if outside is not None:
            results.append(self._membership(comparison, dense, train, fake, outside, protocol))
        return results

    def _by_chance(self, known: np.ndarray, unseen: np.ndarray | None, comparison: Comparison) -> np.ndarray:
        """Distances to the closest training row of held-out rows; without any, of training rows to another one."""
        told = _told(comparison, "closest training rows of real ones")
        if unseen is not None:
            return closest(unseen, known, comparison.device, told)
        out = spread_over(len(known), self.most)
        order = np.concatenate([out, np.setdiff1d(np.arange(len(known)), out)])  # row k of both sides is the same
        return closest(known[out], known[order], comparison.device, told, same=True)

    def _closest(
        self, comparison: Comparison, distance: np.ndarray, chance: np.ndarray, protocol: dict, notes: list[str]
    ) -> Result:
        error = chance_error(len(distance), len(chance))
        value = auc(-distance, -chance)
        detail = {
            "error": error,
            "closer": value > 0.5 + SURE * error,
            "quantiles": quantiles(distance),
            "quantiles_by_chance": quantiles(chance),
            "notes": [
                *notes,
                phrase(
                    "Median distance {ours:.3g}, of real rows {real:.3g}.",
                    ours=float(np.median(distance)),
                    real=float(np.median(chance)),
                ),
            ],
            "plots": [
                {
                    "title": phrase("Distance to the closest training row (real: rows that were not trained on)"),
                    "under": phrase("Privacy"),
                    "drawing": plots.histogram(chance, distance, False, False, phrase("distance")),
                }
            ],
        }
        more = protocol | {"n_near": len(distance), "n_yardstick": len(chance)}
        return stamped(comparison, self.n, "dcr", value, "closest row", protocol=more, detail=detail)

    def _copies(
        self, comparison: Comparison, columns: list[Column], train: Any, fake: Any, unseen: Any, protocol: dict
    ) -> Result:
        known = row_hashes(columns, train, train)
        value = float(np.isin(row_hashes(columns, fake, train), known).mean())
        if unseen is not None:
            chance, n = float(np.isin(row_hashes(columns, unseen, train), known).mean()), len(unseen)
        else:
            _, place, counts = np.unique(known, return_inverse=True, return_counts=True)
            chance, n = float((counts[place] > 1).mean()), len(train)
        share = (value * len(fake) + chance * n) / (len(fake) + n)
        error = math.sqrt(max(share * (1 - share), 1e-12) * (1 / len(fake) + 1 / n))
        detail = {
            "by_chance": chance,
            "error": error,
            "copying": value > chance + SURE * error and value * len(fake) >= 2,
            "notes": [
                phrase(
                    "Of {n:,} real rows that were not trained on, {chance:.2%} equal a training row.",
                    n=n,
                    chance=chance,
                )
                if unseen is not None
                else phrase("Of {n:,} training rows, {chance:.2%} equal another one.", n=n, chance=chance)
            ],
        }
        more = protocol | {"n_train": len(train), "n_yardstick": n}
        return stamped(comparison, self.n, "exact_copies", value, "rows", protocol=more, detail=detail)

    def _membership(
        self, comparison: Comparison, dense: Dense, train: Any, fake: Any, outside: Any, protocol: dict
    ) -> Result:
        outsiders = dense(outside)
        members = dense(train.iloc[spread_over(len(train), len(outsiders))])
        made = dense(fake.iloc[spread_over(len(fake), ROOM // dense.width)])
        near = [
            closest(rows, made, comparison.device, _told(comparison, "closest generated rows"))
            for rows in (members, outsiders)
        ]
        value, error = auc(-near[0], -near[1]), chance_error(len(members), len(outsiders))
        detail = {"error": error, "told": value > 0.5 + SURE * error, "medians": [float(np.median(d)) for d in near]}
        more = protocol | {"n_members": len(members), "n_yardstick": len(outsiders), "attack": "closest generated row"}
        return stamped(comparison, self.n, "membership", value, "closest row", protocol=more, detail=detail)


def notes_on(comparison: Comparison, dense: Dense, held_out: bool) -> list[str]:
    """What a reader should know of how near was measured."""
    notes = []
    if not held_out:
        notes.append(
            phrase(
                "No rows were held back: each training row in turn stands for an unseen one; membership is not "
                "measured."
            )
        )
    if not comparison.known_train:
        notes.append(phrase("The rows of {name} are treated as the training rows.", name=comparison.train.name))
    if dense.bucketed:
        shown = listed(dense.bucketed, 3)
        notes.append(
            phrase("Rare categories of {columns} count as one in distances (not in exact copies).", columns=shown)
        )
    return notes


def row_hashes(columns: list[Column], frame: Any, like: Any) -> np.ndarray:
    """A hash of each row, uint64 [N]; those of two tables agree where their rows do (by chance once in 10^19)."""
    import pandas as pd
    import pandas.util

    plain = {
        str(k): numbers(frame[c.name], c) + 0.0 if c.numeric else texts(frame[c.name], like[c.name]).fillna("\0")
        for k, c in enumerate(columns)
    }
    hashing = cast(Any, pandas.util)
    return hashing.hash_pandas_object(pd.DataFrame(plain), index=False).to_numpy()


def chance_error(n: int, m: int) -> float:
    """The standard error of an AUC of n against m samples that are alike (Mann and Whitney)."""
    return math.sqrt((n + m + 1) / (12 * n * m))


def quantiles(d: np.ndarray) -> dict[str, float]:
    return {f"{q:g}": float(np.quantile(d, q)) for q in (0.01, 0.05, 0.5, 0.95)}


def _told(comparison: Comparison, title: str):
    return lambda done, total: comparison.progress(title, done, total)
