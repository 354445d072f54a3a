"""Points of a sample that are moved, in a worker of the studio: `ganforge explore drag` for the sample that is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganforge.explore.dragging import Pull
from ganforge.explore.dragging import drag as dragged
from ganforge.inference import film
from ganforge.ui.sheets import marked_points, read_mask
from ganforge.web import writing
from ganforge.web.operations import Held, operation
from ganforge.web.studio.operations import by_name, images_of
from ganforge.web.studio.places import codes_at, placed
from ganforge.web.writing import Answer

RATE = 12
"""Frames per second of the film."""


@operation("drag")
def drag(held: Held, ask: dict[str, Any]) -> Answer:
    """Moves points of the sample at a place. The body is a film with the points drawn; the frames have none."""
    model, request = placed(held, ask)
    handles, targets = ([tuple(pair[end]) for pair in ask["pulls"]] for end in ("handle", "target"))
    mask = None
    if ask["file"]:
        with by_name(ask["file"]):
            mask = read_mask(Path(ask["file"]), tuple(model.spec.shape[1:]))
    start = codes_at(model, request)
    found = dragged(held.model, handles, targets, latents=start, mask=mask, pull=Pull(ask["steps"]))
    path = held.scratch / "drag.gif"
    frames = [(model.frames(sample)[0], at) for sample, at in found.film]
    film.write([marked_points(frame, at, targets) for frame, at in frames], path, fps=RATE, loop=False)
    moments = [{"shown": images_of(model, sample)[0], "handles": at} for sample, at in found.film]
    facts = {"frames": moments, "left": found.left, "steps": found.steps, "codes": found.codes.to_plain()}
    return Answer(writing.taken(path), "image/gif", "drag.gif", facts)
