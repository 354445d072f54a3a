"""The command `ganforge`. Its verbs are found by listing files; each imports what it needs when it runs."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Sequence

import typer

import ganforge
from ganforge.core.errors import GanforgeError, UserError
from ganforge.core.names import writable
from ganforge.ui.verb import verbs

EPILOG = "Start with: ganforge train   (a minute, no downloads). All that can be set: ganforge recipes show dcgan"

app = typer.Typer(
    name="ganforge",
    help="Train, evaluate, use and share generative adversarial networks.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ganforge {ganforge.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Train, evaluate, use and share generative adversarial networks."""


for verb in verbs():
    verb.add_to(app)


class ToStderr(logging.Handler):
    """The package's notices as plain lines on stderr, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        from ganforge.ui.console import stderr

        style = "yellow" if record.levelno >= logging.WARNING else "dim"
        stderr().print(record.getMessage(), style=style, soft_wrap=True)


def refuse_empty(words: Sequence[str]) -> None:
    """Raises UserError where a word is empty: as a path it would mean the current folder."""
    for before, word in zip(["", *words], words, strict=False):
        if not word.strip() or (word.startswith("--") and word.endswith("=")):
            after = f" after {before!r}" if before else ""
            raise UserError(
                f"an empty argument{after if not word.strip() else f' for {word[:-1]}'} (a variable of the shell that "
                "is not set?). Leave it out, or give a value; the current folder is .",
                code="cli.empty_argument",
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 well, 2 the user's mistake, 1 training cannot go on, 130 interrupted."""
    log = logging.getLogger("ganforge")
    if not any(isinstance(handler, ToStderr) for handler in log.handlers):
        log.addHandler(ToStderr())
        log.setLevel(logging.INFO)
        log.propagate = False
    try:
        refuse_empty(sys.argv[1:] if arguments is None else arguments)
        app(args=None if arguments is None else list(arguments), prog_name="ganforge")
    except GanforgeError as error:
        if os.environ.get("GANFORGE_DEBUG"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UserError) else 1)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # `ganforge recipes | head`
            # or Python complains again when it flushes at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)
        if error.errno != errno.ENAMETOOLONG:
            raise
        name = writable(os.fsdecode(error.filename or "an output"))
        print(f"error: {name}: the name is too long; most systems take at most 255 bytes", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
