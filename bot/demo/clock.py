"""The demo's one clock: both emulators ask it for the time, and the bot reads it from a file."""

import asyncio
import json
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class DemoClock:
    """The one clock of the demo: real time + an offset, optionally at another speed.

    With a `path`, its state stands in a small JSON file that another process may read at each look:
    ``{"demo": epoch seconds at the anchor, "real": time.time() at the anchor, "speed": 1.0}``, from which
    now = demo + (time.time() - real) * speed. The file is replaced as a whole: nobody reads half of it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._real = time.time()
        self._demo = self._real
        self._speed = 1.0
        self._write()

    @property
    def speed(self) -> float:
        """Demo seconds that pass in one real second."""
        return self._speed

    def now(self) -> datetime:
        """The demo's time, in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def timestamp(self) -> float:
        """The demo's time as epoch seconds."""
        return self._demo + (time.time() - self._real) * self._speed

    def advance(self, by: timedelta) -> None:
        """Jump ahead; time never goes back."""
        if by < timedelta(0):
            raise ValueError("the demo clock cannot go back")
        self._anchor(self.timestamp() + by.total_seconds(), self._speed)

    def set(self, moment: datetime) -> None:
        """Jump to a moment (with a zone) that is not in the past."""
        if moment.tzinfo is None:
            raise ValueError("the demo clock needs a moment with a time zone")
        wished = moment.timestamp()
        if wished < self.timestamp():
            raise ValueError("the demo clock cannot go back")
        self._anchor(wished, self._speed)

    def run_at(self, speed: float) -> None:
        """1.0 is real time; 60 lets a minute pass in each second; 0 stands still."""
        if not 0 <= speed < float("inf"):
            raise ValueError("the demo clock's speed must be zero or more")
        self._anchor(self.timestamp(), speed)

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until the demo's time has come; a jump of the clock ends the wait within 50 ms."""
        # Not an event: in the other process the time may run on with no one here to tell of it.
        while (remaining := moment.timestamp() - self.timestamp()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(0.05, remaining / self._speed) if self._speed else 0.05)

    def _anchor(self, demo: float, speed: float) -> None:
        self._demo, self._real, self._speed = demo, time.time(), speed
        self._write()

    def _write(self) -> None:
        if self.path is None:
            return
        state = {"demo": self._demo, "real": self._real, "speed": self._speed}
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(state, file)
        Path(name).replace(self.path)
