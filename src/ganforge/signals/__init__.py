"""Public imports for signals: `Signal`, and the types that its hooks return."""

from ganforge.signals.records import (
    Appender,
    Card,
    Completer,
    Completion,
    Condition,
    Exporter,
    Gallery,
    Inspection,
    Nearest,
    Noun,
    Rule,
    Steps,
    Usage,
    Writer,
    save_array,
)
from ganforge.signals.signal import Signal, signal_of

__all__ = [
    "Appender", "Card", "Completer", "Completion", "Condition", "Exporter", "Gallery", "Inspection", "Nearest", "Noun",
    "Rule", "Signal", "Steps", "Usage", "Writer", "save_array", "signal_of",
]  # fmt: skip
