"""How often one client may ask."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from ganforge.web.refused import Refused

MOST_CLIENTS = 10_000


class Rate:
    """Requests a second of each client: a bucket of `rate` tokens, at least one, that fills up at that rate.

    Args:
        rate: requests a second; 0: any number.
    """

    def __init__(self, rate: float):
        self.rate, self.size = rate, max(1.0, rate)
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Counts a request.

        Raises:
            Refused: the client asks more often than it may.
        """
        if not self.rate:
            return
        now = time.monotonic()
        left, since = self.buckets.pop(client, (self.size, now))
        left = min(self.size, left + (now - since) * self.rate)
        self.buckets[client] = (left - 1 if left >= 1 else left, now)
        if len(self.buckets) > MOST_CLIENTS:
            self.buckets.popitem(last=False)
        if left < 1:
            raise Refused(
                f"more than {self.rate:g} requests a second: ask less often",
                code="serve.too_often",
                status=429,
                retry_after=math.ceil((1 - left) / self.rate),
            )
