"""`ganforge explore neighbors`: the training samples nearest to generated ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.cli.explore import Label, Seed, app
from ganforge.core.files import check_new
from ganforge.ui.options import Device, Force, Latent, Plugins, Quiet, Source, examples
from ganforge.ui.output import AsJson, emit


@app.command(
    "neighbors",
    epilog=examples(
        "ganforge explore neighbors runs/0003-dcgan --out neighbors.png",
        "ganforge explore neighbors runs/0003-dcgan -n 4 --neighbors 8 --features inception --out neighbors.png",
    ),
)
def neighbors(
    source: Source,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="FILE.png: in each row a generated sample and its nearest training samples.",
            show_default=False,
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", "--number", help="How many samples.")] = 8,
    k: Annotated[int, typer.Option("--neighbors", "-k", help="Training samples for each.")] = 5,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            help="The extractor, beside plain values: small, inception, ... By default that of evaluations.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="The training data, if it has moved.", show_default=False),
    ] = None,
    latent: Latent = None,
    seed: Seed = 0,
    label: Label = None,
    device: Device = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    plugins: Plugins = None,
) -> None:
    """Find the training samples that generated ones are nearest to, by their values and by features."""
    from ganforge.core.progress import Stages
    from ganforge.explore.nearest import neighbors as sought
    from ganforge.inference.model import load
    from ganforge.ui.console import stdout
    from ganforge.ui.sheets import write_sheet

    check_new(out, force=force)
    model = load(source, device)
    if latent is not None:
        model = model.at(latent)
    with Stages(quiet=quiet or as_json) as progress:
        found = sought(model, n, k, seed=seed, label=label, features=features, data=data, progress=progress)
    if out is not None:
        frames = model.frames(found.samples)
        rows = []
        for row in range(n):
            for near in found.near:
                of = [model.frames(sample)[0] for sample in found.at(near.places[row])]
                rows.append((f"{row} {near.by}", [frames[row], *of]))
        write_sheet(out, rows)
    each = [
        {
            "by": near.by,
            "samples": [
                {"sample": row, "farther": float(near.farther[row]),
                 "neighbors": [{"train": int(place), "name": found.names[int(place)], "distance": float(distance)}
                               for place, distance in zip(near.places[row], near.distances[row], strict=True)]}
                for row in range(n)
            ],
        }
        for near in found.near
    ]  # fmt: skip
    if as_json:
        emit({"seed": seed, "label": label, "training_samples": found.real.n, "near": each, "out": out})
        return
    if quiet:
        return
    for near in found.near:
        for row in range(n):
            stdout().print(
                f"sample {row}: nearest by {near.by} is {found.names[int(near.places[row, 0])]} at "
                f"{near.distances[row, 0]:.3g}; {near.farther[row]:.0%} of training samples are farther from their own "
                "nearest",
                soft_wrap=True,
            )
    if out is not None:
        stdout().print(out, soft_wrap=True)
