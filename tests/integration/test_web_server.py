"""The HTTP server's bound on connections: those that found room are served, the others refused, and the log counts."""

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from bot.demo.bot_process import free_port
from bot.web import server
from bot.web.server import WebServer

PLACES = 3
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def connected(stack: AsyncExitStack, port: int) -> Connection:
    """Open a connection and say nothing yet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stack.callback(writer.close)
    return reader, writer


async def status_of(connection: Connection) -> bytes:
    """Ask, and return the status; nothing when the connection is cut instead."""
    reader, writer = connection
    with suppress(ConnectionError):
        writer.write(GET)
        return (await reader.readline()).partition(b" ")[2][:3]
    return b""


async def test_connections__beyond_the_bound_are_refused_and_the_others_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """uvicorn by itself would then refuse all of them. A place that is given back is free for the next."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", PLACES)
    port = free_port()
    web = WebServer(Starlette(routes=[Route("/", hello)]), host="127.0.0.1", port=port)
    await web.start()
    try:
        async with AsyncExitStack() as stack, asyncio.timeout(20):
            with capture_logs() as lines:
                first = [await connected(stack, port) for _ in range(PLACES)]
                more = [await connected(stack, port) for _ in range(2)]
                assert [await status_of(one) for one in first] == [b"200"] * PLACES
                assert {await status_of(one) for one in more} <= {b"503", b""}
            told = [line for line in lines if line["event"] == "no room: turned away"]
            assert [(line["what"], line["most"]) for line in told] == [("connections", PLACES)]

            first[0][1].close()
            while await status_of(await connected(stack, port)) != b"200":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        await web.stop()
