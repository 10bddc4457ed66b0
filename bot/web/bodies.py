"""Request bodies, with a bound on size and on time."""

import asyncio

from starlette.requests import ClientDisconnect, Request

PATIENCE = 10.0
"""Seconds a body may take to arrive; a client that trickles it is let go."""


class BodyTooLarge(Exception):
    """More bytes than allowed."""


class BodyTooSlow(Exception):
    """The body did not come in time, or the client went away."""


async def read_body(request: Request, *, limit: int, patience: float = PATIENCE) -> bytes:
    """Return the body; BodyTooLarge past `limit` bytes, BodyTooSlow past `patience` seconds."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge
    body = bytearray()
    try:
        async with asyncio.timeout(patience):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise BodyTooLarge
    except (TimeoutError, ClientDisconnect):
        raise BodyTooSlow from None
    return bytes(body)
