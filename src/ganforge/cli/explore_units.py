"""`ganforge explore dissect` and `drag`: hidden layers of a generator, by their units and by the places they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.cli.explore import app
from ganforge.core.errors import UserError
from ganforge.core.files import check_new
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import Label, Latent, LatentSpace, Seed, Source, examples, read_integers

Layer = Annotated[
    str | None,
    typer.Option(
        "--layer", help="The hidden layer, by its name in the generator. By default a middle one.", show_default=False
    ),
]
Mask = Annotated[
    Path | None,
    typer.Option(
        "--mask", help="An image of the size of samples, white in the region that is meant.", show_default=False
    ),
]


TOGETHER = 5
"""Units of a concept that are switched off together in the images: one alone often changes little."""


def read_point(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """`10,12:20,12` → ((10, 12), (20, 12)).

    Raises:
        UserError: it is not of this form.
    """
    try:
        (x, y), (u, v) = (tuple(float(n) for n in end.split(",")) for end in text.split(":"))
    except ValueError:
        raise UserError(
            f"--point {text}: expected where it is and where it is to go in pixels, X,Y:X,Y, as in 10,12:20,12",
            code="drag.invalid_point",
        ) from None
    return (x, y), (u, v)


@app.command(
    "dissect",
    epilog=examples(
        "ganforge explore dissect runs/0004-cdcgan --out units/",
        "ganforge explore dissect runs/0004-cdcgan --off 3,17 --on 5 --out units/",
        "ganforge explore dissect runs/0003-dcgan --layer layers.5 --mask sky.png --out units/",
    ),
)
@with_common
def dissect(
    source: Source,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="A folder: units.json, concepts.png (samples with and without the first five units of each concept), "
            "switched.png.",
            show_default=False,
        ),
    ],
    layer: Layer = None,
    n: Annotated[int, typer.Option("-n", "--number", help="Samples that are looked at.")] = 64,
    off: Annotated[
        str | None, typer.Option("--off", help="Units to switch off, with commas: 3,17", show_default=False)
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", help="Units to switch on everywhere, with commas: 5", show_default=False)
    ] = None,
    mask: Mask = None,
    seed: Seed = 0,
    label: Label = None,
    *,
    common: Common,
) -> None:
    """Find out what the units of a hidden layer draw, and switch them off and on."""
    from dataclasses import asdict

    import numpy as np

    from ganforge.core.files import atomic_file
    from ganforge.core.progress import Stages
    from ganforge.explore.dissecting import dissect as dissected
    from ganforge.inference.model import load
    from ganforge.ui.output import as_text
    from ganforge.ui.sheets import read_mask, write_sheet

    file = out / "units.json"
    check_new(file, force=common.force)
    switched_off, switched_on = (
        read_integers(text, name, "units", "explore.invalid_units") for name, text in (("--off", off), ("--on", on))
    )
    model = load(source, common.device)
    region = read_mask(mask, tuple(model.spec.shape[1:]))
    with Stages(quiet=common.silent) as progress:
        found = dissected(
            model, n, layer=layer, seed=seed, label=label, masks=None if region is None else {"mask": region},
            progress=progress,
        )  # fmt: skip
    frames, rows = found.space.frames, []
    before = frames(found.samples)
    for name, units in found.concepts.items():
        shown = found.effects[units[0].unit].argsort(descending=True)[:4].tolist()
        first = [unit.unit for unit in units[:TOGETHER]]
        after = frames(found.switched(first)[shown])
        pairs = [frame for k, changed in zip(shown, after, strict=True) for frame in (before[k], changed)]
        rows.append((f"{name}: {', '.join(map(str, first))}", pairs))
    write_sheet(out / "concepts.png", rows)
    if switched_off or switched_on:
        changed = frames(found.switched(switched_off, switched_on))
        count = min(8, n)
        differences = [
            np.abs(a.astype(np.int16) - b.astype(np.int16)).astype(np.uint8)
            for a, b in zip(before, changed, strict=True)
        ]
        rows = [("before", before[:count]), ("after", changed[:count]), ("change", differences[:count])]
        write_sheet(out / "switched.png", rows)
    grid = found.grid
    content = {
        "layer": grid.name,
        "units": grid.units,
        "size": list(grid.size),
        "samples": n,
        "concepts": {name: [asdict(unit) for unit in units] for name, units in found.concepts.items()},
    }
    with atomic_file(file) as path:
        path.write_text(as_text(content) + "\n", encoding="utf-8")
    top = {name: units[:10] for name, units in content["concepts"].items()}
    said = [f"{grid.units} units of {grid.name}, a grid of {'×'.join(map(str, grid.size))}"]
    for name, units in found.concepts.items():
        said.append(f"{name}: {', '.join(f'{unit.unit} ({unit.score:.3f})' for unit in units[:5])}")
    common.report(
        content | {"concepts": top, "off": switched_off, "on": switched_on, "out": out},
        [*said, file],
    )


@app.command(
    "drag",
    epilog=examples(
        "ganforge explore drag runs/0006-stylegan2-small --seed 3 --point 10,12:20,12 --out dragged/",
        "ganforge explore drag runs/0003-dcgan --latent projected/latent.json --point 8,8:8,14 --point 20,8:20,14 "
        "--mask movable.png --out dragged/",
    ),
)
@with_common
def drag(
    source: Source,
    out: Annotated[
        Path,
        typer.Option("--out", help="A folder: latent.json, comparison.png and film.gif.", show_default=False),
    ],
    moves: Annotated[
        list[str],
        typer.Option(
            "--point",
            help="A point and where it is to go, in pixels of the sample from its top left: X,Y:X,Y. Can be repeated.",
            show_default=False,
        ),
    ],
    mask: Annotated[
        Path | None,
        typer.Option(
            "--mask", help="An image of the size of samples, white where they may change.", show_default=False
        ),
    ] = None,
    latent: Latent = None,
    layer: Layer = None,
    space: LatentSpace = None,
    steps: Annotated[int, typer.Option("--steps", help="Steps, at most.")] = 300,
    rate: Annotated[float, typer.Option("--lr", help="Learning rate, in standard deviations of the latent.")] = 0.03,
    seed: Seed = 0,
    label: Label = None,
    *,
    common: Common,
) -> None:
    """Move points of a sample to other places (DragGAN); the rest follows as the model has learned it."""
    from ganforge.core.progress import Stages
    from ganforge.explore.dragging import Pull
    from ganforge.explore.dragging import drag as dragged
    from ganforge.inference import film
    from ganforge.inference.codes import load_codes, save_codes
    from ganforge.inference.model import load
    from ganforge.ui.sheets import marked_points, read_mask, write_sheet

    file = out / "latent.json"
    check_new(file, force=common.force)
    ends = [read_point(text) for text in moves]
    if steps < 1 or not 0 < rate < 100:
        raise UserError(f"--steps {steps}, --lr {rate:g}: they must be above 0", code="cli.out_of_range")
    model = load(source, common.device)
    codes = None if latent is None else load_codes(latent, model.bundle)
    goals = [end for _, end in ends]
    with Stages(quiet=common.silent) as progress:
        found = dragged(
            model, [start for start, _ in ends], goals, latents=codes, seed=seed, label=label,
            mask=read_mask(mask, tuple(model.spec.shape[1:])), layer=layer, space=space, pull=Pull(steps, rate),
            progress=progress,
        )  # fmt: skip
    save_codes(file, found.codes)
    before, after = model.frames(found.before)[0], model.frames(found.after)[0]
    write_sheet(out / "comparison.png", [("", [before, after])], 128)
    moments = [marked_points(model.frames(sample)[0], at, goals) for sample, at in found.film]
    film.write(moments, out / "film.gif", fps=12, loop=False)
    said = [
        f"a point is at {x:.1f},{y:.1f}, {left:.1f} px from its target, after {found.steps} steps"
        for (x, y), left in zip(found.handles, found.left, strict=True)
    ]
    common.report(
        {"handles": found.handles, "targets": goals, "left": found.left, "steps": found.steps, "out": out},
        [*said, file],
    )
