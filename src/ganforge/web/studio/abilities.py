"""What the page Explore can show of a model. Runs in the worker process alone."""

from __future__ import annotations

from typing import Any

from ganforge.core.errors import UserError
from ganforge.explore.hidden import grids
from ganforge.explore.space import Space, refuse_underivable, space_of
from ganforge.inference.codes import styles_of
from ganforge.web.operations import Held, operation
from ganforge.web.studio.file_uses import described, in_each
from ganforge.web.writing import Answer


@operation("abilities")
def abilities(held: Held, ask: dict[str, Any]) -> Answer:
    """What the page Explore can show of a model."""
    model = held.model
    facts: dict[str, Any] = dict.fromkeys(("frames", "directions", "project", "drag"), False) | {"layers": 0}
    facts["sample"] = in_each(model.recipe.signal.describe(model.spec))
    facts["file"] = described(model.recipe.signal.file_use(model))
    if not held.facts["can"]["walk"] or not model.recipe.signal.has_frames:
        return Answer(facts=facts)
    facts["frames"] = True
    if (shape := styles_of(model.bundle)) is not None:
        facts["layers"] = shape[0]
    try:
        space = space_of(model)
        facts["directions"] = facts["project"] = True
        facts["drag"] = can_be_dragged(space)
    except UserError:  # its latents are noise of every step
        return Answer(facts=facts)
    return Answer(facts=facts)


def can_be_dragged(space: Space) -> bool:
    """Whether samples are images whose pixels are those of the net, made with a hidden grid of features."""
    model = space.model
    if len(model.spec.shape) != 3 or not grids(space):
        return False
    try:
        refuse_underivable(space)
    except UserError:
        return False
    (frame,) = model.frames(next(iter(model.batches(1)))[0])
    return tuple(frame.shape[:2]) == tuple(model.spec.shape[1:])
