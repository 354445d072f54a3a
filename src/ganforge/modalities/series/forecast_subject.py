"""What is evaluated of a run that forecasts: paths of every held-out past, against what came."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ganforge.core import media
from ganforge.core.language import phrase
from ganforge.core.plot.charts import tiled
from ganforge.evaluation.report.content import Panel
from ganforge.evaluation.report.gallery import spread
from ganforge.evaluation.subject import Run, Subject, Subjects
from ganforge.modalities.series.charts import fan
from ganforge.modalities.series.tasks.forecast import Forecast
from ganforge.modalities.series.unseen import subject_of, unseen_windows
from ganforge.modalities.series.windows import channels

PATHS = 100
MOST = 400  # pasts
PART = 32
SHOWN = 6


class Forecasts(Subjects, kind="forecasts"):
    """Paths of pasts that a model has not seen."""

    def of_run(self, run: Run) -> Subject | None:
        recipe, spec = run.model.recipe, run.model.spec
        task = recipe.task
        if not isinstance(task, Forecast):
            return None
        signal, dataset = recipe.signal, run.dataset
        unseen = unseen_windows(run, MOST)
        rows, bundle = unseen.rows, run.model.bundle

        def drawn() -> Iterator[np.ndarray]:
            for start in range(0, len(rows), PART):
                stored = np.stack([signal.prepare(dataset.read(int(k)), spec) for k in rows[start : start + PART]])
                x = torch.from_numpy(stored).to(bundle.device, bundle.dtype)
                past, ahead = x[..., : -task.future], x[:, channels(spec.state) :, -task.future :]
                with torch.inference_mode():
                    made = task.paths(bundle.nets, past, task.future, PATHS, run.seed + start, ahead)
                yield signal.decode(made.flatten(0, 1), spec).reshape(len(past), PATHS, task.future, -1)

        made = np.concatenate(list(drawn()))
        lead = phrase(
            "{count:,} pasts of {past} steps, each with {paths} paths of {future} steps of this model, compared "
            "with what came. Recipe {recipe}, {seen:,} windows seen in training.",
            count=len(rows), past=task.past_of(spec), paths=PATHS, future=task.future, recipe=recipe.name,
            seen=run.model.samples,
        )  # fmt: skip
        return subject_of(run, unseen, made, PATHS, lead, lambda: fans(unseen.chosen, made, spec.state["columns"]))


def fans(windows: np.ndarray, paths: np.ndarray, columns: list[dict]) -> Iterator[Panel]:
    """Some forecasts as fans, the first column of numbers of each."""
    column = next(k for k, c in enumerate(columns) if not c.get("words"))
    rows = spread(len(windows), SHOWN)
    past = windows.shape[1] - paths.shape[2]
    drawings = [
        fan(windows[k, :past, column], paths[k, :, :, column], columns[column]["name"], windows[k, past:, column])
        for k in rows
    ]
    image = tiled(drawings, 2).image()
    shown = media.png(np.asarray(image), phrase("forecasts as fans"))
    yield Panel(
        phrase("forecasts"),
        phrase("The past, the middle 50 % and 80 % of the paths, their median, and what came."),
        (shown,),
    )
