"""The places of a server's connections. Who only holds one gives it to who comes."""

from collections.abc import Callable
from typing import Protocol

from bot.slack.room import Room

FRESH_SECONDS = 0.1
"""So long nobody has to give way: what a client says right after it has come must be read first."""


class Guest(Protocol):
    """A connection. It waits while its client owes it something: a request, or the rest of one."""

    def give_way(self) -> None:
        """Be closed, and call neither `leave` nor `wait` any more."""


class Places:
    """Those of a `Room`. When all are taken, the one who has waited longest is closed and counted as turned away.

    So places run out only while that many requests are being answered at the same time. `clock` gives seconds.
    """

    def __init__(self, room: Room, clock: Callable[[], float]) -> None:
        self._room = room
        self._clock = clock
        self._waiting: dict[Guest, float] = {}
        """Since when, those who have waited longest first."""

    def enter(self, guest: Guest) -> bool:
        """Take a place, to be given back by `leave`; False when there is none. The guest waits from now on."""
        if not self._room.enter():
            self._room.turn_away()
            if not self._make_room():
                return False
        self._waiting[guest] = self._clock()
        return True

    def wait(self, guest: Guest) -> None:
        """Its client owes it something from now on."""
        self._waiting.pop(guest, None)
        self._waiting[guest] = self._clock()

    def work(self, guest: Guest) -> None:
        """A request of its is whole: from now on we owe it an answer."""
        self._waiting.pop(guest, None)

    def leave(self, guest: Guest) -> None:
        """Give the place back."""
        self._waiting.pop(guest, None)
        self._room.leave()

    def _make_room(self) -> bool:
        """The place of the one that gives way stays taken, for the one who comes."""
        for longest, since in self._waiting.items():
            if self._clock() - since < FRESH_SECONDS:
                return False
            del self._waiting[longest]
            longest.give_way()
            return True
        return False
