"""Options that several commands share, with the same names and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.core.errors import UserError
from ganforge.ui.notices import hidden

Source = Annotated[
    Path,
    typer.Argument(metavar="RUN_OR_BUNDLE", help="A run directory, or a model.safetensors file.", show_default=False),
]
Seed = Annotated[int, typer.Option("--seed", help="Which samples: sample k of a seed is always the same one.")]
Label = Annotated[
    str | None,
    typer.Option("--label", help="The class, by name or number. By default all classes in turn.", show_default=False),
]
LabelOfAll = Annotated[
    str | None,
    typer.Option("--label", help="The class, by name or number. By default the first.", show_default=False),
]
Truncation = Annotated[
    float, typer.Option("--truncation", help="In (0, 1]. Lower values give more typical, less varied samples.")
]
Reject = Annotated[
    float | None,
    typer.Option(
        "--reject",
        help="Discriminator rejection sampling: keep only samples that the critic of the run takes for real ones. A "
        "percentile of its scores, 0 to 99: the higher, the fewer are kept; 80 is usual.",
        show_default=False,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        help="For texts, molecules and other samples that are drawn from distributions: below 1 they are likelier and "
        "less varied, above 1 more varied. By default 1.",
        show_default=False,
    ),
]
Guidance = Annotated[
    float | None,
    typer.Option(
        "--guidance",
        help="For models trained with drop_conditions: above 1 samples follow the conditions more strictly, 0 ignores "
        "them. By default 1.",
        show_default=False,
    ),
]
Direction = Annotated[
    list[str] | None,
    typer.Option(
        "--direction",
        help="Moves samples along a direction that `ganforge explore directions` found: FILE:NAME=AMOUNT in standard "
        "deviations, as in directions.json:2=2.5; in a walk also directions.json:2=-3..3. Can be repeated.",
        show_default=False,
    ),
]
Latent = Annotated[
    Path | None,
    typer.Option(
        "--latent",
        help="Saved latents in place of those of the seed: a latent.json that `ganforge project` wrote.",
        show_default=False,
    ),
]
LatentSpace = Annotated[
    str | None,
    typer.Option(
        "--space", help="z (latents) or w (styles). By default w if the model has styles.", show_default=False
    ),
]
BatchSize = Annotated[int, typer.Option("--batch", help="Samples generated at a time.")]
Device = Annotated[
    str | None,
    typer.Option("--device", help="Device: cpu, cuda, cuda:1 or mps. Default: the best available.", show_default=False),
]
Procs = Annotated[
    int, typer.Option("--procs", help="Number of processes on this machine that compute samples, e.g. one per GPU.")
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="fp32; bf16: 1.5 to 3 times as fast on recent CPUs, with slightly different results; auto: bf16 for "
        "images on devices that support it, else fp32.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.", callback=hidden)]
Force = Annotated[bool, typer.Option("--force", help="Replace files of the same name.")]
Language = Annotated[
    str | None,
    typer.Option(
        "--lang",
        help="Language of the page: en or zh. By default that of the environment variable GANFORGE_LANG, else English.",
        show_default=False,
    ),
]


def load_plugins(context: typer.Context, plugins: list[Path] | None) -> list[Path] | None:
    """Loads the files given with `--plugin` while the command line is parsed, before the command runs.

    Raises:
        UserError: there is no such file, or it raises an error.
    """
    if plugins and not context.resilient_parsing:  # a shell that completes a word runs nothing
        from ganforge.registry import load_plugin

        for plugin in plugins:
            load_plugin(plugin)
    return plugins


Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        help="A Python file that registers losses, nets, recipes, ...",
        show_default=False,
        callback=load_plugins,
    ),
]
"""A command with this option need not use its value: the files are already loaded."""


def examples(*commands: str) -> str:
    """Example commands for the end of a help text, one per line."""
    return "\n\n".join(["Examples:", *commands])


def read_integers(text: str | None, option: str, noun: str, code: str) -> list[int]:
    """`3,4` → [3, 4].

    Raises:
        UserError: something between the commas is no whole number.
    """
    try:
        return [int(part) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        raise UserError(
            f"{option} {text}: {noun} are integers separated by commas, for example 3,4", code=code
        ) from None


def read_layers(text: str | None) -> tuple[int, int] | None:
    """`2-5` → (2, 5), `3` → (3, 3).

    Raises:
        UserError: it is not of this form.
    """
    if text is None:
        return None
    first, dash, last = text.partition("-")
    try:
        return int(first), int(last) if dash else int(first)
    except ValueError:
        raise UserError(
            f"--layers {text}: expected the first and the last layer, as in 2-5", code="explore.invalid_layers"
        ) from None
