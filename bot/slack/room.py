"""Room for so many at once: what keeps a flood from taking all memory, and from making everybody late."""

import asyncio

import structlog

from bot.model.meters import NO_METERS, Meters

log = structlog.get_logger()

PERIOD = 60.0
"""Seconds between two lines of the log about the same room: a flood of requests must not become one of lines."""


class Room:
    """So many places. Who finds none is counted, and the log tells of it at once and then every PERIOD."""

    def __init__(self, name: str, most: int, meters: Meters = NO_METERS) -> None:
        self._meters = meters
        self.name = name
        self.most = most
        self.count = 0
        """How many are in."""
        self.turned_away = 0
        """How many found no place, since the process began."""
        self._told = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_full(self) -> bool:
        """Whether nobody else gets a place now."""
        return self.count >= self.most

    def enter(self) -> bool:
        """Take a place, to be given back by `leave`; False when there is none."""
        if self.is_full:
            return False
        self.count += 1
        return True

    def leave(self) -> None:
        """Give a place back."""
        self.count -= 1

    def turn_away(self) -> None:
        """Count one who found no place."""
        self.turned_away += 1
        self._meters.turned_away(self.name)
        if self._timer is None:
            self._tell()

    def _tell(self) -> None:
        """Tell of those since the last line; when there are none, be silent until the next one comes."""
        self._timer = None
        if more := self.turned_away - self._told:
            log.warning("no room: turned away", what=self.name, most=self.most, turned_away=more)
            self._told = self.turned_away
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self._tell)
