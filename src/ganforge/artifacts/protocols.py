"""When two measured values can be compared: if their protocols agree in all that is not about the run itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

PER_RUN = ("fake", "model", "samples", "ema", "ema_length")
"""Protocol entries about the run itself: they may differ between runs whose scores can be compared."""


def protocol_of(protocol: Mapping[str, Any]) -> str:
    """What must agree for two scores to be compared."""
    return json.dumps({k: v for k, v in protocol.items() if k not in PER_RUN}, sort_keys=True)
