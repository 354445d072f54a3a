"""`ganforge studio`: runs, data and reports in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.ui.options import examples
from ganforge.ui.output import AsJson, emit
from ganforge.ui.verb import Verb

EPILOG = examples(
    "ganforge studio",
    "ganforge studio --data ~/pictures --lang zh",
    "ganforge studio --no-browser --port 8470   # on a server; on your machine: ssh -L 8470:localhost:8470 SERVER",
)


def studio(
    runs: Annotated[Path, typer.Option("--runs", help="The folder that holds the runs; created if needed.")] = Path(
        "runs"
    ),
    data: Annotated[
        Path, typer.Option("--data", help="The folder with data sets. Pages see no file outside it.")
    ] = Path(),
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="Default: the first free one from 8470.", show_default=False),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on. Any other than the default can be reached by others.")
    ] = "127.0.0.1",
    lang: Annotated[
        str | None,
        typer.Option("--lang", help="Language of the pages: en or zh. Default: the browser's.", show_default=False),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser: print the address alone.")] = False,
    idle: Annotated[
        float,
        typer.Option("--idle", min=0, help="Minutes without a request after which models leave memory; 0: never."),
    ] = 15.0,
    show_address: Annotated[
        bool, typer.Option("--address", help="Print the address of the studio of these runs again, and start nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train, watch and compare in a browser page. Nothing leaves this machine.

    The address holds a token: anybody who has it can use the studio. Trainings go on when the studio ends.
    """
    from ganforge.core.extras import need

    for module in ("starlette", "uvicorn", "python_multipart"):
        need(module, "the studio")

    from ganforge.core.errors import UserError
    from ganforge.core.language import language_for
    from ganforge.ui.console import stderr, stdout
    from ganforge.web.studio.app import known_address, serve
    from ganforge.web.studio.context import Studio

    if not data.is_dir():
        raise UserError(f"--data {data}: no such folder", code="data.not_found")
    if show_address:
        url = known_address(runs)
        emit({"url": url}) if as_json else stdout().print(url, soft_wrap=True)
        return

    def ready(url: str, warning: str) -> None:
        if warning:
            stderr().print(f"warning: {warning}", soft_wrap=True)
        if as_json:
            emit({"url": url})
            return
        stdout().print(f"the studio is at {url}\nCtrl-C ends it; trainings go on", soft_wrap=True)

    opened = Studio.of(runs, data, language_for(lang) if lang else "", idle * 60)
    serve(opened, host, port, ready, open_browser=not no_browser)


VERB = Verb(studio, order=57, epilog=EPILOG)
