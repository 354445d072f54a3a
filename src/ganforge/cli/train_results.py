"""What `ganforge train` prints: the plan of a dry run, and how a run ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from ganforge.engine.plan import Plan
    from ganforge.engine.train import TrainResult
    from ganforge.recipes.base import Recipe

RESULTS = {
    "timelapse": "timelapse.gif",
    "curves": "curves.png",
    "model": "model.safetensors",
    "best": "best.safetensors",
}
"""Output files of a run that are listed at its end, if they exist."""
ENDS = {
    "finished": "finished",
    "patience": "stopped early, since the metric no longer improved",
    "minutes": "time limit reached",
    "interrupted": "stopped and saved",
}


def show_plan(plan: Plan, minutes: float | None, console: Console) -> None:
    """Prints the recipe and the results of a dry run; `minutes` is the time limit of training."""
    from rich.table import Table

    from ganforge.core import overrides
    from ganforge.engine.preflight import forecast
    from ganforge.ui.progress import clock

    console.print(overrides.to_yaml(plan.recipe), soft_wrap=True)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("data", f"{plan.dataset_size:,} samples")
    table.add_row(
        "sample", " × ".join(map(str, plan.spec.shape)) + (f", {plan.spec.classes} labels" if plan.spec.classes else "")
    )
    for player, count in plan.players.items():
        table.add_row(f"player {player}", f"{count:,} parameters")
    table.add_row("device", plan.device)
    table.add_row("memory", f"about {plan.memory_bytes / 2**20:,.0f} MiB")
    table.add_row("disk", f"about {plan.checkpoint_bytes / 2**20:,.1f} MiB per checkpoint, {plan.recipe.keep} kept")
    table.add_row(
        "speed", f"{plan.samples_per_second:,.0f} samples/s (a step takes {1000 * plan.step_seconds:,.1f} ms)"
    )
    whole = f"about {clock(plan.seconds_total)} for {plan.recipe.samples:,} samples"
    if minutes is None or 60 * minutes >= plan.seconds_total:
        table.add_row("time", whole)
    else:
        within = 60 * minutes * plan.samples_per_second
        table.add_row("time", f"{minutes:g} min for some {within:,.0f} samples ({whole})")
    for note in plan.notes:
        table.add_row("note", note)
    text, warn = forecast(plan.recipe, plan.samples_per_second, minutes, plan.device)
    if warn:
        table.add_row("warning", text)
    console.print(table)


def plain_plan(plan: Plan) -> dict[str, Any]:
    """The results of a dry run, for JSON."""
    from dataclasses import fields

    from ganforge.core.component import to_plain

    facts = {field.name: getattr(plan, field.name) for field in fields(plan) if field.name not in ("recipe", "spec")}
    return {**facts, "shape": plan.spec.shape, "classes": plan.spec.classes, "recipe": to_plain(plan.recipe)}


def show_result(result: TrainResult, recipe: Recipe, console: Console) -> None:
    """Prints where the outputs are, and the next steps."""
    ended = ENDS[result.reason]
    lines = [f"{ended}: {result.samples:,} of {recipe.samples:,} samples"]
    lines += [f"  {what:<10}{text}" for what, text in [*files_of(result.folder), *steps_after(result, recipe)]]
    console.print("\n".join(lines), soft_wrap=True)


def plain_end(result: TrainResult, recipe: Recipe) -> dict[str, Any]:
    """How a run ended, for JSON: as `ganforge runs --json` describes it, with files and commands."""
    from ganforge.artifacts.summary import summary_of
    from ganforge.cli.runs import as_plain

    files = {what: str(file) for what, file in files_of(result.folder)}
    return {**as_plain(summary_of(result.folder)), "files": files, "next": dict(steps_after(result, recipe))}


def files_of(folder: Path) -> list[tuple[str, Path]]:
    """Labels and paths of the output files of a run."""
    from ganforge.engine.callbacks.previews import latest

    found = [("samples", file) for file in latest(folder).values()]
    found += [(what, folder / file) for what, file in RESULTS.items()]
    return [(what, file) for what, file in found if file.exists()]


def steps_after(result: TrainResult, recipe: Recipe) -> list[tuple[str, str]]:
    """Next steps after a run, as commands."""
    from ganforge.core.commands import command, with_plugins
    from ganforge.registry import PLUGIN_FILES

    folder = result.folder
    steps = [*(recipe.task.next_steps(folder, result.spec) or recipe.signal.next_steps(folder, result.spec))]
    more = {"finished": [f"samples={2 * recipe.samples}"], "patience": ["patience=null"]}.get(result.reason, [])
    steps += [("evaluate", command("evaluate", folder)), ("resume", command("train", "--resume", folder, *more))]
    return [(what, with_plugins(step, PLUGIN_FILES)) for what, step in steps]
