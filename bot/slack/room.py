"""Room for so many at once: what keeps a flood from taking all memory, and from making everybody late."""

import asyncio
from collections.abc import Callable, Hashable

import structlog

from bot.model.meters import NO_METERS, Meters

log = structlog.get_logger()

PERIOD = 60.0
"""Seconds between two lines of the log about the same room: a flood of requests must not become one of lines."""


class Summary:
    """What may come a thousand times a second, told at once and then every PERIOD: `tell` gets how many since."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell_them = tell
        self._untold = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self) -> None:
        """Count one more."""
        self._untold += 1
        if self._timer is None:
            self._tell()

    def _tell(self) -> None:
        """Tell of those since the last time; when there are none, be silent until the next one comes."""
        self._timer = None
        if count := self._untold:
            self._untold = 0
            self._tell_them(count)
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self._tell)


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
        self._summary = Summary(self._tell)

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
        self._summary.add()

    def _tell(self, more: int) -> None:
        log.warning("no room: turned away", what=self.name, most=self.most, turned_away=more)


class SharedRoom(Room):
    """A room that nobody can take alone: while more than half of the places are taken, one guest gets `each` at most.

    A guest is named by whatever is equal for the same one. What is kept of guests goes with their last place.
    """

    def __init__(self, name: str, most: int, each: int, meters: Meters = NO_METERS) -> None:
        super().__init__(name, most, meters)
        self.each = each
        self._held: dict[Hashable, int] = {}

    def has_place(self, guest: Hashable) -> bool:
        """Whether this guest gets a place now."""
        if self.count * 2 <= self.most:
            return self.count < self.most
        return self.count < self.most and self._held.get(guest, 0) < self.each

    def enter_as(self, guest: Hashable) -> bool:
        """Take a place, to be given back by `leave_as`; False when there is none for this guest."""
        if not self.has_place(guest):
            return False
        self.count += 1
        self._held[guest] = self._held.get(guest, 0) + 1
        return True

    def leave_as(self, guest: Hashable) -> None:
        """Give a place of this guest's back."""
        self.count -= 1
        left = self._held[guest] - 1
        if left:
            self._held[guest] = left
        else:
            del self._held[guest]
