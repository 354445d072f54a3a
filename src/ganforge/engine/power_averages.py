"""The averages of a run from which averages of other lengths can be made after training (`ema.snapshots`)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ganforge.artifacts import checkpoint
from ganforge.artifacts.snapshots import prefix_of
from ganforge.recipes.ema import Ema, Sides
from ganforge.recipes.power_ema import LENGTHS, kept

FEWEST_STEPS = 16
"""Steps between two snapshots, at least."""


class PowerAverages:
    """Averages of the generators with the profiles of `LENGTHS`; none if the recipe takes no snapshots.

    Attributes:
        nets: by the prefix of their tensors in checkpoints and snapshots.
    """

    def __init__(self, ema: Ema, generators: Mapping[str, nn.Module]):
        self.most = ema.snapshots
        self.nets: dict[str, nn.Module] = {}
        self._sides: list[tuple[float, Sides]] = []
        for length in LENGTHS if ema.snapshots else ():
            for name, net in generators.items():
                average = self.nets[prefix_of(length, name)] = ema.copy(net)
                self._sides.append((length, Sides(average, net)))

    def update(self, step: int) -> None:
        """Moves the averages toward the nets after `step`, counted from 1."""
        for length, sides in self._sides:
            sides.move(kept(length, step))

    @property
    def disk_space(self) -> int:
        """Bytes of all snapshots, at most."""
        tensors = self.state().values()
        return self.most * sum(t.numel() * min(t.element_size(), 2 if t.is_floating_point() else 8) for t in tensors)

    def interval(self, step: int) -> int:
        """Steps between the snapshots that are kept at `step`: a power of two times `FEWEST_STEPS`, so that there are
        at most `most` of them whatever the length of training, and a run that is continued keeps those it has."""
        interval = FEWEST_STEPS
        while step // interval > self.most:
            interval *= 2
        return interval

    def due(self, step: int) -> bool:
        """Whether a snapshot is taken after `step`."""
        return bool(self.nets) and step % self.interval(step) == 0

    def state(self) -> dict[str, Tensor]:
        """All tensors, for checkpoints and snapshots."""
        found: dict[str, Tensor] = {}
        for prefix, net in self.nets.items():
            found |= checkpoint.module_state(prefix, net)
        return found

    def load_state(self, tensors: dict[str, Tensor], where: str) -> None:
        """Restores what `state` returned.

        Raises:
            UserError: the tensors do not fit.
        """
        for prefix, net in self.nets.items():
            checkpoint.load_module(prefix, net, tensors, where)
