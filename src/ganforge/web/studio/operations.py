"""What a worker of the studio does besides the operations of the server: one sample at a place of the latent space, the
samples around it, directions, mixtures, projections, neighbors. Runs in the worker process alone.
"""

from __future__ import annotations

import base64
import csv
import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ganforge.core.marks import marked
from ganforge.inference import film
from ganforge.inference.codes import Codes, at_points, digest_of, save_codes
from ganforge.inference.directions import save_directions
from ganforge.inference.model import Model
from ganforge.web import writing
from ganforge.web.operations import Held, operation
from ganforge.web.studio.asking import TILES
from ganforge.web.studio.file_uses import by_name, media_of
from ganforge.web.studio.places import codes_at, nearer, placed, point_of, shift_of, turned
from ganforge.web.writing import Answer

SHOWN = 100
"""Rows of a table, and samples, that are shown at most."""


@operation("view")
def view(held: Held, ask: dict[str, Any]) -> Answer:
    """The sample at a place as a PNG; in a format that is named, as its file."""
    model, request = placed(held, ask)
    samples = model.bundle.generate(request)
    if ask["format"] is None:
        return Answer(image_of(model, samples), "image/png", "sample.png")
    form = writing.check_format(held.formats, ask["format"])
    labels = None if request.labels is None else request.labels.cpu().numpy()
    return held.written(model, samples, labels, form, None)


@operation("around")
def around(held: Held, ask: dict[str, Any]) -> Answer:
    """The samples around the one at a place, which a further step leads to."""
    model, request = placed(held, ask)
    point = nearer(model, replace(request, shift=None), [])
    points = torch.cat([turned(model, request, point, [*ask["path"], k]) for k in range(TILES)])
    labels = None if request.labels is None else request.labels.expand(TILES, *request.labels.shape[1:])
    extra = {name: value.expand(TILES, *value.shape[1:]) for name, value in request.extra.items()}
    many = at_points(replace(request, n=TILES, labels=labels, extra=extra, latents=None, styles=None), points)
    return Answer(facts={"images": images_of(model, model.bundle.generate(many))})


@operation("latent")
def latent(held: Held, ask: dict[str, Any]) -> Answer:
    """The point of a place as the file that `ganforge sample --latent` takes; see `asking.Latent`."""
    model, request = placed(held, ask if ask["whole"] else ask | {"shifts": []})
    path = held.scratch / "latent.json"
    point = Codes(digest_of(model.bundle), point_of(model, request), request.labels)
    save_codes(path, codes_at(model, request) if ask["whole"] else point)
    return Answer(writing.taken(path), "application/json", "latent.json")


def image_of(model: Model, samples: Any) -> bytes:
    """The first sample as a PNG, marked as generated. Written fast rather than small."""
    return png_of(model.frames(samples)[0])


def png_of(frame: Any, real: bool = False) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(frame).save(data, "PNG", compress_level=1)
    return data.getvalue() if real else marked(data.getvalue())


def images_of(model: Model, samples: Any, real: bool = False) -> list[str]:
    """Samples as texts, PNG in base64."""
    return [base64.b64encode(png_of(frame, real)).decode("ascii") for frame in model.frames(samples)]


# --- several samples


@operation("show")
def show(held: Held, ask: dict[str, Any]) -> Answer:
    """Some samples as their signal shows them, and as rows where they can be written as such."""
    model, n = held.tuned(ask), min(ask["n"], SHOWN)
    signal, spec = model.recipe.signal, model.spec
    found = 0
    if ask["where"] and not model.by_request:
        samples = model.found(n, ask["where"], ask["seed"], ask["label"], ask["truncation"]).samples
    else:
        drawn = model.batches(n, ask["seed"], ask["label"], ask["truncation"], None, ask["where"], ask["text"])
        samples = signal.join([part for part, _ in drawn], spec)
    found = len(samples)
    media = signal.render(samples, spec, columns=max(1, math.ceil(math.sqrt(n))))
    return Answer(facts={"n": found, "media": media_of(media), "rows": rows_of(held, model, samples)})


def rows_of(held: Held, model: Model, samples: Any) -> list[list[str]]:
    """The first lines of the table that samples are written to, the names of the columns first; empty without one."""
    if ".csv" not in model.recipe.signal.exporters:
        return []
    answer = held.written(model, samples, None, "csv", None)
    lines = csv.reader(io.StringIO(answer.data.decode("utf-8")))
    return [line for line, _ in zip(lines, range(SHOWN + 1), strict=False)]


