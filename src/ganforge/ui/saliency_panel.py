"""What the critic of an evaluated run looks at, as a part of its report."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import torch

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.media import png
from ganforge.evaluation.report.content import Panel
from ganforge.evaluation.subject import Subject
from ganforge.explore.saliency import saliency
from ganforge.explore.space import Space, space_of
from ganforge.ui.sheets import GAP, heat, strip

log = logging.getLogger("ganforge")

SHOWN, FEWER = 8, 4
"""Samples that are shown; from `LARGE` px on fewer, since derivatives of large critics take long."""
LARGE = 128


def saliency_panel(subject: Subject, seed: int = 0) -> Iterator[Panel]:
    """Generated images above the parts that the critic looks at; nothing for other samples, or without a critic."""
    model = subject.model
    if model is None or not model.recipe.task.can_sample or len(model.spec.shape) != 3:
        return
    n = SHOWN if max(model.spec.shape[1:]) < LARGE else FEWER
    try:
        space = space_of(model)
        request = space.request(n, seed)
        with torch.no_grad():
            x = space.make(space.points_of(request), request.labels)
        frames = Space(model, "z").frames(x)
        if frames[0].shape[:2] != tuple(model.spec.shape[1:]):  # drawn, so that no map can be laid over them
            return
        found = saliency(model, x, request.labels, seed=seed)
    except UserError as error:
        log.warning("the report shows no saliency: %s", error)
        return
    maps = [heat(frame, values) for frame, values in zip(frames, found.maps.numpy(), strict=True)]
    rows = [strip(frames), strip(maps)]
    image = np.concatenate([rows[0], np.full((GAP, rows[0].shape[1], 3), 255, np.uint8), rows[1]])
    yield Panel(
        "saliency",
        phrase("Generated samples, each above the parts that change the score of {critic} most.", critic=found.of),
        (png(image),),
        (phrase("fake"), phrase("saliency")),
    )
