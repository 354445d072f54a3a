"""`ganforge translate`: translates files of images, sounds and texts with a trained model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganforge.core.errors import UserError
from ganforge.modalities.pair.jobs import check_clip, check_finish, checked_ending, plan
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import Precision, Procs, Source, examples
from ganforge.ui.output import emit
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    import numpy as np

    from ganforge.modalities.pair.batch_translate import Finish, Job, Outcome
    from ganforge.modalities.pair.translate import ImageTranslator

EPILOG = examples(
    "ganforge translate runs/0007-pix2pix sketch.png --out photo.png",
    "ganforge translate runs/0008-srgan photos/ --out larger/ --skip-existing",
    "ganforge translate runs/0008-srgan photos/ --out larger/ --outscale 2 --suffix x2 --format jpg --quality 90",
    "ganforge translate runs/0009-cyclegan deer.zip --direction ba --out horses/",
    "ganforge translate runs/0010-inpaint photo.jpg --mask mask.png --out fixed.png",
    'ganforge translate runs/0012-stargan-small photo.png --where "color=blue" --out blue.png',
    "ganforge translate runs/0011-vocoder-small mels/ --out speech/",
    'ganforge translate runs/0013-text-style-small lines.txt --where "label=formal" --out formal.txt',
)


@with_common
def translate(
    source: Source,
    inputs: Annotated[
        Path,
        typer.Argument(
            metavar="INPUTS",
            help="An image, a sound, a mel (.npy), a folder or zip of them, a film, or a file of texts.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="A file for one image, sound or film, or for texts; a folder for several.", show_default=False
        ),
    ],
    mask: Annotated[
        Path | None,
        typer.Option(
            "--mask",
            help="White where an image is to be filled: one for all, or a folder of masks named like the images.",
            show_default=False,
        ),
    ] = None,
    direction: Annotated[
        str | None,
        typer.Option(
            "--direction", help="ab or ba, for a model that translates both ways. By default ab.", show_default=False
        ),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            "--tile",
            help="Side in px of the tiles that the net processes (of sounds: frames); by default about a million px.",
            show_default=False,
        ),
    ] = None,
    ending: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="png, jpg or webp, for a folder (sounds: wav or flac). By default that of the source where possible.",
            show_default=False,
        ),
    ] = None,
    outscale: Annotated[
        float | None,
        typer.Option(
            "--outscale",
            help="How many times as large as its source an image is written, whatever the model's own scale is.",
            show_default=False,
        ),
    ] = None,
    suffix: Annotated[
        str, typer.Option("--suffix", help="Added to the names of a folder's images: x4 makes photo_x4.png.")
    ] = "",
    quality: Annotated[int, typer.Option("--quality", help="Of jpg and webp, 1 to 100.")] = 95,
    skip: Annotated[
        bool, typer.Option("--skip-existing", help="Skip images whose output exists: continue after an interruption.")
    ] = False,
    steady: Annotated[
        float,
        typer.Option(
            "--steady",
            help="For films: how strongly frames are averaged over time where the source stands still, 0 to 0.99.",
        ),
    ] = 0.0,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            help="For models that change attributes: what images or texts are to have, as color=blue. Can be repeated; "
            "all else stays.",
            show_default=False,
        ),
    ] = None,
    procs: Procs = 1,
    precision: Precision = "fp32",
    *,
    common: Common,
) -> None:
    """Change images, sounds or texts with a trained model: translate, enlarge, repair, fill, rewrite."""
    check_finish(outscale, suffix, quality, inputs, steady)
    from ganforge.core.commands import command, with_plugins
    from ganforge.core.words import counted
    from ganforge.inference.model import load
    from ganforge.modalities.pair import batch_translate, clip
    from ganforge.modalities.pair.translate import ImageTranslator
    from ganforge.registry import PLUGIN_FILES
    from ganforge.tasks.user_translators import TranslatesFiles

    if procs < 1:
        raise UserError(f"--procs {procs}: it must be at least 1", code="cli.out_of_range")
    if clip.is_clip(inputs.name):
        check_clip(inputs, out, common.force)
    model = load(source, common.device, precision)
    translator = model.translator(direction, tile, where or ())
    if isinstance(translator, TranslatesFiles):
        if mask is not None:
            raise UserError(f"{source}: this model takes no mask: leave it out", code="translate.mask_not_taken")
        written = translator.translate_files(inputs, out, ending=ending, skip=skip, force=common.force)
        common.report({"written": written, "precision": model.precision, "out": out}, [written])
        return
    wanted = checked_ending(ending)
    if not isinstance(translator, ImageTranslator):
        raise UserError(f"{source}: this model does not translate images", code="translate.not_a_translator")
    if outscale is not None and translator.takes_mask:
        raise UserError(
            f"--outscale {outscale:g}: would change the pixels outside the mask; leave it out",
            code="translate.outscale_with_mask",
        )
    if clip.is_clip(inputs.name):
        frames, flicker = one_clip(translator, inputs, out, mask, common.quiet, steady)
        said = f"flicker {flicker:.2f} of 255 (change from frame to frame that the source does not have)"
        common.report(
            {"frames": frames, "flicker": flicker, "precision": model.precision, "out": out},
            [f"{counted(frames, 'frame')}, {said}: {out}"],
        )
        return
    jobs = plan(translator, inputs, out, mask, wanted, suffix)
    left = [job for job in jobs if not (skip and job.out.exists())]
    batch_translate.check_targets(left, common.force)
    single = not inputs.is_dir() and len(jobs) == 1
    try:
        outcome = carried_out(translator, left, batch_translate.Finish(outscale, quality), common.quiet, procs)
    except KeyboardInterrupt:
        options = {
            "--mask": mask, "--direction": direction, "--tile": tile, "--format": ending, "--outscale": outscale,
            "--suffix": suffix or None, "--quality": quality if quality != 95 else None, "--device": common.device,
            "--precision": precision if precision != "fp32" else None,
        }  # fmt: skip
        given = [word for name, value in options.items() if value is not None for word in (name, value)]
        given += [word for text in where or () for word in ("--where", text)]
        more = [] if single else ["--skip-existing"]
        again = with_plugins(command("translate", source, inputs, "--out", out, *given, *more), PLUGIN_FILES)
        there = sum(job.out.exists() for job in jobs)
        print(f"stopped: {there} of {len(jobs)} images are in {out}. To go on: {again}", file=sys.stderr)
        raise typer.Exit(130) from None
    skipped = len(jobs) - len(left)
    if common.as_json:
        emit(
            {
                "written": outcome.written,
                "skipped": skipped,
                "refused": outcome.failed,
                "precision": model.precision,
                "out": out,
            }
        )
    report(outcome, out, skipped, single, silent=common.silent)


def carried_out(
    translator: ImageTranslator, jobs: list[Job], finish: Finish, quiet: bool = False, procs: int = 1
) -> Outcome:
    """Runs the jobs with a progress bar: of the images, or of the parts of the one image.

    Args:
        procs: processes among which several images are divided.
    """
    from ganforge.core.progress import Stages
    from ganforge.modalities.pair import batch_translate

    with Stages(delay=1.0, quiet=quiet) as progress:
        count = 0

        def done(job: Job) -> None:
            nonlocal count
            count += 1
            progress("images", count, len(jobs))

        def tell(bands: int, total: int) -> None:
            if len(jobs) == 1 or total > 1:
                progress("this image", bands, total)

        if len(jobs) > 1:
            progress("images", 0, len(jobs))
        if procs > 1 and len(jobs) > 1:
            from ganforge.modalities.pair import spread_translate

            return spread_translate.run(translator, jobs, procs, done, finish)
        return batch_translate.run(translator, jobs, done if len(jobs) > 1 else None, tell, finish)


def report(outcome: Outcome, out: Path, skipped: int, single: bool, silent: bool = False) -> None:
    """Reports what was done, unless `silent`, and what failed.

    Raises:
        UserError: the only image failed.
        PartlyDone: some of several failed; they are listed in `refused.json` of the output folder.
    """
    from ganforge.core.refusals import PartlyDone, listed
    from ganforge.core.words import counted
    from ganforge.ui.console import stdout

    if single and outcome.failed:
        failed = outcome.failed[0]
        raise UserError(f"{failed.what}: {failed.why}", code="translate.failed")
    there = f", {skipped} already existed" if skipped else ""
    failed = f", {len(outcome.failed)} failed" if outcome.failed else ""
    if not silent:
        stdout().print(f"{counted(len(outcome.written), 'image')}{there}{failed}: {out}", soft_wrap=True)
    if single:
        return
    if file := listed(outcome.failed, out / "refused.json"):
        raise PartlyDone(outcome.failed, file)


def one_clip(
    translator: ImageTranslator, inputs: Path, out: Path, mask: Path | None, quiet: bool = False, steady: float = 0.0
) -> tuple[int, float]:
    """Translates a film, with a progress bar of its frames; their number, and how much the result flickers."""
    from ganforge.core.dataset import BadItem
    from ganforge.core.progress import Stages
    from ganforge.modalities.pair import clip, photo

    translator.check_mask(mask is not None)
    hidden: np.ndarray | None = None
    if mask is not None:
        try:
            hidden = photo.read(mask, str(mask)).pixels
        except (BadItem, OSError) as error:
            raise UserError(f"--mask {error}", code="data.unreadable") from None
    with Stages(delay=1.0, quiet=quiet) as progress:
        return clip.translate(
            translator, inputs, out, hidden, lambda done, total: progress("frames", done, max(total, done + 1)), steady
        )


VERB = Verb(translate, order=30, epilog=EPILOG)
