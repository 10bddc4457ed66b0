"""How much of what Slack asks for is under way and waiting at a time."""

import asyncio

from bot.model.meters import Meters
from bot.slack.calls import Event
from bot.slack.room import Room, SharedRoom

MOST_ANSWERS = 1000
"""Answers under way. With a Vault that takes 300 ms and 100 connections to it, the last of them is asked within the
five seconds that a request waits for a connection; each holds some 50 KB until then."""
MOST_OF_ONE = 20
"""Answers under way for one person, while more than half of all places are taken: the rest is for everybody else."""
MOST_REFUSALS = 200
"""Those who find no place and are being told by a message of their own that the bot is busy."""
MOST_EVENTS = 2000
"""Events under way and waiting. Slack keeps what finds no place among them, and sends it again."""
EVENTS_AT_ONCE = 32
"""Events under way. Nobody waits for them, so they leave most of the connections to those who do."""
MOST_DEPARTURES = 2000
"""Events that tell of people and workspaces that leave, under way and waiting. Anybody may post links in numbers; that
must not keep Vault sessions open which have to end. So these have room of their own."""
DEPARTURES_AT_ONCE = 8


class Rooms:
    """The rooms of one process, by what is in them."""

    def __init__(self, meters: Meters) -> None:
        self.answers = SharedRoom("answers", MOST_ANSWERS, MOST_OF_ONE, meters)
        self.refusals = Room("refusals", MOST_REFUSALS, meters)
        self._events = Room("events", MOST_EVENTS, meters), asyncio.Semaphore(EVENTS_AT_ONCE)
        self._departures = (
            Room("departures", MOST_DEPARTURES, meters),
            asyncio.Semaphore(DEPARTURES_AT_ONCE),
        )

    def of(self, event: Event) -> tuple[Room, asyncio.Semaphore]:
        """Return where an event waits, and what lets it have its turn."""
        return self._departures if event.is_departure else self._events
