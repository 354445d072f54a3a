"""A trained prediction in use: the end of a film in, several ways in which it goes on out.

N: draws, k: frames of the past, T: frames.  Films uint8 [T, H, W, 3].
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.data.path import PathData
from ganforge.inference.labels import label_id
from ganforge.inference.model import Model, load
from ganforge.modalities.video import stills
from ganforge.modalities.video.container import SAME
from ganforge.modalities.video.film import fitted, picked
from ganforge.modalities.video.source import Films
from ganforge.modalities.video.tasks.predict import Predict

MOST_FRAMES, MOST_DRAWS = 10_000, 1_000


class Start(NamedTuple):
    """The end of a film: its name, and its last frames, uint8 [at most k, H, W, 3]."""

    name: str
    frames: np.ndarray


def predict(
    source: Path | str | Model,
    data: Path | str,
    frames: int | None = None,
    n: int = 1,
    seed: int = 0,
    label: int | str | None = None,
) -> np.ndarray:
    """Ways in which a film goes on, uint8 [n, frames, H, W, 3], at the size and rate of the model.

    Args:
        source: a run of a recipe like `predict-video`, its model file, or a loaded model.
        data: a film, or a single image. Its last frames are what is continued.
        frames: by default as many as the clips of the training have after their past.
        label: of a conditional model, such as the action.

    Raises:
        UserError: another kind of model, nothing that can be read, several films, or a number out of range.
    """
    model = source if isinstance(source, Model) else load(source)
    starts = starts_of(model, Path(data))
    if len(starts) > 1:
        raise UserError(f"data {data}: holds {len(starts)} films; name one of them", code="predict.several_films")
    return predicted(model, starts[0], frames, n, seed, label)


def task_of(model: Model) -> Predict:
    """The task of a model that continues films.

    Raises:
        UserError: it does something else.
    """
    task = model.recipe.task
    if not isinstance(task, Predict):
        raise UserError(
            f"{model.folder}: this model ({model.recipe.name}) does not continue films. Train one that does with: "
            "ganforge train predict-video data=FILMS",
            code="predict.not_a_predictor",
        )
    return task


def starts_of(model: Model, path: Path) -> list[Start]:
    """The ends of all films at a path, at the model's size and rate; of a single image, the image.

    Raises:
        UserError: nothing there that can be read.
    """
    task, (height, width), signal = task_of(model), model.spec.shape[2:], signal_of(model)
    if path.is_file() and path.suffix.lower() in stills.IMAGES and not _moves(path):
        try:
            image = stills.rgb(stills.opened(path, str(path)), str(path))
        except BadItem as error:
            raise UserError(f"data {error}", code="data.unreadable") from None
        return [Start(path.name, fitted(image, (height, width), signal.fit)[None])]
    films = PathData(path=str(path), signal="film", split="all", holdout=0.0).open()
    assert isinstance(films, Films)
    films.readable()
    try:
        return [
            Start(films.describe(k), last_frames(films, k, model, task.past, (height, width)))
            for k in range(len(films))
            if films.headers[k] is not None
        ]
    except BadItem as error:
        raise UserError(f"data {error}", code="data.unreadable") from None


def signal_of(model: Model) -> Any:
    """Its signal, a `Video`, whose module asks this one for `file_use`."""
    return model.recipe.signal


def _moves(path: Path) -> bool:
    return stills.is_animated(path) or stills.is_strip(path)


def last_frames(films: Films, film: int, model: Model, count: int, size: tuple[int, int]) -> np.ndarray:
    """The last frames of a film at the model's rate, uint8 [at most count, H, W, 3]. Raises `BadItem`."""
    signal = signal_of(model)
    step = 1 / model.spec.state["fps"]
    header = films.headers[film]
    assert header is not None
    base = signal.stride / step
    rate = header.fps or base
    if header.claimed is not None:  # it breaks off, where exactly only decoding tells
        tail: deque[tuple[float, np.ndarray]] = deque(maxlen=int(count * step * rate) + 2)
        tail.extend((seconds, fitted(pixels, size, signal.fit)) for seconds, pixels in films.frames(film, base))
        times = backward(tail[-1][0] if tail else 0.0, step, count)
        return picked(tail, times, size, signal.fit, films.describe(film))
    return films.clip(film, base, backward((header.frames - 1) / rate, step, count), size, signal.fit)


def backward(end: float, step: float, count: int) -> list[float]:
    """Up to `count` times that end at `end`, `step` apart, none before 0, in order."""
    times = [end - k * step for k in range(count) if end - k * step > -SAME]
    return [max(0.0, time) for time in reversed(times)]


def given(task: Predict, start: Start) -> np.ndarray:
    """What a prediction is made from, uint8 [k, H, W, 3]: where a film has fewer frames, its first one again and again,
    as for single images in training."""
    return np.concatenate([start.frames[:1].repeat(task.past - len(start.frames), 0), start.frames])


def predicted(
    model: Model, start: Start, frames: int | None = None, n: int = 1, seed: int = 0, label: int | str | None = None
) -> np.ndarray:
    """Ways in which a film goes on, uint8 [n, frames, H, W, 3].

    Raises:
        UserError: another kind of model, a number out of range, or a label that is missing or unknown.
    """
    task, spec, bundle = task_of(model), model.spec, model.bundle
    frames = spec.shape[1] - task.past if frames is None else frames
    if not 1 <= frames <= MOST_FRAMES or not 1 <= n <= MOST_DRAWS:
        raise UserError(
            f"--frames {frames} -n {n}: 1 to {MOST_FRAMES:,} frames and 1 to {MOST_DRAWS:,} draws",
            code="predict.out_of_range",
        )
    if label is not None and not model.labels:
        raise UserError(
            f"--label {label}: this model was trained without labels; leave it out", code="sample.no_labels"
        )
    if label is None and model.labels:
        raise UserError(
            f"{model.folder}: this model was trained with labels; say what happens: --label "
            f"{' | '.join(model.labels[:12])}",
            code="predict.label_missing",
        )
    past = torch.from_numpy(given(task, start))
    x = signal_of(model).encode(past[None], spec, Rng(0)).to(bundle.device, bundle.dtype)
    labels = None if label is None else torch.tensor([label_id(label, model.labels)], device=bundle.device)
    with torch.inference_mode(), bundle.on_trial():
        made = task.paths(bundle.nets, x, labels, frames, n, seed)[0]
    return model.recipe.signal.decode(made, spec)
