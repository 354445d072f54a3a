"""Public imports for signals: `Signal`, and the types that its hooks return."""

from ganforge.signals.records import (
    Appender,
    Card,
    Condition,
    Exporter,
    FileResult,
    FileUse,
    Gallery,
    Inspection,
    Nearest,
    Noun,
    Rule,
    Setting,
    Steps,
    Usage,
    Writer,
    save_array,
)
from ganforge.signals.signal import Signal, signal_of

__all__ = [
    "Appender", "Card", "Condition", "Exporter", "FileResult", "FileUse", "Gallery", "Inspection", "Nearest", "Noun",
    "Rule", "Setting", "Signal", "Steps", "Usage", "Writer", "save_array", "signal_of",
]  # fmt: skip
