"""What a model with conditions is asked for: `angle=30`, `color in red,blue`, `x between 0 and 1`, `color is missing`.

What is not asked is drawn as the training data has it: from its combinations that agree with the asked categories, if
there are any. A range that moves, for a walk: `angle=0..360`, `color=red..blue`.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ganforge.core.condition_kinds import Angle, Condition, Listed, Number, Ordinal, Value
from ganforge.core.conditions import Conditions
from ganforge.core.errors import UserError
from ganforge.core.text_condition import Text
from ganforge.inference import sentences
from ganforge.inference.choices import Choice

log = logging.getLogger("ganforge")

BETWEEN = re.compile(r"between\s+(.+?)\s+and\s+(.+)", re.IGNORECASE)
LISTED = re.compile(r"in\s+(.+)", re.IGNORECASE)
MISSING = re.compile(r"is\s+(?:missing|unknown|null)", re.IGNORECASE)
ORDERED = re.compile(r"[<>!]=?|not\s+in\b", re.IGNORECASE)


def read(texts: Sequence[str], conditions: Conditions, model: str) -> dict[str, Choice]:
    """What is asked of each condition, by its name.

    Args:
        model: the name of the model's recipe, for messages.

    Raises:
        UserError: the model has no conditions or no such one, a value is not possible, or two texts contradict each
            other.
    """
    if texts and not conditions:
        raise UserError(
            f"where {texts[0]!r}: this model ({model}) was trained without conditions. Train one with a table of them, "
            "as in labels=labels.csv; to sample one class of a conditional model, use --label",
            code="where.no_conditions",
        )
    found: dict[str, Choice] = {}
    for text in texts:
        choice = _choice(text, conditions)
        name = choice.condition.name
        if name in found and found[name] != choice:
            raise UserError(
                f"where {text!r}: contradicts another condition on {name}. Ask for each once; several values in turn: "
                f"'{name} in A,B'",
                code="where.contradiction",
            )
        found[name] = choice
    return found


def one_each(texts: Sequence[str], conditions: Conditions, model: str) -> Tensor:
    """The vector of what a sample is to be changed to, float32 [1, K]: one value of each condition that is asked for.

    Raises:
        UserError: as `read`, or several values of one condition.
    """
    asked = read(texts, conditions, model)
    several = next((one.condition.name for one in asked.values() if len(one.values) != 1), None)
    if several is not None:
        raise UserError(f"where: one value of {several} at a time, as in {several}=VALUE", code="translate.one_value")
    row = [asked[name].values[0] if name in asked else None for name in conditions.names]
    return torch.from_numpy(conditions.encode([row]))


def nothing_asked(conditions: Conditions, model: str) -> UserError:
    """The error of a translator that was not told what to change.

    Args:
        model: what the user calls it.
    """
    return UserError(
        f'{model} changes {conditions.said()}: say what is to be changed, as in --where "{conditions.names[0]}=VALUE"',
        code="translate.nothing_asked",
    )


def _choice(text: str, conditions: Conditions) -> Choice:
    name = max((n for n in conditions.names if text.startswith(n)), key=len, default="")
    rest = text[len(name) :].strip()
    if not name or (rest[:1] not in ("=", "<", ">", "!") and text[len(name) : len(name) + 1] not in ("", " ")):
        conditions[re.split(r"[=<>!\s]", text, maxsplit=1)[0]]  # raises, and names the nearest
        name, rest = text, ""
    condition = conditions[name]
    if ORDERED.match(rest):
        raise UserError(
            f"where {text!r}: a model is asked for values: {name}=VALUE, '{name} in A,B' or '{name} between A and B'",
            code="where.operator_not_supported",
        )
    if rest.startswith("="):
        value = rest.lstrip("=").strip()
        if not value:
            return Choice(condition, (None,))
        return Choice(condition, (_known(condition, value),))
    if MISSING.fullmatch(rest):
        return Choice(condition, (None,))
    if (match := LISTED.fullmatch(rest)) is not None:
        parts = next(csv.reader([match[1]], skipinitialspace=True))
        return Choice(condition, tuple(_known(condition, part.strip()) for part in parts))
    if (match := BETWEEN.fullmatch(rest)) is not None:
        low, high = _known(condition, match[1].strip()), _known(condition, match[2].strip())
        if not isinstance(low, float) or not isinstance(high, float):
            raise UserError(
                f"where {text!r}: {name} is not a number; use '{name} in A,B'", code="where.operator_not_supported"
            )
        return Choice(condition, between=(low, high))
    raise UserError(
        f"where {text!r}: expected {name}=VALUE, '{name} in A,B', '{name} between A and B' or '{name} is missing'",
        code="where.no_comparison",
    )


def _known(condition: Condition, text: str) -> Value:
    """A value, with a warning if it is outside the range of the training data, or has words that the model has not been
    trained with."""
    if isinstance(condition, Text):
        return sentences.known(condition, text)
    value = condition.read(text)
    if isinstance(condition, Number) and condition.beyond(float(value)):  # type: ignore[arg-type]
        log.warning(
            "%s=%s: outside the training data (%s), so that the model extrapolates",
            condition.name, text, condition.said(),
        )  # fmt: skip
    return value


def vectors(asked: dict[str, Choice], conditions: Conditions, seed: int, start: int, n: int) -> Tensor:
    """The vectors of samples start..start+n of a seed, float32 [n, K]."""
    rows = [list(row) for row in conditions.draw(seed, start, n, agreeing(asked, conditions))]
    for k, one in enumerate(conditions.each):
        if one.name in asked:
            for row, value in zip(rows, asked[one.name].at(seed, start, n), strict=True):
                row[k] = value
    return torch.from_numpy(conditions.encode(rows))


def agreeing(asked: dict[str, Choice], conditions: Conditions) -> list[int] | None:
    """The observed combinations that have the asked values of all conditions that are not numbers; None if none is
    asked, or no combination has them."""
    found = list(range(len(conditions.observed)))
    for k, one in enumerate(conditions.each):
        if one.name in asked and not isinstance(one, (Number, Angle)):
            found = [row for row in found if conditions.observed[row][k] in asked[one.name].values]
    return found if 0 < len(found) < len(conditions.observed) else None


def varied(text: str, asked: dict[str, Choice], conditions: Conditions, frames: int, seed: int) -> Tensor:
    """The vectors of a walk in which one condition moves and all others stay, float32 [frames, K].

    A full turn of an angle does not repeat its first frame. Between categories, the vectors are interpolated.

    Args:
        text: `angle=0..360`.

    Raises:
        UserError: no such condition, it is asked for a value too, or the ends are not values of it.
    """
    name, equal, ends = text.partition("=")
    first, dots, last = ends.partition("..")
    condition = conditions[name.strip()]
    if not (equal and dots and first.strip() and last.strip()):
        raise UserError(
            f"--vary {text}: expected a condition and two values, as in {condition.name}=0..360",
            code="walk.invalid_range",
        )
    if condition.name in asked:
        raise UserError(
            f"--vary {text}: {condition.name} is to move, and --where asks for one value of it. Leave one of them out",
            code="where.contradiction",
        )
    start, end = (_known(condition, part.strip()) for part in (first, last))
    found = vectors(asked, conditions, seed, 0, 1).expand(frames, -1).clone()
    found[:, conditions.slices[condition.name]] = _between(condition, start, end, frames)
    return found


def strip(name: str, conditions: Conditions, frames: int, seed: int) -> Tensor:
    """The vectors of a row in which one condition goes from one end to the other, or through its values in turn, and
    all others stay, float32 [frames, K]."""
    one = conditions[name]
    if isinstance(one, Number):
        block = _between(one, one.low, one.high, frames)
    elif isinstance(one, Angle):
        block = _between(one, 0.0, one.period, frames)
    elif isinstance(one, Text):
        at = [row[conditions.names.index(name)] for row in conditions.observed]
        block = torch.from_numpy(one.encode([at[k * len(at) // frames] for k in range(frames)]))
    else:
        assert isinstance(one, Listed)
        values: list[Value] = [one.read(one.values[k * len(one.values) // frames]) for k in range(frames)]
        block = torch.from_numpy(one.encode(values))
    found = vectors({}, conditions, seed, 0, 1).expand(frames, -1).clone()
    found[:, conditions.slices[name]] = block
    return found


def _between(condition: Condition, start: Value, end: Value, frames: int) -> Tensor:
    if isinstance(condition, (Number, Angle)):
        low, high = float(start), float(end)  # type: ignore[arg-type]
        closed = isinstance(condition, Angle) and low != high and (high - low) % condition.period == 0
        return torch.from_numpy(condition.encode(np.linspace(low, high, frames, endpoint=not closed).tolist()))
    if isinstance(condition, Ordinal):
        places = np.linspace(condition.place(start), condition.place(end), frames).round().astype(int)
        return torch.from_numpy(condition.encode([condition.values[k] for k in places]))
    both = torch.from_numpy(condition.encode([start, end]))
    return both[0].lerp(both[1], torch.linspace(0, 1, frames)[:, None])
