"""What a model is asked for in words: one sentence or several, and walks between them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ganforge.core.conditions import Conditions
from ganforge.core.errors import UserError
from ganforge.core.text_condition import Text
from ganforge.inference.choices import Choice

log = logging.getLogger("ganforge")


def condition(conditions: Conditions, model: str) -> Text:
    """The condition that sentences are values of.

    Args:
        model: the name of the model's recipe, for messages.

    Raises:
        UserError: the model was trained without captions.
    """
    if not conditions.texts:
        raise UserError(
            f"text: this model ({model}) was trained without captions. Train one with them: ganforge train "
            "text2image-small data=FOLDER captions=captions.csv",
            code="sample.no_text",
        )
    return conditions.texts[0]


def asked(sentences: Sequence[str], conditions: Conditions, model: str) -> dict[str, Choice]:
    """A choice of these sentences, which samples take in turn, by the name of the condition.

    Raises:
        UserError: the model was trained without captions, or a sentence cannot be read.
    """
    if not sentences:
        return {}
    text = condition(conditions, model)
    return {text.name: Choice(text, tuple(known(text, sentence) for sentence in sentences))}


def known(text: Text, sentence: str) -> str:
    """A sentence as a value, with a warning that names words of it that the model has not been trained with."""
    value = text.read(sentence)
    if strange := text.strange(sentence):
        meant = "; ".join(
            f"{word!r}{text.nearest(word).replace('; did you mean', ': did you mean')}" for word in strange
        )
        log.warning(
            "%s=%s: no caption that the model was trained with has %s; such words are left unread",
            text.name, sentence, meant,
        )  # fmt: skip
    return str(value)


def ends(vary: str, conditions: Conditions) -> list[str]:
    """The two sentences of `text=a red heart..a blue moon`; none if it is about a condition that is not a text."""
    name, _, both = vary.partition("=")
    if name.strip() not in {text.name for text in conditions.texts}:
        return []
    first, dots, last = both.partition("..")
    if not (dots and first.strip() and last.strip()):
        raise UserError(
            f"--vary {vary}: expected two sentences, as in {name.strip()}=a red heart..a blue moon",
            code="walk.invalid_range",
        )
    return [first.strip(), last.strip()]


def between(vectors: Tensor, frames: int, loop: bool = False) -> tuple[Tensor, dict[str, Tensor]]:
    """A walk through conditions that are texts, each an even share of the way.

    Args:
        vectors: of the stations in order, [S, K].

    Returns:
        For each frame, the conditions that it comes from, [frames, K], and as `Request.extra` those that it goes toward
        and how far.
    """
    stations = torch.cat([vectors, vectors[:1]]) if loop else vectors
    at = torch.from_numpy(np.linspace(0, len(stations) - 1, frames, endpoint=not loop)).float()
    first = at.floor().long().clamp(max=max(len(stations) - 2, 0))
    after = (first + 1).clamp(max=len(stations) - 1)
    return stations[first], {"toward": stations[after], "share": at - first}
