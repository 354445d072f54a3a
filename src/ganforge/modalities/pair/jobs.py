"""What `ganforge translate` is to do: which image goes where, and whether the arguments fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core.errors import UserError
from ganforge.core.files import check_new, refuse_input

if TYPE_CHECKING:
    from ganforge.modalities.pair.batch_translate import Job
    from ganforge.modalities.pair.translate import ImageTranslator

MOST_OUTSCALE = 64


def checked_ending(ending: str | None) -> str | None:
    """`png` or `.PNG` → `.png`.

    Raises:
        UserError: a format that cannot be written.
    """
    if ending is None:
        return None
    wanted = "." + ending.lower().lstrip(".")
    if wanted not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UserError(f"--format {ending}: images are written as png, jpg or webp", code="output.unsupported_format")
    return wanted


def check_finish(outscale: float | None, suffix: str, quality: int, inputs: Path, steady: float = 0.0) -> None:
    """
    Raises:
        UserError: a number out of range, or an option that does not go with what is to be translated.
    """
    from ganforge.modalities.pair import clip

    if outscale is not None and not 0 < outscale <= MOST_OUTSCALE:
        raise UserError(
            f"--outscale {outscale:g}: it must be greater than 0 and at most {MOST_OUTSCALE}", code="cli.out_of_range"
        )
    if not 1 <= quality <= 100:
        raise UserError(f"--quality {quality}: it must be between 1 and 100", code="cli.out_of_range")
    if any(sign in suffix for sign in "/\\\0"):
        raise UserError(
            f"--suffix {suffix!r}: is part of a file name, and holds no slash", code="output.invalid_suffix"
        )
    if suffix and not inputs.is_dir() and inputs.suffix.lower() != ".zip":
        raise UserError(
            f"--suffix {suffix}: is for a folder or a zip of images; of one image --out is the whole name",
            code="output.suffix_of_one_file",
        )
    if not 0 <= steady < 1:
        raise UserError(f"--steady {steady:g}: it must be at least 0 and below 1", code="cli.out_of_range")
    if steady and not clip.is_clip(inputs.name):
        raise UserError(f"--steady {steady:g}: is for films, not for images", code="translate.steady_of_images")
    if outscale is not None and clip.is_clip(inputs.name):
        raise UserError(f"--outscale {outscale:g}: is for images, not for films", code="translate.outscale_of_a_film")


def plan(
    translator: ImageTranslator, inputs: Path, out: Path, mask: Path | None, wanted: str | None, suffix: str = ""
) -> list[Job]:
    """The jobs: inputs, outputs and masks.

    Raises:
        UserError: nothing to do, an output of the wrong kind, or masks that are missing.
    """
    from ganforge.core.files import check_folder
    from ganforge.modalities.pair import batch_translate
    from ganforge.modalities.pair.photo import ENDINGS, LOSSLESS

    translator.check_mask(mask is not None)
    store = batch_translate.open_store(inputs)
    lossless = translator.takes_mask
    several = inputs.is_dir() or inputs.suffix.lower() == ".zip"
    if several:
        if out.suffix.lower() in ENDINGS or out.is_file():
            raise UserError(f"--out {out}: must be a folder for several images", code="output.not_a_folder")
        refuse_input(out, inputs)
        names = batch_translate.images_in(store, without=out)
        if not names:
            raise UserError(f"{inputs}: contains no images", code="data.empty")
        if lossless and wanted not in (None, *LOSSLESS):
            raise UserError(
                f"--format {wanted}: would change the pixels outside the mask; use png", code="output.lossy_format"
            )
        if wanted in (".jpg", ".jpeg") and translator.target == "RGBA":
            raise UserError(
                f"--format {wanted}: the images of this model have transparency, which JPEG does not support; use png",
                code="output.no_alpha",
            )
        outs = batch_translate.outputs(names, out, lossless, wanted, store, suffix)
        check_folder(out)
    else:
        names = [inputs.name]
        if out.is_dir():
            raise UserError(
                f"--out {out}: is a folder; one image needs the name of a file: --out {out / 'made.png'}",
                code="output.is_a_folder",
            )
        if out.suffix.lower() not in ENDINGS:
            raise UserError(
                f"--out {out}: the file name must end in one of {', '.join(ENDINGS)}", code="output.wrong_extension"
            )
        if lossless and out.suffix.lower() not in LOSSLESS:
            raise UserError(
                f"--out {out}: this format would change the pixels outside the mask; use a name that ends in .png",
                code="output.lossy_format",
            )
        outs = [out]
        check_folder(out.parent)
    masks = masks_for(names, mask) if mask is not None else [None] * len(names)
    return [batch_translate.Job(n, store, o, m) for n, o, m in zip(names, outs, masks, strict=True)]


def masks_for(names: list[str], mask: Path) -> list:
    """The mask of each image: the one file for all, or of a folder the one of the same name, whatever its ending.

    Raises:
        UserError: images without a mask (says which).
    """
    from ganforge.modalities.pair import batch_translate

    store = batch_translate.open_store(mask)
    if not mask.is_dir() and mask.suffix.lower() != ".zip":
        return [(store, mask.name)] * len(names)
    known = {str(Path(name).with_suffix("")): name for name in batch_translate.images_in(store)}
    missing = [name for name in names if str(Path(name).with_suffix("")) not in known]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise UserError(f"--mask {mask}: no mask of the same name for {shown}", code="translate.mask_not_found")
    return [(store, known[str(Path(name).with_suffix(""))]) for name in names]


def check_clip(inputs: Path, out: Path, force: bool) -> None:
    """
    Raises:
        UserError: the output is not .mp4, is the input film, or already exists.
    """
    if not inputs.is_file():
        raise UserError(f"{inputs}: no such file or folder", code="data.not_found")
    if out.suffix.lower() != ".mp4":
        raise UserError(
            f"--out {out}: films are written as .mp4; use a name that ends in it", code="output.wrong_extension"
        )
    refuse_input(out, inputs)
    check_new(out, force=force)
