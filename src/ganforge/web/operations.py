"""What a worker does with its models: describe, sample, walk, translate. Runs in the worker process alone.

A module that registers more operations (`@operation("name")`) is named in `Settings.operations`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ganforge.core.errors import UserError
from ganforge.core.types import Request
from ganforge.inference import film
from ganforge.inference.interpolate import MODES
from ganforge.inference.model import Model
from ganforge.inference.prepared import load as load_bundle
from ganforge.inference.together import is_function_of_latents
from ganforge.web import writing
from ganforge.web.description import description
from ganforge.web.writing import Answer

MOST_TOGETHER = 8
"""Samples of one request that shares a pass with others; more fill a pass by themselves."""


@dataclass
class Held:
    """A loaded model, under the name by which it is asked for.

    Attributes:
        scratch: a folder for files on their way.
        joins: whether its samples can be made together with those of other requests.
        single: ending of the file of one sample; empty if samples are not written one by one.
        formats: that its samples can be asked for in, the most natural one first.
        facts: what `describe` answers.
        tell: to be called now and then with the share that is done, in [0, 1], by what takes long. It raises where
            nobody waits for the answer any more.
    """

    name: str
    model: Model
    scratch: Path
    joins: bool = False
    single: str = ""
    formats: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    tell: Callable[[float], None] = lambda share: None

    @classmethod
    def load(cls, name: str, path: str, scratch: Path, device: str | None = None, precision: str = "fp32") -> Held:
        """Loads a model and makes its first samples, which are slower than all later ones.

        Raises:
            UserError: there is no model at the path, or it is damaged.
        """
        # Errors then name the model as users of the server know it, without a folder of this machine.
        held = cls(name, Model(load_bundle(path, device, precision), Path(name)), scratch)
        if held.model.recipe.task.can_sample:
            held.joins = is_function_of_latents(held.model.bundle)
            held.single, drawn = writing.first_of(held.model, scratch)
            held.formats = writing.formats_of(held.model, held.single, drawn)
        held.facts = description(held.model, Path(path), held.formats)
        return held

    def tuned(self, ask: dict[str, Any]) -> Model:
        """The model with the settings that a request names; raises `UserError` where it has no such setting."""
        return self.model.with_settings(
            frames=ask.get("frames"),
            fps=ask.get("fps"),
            temperature=ask.get("temperature"),
            guidance=ask.get("guidance"),
        )

    def written(self, model: Model, samples: Any, labels: Any, form: str, columns: int | None) -> Answer:
        """Samples of the tuned model as a file."""
        return writing.written(model, samples, labels, form, self.scratch, self.single == ".png", columns)


class Draw(NamedTuple):
    """A request whose samples can be made together with those of others.

    Attributes:
        model: with the settings that it names.
        key: equal for requests that can share a pass.
        finish: from the decoded samples to the answer.
    """

    model: Model
    request: Request
    key: tuple[Any, ...]
    finish: Callable[[Any], Answer]


class Operation(NamedTuple):
    """One thing that a worker can be asked for.

    Attributes:
        run: from a model and the fields of a request to the answer.
        draw: what a request draws, if it can share a pass; None if it cannot.
    """

    run: Callable[[Held, dict[str, Any]], Answer]
    draw: Callable[[Held, dict[str, Any]], Draw | None] | None = None


OPERATIONS: dict[str, Operation] = {}


def operation(
    name: str, draw: Callable[[Held, dict[str, Any]], Draw | None] | None = None
) -> Callable[[Callable[[Held, dict[str, Any]], Answer]], Callable[[Held, dict[str, Any]], Answer]]:
    """Registers a function as an operation."""

    def register(run: Callable[[Held, dict[str, Any]], Answer]) -> Callable[[Held, dict[str, Any]], Answer]:
        OPERATIONS[name] = Operation(run, draw)
        return run

    return register


@operation("describe")
def describe(held: Held, ask: dict[str, Any]) -> Answer:
    return Answer(facts=held.facts)


def request_of(model: Model, ask: dict[str, Any]) -> Request:
    """The request for all samples that an `asks.Sample` asks for."""
    n, seed, truncation = ask["n"], ask["seed"], ask["truncation"]
    request = model.request(n, seed, ask["label"], truncation, ask["where"], ask["text"])
    if ask["to"] is None:
        return request
    if n != 1:
        raise UserError(f"n={n}: between two seeds there is one sample; leave n out", code="sample.one_between")
    ends = model.latents([seed, ask["to"]], truncation)
    return replace(request, latents=MODES["slerp"](ends[0], ends[1], torch.tensor([ask["share"]])))


def draw_of_sample(held: Held, ask: dict[str, Any]) -> Draw | None:
    if ask["exact"] or not held.joins or ask["n"] > MOST_TOGETHER or (ask["where"] and not held.model.by_request):
        return None
    model = held.tuned(ask)
    request = request_of(model, ask)
    form = writing.check_format(held.formats, ask["format"])
    key = (held.name, ask["truncation"], ask["temperature"], ask["frames"], ask["fps"], *sorted(request.extra))
    labels = None if request.labels is None else request.labels.numpy()

    def finish(samples: Any) -> Answer:
        return held.written(model, samples, labels, form, ask["columns"])

    return Draw(model, request, key, finish)


@operation("sample", draw_of_sample)
def sample(held: Held, ask: dict[str, Any]) -> Answer:
    """Samples as `ganforge sample` writes them, byte by byte, in a file of the format that is asked for."""
    model = held.tuned(ask)
    model.check_can_sample()
    form = writing.check_format(held.formats, ask["format"])
    n, seed, truncation = ask["n"], ask["seed"], ask["truncation"]
    if ask["to"] is not None:
        request = request_of(model, ask)
        parts = [(model.bundle.generate(request), None if request.labels is None else request.labels.numpy())]
    elif ask["where"] and not model.by_request:
        parts = [(model.found(n, ask["where"], seed, ask["label"], truncation).samples, None)]
    else:
        parts, made = [], 0
        for part, labels in model.batches(n, seed, ask["label"], truncation, None, ask["where"], ask["text"]):
            parts.append((part, labels))
            made += len(part)
            held.tell(made / n)
    samples = model.recipe.signal.join([part for part, _ in parts], model.spec)
    return held.written(model, samples, writing.joined([labels for _, labels in parts]), form, ask["columns"])


@operation("walk")
def walk(held: Held, ask: dict[str, Any]) -> Answer:
    """A film of a path through latent space, as `ganforge walk` writes it."""
    model = held.tuned(ask)
    path = held.scratch / f"walk.{ask['format']}"
    film.check(path, ask["rate"])
    samples = model.walk(
        ask["seeds"], ask["count"], ask["mode"], ask["loop"], ask["label"], ask["truncation"], 64, ask["where"],
        ask["vary"], ask["text"], progress=lambda made, of: held.tell(made / of),
    )  # fmt: skip
    film.write([film.enlarge(frame, ask["smallest"]) for frame in model.frames(samples)], path, ask["rate"])
    return Answer(writing.taken(path), writing.type_of(path.name), path.name)


@operation("translate")
def translate(held: Held, ask: dict[str, Any]) -> Answer:
    """A file that a model made of a file. `file` and `mask` are paths, which the web process chose."""
    path, mask = held.scratch / f"translated.{ask['format']}", ask.get("mask")
    held.model.translate_file(
        Path(ask["file"]), path, Path(mask) if mask else None, ask["direction"], ask["tile"], ask["where"]
    )
    return Answer(writing.taken(path), writing.type_of(path.name), path.name)