@operation("filmed")
def filmed(held: Held, ask: dict[str, Any]) -> Answer:
    """A film from seed to seed, or along a direction."""
    model = held.tuned(ask)
    path = held.scratch / f"walk.{ask['format']}"
    film.check(path, ask["rate"])
    label, truncation, count = ask["label"], ask["truncation"], ask["count"]
    if ask["shift"] is None:
        samples = model.walk(
            ask["seeds"], count, "slerp", ask["loop"], label, truncation, 64, ask["where"], None, ask["text"]
        )
    else:
        request = model.request(1, ask["seeds"][0], label, truncation, ask["where"], ask["text"])
        t = torch.linspace(-1, 1, count)
        t = 1 - 2 * (1 - 2 * torch.arange(count) / count).abs() if ask["loop"] else t
        way = shift_of(model, ask["shift"])
        parts = []
        for amount in t.tolist():
            parts.append(model.bundle.generate(replace(request, shift=amount * way)))
        samples = model.recipe.signal.join(parts, model.spec)
    film.write([film.enlarge(frame, 256) for frame in model.frames(samples)], path, ask["rate"])
    return Answer(writing.taken(path), writing.type_of(path.name), path.name)


# --- exploring


@operation("directions")
def directions(held: Held, ask: dict[str, Any]) -> Answer:
    """Directions as the file that `ganforge explore directions` writes."""
    from ganforge.explore import finding

    layers = None if ask["layers"] is None else (int(ask["layers"][0]), int(ask["layers"][1]))
    found = finding.directions(held.model, ask["method"], layers=layers)
    path = held.scratch / "directions.json"
    save_directions(path, found)
    return Answer(writing.taken(path), "application/json", "directions.json")


@operation("mix")
def mix(held: Held, ask: dict[str, Any]) -> Answer:
    from ganforge.explore import mixing

    model = held.model
    sides = [mixing.styles_of_seeds(model, ask[name], ask["label"], ask["truncation"]) for name in ("base", "style")]
    layers = None if ask["layers"] is None else (int(ask["layers"][0]), int(ask["layers"][1]))
    found = mixing.mix(model, sides[0], sides[1], layers)
    images = {name: images_of(model, getattr(found, name)) for name in ("base", "style", "mixed")}
    return Answer(facts={**images, "layers": list(found.layers)})


@operation("project")
def project(held: Held, ask: dict[str, Any]) -> Answer:
    """The latent of the sample in a file, as the file that `ganforge project` writes."""
    from ganforge.explore.given import given_samples
    from ganforge.explore.projecting import Settings
    from ganforge.explore.projecting import project as projected
    from ganforge.explore.space import Space

    model = held.model
    with by_name(ask["file"]):
        x, _ = given_samples(model, [ask["file"]], 1)
    settings = Settings(steps=ask["steps"], bound=ask["bound"])
    found = projected(model, x, ask["label"], settings=settings)
    path = held.scratch / "latent.json"
    save_codes(path, found.codes)
    facts = {
        "given": base64.b64encode(png_of(Space(model, "z").frames(x)[0], real=True)).decode("ascii"),
        "made": images_of(model, found.samples)[0],
        "before": found.before[0],
        "after": found.after[0],
        "spread": found.spread[0],
        "codes": found.codes.to_plain(),
    }
    return Answer(writing.taken(path), "application/json", "latent.json", facts)


@operation("neighbors")
def neighbors(held: Held, ask: dict[str, Any]) -> Answer:
    """The training samples that the sample at a place is nearest to: by values, or where there are none by features."""
    from ganforge.explore.nearest import neighbors as sought

    model, request = placed(held, ask)
    here = model.at(codes_at(model, request))
    found = sought(here, 1, 5, features="raw")
    found = found if found.near else sought(here, 1, 5)
    near = []
    for one in found.near:
        images = [images_of(model, sample, real=True)[0] for sample in found.at(one.places[0])]
        each = zip(one.places[0].tolist(), one.distances[0].tolist(), images, strict=True)
        near.append({
            "by": one.by,
            "farther": float(one.farther[0]),
            "samples": [{"name": Path(found.names[k]).name, "distance": d, "shown": i} for k, d, i in each],
        })  # fmt: skip
    return Answer(facts={"of": found.real.n, "near": near, "seen": images_of(model, found.samples)[0]})
