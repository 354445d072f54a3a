"""`ganforge predict`: how films go on, by a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.core.files import refuse_input
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import Source, examples
from ganforge.ui.verb import Verb

EPILOG = examples(
    "ganforge predict runs/0004-predict-video --data start.mp4 --frames 16 --out next.mp4",
    "ganforge predict runs/0004-predict-video --data start.png -n 8 --out futures/ --format gif",
    "ganforge predict runs/0004-predict-video --data radar.npy --frames 12 -n 20 --out radar_next.npy",
)


@with_common
def predict(
    source: Source,
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            help="What goes on from its last frames: a film, a folder of films, uint8 frames in .npy, or an image.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", help="FILE.mp4, .gif or .npy, or a folder for one file each.", show_default=False),
    ],
    frames: Annotated[
        int | None,
        typer.Option("--frames", help="Frames to make. By default as many as clips have left.", show_default=False),
    ] = None,
    n: Annotated[int, typer.Option("-n", "--number", help="Possible continuations of each film.")] = 1,
    label: Annotated[
        str | None,
        typer.Option("--label", help="What happens, for a model with labels: a name or number.", show_default=False),
    ] = None,
    with_start: Annotated[bool, typer.Option("--with-start", help="Also write the frames that were given.")] = False,
    form: Annotated[
        str | None,
        typer.Option("--format", help="Of files in a folder: mp4, gif, frames or npy.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Which continuations.")] = 0,
    *,
    common: Common,
) -> None:
    """Continue films: several ways in which they go on from their last frames."""
    from ganforge.registry import load_all

    load_all()
    from ganforge.ui.sample_targets import check_format, check_kinds, check_targets, is_one_file
    from ganforge.ui.samples import write_arrays, write_files

    check_targets(out, None, None, common.force)
    refuse_input(out, data)
    import numpy as np

    from ganforge.inference.model import load
    from ganforge.modalities.video import predicting

    model = load(source, common.device)
    check_kinds(model, out, None)
    check_format(model, out, form)
    starts = predicting.starts_of(model, data)
    made = []
    for start in starts:
        clips = predicting.predicted(model, start, frames, n, seed, label)
        if with_start:
            before = predicting.given(predicting.task_of(model), start)
            clips = np.concatenate([np.repeat(before[None], n, 0), clips], 1)
        made.append(clips)
    if is_one_file(out):
        write_arrays(model, made, [], out, None, None, None)
    else:
        for k, clips in enumerate(made):
            write_files(model, clips, out, k * n, common.force, form=form)
    length = made[0].shape[1]
    films = "1 film" if len(starts) == 1 else f"{len(starts):,} films"
    common.report(
        {"films": [start.name for start in starts], "draws": n, "frames": length, "out": out},
        [f"{films}, {n} continuation{'s' * (n != 1)} of {length} frames each: {out}"],
    )


VERB = Verb(predict, order=34, epilog=EPILOG)
