"""Request bodies, with a bound on size, on time, and on what all of them hold together."""

import asyncio
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request

PATIENCE = 10.0
"""Seconds a body may take to arrive; a client that trickles it is let go."""


class BodyTooLarge(Exception):
    """More bytes than allowed."""


class TooManyBodies(Exception):
    """So much is being read from others already."""


class BodyTooSlow(Exception):
    """The body did not come in time, or the client went away."""


class Budget:
    """How many bytes may be held at a time of bodies that are not whole yet, by whoever shares it.

    The first FREE of each do not count: that is all of most bodies of Slack's. Of the others, those that have been
    read for longest give way to who comes: what Slack sends is whole within milliseconds.
    """

    FREE = 16 * 1024
    """Bytes."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._reading: dict[_Reading, int] = {}
        """What each of them holds, the oldest first."""

    def take(self, reading: "_Reading", size: int) -> None:
        """Take so many bytes; TooManyBodies for who has to give way, or when there will never be so many."""
        while size > self._left and self._reading:
            oldest = next(iter(self._reading))
            self.give_back(oldest)
            oldest.give_way()
        if reading.gave_way or size > self._left:
            raise TooManyBodies
        self._left -= size
        self._reading[reading] = self._reading.get(reading, 0) + size

    def give_back(self, reading: "_Reading") -> None:
        """The body is whole, or given up."""
        self._left += self._reading.pop(reading, 0)


class _Reading:
    """One body, as it comes."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self.gave_way = False
        self._timeout = timeout

    def give_way(self) -> None:
        self.gave_way = True
        with suppress(RuntimeError):  # its time is over at this very moment
            self._timeout.reschedule(asyncio.get_running_loop().time())


async def read_body(
    request: Request, *, limit: int, patience: float = PATIENCE, budget: Budget | None = None
) -> bytes:
    """Return the body; BodyTooLarge past `limit` bytes, BodyTooSlow past `patience` seconds, TooManyBodies past the
    `budget`."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge
    body, counted = bytearray(), 0
    reading: _Reading | None = None
    try:
        async with asyncio.timeout(patience) as timeout:
            async for chunk in request.stream():
                if len(body) + len(chunk) > limit:
                    raise BodyTooLarge
                body += chunk
                if budget is not None and len(body) > budget.FREE:
                    reading = reading or _Reading(timeout)
                    budget.take(reading, len(body) - budget.FREE - counted)
                    counted = len(body) - budget.FREE
    except (TimeoutError, ClientDisconnect):
        if reading is not None and reading.gave_way:
            raise TooManyBodies from None
        raise BodyTooSlow from None
    finally:
        if budget is not None and reading is not None:
            budget.give_back(reading)
    return bytes(body)
