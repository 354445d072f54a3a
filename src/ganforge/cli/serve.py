"""`ganforge serve`: trained models behind an HTTP API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganforge.core.errors import UserError
from ganforge.ui.options import Device, Precision, Quiet, examples
from ganforge.ui.output import AsJson, emit
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    from ganforge.web.worker import Worker

EPILOG = examples(
    "ganforge serve runs/0003-dcgan --port 8000",
    "ganforge serve faces=runs/0007-r3gan-small adult.safetensors --check",
    "ganforge serve runs/0003-dcgan --host 0.0.0.0 --token-file token.txt --allow-host gan.example.org",
    "curl 'http://127.0.0.1:8000/v1/models/0003-dcgan/sample?seed=7' -o seven.png",
)
MODELS = "RUN_OR_BUNDLE ..."


def serve(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar=MODELS,
            help="Run directories or model files, each as PATH or NAME=PATH.",
            show_default=False,
        ),
    ],
    host: Annotated[str, typer.Option("--host", help="The address to listen at. Any other needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", help="The port; 0: any that is free.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            help="What clients must send as `Authorization: Bearer`. Others on this machine can see it in the list of "
            "processes; --token-file and GANFORGE_TOKEN avoid that.",
            envvar="GANFORGE_TOKEN",
            show_envvar=False,
            show_default=False,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", help="A file with the token; written with a new one if it is not there.", show_default=False
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            help="Another Host header that is answered: the name of a proxy in front. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    deadline: Annotated[float, typer.Option("--deadline", help="Seconds that an answer may take.")] = 30.0,
    queue: Annotated[int, typer.Option("--queue", help="Requests that may wait; more get status 503.")] = 64,
    together: Annotated[
        int, typer.Option("--together", help="Samples of several requests in one pass; 1 computes each by itself.")
    ] = 32,
    rate: Annotated[float, typer.Option("--rate", help="Requests a second of one client; 0: any number.")] = 0.0,
    jobs: Annotated[int, typer.Option("--jobs", help="Jobs that may be unfinished; 0: none are taken.")] = 16,
    job_minutes: Annotated[float, typer.Option("--job-minutes", help="Minutes that a job may be computed.")] = 60.0,
    upload: Annotated[int, typer.Option("--upload", help="MiB of an uploaded file, at most.")] = 64,
    memory: Annotated[
        int, typer.Option("--memory", help="MiB of the process that computes; it is replaced if it uses more.")
    ] = 4096,
    threads: Annotated[int, typer.Option("--threads", help="Threads of that process.")] = 1,
    check: Annotated[
        bool, typer.Option("--check", help="Load and try all models, say what they are, and end.")
    ] = False,
    device: Device = None,
    precision: Precision = "fp32",
    quiet: Quiet = False,
    as_json: AsJson = False,
    plugins: Annotated[
        list[Path] | None,
        typer.Option("--plugin", help="A Python file that registers what models need.", show_default=False),
    ] = None,  # loaded by the worker alone, since this process has no use for torch
) -> None:
    """Serve trained models over HTTP, for products: samples, walks, translations."""
    from ganforge.core.extras import need

    for module in ("starlette", "uvicorn", "python_multipart"):
        need(module, "ganforge serve")
    for name, value, least in (
        ("--deadline", deadline, 0.1), ("--queue", queue, 1), ("--together", together, 1), ("--rate", rate, 0),
        ("--jobs", jobs, 0), ("--job-minutes", job_minutes, 0.01),
        ("--upload", upload, 1), ("--memory", memory, 1), ("--threads", threads, 1),
    ):  # fmt: skip
        if not least <= value < float("inf"):
            raise UserError(f"{name} {value:g}: it must be at least {least:g}", code="cli.out_of_range")
    import asyncio
    import os
    import sys

    from ganforge.ui.console import stderr, stdout
    from ganforge.web.binding import check_binding, hosts_of, token_in
    from ganforge.web.child import Settings
    from ganforge.web.serve.app import Options, Server
    from ganforge.web.serve.running import listening, serve
    from ganforge.web.worker import Worker

    if token and token_file:
        raise UserError("--token and --token-file are given: leave one of them out", code="serve.token_twice")
    secret = token_in(token_file) if token_file else token or ""
    os.environ.pop("GANFORGE_TOKEN", None)  # or the worker would inherit it
    settings = Settings(
        models=named(sources),
        device=device,
        precision=precision,
        threads=threads,
        together=together,
        memory=memory << 20,
        plugins=tuple(str(file) for file in plugins or ()),
    )
    worker = Worker(settings, queue)
    if check:
        asyncio.run(tried(worker))
        report = [{"name": name} | facts for name, facts in worker.models.items()]
        if as_json:
            emit({"models": report})
        elif not quiet:
            for facts in report:
                stdout().print(f"{facts['name']}: {facts['recipe']}, {facts['sample']}", soft_wrap=True)
        return
    if warning := check_binding(host, secret):
        stderr().print(warning, style="yellow", soft_wrap=True)
    bound = listening(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"

    def ready() -> None:
        if as_json:
            emit({"url": url, "models": list(worker.models)})
        elif not quiet:
            stdout().print(f"{url}/v1/models: {', '.join(worker.models)}", soft_wrap=True)

    options = Options(
        token=secret,
        hosts=hosts_of(host, bound.getsockname()[1], allow_host or ()),
        deadline=deadline,
        rate=rate,
        jobs=jobs,
        job_deadline=job_minutes * 60,
        upload=upload << 20,
        log=None if quiet else sys.stderr,
    )
    asyncio.run(serve(Server(worker, options), bound, ready))


async def tried(worker: Worker) -> None:
    """Loads the models and ends."""
    async with worker:
        return


def named(sources: list[str]) -> dict[str, str]:
    """The models by name: `faces=runs/0007`, else the name of the run directory or of the file.

    Raises:
        UserError: two have one name, or a name does not fit into an address.
    """
    import re

    found: dict[str, str] = {}
    for source in sources:
        name, sign, path = source.partition("=")
        if not sign or Path(source).exists():
            path = source
            place = Path(path).resolve()
            name = (
                place.parent.name
                if place.name == "model.safetensors"
                else place.stem
                if place.is_file()
                else place.name
            )
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
            raise UserError(
                f"{source}: the name {name!r} does not fit into an address (letters, digits, . _ -). Give another: "
                f"NAME={path}",
                code="serve.invalid_name",
            )
        if name in found:
            raise UserError(
                f"{source}: another model is called {name!r}. Give one of them another name: NAME={path}",
                code="serve.name_taken",
            )
        found[name] = path
    return found


VERB = Verb(serve, order=68, epilog=EPILOG)
