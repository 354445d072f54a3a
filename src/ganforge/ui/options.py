"""Options that several verbs share, so that they are called and explained alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.ui.notices import hidden

Source = Annotated[
    Path,
    typer.Argument(metavar="RUN_OR_BUNDLE", help="A run directory, or a model.safetensors file.", show_default=False),
]
Truncation = Annotated[
    float, typer.Option("--truncation", help="Greater than 0, at most 1. Lower: more typical, less varied samples.")
]
BatchSize = Annotated[int, typer.Option("--batch", help="Samples computed at a time.")]
Device = Annotated[
    str | None,
    typer.Option("--device", help="cpu, cuda, cuda:1, mps. By default the best available.", show_default=False),
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
    """Loads the files given with `--plugin` when the command line is read, before the verb runs.

    Raises:
        UserError: no such file, or it fails when run.
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
"""A verb that takes this option need not use its value: the files are loaded by then."""


def examples(*commands: str) -> str:
    """Commands as the end of a verb's help, one a line."""
    return "\n\n".join(["Examples:", *commands])
