"""Completes rows of which some cells are given: the model fills in the others, as rows with these cells have them.

A generator makes rows and scores none, but its output r says how likely each choice is, and what each number will be.
So for a row with the given cells x_S, K candidates are drawn as new rows are, on condition of the rarest of its given
categories (where the model was trained with conditions), and one is picked with a probability proportional to

    w_k = Π_choices ((1 − ε) softmax(r_k)[x_s] + ε / width)  ·  Π_values exp(−(x_s − v_k)² / 2 h²)

    v_k = tanh r_k; the place of a number within its mode. The mode of a given number is drawn by its odds.

Everything else of the row is that candidate's, each choice drawn by its probability; that of a missing value is left
out. Rubin 1987 (sampling importance resampling); ε and h say how far a given cell may be from what is made: no
generator is so sure of itself that one cell should outweigh all others.

The limits: the more is given, the fewer of the candidates come near. Where one holds nearly all of the weight, the row
is completed from its nearest match, and the spread of the model is lost. What the model did not learn is not found.

N: rows, K: candidates, D: numbers a row.  r [K, D], x [N, D].
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.types import Request, Spec, wide
from ganforge.inference.model import Model
from ganforge.modalities.table import partial, rows
from ganforge.modalities.table.columns import identifiers
from ganforge.modalities.table.heads import Columns
from ganforge.modalities.table.likelihood import ColumnsModule
from ganforge.modalities.table.partial import Partial
from ganforge.modalities.table.tasks.conditions import conditions_of
from ganforge.modalities.table.tasks.rowmaker import RowMaker
from ganforge.modalities.table.tasks.target import TargetNet
from ganforge.tasks.autoencode import Decoder

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("ganforge")

CANDIDATES = 4_096
ROWS = 512  # that share candidates
DOUBT = 0.02  # ε
NEAR = 0.1  # h, of half the width of a mode
ALONE = 2.0  # effective candidates; with fewer, one decides
NEVER = -1e4  # a raw number that is never picked
SHOWN = 5


@dataclass(frozen=True)
class Completed:
    """Completed rows.

    Attributes:
        rows: all columns of the table, in its order; given cells as they were.
        gaps: bool [N, columns]: which cells were filled in.
        alone: rows that had one near candidate only, and so are completed from their nearest match.
        unseen: column → rows with a value that training never saw, which is kept and informs nothing.
    """

    rows: pd.DataFrame
    gaps: np.ndarray
    alone: int
    unseen: dict[str, int]

    @property
    def filled(self) -> int:
        """How many cells were filled in."""
        return int(self.gaps.sum())


def can_complete(model: Model) -> bool:
    """Whether a model of rows says how likely each of its choices is, so that rows can be completed with it."""
    try:
        _heads(model)
    except UserError:
        return False
    return True


def completed(model: Model, frame: pd.DataFrame, seed: int = 0) -> Completed:
    """Rows with the empty cells, and the columns that are not there, filled in. Row k depends on its cells, k and seed.

    Raises:
        UserError: no rows, a column that the table does not have, a cell that is no number where all others are, or a
            model that cannot complete rows.
    """
    spec = model.spec
    if model.recipe.signal.kind != "table":
        raise UserError(
            f"{model.folder}: rows of a table are completed, and this is a model of the signal "
            f"{model.recipe.signal.kind!r}",
            code="model.signal_differs",
        )
    if not len(frame):
        raise UserError("there are no rows to complete", code="table.no_rows")
    names = spec.state.get("given", {}).get("names", spec.state["names"])
    outer = dict(zip(map(_key, names), spec.state["names"], strict=True))
    inner = frame.set_axis([outer.get(_key(name), str(name)) for name in frame.columns], axis=1)
    if not inner.columns.is_unique:
        twice = inner.columns[inner.columns.duplicated()][0]
        raise UserError(f"two columns are named {twice!r}. Rename or remove one", code="table.columns_twice")
    given = partial.read(inner, spec)
    if given.unseen:
        some = [f"{name} ({count:,} rows)" for name, count in list(given.unseen.items())[:SHOWN]]
        log.warning(
            "values that the model never saw are kept, and inform nothing: in %s%s",
            ", ".join(some), ", ..." if len(given.unseen) > SHOWN else "",
        )  # fmt: skip
    with torch.inference_mode(), model.bundle.on_trial():
        made, alone = _made(model, given, len(frame), seed)
    made = _with_new_identifiers(made, inner, spec)
    made = model.recipe.signal.returned(made, spec)
    result = {}
    gaps = np.stack([~given.given[name] for name in spec.state["names"]], 1)
    for k, name in enumerate(spec.state["names"]):
        values = made.iloc[:, k].set_axis(frame.index)
        result[name] = combined(inner[name], values, gaps[:, k]) if name in inner.columns else values
    import pandas as pd

    return Completed(pd.DataFrame(result).set_axis(made.columns, axis=1), gaps, alone, given.unseen)


def combined(given: Any, made: pd.Series, gaps: np.ndarray) -> Any:
    """The given cells and, in the gaps, those that were made; of the type of these where it holds the given ones."""
    if not gaps.any():
        return given
    if gaps.all():
        return made
    result = made.copy()
    some = given[~gaps].astype(object)
    try:
        fits = some.astype(made.dtype)
        if fits.notna().all() and (fits.astype(object) == some).all():
            result[~gaps] = fits
            return result
    except (TypeError, ValueError, OverflowError):
        pass  # another type: below
    result = result.astype(object)
    result[~gaps] = some
    return result


def _key(name: Any) -> Any:
    return tuple(name) if isinstance(name, list) else name


def _made(model: Model, given: Partial, count: int, seed: int) -> tuple[pd.DataFrame, int]:
    """Rows made to fit the given cells, and how many rest on one candidate."""
    spec, device = model.spec, model.bundle.device
    heads = _heads(model)
    never = _missing_places(spec)
    places = torch.tensor(never, dtype=torch.int64, device=device)
    conditions = _conditions(given, spec)
    draws = torch.special.ndtr(block_normal(seed, "completing", 0, count, 1 + spec.shape[0])).to(device)
    made, alone = torch.empty(count, spec.shape[0]), 0
    for start in range(0, count, ROWS):
        part = slice(start, min(start + ROWS, count))
        x, known = (tensor.to(device) for tensor in given.encoded(part, spec, Rng(seed, start, "completing")))
        for condition in np.unique(conditions[part]).tolist():
            at = torch.from_numpy(np.flatnonzero(conditions[part] == condition)).to(device)
            raw = _candidates(model, seed, start // ROWS * CANDIDATES, condition)  # [K, D]
            weights = weigh(raw, x[at], known[at], heads).softmax(1)  # [n, K]
            alone += int((1 / weights.square().sum(1) < ALONE).sum())
            uniform = draws[part][at]  # [n, 1 + D]
            picked = (weights.cumsum(1) < uniform[:, :1]).sum(1).clamp_max(CANDIDATES - 1)
            chosen = raw[picked].index_fill(1, places, NEVER)
            rows_made = _drawn(model, chosen, uniform[:, 1:])
            if isinstance(C := model.bundle.nets.get("C"), TargetNet):  # the target from the others, the given ones too
                both = torch.where(known[at], x[at], rows_made)
                rows_made[:, C.place] = C.drawn(both, uniform[:, 1:].flip(1), never)[:, C.place]
            made[start + at.cpu()] = rows_made.float().cpu()
    return rows.decoded(made.numpy(), _without_missing(spec)), alone


def weigh(raw: Tensor, x: Tensor, known: Tensor, heads: Columns) -> Tensor:
    """log w [N, K] of candidates [K, D] for rows [N, D] of which some numbers are known, bool [N, D]."""
    width = heads.spread(heads.member.sum(0).expand(1, -1))  # [1, D], of each number's block
    choices = torch.log((1 - DOUBT) * heads.log_softmax(raw).exp() + DOUBT / width)  # [K, D]
    values = heads.with_values(raw, raw)
    among = known & heads.chosen
    measured = (known & ~heads.chosen).to(raw.dtype)
    score = torch.where(among, x, 0.0) @ choices.T
    of_value = torch.where(heads.chosen, 0.0, values)
    away = (measured * x.square()).sum(1, keepdim=True) - 2 * (measured * x) @ of_value.T
    return score - (away + measured @ of_value.square().T) / (2 * NEAR**2)


def _heads(model: Model) -> Columns:
    G = model.bundle.nets.get("G")
    if isinstance(G, RowMaker):
        return G.heads
    if isinstance(G, Decoder) and isinstance(G.likelihood, ColumnsModule):
        return G.likelihood.columns
    raise UserError(
        f"{model.folder}: models of the task {model.recipe.task.kind!r} cannot complete rows", code="complete.no_way"
    )


def _candidates(model: Model, seed: int, start: int, condition: int) -> Tensor:
    """Raw numbers [K, D] of new rows, on a condition (−1: any)."""
    bundle = model.bundle
    z = model.recipe.task.latents(Request(n=CANDIDATES, seed=seed, start=start)).to(bundle.device, bundle.dtype)
    G = bundle.nets["G"]
    if not isinstance(G, RowMaker):
        return wide(G(z))
    uniform = torch.special.ndtr(block_normal(seed, "candidates", start, CANDIDATES, 1))[:, 0].to(z.device)
    return wide(G.net(z, G.conditions(uniform, torch.full((CANDIDATES,), condition, device=z.device))))


def _drawn(model: Model, raw: Tensor, uniform: Tensor) -> Tensor:
    G = model.bundle.nets["G"]
    uniform = uniform.to(raw.dtype)
    return G.heads.draw(raw, uniform) if isinstance(G, RowMaker) else G.draw(raw, uniform)  # type: ignore[union-attr, operator]


def _conditions(given: Partial, spec: Spec) -> np.ndarray:
    """Of each row the rarest of its given categories, as its place in the conditional vector; −1 without any."""
    picked = [c["name"] for c in spec.state["columns"] if c["encoding"] == "onehot"]
    best = np.full(len(given.stored), -1)
    share = np.full(len(given.stored), np.inf)
    for entry in conditions_of(spec):
        codes = given.stored[:, picked.index(entry["column"])].astype(np.int64)
        shares = np.asarray(entry["frequencies"], float) / sum(entry["frequencies"])
        of_row = np.where(given.given[entry["column"]] & (codes >= 0), shares[codes], np.inf)
        best = np.where(of_row < share, entry["start"] + codes, best)
        share = np.minimum(share, of_row)
    return best


def _missing_places(spec: Spec) -> list[int]:
    """The numbers of a row that say that a value is missing."""
    columns = {column["name"]: column for column in spec.state["columns"]}
    found = []
    for block in spec.state["blocks"]:
        column = columns[block["column"]]
        if block["role"] == "category" and column["missing_at"] is not None:
            found.append(block["start"] + column["missing_at"])
        elif block["role"] == "mode" and column["missing"]:
            found.append(block["start"] + block["width"] - 1)
    return found


def _without_missing(spec: Spec) -> Spec:
    """The spec with names that are drawn without the missing ones, where there are others."""
    columns = []
    for column in spec.state["columns"]:
        if column["kind"] == "name":
            pairs = zip(column["rare"]["values"], column["rare"]["counts"], strict=True)
            values, counts = zip(*[pair for pair in pairs if pair[0] is not None], strict=True)
            column = column | {"rare": {"values": list(values), "counts": list(counts)}}
        columns.append(column)
    return replace(spec, state=spec.state | {"columns": columns})


def _with_new_identifiers(made: pd.DataFrame, given: pd.DataFrame, spec: Spec) -> pd.DataFrame:
    """The rows with identifiers that none of the given ones repeats."""
    for column in spec.state["columns"]:
        name = column["name"]
        if column["kind"] != "identifier" or name not in given.columns:
            continue
        taken = set(given[name].dropna().map(str))
        new = identifiers.make(column, 0, len(made) + len(taken))
        free = [value for value in new if str(value) not in taken][: len(made)]
        made = made.assign(**{name: rows.restore(free, column)})
    return made
