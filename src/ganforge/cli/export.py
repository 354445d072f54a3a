"""`ganforge export`: a trained model as a folder to hand on: the bundle and a card that says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.ui.options import Language, Plugins, Source, examples
from ganforge.ui.output import AsJson, emit
from ganforge.ui.verb import Verb

EPILOG = examples(
    "ganforge export runs/0003-dcgan --license cc-by-4.0",
    "ganforge export runs/0003-dcgan/best.safetensors --out share/digits --force",
)


def export(
    source: Source,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder to create. By default exports/ and the run's name.", show_default=False),
    ] = None,
    license: Annotated[
        str | None,
        typer.Option(
            "--license",
            help="The license of the model, as the Hub names them: apache-2.0, cc-by-4.0, mit, other, ...",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What the card calls it. By default the folder.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the files of an earlier export.")] = False,
    lang: Language = None,
    as_json: AsJson = False,
    plugins: Plugins = None,
) -> None:
    """Write the model file and its card (README.md, with the header that the Hub reads)."""
    from ganforge.export.folder import export as write
    from ganforge.registry import load_all
    from ganforge.ui.console import say, stdout

    load_all()
    made = write(source, out, license=license, name=name, force=force, language=lang)
    if as_json:
        emit({"folder": made.folder, "files": made.files, "to_fill_in": made.to_fill_in})
        return
    console = stdout()
    console.print(f"{made.folder}: {', '.join(file.name for file in made.files)}", soft_wrap=True)
    for note in made.to_fill_in:
        say(f"to fill in: {note}", console, "yellow")


VERB = Verb(export, order=60, epilog=EPILOG)
