"""`ganforge walk`: a film of a path through latent space, or of one condition that moves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.core.files import check_new
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import (
    BatchSize,
    Direction,
    Guidance,
    LabelOfAll,
    Latent,
    Precision,
    Source,
    Truncation,
    examples,
    read_integers,
)
from ganforge.ui.verb import Verb

EPILOG = examples(
    "ganforge walk runs/0003-dcgan --from 1 --to 2 --out walk.mp4",
    "ganforge walk runs/0003-dcgan --from 1 --through 5,9 --to 2 --loop --frames 120 --out loop.gif",
    'ganforge walk runs/0008-text2image-small --text "a red heart" --text "a blue moon" --out change.gif',
    'ganforge walk runs/0007-sprites --vary "angle=0..360" --where "color=red" --out turn.mp4',
    "ganforge walk runs/0003-dcgan --from 1 --direction directions.json:2=-3..3 --out direction.gif",
    "ganforge walk runs/0003-dcgan --latent latents.json --out between.gif",
)


@with_common
def walk(
    source: Source,
    out: Annotated[
        Path, typer.Option("--out", help="FILE.mp4, FILE.gif, or FILE.png for a strip of frames.", show_default=False)
    ],
    start: Annotated[int, typer.Option("--from", help="The seed where it starts.")] = 1,
    end: Annotated[int, typer.Option("--to", help="The seed where it ends.")] = 2,
    through: Annotated[
        str | None, typer.Option("--through", help="Seeds on the way, with commas: 3,4", show_default=False)
    ] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", help="How many frames. By default 60; 12 for a strip.", show_default=False)
    ] = None,
    fps: Annotated[float, typer.Option("--fps", help="Frames per second.")] = 30,
    mode: Annotated[
        str, typer.Option("--mode", help="slerp (along arcs, where latents of training lie) or linear.")
    ] = "slerp",
    loop: Annotated[bool, typer.Option("--loop", help="Return to the start, for endless playback.")] = False,
    label: LabelOfAll = None,
    vary: Annotated[
        str | None,
        typer.Option(
            "--vary",
            help="For models with conditions: the one that moves, as in angle=0..360; the latent stays that of --from.",
            show_default=False,
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", help="For models with conditions: what all frames are. Can be repeated.", show_default=False
        ),
    ] = None,
    guidance: Guidance = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text",
            help="For models that were trained with captions: what all frames show; repeated, the sentences to walk "
            "through. The latent then stays that of --from.",
            show_default=False,
        ),
    ] = None,
    direction: Direction = None,
    latent: Latent = None,
    truncation: Truncation = 1.0,
    batch: BatchSize = 64,
    precision: Precision = "fp32",
    *,
    common: Common,
) -> None:
    """Walk through latent space and film what the model makes on the way."""
    from ganforge.inference import film
    from ganforge.inference.model import load

    sentences = text or []
    still = vary is not None or len(sentences) > 1 or bool(direction)
    seeds = [start] if still else [start, *read_integers(through, "--through", "seeds", "walk.invalid_seed"), end]
    count = frames if frames is not None else (12 if out.suffix.lower() == ".png" else 60)
    check_new(out, force=common.force)
    film.check(out, fps)
    model = load(source, common.device, precision).with_settings(guidance=guidance, latents=latent)
    samples = model.walk(
        seeds, count, mode, loop, label, truncation, batch, where or (), vary, sentences, direction or ()
    )
    smallest = 128 if out.suffix.lower() == ".png" else 256
    film.write([film.enlarge(frame, smallest) for frame in model.frames(samples)], out, fps)
    way = [*seeds, start] if loop else seeds
    if still:
        at = f", where {' and '.join(where)}" if where else ""
        moves = vary or " → ".join(sentences) or ", ".join(direction or ())
        said = f"{moves}{at}, {f'seed {start}' if latent is None else latent}"
    else:
        said = f"seeds {' → '.join(map(str, way)) if latent is None else f'in {latent}'}"
        said += f", label {model.labels[0] if label is None else label}" if model.labels else ""
    common.report(
        {"frames": len(samples), "seeds": way, "label": label, "vary": vary, "where": where or [], "text": sentences,
         "direction": direction or [], "latent": latent, "precision": model.precision, "out": out},
        [f"{len(samples)} frames, {said}: {out}"],
    )  # fmt: skip


VERB = Verb(walk, order=40, epilog=EPILOG, aliases=("interpolate",))
