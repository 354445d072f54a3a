"""`ganforge explore`: what a trained generator has learned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.core.errors import UserError
from ganforge.core.files import check_new
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import Label, LatentSpace, Seed, Source, examples, read_layers
from ganforge.ui.verb import Verb

app = typer.Typer(help="See what a trained generator has learned.", no_args_is_help=True)
VERB = Verb(app, "explore", order=47)


@app.command(
    "directions",
    epilog=examples(
        "ganforge explore directions runs/0003-dcgan --out directions/",
        "ganforge sample runs/0003-dcgan -n 16 --direction directions/directions.json:2=2.5 --grid moved.png",
        "ganforge walk runs/0003-dcgan --direction directions/directions.json:1=-3..3 --out walk.gif",
        "ganforge explore directions runs/0006-stylegan2-small --method pca --layers 0-3 --out coarse/",
    ),
)
@with_common
def directions(
    source: Source,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="A folder: directions.json, a PNG per direction, and overview.png with one row each.",
            show_default=False,
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="sefa (from the weights that latents meet first), pca (of styles or of a hidden layer), jacobian (of "
            "any generator with derivatives), or auto: sefa where it applies, else jacobian.",
        ),
    ] = "auto",
    number: Annotated[int, typer.Option("--number", "-k", help="How many directions.")] = 10,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            help="For models with styles: only these layers, as in 0-3 (coarse) or 6-9 (fine). By default all.",
            show_default=False,
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            help="For --method pca without styles: the hidden layer, by its name in the net. By default the first.",
            show_default=False,
        ),
    ] = None,
    space: LatentSpace = None,
    frames: Annotated[int, typer.Option("--frames", help="Images per strip.")] = 7,
    far: Annotated[float, typer.Option("--far", help="How far strips go to both sides, in standard deviations.")] = 3.0,
    rows: Annotated[int, typer.Option("--rows", help="Samples per direction, one strip each.")] = 4,
    seed: Seed = 0,
    label: Label = None,
    *,
    common: Common,
) -> None:
    """Find directions in latent space along which samples change most."""
    from ganforge.explore import finding
    from ganforge.inference.directions import save_directions
    from ganforge.inference.model import load
    from ganforge.ui.sheets import write_sheet

    file = out / "directions.json"
    check_new(file, force=common.force)
    for name, value, least in (("--frames", frames, 2), ("--rows", rows, 1), ("--far", far, 1e-3)):
        if not least <= value <= 1000:
            raise UserError(f"{name} {value:g}: it must be between {least:g} and 1000", code="cli.out_of_range")
    span = read_layers(layers)
    model = load(source, common.device)
    found = finding.directions(model, method, number, layers=span, layer=layer, space=space, seed=seed)
    amounts = [far * (2 * k / (frames - 1) - 1) for k in range(frames)]
    overview = []
    for name in found.names:
        strips = [model.frames(finding.along(model, found, name, amounts, seed + k, label)) for k in range(rows)]
        overview.append((name, strips[0]))
        write_sheet(out / f"direction-{int(name):02d}.png", [(str(seed + k), strips[k]) for k in range(rows)])
    write_sheet(out / "overview.png", overview)
    save_directions(file, found)
    said = [
        f"{fact['name']:>3}  changes samples {fact['moves'] / max(found.random, 1e-12):.2f} times as much as a random "
        "direction"
        for fact in found.facts()
    ]
    common.report(
        {"method": found.method, "space": found.space, "layers": found.layers, "random": found.random,
         "directions": found.facts(), "out": out},
        [*said, f"{len(found)} directions by {found.method}: {file}"],
    )  # fmt: skip
