"""`ganforge explore saliency`: what the critic of a model looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.cli.explore import app
from ganforge.core.errors import UserError
from ganforge.core.files import check_new
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import Label, Seed, Source, examples


@app.command(
    "saliency",
    epilog=examples(
        "ganforge explore saliency runs/0003-dcgan --out saliency.png",
        "ganforge explore saliency runs/0003-dcgan --image photo.png --method occlusion --out saliency.png",
        "ganforge explore saliency runs/0004-sgan --of cat --image photos/ --out cat.png --npy cat.npy",
    ),
)
@with_common
def saliency(
    source: Source,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="FILE.png: samples, each beside its map; red raises the score.", show_default=False),
    ] = None,
    npy: Annotated[
        Path | None, typer.Option("--npy", help="FILE.npy: the maps as numbers, [N, ...].", show_default=False)
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            help="Given samples in place of generated ones: a file, a folder or a named set. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="smoothgrad (mean size of derivatives), gradient (what each value adds), or occlusion (what is lost "
            "when a patch is covered).",
        ),
    ] = "smoothgrad",
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            help="For models that predict classes: the class that is explained. By default the critic's score.",
            show_default=False,
        ),
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option("--patch", help="Side of covered patches. By default an eighth of samples.", show_default=False),
    ] = None,
    n: Annotated[int, typer.Option("-n", "--number", help="How many samples.")] = 8,
    seed: Seed = 0,
    label: Label = None,
    *,
    common: Common,
) -> None:
    """See which parts of samples the critic looks at, or raise the probability of a class."""
    import numpy as np
    import torch

    from ganforge.core.files import atomic_file
    from ganforge.core.progress import Stages
    from ganforge.explore.given import given_samples
    from ganforge.explore.saliency import saliency as seen
    from ganforge.explore.space import Space, space_of
    from ganforge.inference.model import load
    from ganforge.ui.sheets import heat, write_sheet

    check_new(out, npy, force=common.force)
    if n < 1:
        raise UserError(f"-n {n}: it must be at least 1", code="cli.out_of_range")
    model = load(source, common.device)
    if images:
        x, names = given_samples(model, images, n)
        labels = model.label_ids(label, len(x)) if label is not None else None
    else:
        space = space_of(model)
        request = space.request(n, seed, label=label)
        with torch.no_grad():
            x, labels = space.make(space.points_of(request), request.labels), request.labels
        names = [f"sample {k} of seed {seed}" for k in range(n)]
    with Stages(quiet=common.silent) as progress:
        found = seen(model, x, labels, method=method, of=of, patch=patch, seed=seed, progress=progress)
    if npy is not None:
        with atomic_file(npy) as path, path.open("wb") as file:
            np.save(file, found.maps.numpy(), allow_pickle=False)
    if out is not None:
        frames = Space(model, "z").frames(x)
        if frames[0].shape[:2] != tuple(found.maps.shape[1:]):
            raise UserError(
                f"--out {out}: {model.recipe.signal.noun.many} are drawn, so that their maps cannot be laid over them; "
                "use --npy",
                code="explore.not_an_image",
            )
        rows = [
            (f"{score:.2f}", [frame, heat(frame, values)])
            for score, frame, values in zip(found.scores.tolist(), frames, found.maps.numpy(), strict=True)
        ]
        write_sheet(out, rows)
    each = [{"sample": name, "score": score} for name, score in zip(names, found.scores.tolist(), strict=True)]
    places = ", ".join(str(path) for path in (out, npy) if path is not None)
    common.report(
        {"of": found.of, "method": method, "samples": each, "out": out, "npy": npy},
        [f"what {found.of} sees in {len(x)} samples, by {method}: {places}"],
    )
