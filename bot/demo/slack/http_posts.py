"""Posting to the bot's request URL, with nothing but the standard library."""

import asyncio
import http.client
import io
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.demo.slack.delivery import DISPATCH_FAILED, OPERATION_TIMEOUT, UndeliveredError

MOST_ANSWER = 1_000_000


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, headers (lower case) and body of an HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Buffer:
    """Enough of a socket for http.client to parse bytes that are already here."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:  # noqa: ARG002
        return io.BytesIO(self._data)


async def post(url: str, headers: dict[str, str], body: bytes) -> HttpAnswer:
    """One POST on a connection of its own; raises OSError or http.client.HTTPException."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        raise ValueError(f"the emulated Slack posts to plain http addresses, not to {url!r}")
    port = parts.port or 80
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fixed = {"Host": f"{parts.hostname}:{port}", "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (fixed | headers).items())]
    reader, writer = await asyncio.open_connection(parts.hostname, port)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        await writer.drain()
        answer = bytearray()
        while chunk := await reader.read(65_536):
            answer += chunk
            if len(answer) > MOST_ANSWER:
                raise http.client.HTTPException("the answer is too long")
    finally:
        writer.transport.abort()
    response = http.client.HTTPResponse(_Buffer(bytes(answer)), method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        content = response.read()
    finally:
        response.close()
    return HttpAnswer(
        response.status, {name.lower(): value for name, value in response.getheaders()}, content
    )


async def post_within(limit: float, url: str, headers: dict[str, str], body: bytes) -> HttpAnswer:
    """Post a delivery. Slack: docs "Implementing slash commands": an answer within three seconds, or it failed."""
    try:
        async with asyncio.timeout(limit):
            return await post(url, headers, body)
    except TimeoutError:
        raise UndeliveredError(OPERATION_TIMEOUT, "http_timeout") from None
    except (OSError, http.client.HTTPException):
        raise UndeliveredError(DISPATCH_FAILED, "connection_failed") from None
