"""What a trained prediction makes of a given film: the frames that follow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.language import phrase
from ganforge.inference.model import Model
from ganforge.modalities.video import container, predicting, writing
from ganforge.modalities.video.tasks.predict import Predict
from ganforge.signals import FileResult, FileUse, Setting

READ = (".mp4", ".mov", ".webm", ".gif", ".npy", ".png", ".jpg", ".jpeg", ".webp")
MOST_FRAMES, MOST_WAYS = 1_000, 64
"""Frames and continuations that a page may ask for."""
COLUMNS = 4
PYTHON = """from ganforge.modalities.video.predicting import predict

frames = predict({model!r}, {file!r}{more})  # uint8 [n, frames, H, W, 3]"""


def file_use(model: Model) -> FileUse | None:
    """What a model makes of a film; None of one that only makes new films."""
    task, spec = model.recipe.task, model.spec
    if not isinstance(task, Predict):
        return None
    text = phrase(
        "Takes a film or an image, and makes the frames that follow its last {n} frames. They are {height}×{width} px.",
        n=task.past, height=spec.shape[2], width=spec.shape[3],
    )  # fmt: skip
    usual = spec.shape[1] - task.past
    settings = [
        Setting("frames", "--frames", phrase("Frames"), phrase("Frames to make."), usual, 1, MOST_FRAMES),
        Setting("n", "-n", phrase("Continuations"), phrase("Ways in which the film goes on."), 1, 1, MOST_WAYS),
        Setting("seed", "--seed", phrase("Seed"), phrase("Which continuations."), 0),
    ]
    if model.labels:
        help_text = phrase("What happens in the film.")
        settings.append(
            Setting("label", "--label", phrase("Class"), help_text, model.labels[0], choices=tuple(model.labels))
        )
    result = f"next{ending()}"
    return FileUse(
        phrase("Continue films"), text, READ, "predict", "start.mp4", result, PYTHON, partial(use, model),
        tuple(settings),
    )  # fmt: skip


def ending() -> str:
    """Of films, as they can be written here."""
    return ".mp4" if container.is_there() else ".gif"


def use(model: Model, data: Path, folder: Path, settings: Mapping[str, Any]) -> FileResult:
    """The new frames as a film; shown after those that were given."""
    start = predicting.starts_of(model, data)[0]
    clips = predicting.predicted(model, start, **settings)
    before = predicting.given(predicting.task_of(model), start)
    fps = model.spec.state["fps"]
    path = folder / f"next{ending()}"
    model.recipe.signal.exporters[path.suffix](clips, path, model.spec)
    says = phrase(
        "Shown: {given} frames that were given, then {made:,} new ones.", given=len(before), made=len(clips[0])
    )
    whole = np.concatenate([np.repeat(before[None], len(clips), 0), clips], 1)
    media = [writing.animation(whole, fps, COLUMNS), writing.sheet(whole, 1 if len(clips) < COLUMNS else 2)]
    return FileResult(path, (says,), media)
