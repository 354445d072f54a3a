"""Public imports for custom metrics and extractors.

    samples → extractor → features → statistics → number

A `Comparison` holds the real and the generated samples and other inputs of metrics; each side passes through the
extractor once, for all metrics. A `Metric` reads it and returns `Result`s, each with its protocol.
"""

from ganforge.metrics.comparison import CHUNK, Comparison, Latents
from ganforge.metrics.extraction import Encoded, cached, stream
from ganforge.metrics.extractor import Encoder, Extractor, OpenContext
from ganforge.metrics.meaning import Meaning
from ganforge.metrics.metric import Metric, keeps_features, measure
from ganforge.metrics.result import Result, short_count
from ganforge.metrics.samples import Progress, SampleSet, fingerprint_of, silent

__all__ = [
    "CHUNK", "Comparison", "Encoded", "Encoder", "Extractor", "Latents", "Meaning", "Metric", "OpenContext", "Progress",
    "Result", "SampleSet", "cached", "fingerprint_of", "keeps_features", "measure", "short_count", "silent", "stream",
]  # fmt: skip
