"""`ganforge ema`: chooses the length of the average of a trained model's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge.core.errors import UserError
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import examples
from ganforge.ui.verb import Verb

EPILOG = examples(
    "ganforge train dcgan data=mnist ema.snapshots=16",
    "ganforge ema runs/0003-dcgan",
    "ganforge ema runs/0003-dcgan --metric fd10k",
    "ganforge ema runs/0003-dcgan --length 0.08",
    "ganforge ema runs/0003-dcgan --undo",
)


@with_common
def ema(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run that was trained with ema.snapshots=16.", show_default=False)
    ],
    length: Annotated[
        float | None,
        typer.Option(
            "--length",
            help="Take this length without measuring any: a share of the training, such as 0.03 to 0.2.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            help="What decides, as in `ganforge evaluate --metrics`. Default: the first metric of the recipe, or of "
            "those that suit the data.",
            show_default=False,
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("-n", "--number", help="Generated samples for each length. Default: 5,000.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Random seed of the halves of the data and of latents.")] = 0,
    undo: Annotated[bool, typer.Option("--undo", help="Put the model as training wrote it back.")] = False,
    *,
    common: Common,
) -> None:
    """Choose the length of the weights' average (EMA) after training, by a metric on one half of the data."""
    from ganforge.core.progress import Stages
    from ganforge.evaluation import ema_length
    from ganforge.registry import load_all

    if sum([length is not None, undo, metric is not None or n is not None]) > 1:
        raise UserError("--length, --undo and --metric exclude each other: give one of them", code="cli.exclusive")
    load_all()
    model = run / "model.safetensors"
    if undo:
        ema_length.undo(run)
        common.report({"run": run, "length": None, "model": model}, [f"the model as trained is back: {model}"])
        return
    kept = run / ema_length.BEFORE
    if length is not None:
        error = ema_length.set_length(run, length, common.device)
        common.report(
            {"run": run, "length": length, "profile_error": error, "model": model, "kept": kept},
            [f"average of length {length:g} (profile met to {error:.1%}): {model}; as trained: {kept}"],
        )
        return
    with Stages(quiet=common.silent) as progress:
        found = ema_length.choose(run, metric, n, seed, common.device, progress)
    lines = [f"{found.metric}, on one half of the data:"]
    for one in found.candidates:
        mark = "  ← chosen" if one.length == found.length else ""
        lines.append(f"  {'as trained' if one.length is None else f'length {one.length:.2f}':<12}{one.value:.4g}{mark}")
    lines += [f"  left out: {why}" for why in found.left_out.values()]
    if found.length is None:
        lines.append(f"none is better: the model as trained stays ({model})")
    else:
        lines.append(f"on the other half: {found.before.value:.4g} as trained, {found.after.value:.4g} now")
        lines.append(f"{model}; as trained: {kept}")
    common.report(
        {
            "run": run, "metric": found.metric, "length": found.length,
            "candidates": [{"length": one.length, "value": one.value} for one in found.candidates],
            "left_out": {str(name): why for name, why in found.left_out.items()},
            "before": found.before.to_plain(), "after": found.after.to_plain(),
            "model": model, "kept": None if found.length is None else kept,
        },
        lines,
    )  # fmt: skip


VERB = Verb(ema, order=52, epilog=EPILOG)
