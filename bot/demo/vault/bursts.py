"""Burst limits: how many calls were made in the fixed window of time that now is in."""

from collections import Counter
from datetime import datetime, timedelta


class BurstWindow:
    """Counts calls in fixed windows of the clock (facts §1.6)."""

    def __init__(self, length: timedelta) -> None:
        self._length = length.total_seconds()
        self._window = -1
        self._calls: Counter[str] = Counter()

    def count(self, now: datetime, what: str = "") -> int:
        """One more call; returns how many there were in this window, this one included."""
        window = int(now.timestamp() // self._length)
        if window != self._window:
            self._window = window
            self._calls.clear()
        self._calls[what] += 1
        return self._calls[what]
