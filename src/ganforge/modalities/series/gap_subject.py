"""What is evaluated of a run that fills gaps: blocks that are removed from held-out windows, against what was there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch

from ganforge.core import media
from ganforge.core.language import phrase
from ganforge.core.plot.charts import tiled
from ganforge.core.rng import block_normal
from ganforge.evaluation.report.content import Panel
from ganforge.evaluation.report.gallery import spread
from ganforge.evaluation.subject import Run, Subject, Subjects
from ganforge.modalities.series.charts import filling
from ganforge.modalities.series.filler import Filler, middle
from ganforge.modalities.series.tasks.impute import Impute
from ganforge.modalities.series.unseen import subject_of, unseen_windows

LENGTHS = (1, 3, 6, 12, 24, 48, 96, 192)  # steps
PATHS = 50
MOST = 400  # windows
PART = 16
SHOWN = 6


class Gaps(Subjects, kind="gaps"):
    """Fillings of blocks in the middle of windows that a model has not seen."""

    def of_run(self, run: Run) -> Subject | None:
        recipe, spec = run.model.recipe, run.model.spec
        task = recipe.task
        if not isinstance(task, Impute):
            return None
        signal, dataset, bundle = recipe.signal, run.dataset, run.model.bundle
        G = cast(Filler, bundle.nets["G"])
        unseen = unseen_windows(run, MOST)
        rows = unseen.rows
        sizes = [size for size in LENGTHS if size <= task.longest]

        def drawn() -> Iterator[np.ndarray]:
            for k in range(len(rows)):
                stored = signal.prepare(dataset.read(int(rows[k])), spec)
                x = torch.from_numpy(stored).to(bundle.device, bundle.dtype)[None]
                removed = middle(G, 1, x.shape[2], sizes[k % len(sizes)])
                given = G.by_channel(G.present(x) * (1 - removed.to(x.dtype)))
                z = block_normal(run.seed + k, "filling", 0, PATHS, G.width).to(x.device, x.dtype)
                x, given = x.expand(PATHS, -1, -1), given.expand(PATHS, -1, -1)
                with torch.inference_mode():
                    made = task.filled(bundle.nets, x, given, z)
                values = signal.decode(made, spec)
                values[:, removed[0].T.cpu().numpy() == 0] = np.nan
                yield values[None]

        made = np.concatenate(list(drawn()))
        lead = phrase(
            "{count:,} windows of {steps} steps, from each of which a block was removed and filled {paths} times "
            "by this model, compared with what was there. Recipe {recipe}, {seen:,} windows seen in training.",
            count=len(rows), steps=spec.shape[1], paths=PATHS, recipe=recipe.name, seen=run.model.samples,
        )  # fmt: skip
        return subject_of(run, unseen, made, PATHS, lead, lambda: panels(unseen.chosen, made, spec.state["columns"]))


def panels(windows: np.ndarray, made: np.ndarray, columns: list[dict]) -> Iterator[Panel]:
    """Some gaps with their fillings, of the first column of numbers that was removed."""
    removed = np.asarray(~np.isnan(made[:, 0]).all((0, 1)))
    column = next((k for k, c in enumerate(columns) if removed[k] and not c.get("words")), None)
    if column is None:
        return
    drawings = []
    for k in spread(len(windows), SHOWN):
        asked = ~np.isnan(made[k, 0, :, column])
        drawings.append(filling(windows[k, :, column], made[k, :, :, column], asked, columns[column]["name"]))
    shown = media.png(np.asarray(tiled(drawings, 2).image()), phrase("filled gaps"))
    yield Panel(
        phrase("filled gaps"),
        phrase("The middle 50 % and 80 % of the fillings, their median, and what was there."),
        (shown,),
    )
