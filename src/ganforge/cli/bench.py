"""`ganforge bench`: how fast a recipe runs on this machine, and how near that is to what the machine can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganforge.core.files import check_new
from ganforge.core.words import significant
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import examples
from ganforge.ui.output import emit
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    from rich.table import Table

    from ganforge.bench.measure import Benchmark

EPILOG = examples(
    "ganforge bench dcgan data=digits",
    "ganforge bench dcgan data=digits precision=fp32 --against precision=bf16",
    "ganforge bench ctgan-fast data=adult.csv --profile trace.json",
)


@with_common
def bench(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="RECIPE|PATH [FIELD=VALUE]",
            show_default=False,
            help="As for `ganforge train`: a recipe and fields.",
        ),
    ],
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="FIELD=VALUE",
            help="Measure a second set of fields by turns with the first, and print the ratio of their speeds.",
            show_default=False,
        ),
    ] = None,
    pairs: Annotated[int, typer.Option("--pairs", help="Stretches of each part, of which the median is taken.")] = 7,
    seconds: Annotated[float, typer.Option("--seconds", help="How long each stretch lasts at least.")] = 1.0,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--profile",
            help="Also write a trace of the training steps, for ui.perfetto.dev, and list the slowest operators.",
            show_default=False,
        ),
    ] = None,
    *,
    common: Common,
) -> None:
    """Measure the speed of a recipe's parts beside the limits of this machine."""
    from ganforge.bench import measure
    from ganforge.cli.train_words import resolve
    from ganforge.registry import load_all
    from ganforge.ui.console import say, stderr, stdout

    check_new(trace, force=common.force)
    load_all()
    recipe, _ = resolve(words, None, [], None, common.device)
    other = resolve([*words, *against], None, [], None, common.device)[0] if against else None
    tell = (lambda text: None) if common.silent else (lambda text: say(f"measuring: {text}", stderr()))
    found = measure.bench(recipe, other, pairs=pairs, seconds=seconds, device=common.device, progress=tell)
    operators = measure.profile(recipe, trace, common.device) if trace is not None else []
    if common.as_json:
        emit({"benchmark": found, "operators": operators, "against": against or []})
        return
    console = stdout()
    say(f"{found.recipe} in {found.precision} on {found.device}: {found.processor}", console)
    say(f"{found.threads} threads, torch {found.torch}, {found.date}", console)
    say("limits: " + ", ".join(f"{one.name} {giga(one.value)} G{one.unit}" for one in found.ceilings), console)
    console.print(table(found, against))
    if trace is not None:
        say(f"{trace}: open it at ui.perfetto.dev. The slowest operators:", console)
        for name, share, calls in operators:
            say(f"  {100 * share:4.1f} %  {name} ({calls:,} calls)", console)


def table(found: Benchmark, against: list[str] | None) -> Table:
    """A row for each part."""
    from rich.table import Table

    shown = Table(box=None, padding=(0, 3, 0, 0))
    shown.add_column("part", no_wrap=True)
    for head in ("samples/s", "ms per step or call", "GFLOP/s", "of the limit"):
        shown.add_column(head, justify="right")
    if against:
        shown.add_column(f"speed over {' '.join(against)}", justify="right")
    for one in found.parts:
        work = ("", "")
        if one.flop_rate is not None and one.share is not None:
            work = (giga(one.flop_rate), f"{100 * one.share:.0f} % ({one.limit})")
        ratio = [str(one.ratio) if one.ratio is not None else ""] if against else []
        shown.add_row(one.part, str(one.rate), str(one.milliseconds), *work, *ratio)
    return shown


def giga(value: float) -> str:
    return significant(value / 1e9)


VERB = Verb(bench, order=85, epilog=EPILOG)
