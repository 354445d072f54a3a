"""What a run directory says of its run, read without building the recipe: a list of runs is quick, and knows runs of
plugins too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import yaml

from ganforge.core.errors import UserError
from ganforge.core.parse_yaml import parse_yaml

STATES = ("running", "finished", "stopped", "failed", "crashed")
"""finished: all samples were seen, or training stopped early. stopped: by --minutes or Ctrl-C, and can be resumed.
failed: training could not go on. crashed: the process ended without saying so (killed, power cut)."""

TRASH = ".trash"
PLACES = ("path", "source", "target", "a", "b")
"""Fields of data sources that say where the data lies."""
TICK = b'{"event": "tick"'


@dataclass(frozen=True)
class Summary:
    """One run.

    Attributes:
        folder: the run directory. state: one of `STATES`.
        recipe: its name. data: a path or the name of a set.
        samples: real samples seen, of `planned`.
        started, updated: Unix seconds of the first and the last event; None before the first.
        seconds: of training.
        reason: why it ended, where that is known.
        metric: the first of the metrics that it measures while it trains; empty without any.
        last, best: its last and its best value. best_at: samples seen at the best.
        losses: those of the last tick, by phase.
        others: the last values of all metrics.
    """

    folder: Path
    state: str
    recipe: str
    data: str
    samples: int
    planned: int
    started: float | None = None
    updated: float | None = None
    seconds: float = 0.0
    reason: str = ""
    metric: str = ""
    last: float | None = None
    best: float | None = None
    best_at: int | None = None
    losses: dict[str, float] = field(default_factory=dict)
    others: dict[str, float | None] = field(default_factory=dict)


def is_run(folder: Path) -> bool:
    return (folder / "recipe.yaml").is_file()


def runs_in(root: Path) -> list[Path]:
    """The runs in a folder, sorted by name; the folder itself where it is one."""
    if is_run(root):
        return [root]
    try:
        return sorted(path for path in root.iterdir() if is_run(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def recipe_of(folder: Path) -> dict[str, Any]:
    """The recipe of a run as plain values.

    Raises:
        UserError: no run there, or its recipe cannot be read.
    """
    if not is_run(folder):
        raise UserError(f"{folder}: no run here (there is no recipe.yaml)", code="run.not_found")
    path = folder / "recipe.yaml"
    try:
        found = parse_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {error}", code="config.not_yaml") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: holds no recipe", code="config.not_a_mapping")
    return found


def summary_of(folder: Path) -> Summary:
    """What a run directory says.

    Raises:
        UserError: as `recipe_of`.
    """
    return summarized(folder, recipe_of(folder), list(notable_events(folder / "events.jsonl")))


def summarized(folder: Path, recipe: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Summary:
    """What the recipe and the notable events of a run say: the first, the last tick, and those that are no ticks."""
    newest = events[-1] if events else {}
    ends = [event for event in events if event["event"] in ("start", "resume", "end", "failed")]
    state, reason = _state(folder, ends[-1] if ends else {})
    measured = [event for event in events if event["event"] == "evaluate"]
    others = values(measured[-1] if measured else {}, "metric/")
    metric = next(iter(others), "")
    bests = [event for event in measured if event.get("best")]
    tick = next((event for event in reversed(events) if event["event"] == "tick"), {})
    return Summary(
        folder=folder,
        state=state,
        recipe=str(recipe.get("name", "")),
        data=data_of(recipe.get("data")),
        samples=int(newest.get("samples", 0)),
        planned=int(next((e["planned"] for e in reversed(events) if "planned" in e), recipe.get("samples", 0))),
        started=events[0].get("t") if events else None,
        updated=newest.get("t"),
        seconds=_seconds(events),
        reason=reason,
        metric=metric,
        last=others.get(metric),
        best=bests[-1].get(f"metric/{metric}") if bests else None,
        best_at=bests[-1].get("samples") if bests else None,
        losses={name: value for name, value in values(tick, "loss/").items() if "/" not in name},
        others=others,
    )


def notable_events(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a log; of the many ticks only the last."""
    if not path.exists():
        return
    tick = b""
    with path.open("rb") as file:
        for line in file:
            if line.startswith(TICK):
                tick = line
                continue
            if tick and (event := _event(tick)) is not None:
                yield event
            tick = b""
            if (event := _event(line)) is not None:
                yield event
    if tick and (event := _event(tick)) is not None:
        yield event


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:  # a line that a crash cut short
        return None
    return found if isinstance(found, dict) and "event" in found else None


