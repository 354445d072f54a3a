"""What both signals of graphs share: samples as graphs that are drawn, and written as files of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ganforge.core.types import Spec
from ganforge.modalities.graph import drawing
from ganforge.modalities.graph.files import written
from ganforge.modalities.graph.graphs import Graph
from ganforge.signals import Signal, Writer

LARGE = 2
"""Times the side of a drawing of a small graph."""
AsGraph = Callable[[np.ndarray, Mapping[str, Any]], Graph]
"""A decoded sample and the state of its spec → the graph."""


def one_a_file(ending: str, graph_of: AsGraph, write: Callable[[Graph, Path], None]) -> Writer:
    """A writer of one file a sample."""

    def all_of(samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{start + k:06d}{ending}" for k in range(len(samples))]
        for sample, path in zip(samples, paths, strict=True):
            write(graph_of(sample, spec.state), path)
        return paths

    return all_of


def formats(graph_of: AsGraph) -> Mapping[str, Writer]:
    """Writers of all formats, by name."""
    return {ending[1:]: one_a_file(ending, graph_of, write) for ending, write in written.WRITERS.items()}


class DrawnGraphs(Signal):
    """Samples that are graphs, once decoded. A subclass says how (`graph_of`), and how they are drawn and written."""

    hub_task: ClassVar[str] = "graph-ml"
    usual: ClassVar[str]
    """The format of a folder of samples where none is asked for."""
    side: ClassVar[int] = drawing.SIDE
    """px of a drawing among others."""

    @staticmethod
    def graph_of(sample: np.ndarray, state: Mapping[str, Any]) -> Graph:
        """A decoded sample as a graph.

        Args:
            state: of the spec.
        """
        raise NotImplementedError

    def drawn(self, sample: np.ndarray, spec: Spec, side: int) -> np.ndarray:
        """A decoded sample as uint8 [side, side, 3]."""
        kinds = (spec.state.get(name, ()) for name in ("node_kinds", "edge_kinds"))
        return drawing.drawn(self.graph_of(sample, spec.state), *kinds, side=side)

    def sheet(self, samples: np.ndarray, spec: Spec, columns: int) -> np.ndarray:
        """Several, at least one, in rows, uint8 [H, W, 3]."""
        return drawing.sheet([self.drawn(sample, spec, self.side) for sample in samples], columns)

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        return self.drawn(sample, spec, LARGE * drawing.SIDE)

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        """One file a sample, numbered."""
        return self.file_formats[self.usual](samples, folder, start, spec)
