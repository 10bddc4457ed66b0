"""Request bodies, with a bound on size, on time, and on what all of them hold together."""

import asyncio

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
    """How many bytes may be held at a time of bodies that are not whole yet, by whoever shares it."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, size: int) -> None:
        """Take so many bytes; TooManyBodies when they are not left."""
        if size > self._left:
            raise TooManyBodies
        self._left -= size

    def give_back(self, size: int) -> None:
        """The body is whole, or given up."""
        self._left += size


async def read_body(
    request: Request, *, limit: int, patience: float = PATIENCE, budget: Budget | None = None
) -> bytes:
    """Return the body; BodyTooLarge past `limit` bytes, BodyTooSlow past `patience` seconds, TooManyBodies past the
    `budget`."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge
    body = bytearray()
    budget = budget or Budget(limit)
    try:
        async with asyncio.timeout(patience):
            async for chunk in request.stream():
                if len(body) + len(chunk) > limit:
                    raise BodyTooLarge
                budget.take(len(chunk))
                body += chunk
    except (TimeoutError, ClientDisconnect):
        raise BodyTooSlow from None
    finally:
        budget.give_back(len(body))
    return bytes(body)
