"""`ganforge explore neighbors`: the training samples nearest to generated ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.cli.explore import app
from ganforge.core.files import check_new
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import Label, Latent, Seed, Source, examples


@app.command(
    "neighbors",
    epilog=examples(
        "ganforge explore neighbors runs/0003-dcgan --out neighbors.png",
        "ganforge explore neighbors runs/0003-dcgan -n 4 --neighbors 8 --features inception --out neighbors.png",
    ),
)
@with_common
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
    *,
    common: Common,
) -> None:
    """Find the training samples that generated ones are nearest to, by their values and by features."""
    from ganforge.core.progress import Stages
    from ganforge.explore.nearest import neighbors as sought
    from ganforge.inference.model import load
    from ganforge.ui.sheets import write_sheet

    check_new(out, force=common.force)
    model = load(source, common.device).with_settings(latents=latent)
    with Stages(quiet=common.silent) as progress:
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
    said = [
        f"sample {row}: nearest by {near.by} is {found.names[int(near.places[row, 0])]} at "
        f"{near.distances[row, 0]:.3g}; {near.farther[row]:.0%} of training samples are farther from their own nearest"
        for near in found.near
        for row in range(n)
    ]
    common.report(
        {"seed": seed, "label": label, "training_samples": found.real.n, "near": each, "out": out},
        said if out is None else [*said, out],
    )
