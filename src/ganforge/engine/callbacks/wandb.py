"""The run's log for Weights & Biases (extra `wandb`)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ganforge.core.component import to_plain
from ganforge.core.errors import MissingExtra
from ganforge.engine.callbacks.guard import Guard
from ganforge.engine.callbacks.previews import latest
from ganforge.recipes.callback import Callback, Listener, RunView


class WandB(Callback, kind="wandb"):
    """Logs values, and at each checkpoint the newest preview (image or sound), to Weights & Biases."""

    project: str = "ganforge"
    """Name of the W&B project."""
    entity: str | None = None
    """Team or user that owns the project; by default the user who is logged in."""
    mode: Literal["auto", "online", "offline"] = "auto"
    """offline writes to `wandb/` in the run directory, for `wandb sync`; auto is online if there is an API key, else
    offline."""

    def build(self, run: RunView) -> Listener:
        try:
            import wandb  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise MissingExtra("wandb", "wandb", "the callback 'wandb'") from None
        return WandBWriter(self, run, wandb)


class WandBWriter(Listener):
    """One W&B run per run directory: its id is stored in `wandb-id`, so that a resumed run continues the same W&B
    run."""

    def __init__(self, config: WandB, run: RunView, wandb: Any):
        self.config, self.run, self.wandb = config, run, wandb
        self.guard = Guard(run, "the W&B log")
        self.live: Any = None

    def on_start(self) -> None:
        with self.guard():
            self.live = self.wandb.init(
                project=self.config.project,
                entity=self.config.entity,
                name=self.run.folder.name,
                id=self._id(),
                resume="allow",
                dir=str(self.run.folder),
                config=to_plain(self.run.recipe),
                mode=self._mode(),
            )
            # W&B's step must not decrease, but samples seen do after a rollback; they are a custom axis instead.
            self.live.define_metric("samples")
            self.live.define_metric("*", step_metric="samples")

    def on_tick(self, event: Mapping[str, Any]) -> None:
        if self.live is not None:
            with self.guard():
                self.live.log({k: v for k, v in event.items() if isinstance(v, (int, float)) and k != "t"})

    def on_event(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "evaluate":
            values = {name: value for name, value in event.items() if name.startswith("metric/")}
            self.on_tick({"samples": event["samples"], **values})

    def on_checkpoint(self, folder: Path) -> None:
        found = latest(self.run.folder)
        if self.live is None:
            return
        with self.guard():
            shown = {}
            if ".png" in found:
                shown["previews"] = self.wandb.Image(str(found[".png"]))
            if ".wav" in found:
                shown["previews/sound"] = self.wandb.Audio(str(found[".wav"]))
            if shown:
                self.live.log({"samples": self.run.samples, **shown})

    def on_end(self) -> None:
        if self.live is not None:
            with self.guard():
                self.live.finish()

    def _id(self) -> str:
        path = self.run.folder / "wandb-id"
        if not path.exists():
            path.write_text(uuid.uuid4().hex[:12], encoding="ascii")
        return path.read_text(encoding="ascii").strip()

    def _mode(self) -> str:
        if self.config.mode != "auto":
            return self.config.mode
        has_key = os.environ.get("WANDB_API_KEY") or getattr(getattr(self.wandb, "api", None), "api_key", None)
        return os.environ.get("WANDB_MODE") or ("online" if has_key else "offline")