def values(event: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The values of an event whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in event.items() if name.startswith(prefix)}


def _seconds(events: Sequence[Mapping[str, Any]]) -> float:
    """Of training, as the ticks count them; before the first tick of a run, from its first event to its last."""
    counted = [float(event["seconds"]) for event in events if event["event"] in ("tick", "end") and "seconds" in event]
    if not any(counted) and events:
        return events[-1].get("t", 0.0) - events[0].get("t", 0.0)
    return max(counted, default=0.0)


def _state(folder: Path, last: Mapping[str, Any]) -> tuple[str, str]:
    """The state of a run, and why it ended, from the last event that says so."""
    match last.get("event"):
        case "end":
            reason = str(last.get("reason", ""))
            return ("finished" if reason in ("finished", "patience") else "stopped"), reason
        case "failed":
            return "failed", str(last.get("message", ""))
        case _:
            return ("running" if is_locked(folder) else "crashed"), ""


def is_locked(folder: Path) -> bool:
    """Whether a process is training in a run."""
    if not (folder / ".lock").exists():
        return False
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # a folder of somebody else, that nobody here trains in
        return False


def data_of(data: Any) -> str:
    """`./photos` or `mnist`, from the field `data` of a recipe."""
    if not isinstance(data, Mapping):
        return str(data or "")
    places = [str(data[name]) for name in PLACES if data.get(name)]
    return " ".join(places) or str(data.get("kind", ""))


def differences(recipes: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """The leaves in which recipes differ, by their path: the value in each, None where it has no such field."""
    from ganforge.core.overrides import flatten

    flat = [flatten(recipe) for recipe in recipes]
    paths = dict.fromkeys(path for leaves in flat for path in leaves)
    rows = {path: [leaves.get(path) for leaves in flat] for path in paths}
    return {path: values for path, values in rows.items() if any(value != values[0] for value in values)}


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def to_trash(folder: Path) -> Path:
    """Moves a run to the trash beside it, from where it can be restored; returns where it lies.

    Raises:
        UserError: no run there, a process trains in it, or it cannot be moved.
    """
    recipe_of(folder)
    if is_locked(folder):
        raise UserError(f"{folder}: a process is training in this run; stop it first", code="run.in_use")
    trash = folder.absolute().parent / TRASH
    place = trash / folder.absolute().name
    if place.exists():
        place = trash / f"{folder.absolute().name}.{time.strftime('%Y%m%d-%H%M%S')}"
    return _moved(folder, place)


def restored(name: str, root: Path) -> Path:
    """Moves a run out of the trash of a folder; returns where it lies.

    Raises:
        UserError: it is not in the trash, or there is a run of that name now.
    """
    trashed = root / TRASH / name
    if not is_run(trashed):
        there = ", ".join(path.name for path in runs_in(root / TRASH)) or "nothing"
        raise UserError(f"{name}: not in the trash {root / TRASH} (it holds: {there})", code="run.not_found")
    if (root / name).exists():
        raise UserError(
            f"{root / name}: there is a folder of that name now; rename it first", code="run.already_exists"
        )
    return _moved(trashed, root / name)


def _moved(folder: Path, place: Path) -> Path:
    try:
        place.parent.mkdir(exist_ok=True)
        return folder.rename(place)
    except OSError as error:
        raise UserError(f"{folder}: cannot be moved ({error.strerror or error})", code="output.not_writable") from None
