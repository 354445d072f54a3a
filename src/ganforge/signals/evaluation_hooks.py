"""The hooks of a signal for evaluation: default metrics, and one form for real and generated samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.types import Batch, Spec
from ganforge.signals.records import Gallery, Rule


class EvaluationHooks:
    """How samples of a signal are evaluated, and how a report shows them."""

    # --- what is measured and shown by default

    metrics: ClassVar[tuple[str, ...]] = ()
    """What `ganforge evaluate` measures by default: names of metrics."""
    extractor: ClassVar[str] = "raw"
    """Where features come from by default: the name of an extractor."""
    n_generated: ClassVar[int] = 10_000
    """Generated samples that are evaluated by default; 0: as many as there are real ones."""
    gallery: ClassVar[Gallery | None] = None
    """How reports show samples; None: not at all, for metrics draw them, or nobody can see them."""
    appearance_samples: ClassVar[int] = 0
    """Samples of each side that `compare_appearance` is given for a report; 0: none."""
    rules: ClassVar[Sequence[Rule]] = ()
    """What points to faults of such samples, beside what does so of any: read by a report."""
    names_left_out: ClassVar[bool] = False
    """Whether a report says which of the usual metrics could not be measured, and why."""

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        """The metrics that are measured where nobody names any, as `psnr(channel=Y)`.

        Args:
            translates: whether a model that makes samples of others is evaluated.
            paired: whether each sample has one that it should be.
            sizes: of the samples, where each is evaluated at its own.
        """
        return self.metrics

    # --- real and generated samples in one form

    def raw_samples(self, dataset: Dataset) -> Any | None:
        """All real samples as people know them, with `len` and slices, where the data set holds them so (a table).

        They are compared with as they are. None: real samples go through `prepare`, `encode` and `decode` first.
        """
        return None

    def comparable(self, samples: Any) -> Any:
        """Decoded samples as metrics and extractors read them; reports `render` what is returned here."""
        return samples

    @classmethod
    def common(cls, sets: Sequence[Dataset], fields: Mapping[str, Any]) -> Self:
        """The signal of two sets that are to be compared, if their samples have one form.

        Args:
            fields: what the user says of that form: `size`, `mode`, ...; a signal takes those that it has.

        Raises:
            UserError: the samples differ: says how, and what brings them together.
        """
        return cls()

    def targeted(self, spec: Spec, column: str) -> Spec:
        """The spec with another column for models to predict.

        Raises:
            UserError: the samples have no such column, or none at all.
        """
        raise UserError(
            f"--target {column}: expects a column of a table, and these samples have no columns",
            code="signal.no_columns",
        )

    def has_sources(self, spec: Spec) -> bool:
        """Whether each sample comes with what it is to be made from, as `sources` gives it."""
        return False

    def sources(self, batch: Batch, spec: Spec) -> np.ndarray:
        """What samples are to be made from, as a user sees it: uint8 [N, h, w, C]. Only where `has_sources`."""
        raise NotImplementedError

    def are_comparable_sources(self, spec: Spec) -> bool:
        """Whether `sources` gives samples of this signal, which metrics of pairs can measure as they are: what can be
        had without a model."""
        return False

    def shown_sources(self, sources: Any, like: Any, spec: Spec) -> Any:
        """What `sources` gives, in the form of decoded samples `like`, to be shown next to them."""
        return sources

    def compare_appearance(self, real: Any, fake: Any) -> Any:
        """How decoded samples of either side look, for the `rules`."""
        return None
