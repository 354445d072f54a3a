"""`ganforge mix`: samples whose styles come from two others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.core.errors import UserError
from ganforge.core.files import check_new
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import LabelOfAll, Source, Truncation, examples, read_integers, read_layers
from ganforge.ui.verb import Verb

EPILOG = examples(
    "ganforge mix runs/0006-stylegan2-small --out mix.png",
    "ganforge mix runs/0006-stylegan2-small --base 1,2,3 --style 4,5,6 --layers 0-3 --out coarse.png",
    "ganforge mix runs/0006-stylegan2-small --base-latent projected/latent.json --style 4,5 --out mix.png",
)


@with_common
def mix(
    source: Source,
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="FILE.png: a table, --base down the side and --style along the top.", show_default=False
        ),
    ],
    base: Annotated[str, typer.Option("--base", help="Seeds of the samples to change, with commas.")] = "1,2,3,4",
    style: Annotated[str, typer.Option("--style", help="Seeds of the samples whose styles are taken.")] = "5,6,7,8",
    base_latent: Annotated[
        Path | None,
        typer.Option("--base-latent", help="Saved latents (of w) in place of --base.", show_default=False),
    ] = None,
    style_latent: Annotated[
        Path | None,
        typer.Option("--style-latent", help="Saved latents (of w) in place of --style.", show_default=False),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            help="The layers whose styles are taken, as in 0-3: the first ones decide about coarse form, the last "
            "about color and detail. By default the second half.",
            show_default=False,
        ),
    ] = None,
    latents: Annotated[
        Path | None,
        typer.Option("--latents", help="FILE.json: the mixed styles, for sample --latent.", show_default=False),
    ] = None,
    label: LabelOfAll = None,
    truncation: Truncation = 1.0,
    *,
    common: Common,
) -> None:
    """Mix the styles of samples layer by layer (models with styles, such as StyleGAN2 and BigGAN)."""
    from ganforge.explore import mixing
    from ganforge.explore.space import space_of
    from ganforge.inference.codes import load_codes, save_codes
    from ganforge.inference.model import load
    from ganforge.ui.sheets import write_sheet

    check_new(out, latents, force=common.force)
    seeds = {
        name: read_integers(text, name, "seeds", "walk.invalid_seed")
        for name, text in (("--base", base), ("--style", style))
    }
    if empty := [name for name, found in seeds.items() if not found]:
        raise UserError(f"{empty[0]}: expected seeds with commas, for example 3,4", code="walk.invalid_seed")
    span = read_layers(layers)
    model = load(source, common.device)
    space_of(model, "w")  # refuses a model without styles
    sides = [
        mixing.styles_of_seeds(model, seeds[name], label, truncation)
        if file is None
        else load_codes(file, model.bundle)
        for name, file in (("--base", base_latent), ("--style", style_latent))
    ]
    found = mixing.mix(model, sides[0], sides[1], span)
    rows, wide = model.frames(found.mixed), len(sides[1])
    top = model.frames(found.style)
    blank = top[0] * 0 + 255
    names = [str(seed) for seed in seeds["--base"]] if base_latent is None else [str(k) for k in range(len(sides[0]))]
    table = [
        (name, [frame, *rows[k * wide : (k + 1) * wide]])
        for k, (name, frame) in enumerate(zip(names, model.frames(found.base), strict=True))
    ]
    write_sheet(out, [("", [blank, *top]), *table])
    if latents is not None:
        save_codes(latents, found.codes)
    first, last = found.layers
    of = mixing.layers_of(model)
    common.report(
        {"base": seeds["--base"], "style": seeds["--style"], "layers": found.layers, "of": of, "out": out,
         "latents": latents},
        [f"{len(rows)} samples with layers {first}-{last} of {of} from --style: {out}"],
    )  # fmt: skip


VERB = Verb(mix, order=49, epilog=EPILOG)
