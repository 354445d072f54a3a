"""`ganforge project`: the latents of given samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.core.errors import UserError
from ganforge.core.files import check_new
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import LatentSpace, Source, examples
from ganforge.ui.verb import Verb

EPILOG = examples(
    "ganforge project runs/0003-dcgan photo.png --out projected/",
    "ganforge sample runs/0003-dcgan --latent projected/latent.json --direction directions.json:1=2 --out edited/",
    "ganforge walk runs/0003-dcgan --latent projected/latent.json --direction directions.json:1=-3..3 --out edits.gif",
    "ganforge project runs/0004-cdcgan a.png b.png --label 3 --bound 1 --out projected/",
)


@with_common
def project(
    source: Source,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES...",
            help="What to project: an image or another sample, several, a folder, or a named set.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="A folder: latent.json (for sample, walk, mix and drag), comparison.png (given, projected), film.gif.",
            show_default=False,
        ),
    ],
    space: LatentSpace = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            help="The class of the samples, by name or number. By default all classes are tried.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Steps of the search.")] = 500,
    starts: Annotated[int, typer.Option("--starts", help="Points that the search starts from; the best is kept.")] = 8,
    rate: Annotated[float, typer.Option("--lr", help="Highest learning rate.")] = 0.1,
    bound: Annotated[
        float | None,
        typer.Option(
            "--bound",
            help="Largest spread of latents, 1 as in training: less similar, but edits work better. By default none.",
            show_default=False,
        ),
    ] = None,
    floor: Annotated[
        int,
        typer.Option(
            "--held-out", help="Held-out samples that are projected too, to know what can be reached; 0: none."
        ),
    ] = 4,
    most: Annotated[int, typer.Option("--most", help="Samples that are read from FILES, at most.")] = 64,
    seed: Annotated[int, typer.Option("--seed", help="Of the starts.")] = 0,
    *,
    common: Common,
) -> None:
    """Find the latents with which a model makes given samples."""
    from ganforge.core.progress import Stages
    from ganforge.explore.given import given_samples, held_out_samples
    from ganforge.explore.projecting import Settings
    from ganforge.explore.projecting import project as projected
    from ganforge.explore.space import Space
    from ganforge.inference import film
    from ganforge.inference.codes import save_codes
    from ganforge.inference.model import load
    from ganforge.ui.sheets import strip, write_sheet

    latent = out / "latent.json"
    check_new(latent, force=common.force)
    if most < 1 or floor < 0:
        raise UserError(f"--most {most}, --held-out {floor}: they must be at least 1 and 0", code="cli.out_of_range")
    settings = Settings(steps, starts, rate, bound, seed)
    model = load(source, common.device)
    x, names = given_samples(model, files, most)
    held_out = held_out_samples(model, floor) if floor else None
    with Stages(quiet=common.silent) as progress:
        found = projected(model, x, label, space=space, settings=settings, held_out=held_out, progress=progress)
    shown = Space(model, "z")
    given, made = shown.frames(x), model.frames(found.samples)
    rows = [(str(k + 1), [given[k], made[k]]) for k in range(len(names))]
    write_sheet(out / "comparison.png", rows)
    frames = [model.frames(moment) for moment in found.film]
    film.write([strip([given[0], moment[0]], 128) for moment in frames], out / "film.gif", fps=12, loop=False)
    save_codes(latent, found.codes)
    labels = None if found.codes.labels is None else found.codes.labels.tolist()
    each = [
        {"sample": name, "psnr_before": before, "psnr": after, "spread": spread}
        for name, before, after, spread in zip(names, found.before, found.after, found.spread, strict=True)
    ]
    said: list[object] = []
    for k, name in enumerate(names):
        of = f", label {model.labels[labels[k]]}" if labels is not None and model.labels else ""
        said.append(
            f"{name}: PSNR {found.after[k]:.1f} dB (nearest start {found.before[k]:.1f} dB){of}, "
            f"spread of its latents {found.spread[k]:.2f}"
        )
    if found.floor is not None:
        said.append(f"held-out samples of the run's data reach {found.floor:.1f} dB")
    if max(found.spread) > 1.3:
        said.append("latents of training have a spread of 1; if edits of these look wrong, use --bound 1")
    common.report(
        {"samples": each, "labels": labels, "space": found.codes.space, "held_out_psnr": found.floor, "out": out},
        [*said, latent],
    )


VERB = Verb(project, order=48, epilog=EPILOG)
