"""The command `ganforge`. Its verbs are found by listing files; each imports what it needs when it runs."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Sequence

import typer
from typer.main import get_command

import ganforge
from ganforge.core.conclusion import conclude, concluded
from ganforge.core.errors import EndedElsewhere, GanforgeError, LostProcess, UserError
from ganforge.core.events import line_of
from ganforge.core.extras import missing
from ganforge.core.habits import refuse_other_word
from ganforge.core.refusals import PartlyDone
from ganforge.core.surroundings import ask_for_huge_pages, help_for, print_anything_everywhere
from ganforge.registry import PLUGIN_FILES
from ganforge.ui.notices import JSON_FLAG, shown_on_stderr
from ganforge.ui.output import FLAG, emit_error, stdout_for_json
from ganforge.ui.verb import verbs

EPILOG = "Start with: ganforge train   (a minute, no downloads). All that can be set: ganforge recipes show dcgan"

EMPTY = re.compile(r"(--)?[A-Za-z_][\w.-]*=\s*")
"""A field or an option that is given no value."""

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


@functools.cache  # reading the options of all verbs takes 30 ms
def command() -> Callable[..., object]:
    """All verbs as one command."""
    return get_command(app)


def refuse_empty(words: Sequence[str]) -> None:
    """An empty word, or a field or an option without its value, is most often a variable of a script that is not set.

    Raises:
        UserError: there is one. (A condition on a table, `--where note=`, may ask for an empty text.)
    """
    for before, word in zip(["", *words], words, strict=False):
        if before != "--where" and (not word or EMPTY.fullmatch(word)):
            after = f" after {before}" if before and not word else ""
            raise UserError(
                f"{word!r}{after} is empty: is a variable not set? (To set a field to nothing, write field=null)",
                code="cli.empty_value",
            )


def refuse_other_words(words: Sequence[str]) -> None:
    """Answers `train --lr 1e-4` and the like, options of other tools.

    Raises:
        UserError: there is one.
    """
    if words[:1] != ["train"]:
        return
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("--"):
            name, _, value = word.partition("=")
            refuse_other_word(name, value or ("" if after.startswith("-") else after))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 well, 2 the user's mistake, 1 training or the machine cannot go on, 3 a part
    of the job could not be done, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    shown_on_stderr(as_json=JSON_FLAG in words)
    print_anything_everywhere()
    ask_for_huge_pages()
    PLUGIN_FILES.clear()
    with stdout_for_json(words):
        run(words)


def run(words: Sequence[str]) -> None:
    """Runs the words of a command line and exits, as `main` does."""
    if concluded() is not None:  # torchrun starts a process again whose run has already ended with an error
        sys.exit(0)
    try:
        refuse_empty(words)
        refuse_other_words(words)
        command()(args=words, prog_name="ganforge")
    except PartlyDone as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    except EndedElsewhere:
        sys.exit(conclude(1, reported=False))
    except GanforgeError as error:
        if os.environ.get("GANFORGE_DEBUG"):
            raise
        if JSON_FLAG in words:
            sys.stderr.write(line_of({"event": "error", "code": getattr(error, "code", ""), "message": str(error)}))
        else:
            print(f"error: {error}", file=sys.stderr)
        if FLAG in words:
            emit_error(error)
        status = 2 if isinstance(error, UserError) else 1
        sys.exit(status if isinstance(error, LostProcess) else conclude(status))
    except BrokenPipeError:  # `ganforge recipes | head`
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or Python complains again when it flushes at exit
        sys.exit(141)
    except ImportError as error:
        extra = missing(error)
        if extra is None or os.environ.get("GANFORGE_DEBUG"):
            raise
        print(f"error: {extra}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if os.environ.get("GANFORGE_DEBUG"):
            raise
        print(f"error: {help_for(error)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
